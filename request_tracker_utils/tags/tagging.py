"""Giving tags to assets that exist already: to one, and to many as a task."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import Asset, AssetNotFound, AssetStore
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.tags import sequence, service
from request_tracker_utils.tags.models import Tag, TagState
from request_tracker_utils.tags.prefixes import prefix_of
from request_tracker_utils.tasks.models import Task
from request_tracker_utils.tasks.service import NewItem, start

KIND = "tag-assets"
MOST_ASSETS = 5_000
"""Assets that one task tags: as many as are printed at once."""


def give_tag(transaction: Transaction, asset_store: AssetStore, asset: Asset, *, prefix: str, actor: Actor, now: datetime) -> Tag:
    """Gives the asset, as it was just read, a tag and its name in the directory. One that has a tag keeps it.

    `prefix` holds for catalogs without one of their own.

    Raises SequenceNotReady; AssetNotFound, and then the tag is free again; what else the directory raises on renaming, and then a job
    tries again.
    """
    tag = service.on_asset_created(
        transaction, asset_id=asset.id, asset_name=asset.name, catalog=asset.catalog, prefix=prefix, now=now, actor=actor
    )
    if tag is None:
        with transaction() as session:
            raise sequence.not_ready(prefix_of(session, asset.catalog, prefix))
    try:
        old_name = asset.name if asset.name == tag.tag else asset_store.rename(asset.id, tag.tag, old_name=asset.name)
    except AssetNotFound as error:
        with transaction() as session:
            _give_up(session, tag, reason=error.message, actor=actor, now=now)
        raise
    with transaction() as session:
        current = session.get_one(Tag, tag.id)
        if current.confirmed_at is None and current.asset_id == asset.id:
            service.settle(session, current, action="renamed", actor=actor, now=now, old_name=old_name)
        return current


def start_tagging(session: Session, assets: Iterable[Asset], *, title: str, actor: Actor, now: datetime) -> Task:
    """Writes down that these assets are to be tagged."""
    items = [NewItem(label_of(asset), as_data(asset)) for asset in assets]
    return start(session, KIND, title=title, actor=actor, now=now, items=items)


def label_of(asset: Asset) -> str:
    """What people call an asset that has no tag."""
    what = f"{asset.manufacturer} {asset.model}".strip()
    return f"#{asset.id} " + ", ".join(filter(None, (asset.name or "without a name", what, asset.serial)))


def as_data(asset: Asset) -> dict[str, Any]:
    return {"asset_id": asset.id, "name": asset.name, "catalog": asset.catalog}


def of_data(data: dict[str, Any]) -> Asset:
    """The asset as it was seen when the task was started."""
    return Asset(data["asset_id"], data["name"], catalog=data["catalog"])


def _give_up(session: Session, tag: Tag, *, reason: str, actor: Actor, now: datetime) -> None:
    """Frees the tag of an asset that vanished, unless it is an older one, which a job looks after, or a label of it was printed."""
    sequence.hold(session, tag.prefix)
    current = session.get_one(Tag, tag.id, with_for_update=True, populate_existing=True)
    if current.state == TagState.ASSIGNED and current.asset_id == tag.asset_id and current.confirmed_at is None and not current.printed_at:
        service.release(session, current, actor=actor, now=now, reason=reason)
