"""Adoption: before the first tag is assigned, the tags that exist in the asset store and in a legacy installation are imported."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import AssetStore
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Transaction, upsert_into
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.tags import audit, legacy_tags, sequence, service
from request_tracker_utils.tags.models import CONFIRMATION, PendingAsset, Tag, TagSequence, TagState
from request_tracker_utils.tags.tag_format import LARGEST_NUMBER, claimed_number, parse

UTC_ZONE = ZoneInfo("UTC")


def adopt_configured(transaction: Transaction, asset_store: AssetStore, settings: Settings, *, actor: Actor, now: datetime) -> int:
    """See adopt, with the settings' prefix and legacy files."""
    file = settings.asset_tag_sequence_file
    log = legacy_tags.log_file(settings.asset_tag_confirmations_log, file)
    return adopt(transaction, asset_store, prefix=settings.prefix, file=file, log=log, zone=settings.zone, actor=actor, now=now)


def adopt(
    transaction: Transaction,
    asset_store: AssetStore,
    *,
    prefix: str,
    file: Path | None,
    actor: Actor,
    now: datetime,
    log: Path | None = None,
    zone: ZoneInfo = UTC_ZONE,
) -> int:
    """Imports the existing tags of every sequence that is not ready, makes it ready, and assigns tags to the pending assets.

    `prefix` is PREFIX; its sequence is created if missing, and the legacy `file` has its next number. `log` is the legacy log, with times
    in `zone`. Returns how many tags were imported or assigned, plus the new lines of the log. Does nothing if all sequences are ready,
    the log is imported and no asset is pending. It can be repeated after an interruption, with the same result.
    Raises what the asset store raises, and Invalid for a file without a number or a log that cannot be read.
    """
    with transaction() as session:
        sequence.create_if_missing(session, prefix, now=now)
        new = session.scalars(select(TagSequence.prefix).where(TagSequence.adopted_at.is_(None)).order_by(TagSequence.prefix)).all()
    next_numbers = {each: legacy_tags.next_number(file, prefix) if file and each == prefix else 1 for each in new}
    count = 0
    for each in new:
        for names in asset_store.names_beginning_with(each):
            with transaction() as session:
                count += sum(_adopt_name(session, each, asset_id, name, actor, now) for asset_id, name in names)
            next_numbers[each] = max([next_numbers[each], *(claimed_number(name, each) + 1 for _, name in names)])
    if log is not None:
        count += legacy_tags.import_log(transaction, log, zone=zone, actor=actor, now=now)
    for each, next_number in next_numbers.items():
        with transaction() as session:
            _make_ready(session, each, next_number, now)
    return count + _assign_to_pending(transaction, now)


def _adopt_name(session: Session, prefix: str, asset_id: int, name: str, actor: Actor, now: datetime) -> bool:
    parsed = parse(name, prefix)
    if parsed is None:
        return False
    values = {"state": TagState.ASSIGNED, "asset_id": asset_id, "changed_at": now, "confirmed_at": now}
    defaults = {"attempts": 0, "absences": 0}
    insert = upsert_into(session)(Tag).values(tag=name, prefix=prefix, number=parsed.number, **values, **defaults)
    tag = session.scalar(insert.on_conflict_do_nothing().returning(Tag))
    if tag is not None:
        audit.record(session, tag, action="adopted", actor=actor, now=now, old_name=name)
        return True
    existing = session.scalar(select(Tag).where(Tag.tag == name))
    if existing is not None and existing.asset_id != asset_id:
        audit.record(session, existing, action="duplicate", actor=actor, now=now, reason=f"asset {asset_id} has this name too")
    return False


def _make_ready(session: Session, prefix: str, next_number: int, now: datetime) -> None:
    row = session.execute(select(TagSequence).where(TagSequence.prefix == prefix).with_for_update()).scalar_one()
    row.next_number = max(row.next_number, min(next_number, LARGEST_NUMBER))
    row.adopted_at = row.adopted_at or now


def _assign_to_pending(transaction: Transaction, now: datetime) -> int:
    """Assigns tags to the pending assets; the job confirm-tags then renames them in the asset store."""
    count = 0
    with transaction() as session:
        for asset in session.scalars(select(PendingAsset).order_by(PendingAsset.asked_at, PendingAsset.asset_id)).all():
            tag = service.assign_to_created_asset(session, asset_id=asset.asset_id, asset_name=asset.name, prefix=asset.prefix, now=now)
            if tag is None:
                continue  # its prefix was added during this adoption
            CONFIRMATION.mark_all_due(session, Tag.id == tag.id, Tag.due_at.is_not(None), now=now)
            session.delete(asset)
            count += 1
    return count
