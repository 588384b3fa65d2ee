"""Adding an asset with its tag."""

from dataclasses import replace
from datetime import datetime

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.directory.service import (
    Directory,
    DirectoryBusy,
    DirectoryInvalid,
    DirectoryRefused,
    NewAsset,
    SerialTaken,
    serial_taken,
)
from request_tracker_utils.tags import service as tags
from request_tracker_utils.tags.models import Tag
from request_tracker_utils.tags.prefixes import prefix_of


def add(
    transaction: Transaction,
    directory: Directory,
    new: NewAsset,
    *,
    prefix: str,
    actor: Actor,
    now: datetime,
    default_catalog: str = "",
) -> Tag:
    """Creates the asset under the next tag of its catalog, and returns the tag.

    `default_catalog` is where the directory puts an asset that names none; `prefix` holds for catalogs without one of their own.

    Raises SequenceNotReady; SerialTaken, DirectoryInvalid, DirectoryRefused and DirectoryBusy, and then the tag is free again;
    DirectoryUnreachable and DirectoryBroken, and then the asset may exist: the tag stays reserved until a job has found out.
    """
    twins = directory.find_by_serial(new.serial) if new.serial else []
    if twins:
        raise serial_taken(new.serial, twins)
    with transaction() as session:
        of_catalog = prefix_of(session, new.catalog or default_catalog, prefix)
        tag = tags.reserve(session, of_catalog, actor=actor, now=now)
    try:
        asset = directory.create(replace(new, name=tag.tag))
    except (DirectoryInvalid, DirectoryRefused, DirectoryBusy, SerialTaken) as error:
        with transaction() as session:
            tags.give_back(session, tag, actor=actor, now=now, reason=error.message)
        raise
    with transaction() as session:
        return tags.bind(session, tag, asset_id=asset.id, name=asset.name, actor=actor, now=now)
