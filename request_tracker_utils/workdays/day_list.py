"""Everybody on one day, by the time at which they came, and where their hours are on a time line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.workdays.models import Workday
from request_tracker_utils.workdays.shown_workdays import ShownWorkday

HOUR = 60
STEP = 3 * HOUR
"""Minutes between two lines."""
USUAL = (6 * HOUR, 18 * HOUR)
LONGEST = 48 * HOUR
MARK = 6
"""Width of a single punch."""


class Shown(StrEnum):
    ALL = "all"
    LATE = "late"
    EARLY = "early"
    HALF_DAY = "half_day"
    INCOMPLETE = "incomplete"
    OUTLIER = "outlier"


_FLAGS = {
    Shown.EARLY: Workday.is_early,
    Shown.HALF_DAY: Workday.is_half_day,
    Shown.INCOMPLETE: Workday.is_incomplete,
    Shown.OUTLIER: Workday.is_outlier,
}


@dataclass(frozen=True)
class Bar:
    """A piece of a time line that is 1,000 wide."""

    x: float
    width: float


@dataclass(frozen=True)
class Line:
    """`worked` is narrow if a punch is missing. None if the day has no times, or no hours are scheduled."""

    day: ShownWorkday
    worked: Bar | None
    scheduled: Bar | None


@dataclass(frozen=True)
class TimeLine:
    """`hours` are the labels of its lines, which are equally far apart."""

    lines: Sequence[Line]
    hours: Sequence[str]


def people_of_day(session: Session, day: date, which: Shown, now: datetime, *, size: int, offset: int) -> tuple[list[Workday], int]:
    """A page of those who have come, the earliest first, and how many they are. Sorts the rows of one day only."""
    conditions: list[ColumnElement[bool]] = [Workday.date == day]
    if which is Shown.LATE:
        conditions.append(Workday.is_late.is_(True))
    elif which is not Shown.ALL:
        conditions += [_FLAGS[which].is_(True), Workday.window_ends_at <= now]
    order = (Workday.clock_in.is_(None), Workday.clock_in, Workday.id)
    rows = session.scalars(select(Workday).where(*conditions).order_by(*order).limit(size).offset(offset)).all()
    return list(rows), session.scalar(select(func.count()).select_from(Workday).where(*conditions)) or 0


def time_line(days: Sequence[ShownWorkday]) -> TimeLine:
    """The lines of these days, on a scale that has room for all of them."""
    spans = [(_span(each.workday.date, each.clock_in, each.clock_out), _span(each.workday.date, *_planned(each))) for each in days]
    points = [USUAL[0], USUAL[1], *(at for pair in spans for span in pair if span for at in span)]
    begin, end = max(min(points), -LONGEST) // STEP * STEP, -(-min(max(points), LONGEST) // STEP) * STEP
    if (end - begin) // STEP > 8:  # labels of every third hour would not have room
        end += (begin - end) % (2 * STEP)
        step = 2 * STEP
    else:
        step = STEP

    def bar(span: tuple[int, int] | None) -> Bar | None:
        if span is None:
            return None
        first, last = max(span[0], begin), min(max(span[1], span[0]), end)
        x = 1_000 * (first - begin) / (end - begin)
        return Bar(round(x, 1), round(max(1_000 * (last - first) / (end - begin), MARK), 1))

    lines = [Line(each, bar(worked), bar(planned)) for each, (worked, planned) in zip(days, spans, strict=True)]
    return TimeLine(lines, [f"{at // HOUR % 24:02}:00" for at in range(begin, end + 1, step)])


def _planned(each: ShownWorkday) -> tuple[datetime | None, datetime | None]:
    return each.workday.starts_at, each.workday.ends_at


def _span(day: date, start: datetime | None, end: datetime | None) -> tuple[int, int] | None:
    """Minutes after the midnight at which the day begins."""
    midnight = datetime.combine(day, time())
    found = [int((at - midnight).total_seconds() // 60) for at in (start, end) if at is not None]
    return (found[0], found[-1]) if found else None
