"""Before the first tag is given: whatever the directory and an older installation hold already counts as given."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import AssetStore
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Transaction, upsert_into
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.tags import older_log, sequence, service, trail
from request_tracker_utils.tags.models import CONFIRMATION, Tag, TagSequence, TagState, WaitingAsset
from request_tracker_utils.tags.names import LARGEST_NUMBER, number_claimed_by, parse

ZONE = ZoneInfo("UTC")


def adopt_as_set(transaction: Transaction, asset_store: AssetStore, settings: Settings, *, actor: Actor, now: datetime) -> int:
    """See adopt; with the prefix and the older installation's files that the settings name."""
    file = settings.asset_tag_sequence_file
    log = older_log.log_file(settings.asset_tag_confirmations_log, file)
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
    zone: ZoneInfo = ZONE,
) -> int:
    """Takes over what the directory and the older installation hold of every sequence that is not open, opens it, and serves who waited.

    `prefix` is PREFIX, whose sequence is made if there is none and whose next number the older `file` holds; `log` is the older log, its
    times are those of `zone`. Returns how many tags were adopted or given, and lines of the log taken over. Does nothing when all
    sequences are open, the log is known and nobody waits. Run twice, or killed in the middle and run again, it comes to the same end.
    Raises what the directory raises, and Invalid for a file without a number or a log that cannot be read.
    """
    with transaction() as session:
        sequence.ensure(session, prefix, now=now)
        closed = session.scalars(select(TagSequence.prefix).where(TagSequence.adopted_at.is_(None)).order_by(TagSequence.prefix)).all()
    next_numbers = {each: next_of_file(file, prefix) if file and each == prefix else 1 for each in closed}
    count = 0
    for each in closed:
        for names in asset_store.names_beginning_with(each):
            with transaction() as session:
                count += sum(_adopt_name(session, each, asset_id, name, actor, now) for asset_id, name in names)
            next_numbers[each] = max([next_numbers[each], *(number_claimed_by(name, each) + 1 for _, name in names)])
    if log is not None:
        count += older_log.adopt(transaction, log, zone=zone, actor=actor, now=now)
    for each, next_number in next_numbers.items():
        with transaction() as session:
            _open(session, each, next_number, now)
    return count + _serve_waiting(transaction, now)


def _adopt_name(session: Session, prefix: str, asset_id: int, name: str, actor: Actor, now: datetime) -> bool:
    parsed = parse(name, prefix)
    if parsed is None:
        return False
    values = {"state": TagState.ASSIGNED, "asset_id": asset_id, "changed_at": now, "confirmed_at": now}
    fresh = {"attempts": 0, "absences": 0}
    insert = upsert_into(session)(Tag).values(tag=name, prefix=prefix, number=parsed.number, **values, **fresh)
    tag = session.scalar(insert.on_conflict_do_nothing().returning(Tag))
    if tag is not None:
        trail.record(session, tag, action="adopted", actor=actor, now=now, old_name=name)
        return True
    holder = session.scalar(select(Tag).where(Tag.tag == name))
    if holder is not None and holder.asset_id != asset_id:
        trail.record(session, holder, action="duplicate", actor=actor, now=now, reason=f"asset {asset_id} has this name too")
    return False


def _open(session: Session, prefix: str, next_number: int, now: datetime) -> None:
    row = session.execute(select(TagSequence).where(TagSequence.prefix == prefix).with_for_update()).scalar_one()
    row.next_number = max(row.next_number, min(next_number, LARGEST_NUMBER))
    row.adopted_at = row.adopted_at or now


def _serve_waiting(transaction: Transaction, now: datetime) -> int:
    """Gives tags to the assets that asked too early; the confirming job then names them in the directory."""
    served = 0
    with transaction() as session:
        for asset in session.scalars(select(WaitingAsset).order_by(WaitingAsset.asked_at, WaitingAsset.asset_id)).all():
            tag = service.give_to_created_asset(session, asset_id=asset.asset_id, asset_name=asset.name, prefix=asset.prefix, now=now)
            if tag is None:
                continue  # of a prefix that was made a moment ago
            CONFIRMATION.mark_all_due(session, Tag.id == tag.id, Tag.due_at.is_not(None), now=now)
            session.delete(asset)
            served += 1
    return served


def next_of_file(file: Path, prefix: str) -> int:
    """An older installation's file holds the number that it would have given next."""
    try:
        text = file.read_text(encoding="utf-8").strip()
        return int(text.removeprefix(prefix))
    except (OSError, ValueError):
        raise Invalid(
            f"ASSET_TAG_SEQUENCE_FILE: {file} cannot be read or holds no number. Correct it, or unset it if there is no older installation."
        ) from None
