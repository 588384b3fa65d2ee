"""Punches as the computation of workdays reads them: when they count as made, for thousands at once, in the order of users and times."""

from bisect import bisect_right
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, cast, func, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.types import BigInteger, Integer

from request_tracker_utils.attendance.effective import COUNTS
from request_tracker_utils.attendance.models import ClockRepair, Punch
from request_tracker_utils.workdays.windows import DAY, local_datetime

_COUNTS = or_(Punch.implausible.is_(None), COUNTS)
"""The same as COUNTS, but decisions are only looked up of punches that can have one."""


class PunchTime(NamedTuple):
    """`at` is in seconds since 1970, with the repair of the clock. `zone` is that of the terminal when the punch was received."""

    at: int
    id: int
    terminal_id: int
    user_id: str
    zone: str


def punch_times(session: Session, user_ids: Collection[str], first: int, last: int) -> list[PunchTime]:
    """The punches of these users that count, on these local days and at least two days around them, by time. Those that a repair has moved
    here are among them."""
    begin, end = local_datetime((first - 2) * DAY), local_datetime((last + 3) * DAY)
    of_users = Punch.user_id.in_(user_ids)
    near = and_(of_users, Punch.terminal_time >= begin, Punch.terminal_time < end)
    found = list(map(PunchTime._make, session.execute(_select(session, near))))
    if (repairs := _repairs(session)).any:
        unmoved = [each for each in found if not repairs.moves(each.terminal_id, each.id)]
        found = [*unmoved, *(PunchTime(*row) for row in _moved(session, of_users, first, last))]
    return sorted(found)


class _Repairs:
    """The stretches of punches that repairs move, by terminal. They never overlap."""

    def __init__(self, rows: Iterator[Any]) -> None:
        self._stretches: dict[int, list[tuple[int, int]]] = {}
        for terminal_id, first, last in rows:
            self._stretches.setdefault(terminal_id, []).append((first, last))
        for stretches in self._stretches.values():
            stretches.sort()

    @property
    def any(self) -> bool:
        return bool(self._stretches)

    def moves(self, terminal_id: int, punch_id: int) -> bool:
        stretches = self._stretches.get(terminal_id)
        if not stretches:
            return False
        position = bisect_right(stretches, punch_id, key=lambda each: each[0])
        return position > 0 and punch_id <= stretches[position - 1][1]


def _repairs(session: Session) -> _Repairs:
    columns = select(ClockRepair.terminal_id, ClockRepair.first_punch_id, ClockRepair.last_punch_id)
    return _Repairs(iter(session.execute(columns.where(ClockRepair.reversed_at.is_(None)))))


def _moved(session: Session, of_users: ColumnElement[bool], first: int, last: int) -> Iterator[Any]:
    """Punches of repaired stretches, wherever their own time is."""
    of_repair = and_(Punch.terminal_id == ClockRepair.terminal_id, Punch.id.between(ClockRepair.first_punch_id, ClockRepair.last_punch_id))
    columns = (_epoch(session), Punch.id, Punch.terminal_id, Punch.user_id, Punch.timezone, ClockRepair.seconds)
    query = select(*columns).join(ClockRepair, of_repair).where(of_users, ClockRepair.reversed_at.is_(None), COUNTS)
    for at, *row, seconds in session.execute(query):
        if (first - 2) * DAY <= at + seconds < (last + 3) * DAY:
            yield (at + seconds, *row)


def _select(session: Session, where: ColumnElement[bool]) -> Any:
    return select(_epoch(session), Punch.id, Punch.terminal_id, Punch.user_id, Punch.timezone).where(where, _COUNTS)


def _epoch(session: Session) -> ColumnElement[int]:
    """`punched_at` in seconds since 1970. Converting a million times in Python would take longer than everything else."""
    if session.get_bind().dialect.name == "sqlite":
        return cast(func.strftime("%s", Punch.punched_at), Integer).label("at")
    return cast(func.extract("epoch", Punch.punched_at), BigInteger).label("at")
