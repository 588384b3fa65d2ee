"""Lists of punches, with filters, in an order of which an index knows where each page begins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import Punch, Terminal
from request_tracker_utils.attendance.people import punches_of
from request_tracker_utils.attendance.punch_counts import PunchCounts
from request_tracker_utils.core.keyset import Cursor, KeysetQuery, Page, Segment

DAY = timedelta(days=1)
SLACK = timedelta(hours=28)
"""How far apart a terminal's time and UTC are at most, in whichever zones the terminal was."""
TIMESTAMP = "timestamp"
NEWEST_FIRST = f"-{TIMESTAMP}"
ORDERINGS: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {TIMESTAMP: (Punch.punched_at, Punch.id), "id": (Punch.id,), "user_id": (Punch.user_id, Punch.terminal_time, Punch.id)}
)


@dataclass(frozen=True)
class PunchFilter:
    """`first` and `last` are days by the terminal's own time, both included."""

    user_id: str = ""
    terminal_id: int | None = None
    first: date | None = None
    last: date | None = None
    person_id: int | None = None


def find_punches(
    session: Session,
    filters: PunchFilter,
    ordering: str = NEWEST_FIRST,
    *,
    size: int,
    after: Cursor | None = None,
    offset: int = 0,
) -> Page[Punch]:
    """A page. `ordering` is one of ORDERINGS, with a minus for the opposite order. With a person in the filters, a cursor of a
    punch of somebody else is like one of a punch that does not exist."""
    column, descending = ordering.removeprefix("-"), ordering.startswith("-")
    within = [] if filters.person_id is None else [punches_of(session, filters.person_id)]
    conditions = [*_conditions(filters), *_period(filters)]
    if column == TIMESTAMP and filters.terminal_id is not None:
        conditions += _near(session, [*conditions, *within], size=size + offset + 1, after=after, descending=descending)
    query = KeysetQuery(Punch, [Segment(ORDERINGS[column])], conditions, within=within, descending=descending)
    return query.page(session, size=size, after=after, offset=offset)


def count_punches(session: Session, filters: PunchFilter, counts: PunchCounts) -> int:
    if filters == PunchFilter(terminal_id=filters.terminal_id):
        by_terminal = counts.by_terminal(session)
        return by_terminal.total() if filters.terminal_id is None else by_terminal[filters.terminal_id]
    conditions = matching(session, filters)
    if filters.terminal_id is None and not filters.user_id and filters.person_id is None:
        conditions.append(Punch.terminal_id.in_(select(Terminal.id)))  # so that the index of terminals and their times is used
    return session.scalar(select(func.count()).select_from(Punch).where(*conditions)) or 0


def matching(session: Session, filters: PunchFilter) -> list[ColumnElement[bool]]:
    """The conditions of a list."""
    person = [] if filters.person_id is None else [punches_of(session, filters.person_id)]
    return [*_conditions(filters), *person]


def _conditions(filters: PunchFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if filters.user_id:
        found.append(Punch.user_id == filters.user_id)
    if filters.terminal_id is not None:
        found.append(Punch.terminal_id == filters.terminal_id)
    if filters.first is not None:
        found.append(Punch.terminal_time >= datetime.combine(filters.first, time()))
    if filters.last is not None:
        found.append(Punch.terminal_time < _end(filters.last))
    return found


def _period(filters: PunchFilter) -> list[ColumnElement[bool]]:
    """What follows for UTC from the days: an index is in this order."""
    found: list[ColumnElement[bool]] = []
    if filters.first is not None:
        found.append(Punch.punched_at >= _utc(datetime.combine(filters.first, time()), -SLACK))
    if filters.last is not None:
        found.append(Punch.punched_at < _utc(_end(filters.last), SLACK))
    return found


def _end(day: date) -> datetime:
    return datetime.combine(min(day, date.max - DAY), time()) + DAY


def _utc(terminal_time: datetime, slack: timedelta) -> datetime:
    try:
        return (terminal_time + slack).replace(tzinfo=UTC)
    except OverflowError:
        return terminal_time.replace(tzinfo=UTC)


def _near(
    session: Session, conditions: Sequence[ColumnElement[bool]], *, size: int, after: Cursor | None, descending: bool
) -> list[ColumnElement[bool]]:
    """Bounds of the terminal's time within which the next `size` punches are. An index has the punches of each terminal in the order of
    its own time, and UTC differs from that by SLACK at most. Without these bounds, punches of all others would be skipped one by one."""
    begin = session.scalar(select(Punch.terminal_time).where(Punch.id == after.row_id)) if after else None
    ahead, order = (-1, Punch.terminal_time.desc()) if descending else (1, Punch.terminal_time.asc())

    def behind(at: datetime) -> ColumnElement[bool]:
        return Punch.terminal_time <= at if descending else Punch.terminal_time >= at

    def before(at: datetime) -> ColumnElement[bool]:
        return Punch.terminal_time >= at if descending else Punch.terminal_time <= at

    surely = [] if begin is None else [behind(begin + ahead * 2 * SLACK)]
    last = session.scalar(select(Punch.terminal_time).where(*conditions, *surely).order_by(order).offset(size - 1).limit(1))
    found = [] if begin is None else [behind(begin - ahead * 2 * SLACK)]
    return found if last is None else [*found, before(last + ahead * 2 * SLACK)]
