"""The rows of creations: holding a serial number, and noting what became of it.

Where tags are concerned too, the sequence's row is taken first and the creation's after it, everywhere in this order.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.assets.fields import NewAssetFields, serial_key
from request_tracker_utils.assets.models import OPEN, SENT, Creation, CreationState
from request_tracker_utils.assets.names import RECOVER_CREATIONS
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import affected, after_commit, upsert_into
from request_tracker_utils.tags.models import Tag

LEASE = timedelta(minutes=2)
"""Until a serial number is free again of which nothing was sent: the process that held it has died."""
FIRST_CHECK_AFTER = timedelta(seconds=15)
"""Until the directory is searched for an asset after it did not answer."""
LEFT_ALONE = timedelta(minutes=2)
"""For which a creation that was sent has not answered: after it the process that sent it has died."""
KEPT = timedelta(days=90)
"""For which creations that have ended are kept."""
LONGEST_DESCRIPTION = 300
BROKEN_OFF = "It broke off before anything was sent. Nothing was created; try again."


def claim(session: Session, wanted: NewAssetFields, *, actor: Actor, now: datetime, item_id: int | None = None) -> Creation | None:
    """Holds the serial number for this creation; None while somebody else holds it."""
    return claim_many(session, [(item_id, wanted)], actor=actor, now=now).get(serial_key(wanted.serial_number))


def claim_many(
    session: Session, wanted: Iterable[tuple[int | None, NewAssetFields]], *, actor: Actor, now: datetime
) -> Mapping[str, Creation]:
    """Serial number in small letters → the creation that holds it from now on, for all that nobody else holds. With each goes the item of
    a task that asks for it; of several for one serial number the first gets it."""
    rows: dict[str, dict[str, object]] = {}
    for item_id, each in wanted:
        rows.setdefault(serial_key(each.serial_number), _row(each, item_id, actor, now))
    end_lapsed(session, now=now, keys=rows)
    # In one order everywhere: two who claim the same numbers at once then wait for each other, and not both for ever.
    insert = upsert_into(session)(Creation).values([rows[each] for each in sorted(rows)])
    return {each.serial_key: each for each in session.scalars(insert.on_conflict_do_nothing().returning(Creation))}


def end_lapsed(session: Session, *, now: datetime, keys: Iterable[str] | None = None) -> int:
    """Frees the serial numbers (in small letters; all of them unless given) that were held for too long, and sent by nobody."""
    lapsed = update(Creation).where(Creation.state == CreationState.CLAIMED, Creation.due_at <= now)
    if keys is not None:
        lapsed = lapsed.where(Creation.serial_key.in_(keys))
    return affected(session.execute(lapsed.values(_failed(BROKEN_OFF, now))))


def holder(session: Session, serial: str) -> Creation | None:
    """The open creation that holds the serial number."""
    return session.scalar(select(Creation).where(Creation.serial_key == serial_key(serial), Creation.state.in_(OPEN)))


def holders(session: Session, serials: Iterable[str]) -> dict[str, Creation]:
    """Serial number in small letters → the open creation that holds it."""
    keys = list({serial_key(serial) for serial in serials})
    found: dict[str, Creation] = {}
    for begin in range(0, len(keys), 500):
        query = select(Creation).where(Creation.serial_key.in_(keys[begin : begin + 500]), Creation.state.in_(OPEN))
        found |= {each.serial_key: each for each in session.scalars(query)}
    return found


def of_items(session: Session, item_ids: list[int]) -> dict[int, Creation]:
    """Item of a task → its newest creation."""
    query = select(Creation).where(Creation.item_id.in_(item_ids)).order_by(Creation.id)
    return {int(each.item_id or 0): each for each in session.scalars(query)}


def hold_on(session: Session, creation: Creation, *, now: datetime) -> bool:
    """Holds the serial number for longer; False when something was sent by now, or the claim lapsed."""
    ours = update(Creation).where(Creation.id == creation.id, Creation.state == CreationState.CLAIMED)
    return bool(affected(session.execute(ours.values(due_at=now + LEASE))))


def note_sent(session: Session, creation: Creation, tag: Tag, *, now: datetime) -> bool:
    """Notes that the directory is told next, with this tag reserved `now`. False when the claim lapsed meanwhile."""
    ours = update(Creation).where(Creation.id == creation.id, Creation.state == CreationState.CLAIMED)
    sent = ours.values(state=CreationState.SENT, tag_id=tag.id, sent_at=now, due_at=now + LEFT_ALONE)
    return bool(affected(session.execute(sent)))


def note_unknown(session: Session, creation: Creation, *, problem: str, now: datetime) -> None:
    unsettled = update(Creation).where(Creation.id == creation.id, Creation.state == CreationState.SENT)
    session.execute(unsettled.values(state=CreationState.UNKNOWN, problem=problem, due_at=now + FIRST_CHECK_AFTER))
    after_commit(session, RECOVER_CREATIONS, after=FIRST_CHECK_AFTER + timedelta(seconds=1))


def note_look(session: Session, creation: Creation, *, due_at: datetime) -> None:
    """Notes that the directory was searched and had no such asset."""
    unsettled = update(Creation).where(Creation.id == creation.id, Creation.state.in_(SENT))
    session.execute(unsettled.values(state=CreationState.UNKNOWN, looks=Creation.looks + 1, due_at=due_at))


def note_created(session: Session, creation: Creation, *, asset_id: int, tag: Tag, now: datetime, problem: str | None = None) -> None:
    """Whatever was thought of it before: the asset is there."""
    created = {"state": CreationState.CREATED, "asset_id": asset_id, "tag_id": tag.id, "problem": problem, "due_at": None, "ended_at": now}
    session.execute(update(Creation).where(Creation.id == creation.id).values(created))


def let_go(session: Session, creation: Creation, *, problem: str, now: datetime) -> None:
    """Frees a serial number of which nothing was sent. One that was sent, by whomever, stays held."""
    ours = update(Creation).where(Creation.id == creation.id, Creation.state == CreationState.CLAIMED)
    session.execute(ours.values(_failed(problem, now)))


def note_failed(session: Session, creation: Creation, *, problem: str, now: datetime) -> None:
    """Frees a serial number of which it is known that no asset was created, unless the creation has ended already."""
    sent = update(Creation).where(Creation.id == creation.id, Creation.state.in_(SENT))
    session.execute(sent.values(_failed(problem, now)))


def put_away(session: Session, *, now: datetime) -> int:
    """Deletes creations that ended long ago; returns how many."""
    return affected(session.execute(delete(Creation).where(Creation.ended_at < now - KEPT)))


def _failed(problem: str, now: datetime) -> dict[str, object]:
    return {"state": CreationState.FAILED, "problem": problem, "due_at": None, "ended_at": now}


def _row(wanted: NewAssetFields, item_id: int | None, actor: Actor, now: datetime) -> dict[str, object]:
    return {
        "serial": wanted.serial_number,
        "serial_key": serial_key(wanted.serial_number),
        "description": wanted.description[:LONGEST_DESCRIPTION],
        "state": CreationState.CLAIMED,
        "item_id": item_id,
        "looks": 0,
        "started_by": actor.name,
        "created_at": now,
        "due_at": now + LEASE,
    }
