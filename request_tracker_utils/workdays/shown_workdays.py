"""Workdays as pages and exports show them: with names, local times, and flags as soon as the day is over."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import AttendancePerson
from request_tracker_utils.attendance.terminal_names import names_of_users, terminal_names
from request_tracker_utils.core.db import Reading
from request_tracker_utils.workdays.listing import WorkdayFilter, find_workdays
from request_tracker_utils.workdays.models import Workday

FIRST_CHUNK, CHUNK = 200, 1_000
EXPORT_HEADER = (
    *("id", "date", "terminal", "user_id", "name", "clock_in", "clock_out", "hours", "timezone", "scheduled_start", "scheduled_end"),
    *("late", "early", "half_day", "incomplete", "outlier", "outlier_reason", "review", "first_punch", "last_punch", "punches"),
    *("synced_to_crm", "revision"),
)
_LOOKED_UP = 500
"""Values in one query."""


@dataclass(frozen=True)
class ShownWorkday:
    """`name` is the person's, or what the terminal calls the user. Times are those of the clocks at the terminal, without a zone.
    `is_over`: no more punches belong to the day."""

    workday: Workday
    terminal: str
    name: str
    is_over: bool

    @property
    def clock_in(self) -> datetime | None:
        return self._local(self.workday.clock_in)

    @property
    def clock_out(self) -> datetime | None:
        return self._local(self.workday.clock_out)

    @property
    def first_punch(self) -> datetime | None:
        return self._local(self.workday.first_at)

    @property
    def last_punch(self) -> datetime | None:
        return self._local(self.workday.last_at)

    @property
    def flags(self) -> list[str]:
        """What is remarkable about the day. While it lasts, only that the person was late."""
        day = self.workday
        found = {
            "outlier": day.is_outlier and self.is_over,
            "incomplete": day.is_incomplete and self.is_over,
            "late": day.is_late,
            "early": day.is_early and self.is_over,
            "half_day": day.is_half_day and self.is_over,
        }
        return [name for name, applies in found.items() if applies]

    def _local(self, at: datetime | None) -> datetime | None:
        return None if at is None else at.astimezone(ZoneInfo(self.workday.timezone)).replace(tzinfo=None)


def shown(session: Session, workdays: Sequence[Workday], now: datetime) -> list[ShownWorkday]:
    terminals, people = terminal_names(session), names_of_people(session, {day.person_id for day in workdays if day.person_id is not None})
    users = names_of_users(session, {(day.terminal_id, day.user_id) for day in workdays if day.person_id is None})
    return [
        ShownWorkday(
            day,
            terminals[day.terminal_id],
            users.get((day.terminal_id, day.user_id), "") if day.person_id is None else people[day.person_id],
            day.window_ends_at <= now,
        )
        for day in workdays
    ]


def names_of_people(session: Session, ids: set[int]) -> dict[int, str]:
    ordered, found = sorted(ids), dict[int, str]()
    for start in range(0, len(ordered), _LOOKED_UP):
        part = AttendancePerson.id.in_(ordered[start : start + _LOOKED_UP])
        found |= dict(session.execute(select(AttendancePerson.id, AttendancePerson.name).where(part)).all())
    return found


def export_rows(reading: Reading, filters: WorkdayFilter, now: datetime) -> Iterator[list[object]]:
    """In chunks with a short session each, newest first. Dates and times are local, and have their types."""
    after, size = None, FIRST_CHUNK
    while True:
        with reading() as session:
            page = find_workdays(session, filters, size=size, after=after)
            rows = shown(session, page.rows, now)
        for each in rows:
            yield _cells(each)
        if (after := page.next_cursor) is None:
            return
        size = CHUNK


def _cells(each: ShownWorkday) -> list[object]:
    day, flags = each.workday, set(each.flags)
    return [
        *(day.id, day.date, each.terminal, day.user_id, each.name, each.clock_in, each.clock_out, hours(day.worked_seconds), day.timezone),
        *(day.starts_at, day.ends_at, *(name in flags for name in ("late", "early", "half_day", "incomplete", "outlier"))),
        *(day.outlier_reason if "outlier" in flags else "", day.review_state if day.review_state != "none" else ""),
        *(each.first_punch, each.last_punch, day.punches, day.synced_to_crm, day.revision),
    ]


def hours(seconds: int) -> float:
    return round(seconds / 3600, 2)
