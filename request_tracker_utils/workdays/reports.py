"""Reports of a week or month: sums for each person, computed by the database over the days of the period."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import AttendancePerson
from request_tracker_utils.attendance.terminal_names import names_of_users, terminal_names
from request_tracker_utils.workdays.models import Workday
from request_tracker_utils.workdays.shown_workdays import hours

REPORT_HEADER = ("name", "user_id", "terminal", "days", "hours", "late", "early", "half_days", "outliers", "incomplete")


class Length(StrEnum):
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True)
class Period:
    """From one day to another, both included. Weeks begin on Monday."""

    length: Length
    first: date
    last: date

    @classmethod
    def around(cls, length: Length, day: date) -> "Period":
        """The one with this day."""
        if length is Length.WEEK:
            first = date.fromordinal(max(1, day.toordinal() - day.weekday()))
            return cls(length, first, date.fromordinal(min(date.max.toordinal(), first.toordinal() + 6)))
        following = date(day.year + day.month // 12, day.month % 12 + 1, 1) if (day.year, day.month) != (9999, 12) else None
        return cls(length, day.replace(day=1), date.max if following is None else following - timedelta(days=1))

    @property
    def before(self) -> date | None:
        """A day of the period before."""
        return None if self.first == date.min else self.first - timedelta(days=1)

    @property
    def after(self) -> date | None:
        return None if self.last == date.max else self.last + timedelta(days=1)


@dataclass(frozen=True)
class Sums:
    """Flags of days that are not over are not counted."""

    days: int
    seconds: int
    late: int
    early: int
    half_days: int
    outliers: int
    incomplete: int

    @property
    def hours(self) -> float:
        return hours(self.seconds)


@dataclass(frozen=True)
class ReportRow:
    """`person_id` is None for a user of a terminal without a person."""

    person_id: int | None
    terminal_id: int | None
    terminal: str
    user_id: str
    name: str
    sums: Sums


@dataclass(frozen=True)
class Report:
    period: Period
    people: int
    total: Sums
    rows: Sequence[ReportRow]


def report(session: Session, period: Period, now: datetime, *, size: int | None, offset: int = 0) -> Report:
    """People by name, then users of terminals without a person. All of them if `size` is None."""
    grouped = _grouped(period, now)
    people = session.scalar(select(func.count()).select_from(grouped.subquery())) or 0
    total = session.execute(select(*_sums(now)).where(*_within(period))).one()
    return Report(period, people, Sums(*map(int, total)), _rows(session, grouped, size=size, offset=offset))


def export_rows(found: Report) -> Iterator[list[object]]:
    for row in found.rows:
        sums = row.sums
        numbers = (sums.days, sums.hours, sums.late, sums.early, sums.half_days, sums.outliers, sums.incomplete)
        yield [row.name, row.user_id, row.terminal, *numbers]


_NOBODY = Workday.person_id.is_(None)
_TERMINAL: Any = case((_NOBODY, Workday.terminal_id))
_USER: Any = case((_NOBODY, Workday.user_id))


def _within(period: Period) -> list[Any]:
    came = or_(Workday.clock_in.is_not(None), Workday.clock_out.is_not(None))
    return [Workday.date.between(period.first, period.last), came]


def _sums(now: datetime) -> list[Any]:
    """In the order of Sums."""
    is_over = Workday.window_ends_at <= now
    flags = (Workday.is_late, Workday.is_early, Workday.is_half_day, Workday.is_outlier, Workday.is_incomplete)
    counts = [func.coalesce(func.sum(case((and_(flag.is_(True), is_over), 1), else_=0)), 0) for flag in flags]
    return [func.count(), func.coalesce(func.sum(Workday.worked_seconds), 0), *counts]


def _grouped(period: Period, now: datetime) -> Select[Any]:
    """A person who had a workday at each of two terminals on one day has come on one day."""
    days, *others = _sums(now)
    days = func.count(func.distinct(Workday.date))
    keys = (Workday.person_id, _TERMINAL.label("terminal"), _USER.label("user"))
    return select(*keys, days.label("days"), *others).where(*_within(period)).group_by(*keys)


def _rows(session: Session, grouped: Select[Any], *, size: int | None, offset: int) -> list[ReportRow]:
    inner = grouped.subquery()

    order = (inner.c[0].is_(None), AttendancePerson.name_key, inner.c[0], inner.c.user, inner.c.terminal)

    query = select(inner, AttendancePerson.name).outerjoin(AttendancePerson, AttendancePerson.id == inner.c[0]).order_by(*order)
    found = session.execute(query.limit(size).offset(offset) if size is not None else query).all()
    terminals = terminal_names(session)
    users = names_of_users(session, {(row[1], row[2]) for row in found if row[0] is None})
    width = len(fields(Sums))
    return [
        ReportRow(
            row[0],
            row[1],
            "" if row[1] is None else terminals[row[1]],
            row[2] or "",
            users.get((row[1], row[2]), "") if row[0] is None else row[3 + width],
            Sums(*map(int, row[3 : 3 + width])),
        )
        for row in found
    ]
