"""Tags that devices wear of which the directory says nothing: they are never given again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import upsert_into
from request_tracker_utils.tags import sequence, trail
from request_tracker_utils.tags.models import Tag, TagSequence, TagState
from request_tracker_utils.tags.names import LARGEST_NUMBER, TagName, number_claimed_by, parse

PROBLEM = "An older installation’s device wears it, of asset {asset_id}; the directory does not know it."
REASON = "an older installation’s device wears it"


def keep(session: Session, sequences: Mapping[str, TagSequence], worn: Mapping[str, int | None], *, actor: Actor, now: datetime) -> int:
    """Has the tags (tag → the asset that bears it, where that is known) be its asset's, or kept; and the sequences go on behind them.

    `sequences` are all of them, held by this transaction; the names of the directory are adopted before. A tag that is somebody's here
    stays so, and what belongs to no sequence is none of ours. Returns how many tags are new.
    """
    named = {}
    for text in worn:
        for prefix, held in sequences.items():
            if claimed := number_claimed_by(text, prefix):
                held.next_number = max(held.next_number, min(claimed + 1, LARGEST_NUMBER))
            if name := parse(text, prefix):
                named[text] = name
    taken = set(_in_use(session, Tag.tag, list(named)))
    tagged = set(_in_use(session, Tag.asset_id, [asset_id for asset_id in worn.values() if asset_id]))
    rows = []
    for text in sorted(named.keys() - taken):
        asset_id = worn[text]
        rows.append(_row(named[text], None if asset_id in tagged else asset_id, now))
        tagged.add(asset_id)
    if rows:
        insert = upsert_into(session)(Tag.__table__)
        again = {column: insert.excluded[column] for column in ("state", "asset_id", "changed_at", "problem")}
        session.connection().execute(insert.on_conflict_do_update(index_elements=["tag"], set_=again), rows)
    for row in rows:
        trail.write(session, row["tag"], row["asset_id"], None, action="kept", actor=actor, now=now, reason=REASON)
    return len(rows)


def go_on_from(session: Session, prefix: str, number: int, *, actor: Actor, now: datetime) -> TagName:
    """Has the sequence go on with the number that an older installation would have given next, unless it is past it already. Returns
    the next number's tag, which may be in use. Raises SequenceNotReady."""
    held = sequence.hold(session, prefix)
    before = TagName(prefix, held.next_number)
    if number > held.next_number:
        held.next_number = min(number, LARGEST_NUMBER)
        after = str(TagName(prefix, held.next_number))
        reason = "the older installation’s sequence file"
        trail.write(session, after, None, after, action="reset", actor=actor, now=now, old_name=str(before), reason=reason)
    return TagName(prefix, held.next_number)


def _in_use(session: Session, column: Any, values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for begin in range(0, len(values), 500):
        part = values[begin : begin + 500]
        found += session.scalars(select(column).where(column.in_(part), Tag.state != TagState.RELEASED)).all()
    return found


def _row(name: TagName, asset_id: int | None, now: datetime) -> dict[str, Any]:
    row = {"tag": str(name), "prefix": name.prefix, "number": name.number, "changed_at": now, "attempts": 0, "absences": 0}
    if asset_id is None:
        return {**row, "state": TagState.RESERVED, "asset_id": None, "problem": None}
    return {**row, "state": TagState.ASSIGNED, "asset_id": asset_id, "problem": PROBLEM.format(asset_id=asset_id)}
