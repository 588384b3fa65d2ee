"""The audit trail, searched. Every search is a walk along an index, the newest first, however long the trail is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.tags import trail
from request_tracker_utils.tags.models import TagEvent
from request_tracker_utils.tags.names import LONGEST_TAG

PAGE = 50
CHUNK = 1_000
DISORDER = timedelta(hours=1)
"""A row's time may lie so far before that of a row before it: what takes long writes down when it began."""
LARGEST_ASSET = 2**63 - 1

Condition = ColumnElement[bool]


@dataclass(frozen=True)
class Wanted:
    """What of the trail is wanted. Empty fields want everything. `text` is a tag, an asset's number (`123`, `#123`), who did it, or an old
    name, exactly; `since` and `until` are moments, the first included."""

    text: str = ""
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Search:
    """What is wanted, as conditions: a row fits when it fits all of one walk. Each walk has an index, or two, in which its rows stand in
    order; one walk with OR would be sorted."""

    walks: list[list[Condition]]


def search(session: Session, wanted: Wanted) -> Search:
    texts: list[list[Condition]] = [[condition] for condition in _of_text(wanted.text)] if wanted.text else [[]]
    actions: list[Condition] = [TagEvent.action == wanted.action] if wanted.action else []
    times = _of_time(session, wanted) if wanted.since or wanted.until else [[]]
    return Search([[*text, *actions, *time] for text in texts for time in times])


def newest(session: Session, found: Search, *, before: int | None = None, limit: int = PAGE) -> list[TagEvent]:
    """The newest first; `before` is the id of the last one of the page before."""
    paged = [] if before is None else [TagEvent.id < before]
    query = select(TagEvent).order_by(TagEvent.id.desc()).limit(limit)
    walks = [session.scalars(query.where(*walk, *paged)).all() for walk in found.walks]
    rows = merge(*walks, key=lambda event: -event.id)
    return list(islice({event.id: event for event in rows}.values(), limit))


def every(session: Session, found: Search, *, limit: int | None = None) -> Iterator[TagEvent]:
    """All of them or the first `limit`, the newest first, read by a thousand."""
    last, left = None, limit
    while rows := newest(session, found, before=last, limit=CHUNK if left is None else min(left, CHUNK)):
        yield from rows
        last, left = rows[-1].id, None if left is None else left - len(rows)
        session.expunge_all()


def _of_text(text: str) -> list[Condition]:
    conditions = [TagEvent.actor == text, TagEvent.old_name == text]
    if len(text) <= LONGEST_TAG:
        conditions.append(TagEvent.tag == text)
    number = text.removeprefix("#")
    if number.isascii() and number.isdigit() and len(number) <= 19 and int(number) <= LARGEST_ASSET:
        conditions.append(TagEvent.asset_id == int(number))
    return conditions


def _of_time(session: Session, wanted: Wanted) -> list[list[Condition]]:
    """Of rows that stand in the order of their times the ids between two bounds are looked through; what an older installation wrote
    down stands in none, and is as much as it was on the first day."""
    exact = [
        *([TagEvent.at >= wanted.since] if wanted.since else []),
        *([TagEvent.at < wanted.until] if wanted.until else []),
    ]
    bounds = [
        *([TagEvent.id >= _first_id(session, wanted.since - DISORDER)] if wanted.since else []),
        *([TagEvent.id < _first_id(session, wanted.until + DISORDER)] if wanted.until else []),
    ]
    return [[*exact, *bounds, TagEvent.action != trail.LOGGED], [*exact, TagEvent.action == trail.LOGGED]]


def _first_id(session: Session, at: datetime) -> int:
    """The id from which on rows are as late as `at`, found by halving. Rows that are out of order are passed over."""
    low, high = 1, (session.scalar(select(func.max(TagEvent.id))) or 0) + 1
    while low < high:
        middle = (low + high) // 2
        between = (TagEvent.id >= middle, TagEvent.id < high, TagEvent.action != trail.LOGGED)
        row = session.execute(select(TagEvent.id, TagEvent.at).where(*between).order_by(TagEvent.id).limit(1)).first()
        if row is None or row.at >= at:
            high = middle
        else:
            low = row.id + 1
    return low
