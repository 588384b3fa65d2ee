"""Before the first tag is given: whatever the directory and an older installation hold already counts as given."""

from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.directory.service import Directory
from request_tracker_utils.tags import sequence, service, trail
from request_tracker_utils.tags.models import Tag, TagSequence, TagState, WaitingAsset
from request_tracker_utils.tags.names import LARGEST_NUMBER, number_claimed_by, parse


def adopt(transaction: Transaction, directory: Directory, *, prefix: str, file: Path | None, actor: Actor, now: datetime) -> int:
    """Takes over the directory's names and the older sequence file, then opens the sequence and serves who waited.

    Returns how many tags were adopted or given. Does nothing when the sequence is open and nobody waits. Run twice, or killed
    in the middle and run again, it comes to the same end. Raises what the directory raises, and Invalid for a file without a number.
    """
    with transaction() as session:
        sequence.ensure(session, prefix, now=now)
        is_open = session.execute(select(TagSequence.adopted_at).where(TagSequence.prefix == prefix)).scalar_one() is not None
    count = 0
    if not is_open:
        next_number = _next_of_file(file, prefix) if file else 1
        for names in directory.names_beginning_with(prefix):
            with transaction() as session:
                count += sum(_adopt_name(session, prefix, asset_id, name, actor, now) for asset_id, name in names)
            next_number = max([next_number, *(number_claimed_by(name, prefix) + 1 for _, name in names)])
        with transaction() as session:
            _open(session, prefix, next_number, now)
    return count + _serve_waiting(transaction, prefix, now)


def _adopt_name(session: Session, prefix: str, asset_id: int, name: str, actor: Actor, now: datetime) -> bool:
    parsed = parse(name, prefix)
    if parsed is None:
        return False
    values = {"state": TagState.ASSIGNED, "asset_id": asset_id, "changed_at": now, "confirmed_at": now}
    fresh = {"attempts": 0, "absences": 0}
    insert = sequence.insert_for(session)(Tag).values(tag=name, prefix=prefix, number=parsed.number, **values, **fresh)
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


def _serve_waiting(transaction: Transaction, prefix: str, now: datetime) -> int:
    """Gives tags to the assets that asked too early; the confirming job then names them in the directory."""
    with transaction() as session:
        waiting = session.scalars(
            select(WaitingAsset).where(WaitingAsset.prefix == prefix).order_by(WaitingAsset.asked_at, WaitingAsset.asset_id)
        ).all()
        for asset in waiting:
            tag = service.give_to_created_asset(session, asset_id=asset.asset_id, asset_name=asset.name, prefix=prefix, now=now)
            if tag is not None and tag.due_at is not None:
                session.execute(update(Tag).where(Tag.id == tag.id).values(due_at=now))
        session.execute(delete(WaitingAsset).where(WaitingAsset.prefix == prefix))
        return len(waiting)


def _next_of_file(file: Path, prefix: str) -> int:
    """An older installation's file holds the number that it would have given next."""
    try:
        text = file.read_text(encoding="utf-8").strip()
        return int(text.removeprefix(prefix))
    except (OSError, ValueError):
        raise Invalid(
            f"ASSET_TAG_SEQUENCE_FILE: {file} cannot be read or holds no number. Correct it, or unset it if there is no older installation."
        ) from None
