"""The year of a person, or of a user of a terminal: each day with its hours, and sums by month."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.workdays.models import Workday
from request_tracker_utils.workdays.shown_workdays import ShownWorkday, shown

LEVELS = (4 * 3600, 7 * 3600, 19 * 1800)
"""Seconds from which a day is darker."""
FLAGS = ("late", "early", "half_day", "outlier", "incomplete")


@dataclass
class Cell:
    """A day of the calendar: the workdays that began on it, of which there may be several if terminals are not joined."""

    day: date
    workdays: list[ShownWorkday] = field(default_factory=list)
    holiday: str = ""
    """Its name."""

    @property
    def seconds(self) -> int:
        return sum(each.workday.worked_seconds for each in self.workdays)

    @property
    def level(self) -> int:
        """From 0 for no hours to 4 for many."""
        return 0 if not self.seconds else 1 + sum(self.seconds >= bound for bound in LEVELS)

    @property
    def flags(self) -> list[str]:
        return [name for name in FLAGS if any(name in each.flags for each in self.workdays)]


@dataclass
class Month:
    """`weeks` begin on Monday; days of other months are None."""

    first: date
    cells: list[Cell]

    @property
    def weeks(self) -> list[list[Cell | None]]:
        found: list[Cell | None] = [*([None] * self.first.weekday()), *self.cells]
        found += [None] * (-len(found) % 7)
        return [found[start : start + 7] for start in range(0, len(found), 7)]

    @property
    def days(self) -> int:
        """On which the person has come."""
        return sum(any(each.workday.clock_in or each.workday.clock_out for each in cell.workdays) for cell in self.cells)

    @property
    def seconds(self) -> int:
        return sum(cell.seconds for cell in self.cells)

    @property
    def flags(self) -> Mapping[str, int]:
        return {name: sum(name in cell.flags for cell in self.cells) for name in FLAGS}

    @property
    def workdays(self) -> list[ShownWorkday]:
        return [each for cell in self.cells for each in cell.workdays]


def of_person(person_id: int) -> list[ColumnElement[bool]]:
    return [Workday.person_id == person_id]


def of_user(terminal_id: int, user_id: str) -> list[ColumnElement[bool]]:
    return [Workday.user_id == user_id, Workday.terminal_id == terminal_id]


def year_of(
    session: Session,
    of_person: Sequence[ColumnElement[bool]],
    year: int,
    now: datetime,
    holiday_on: Callable[[date], str] = lambda _day: "",
) -> list[Month]:
    """The twelve months of a year. `holiday_on` returns the name of a holiday."""
    within = Workday.date.between(date(year, 1, 1), date(year, 12, 31))
    rows = session.scalars(select(Workday).where(*of_person, within).order_by(Workday.date, Workday.clock_in, Workday.id)).all()
    first, days = date(year, 1, 1), 366 if (date(year, 12, 31) - date(year, 1, 1)).days == 365 else 365
    cells = [Cell(day := first + timedelta(days=number), holiday=holiday_on(day)) for number in range(days)]
    for each in shown(session, rows, now):
        cells[each.workday.date.timetuple().tm_yday - 1].workdays.append(each)
    return [Month(date(year, month, 1), [cell for cell in cells if cell.day.month == month]) for month in range(1, 13)]


def years(session: Session, of_person: Sequence[ColumnElement[bool]]) -> tuple[int, int] | None:
    """The first and the last year with workdays."""
    first, last = session.execute(select(func.min(Workday.date), func.max(Workday.date)).where(*of_person)).one()
    return None if first is None else (first.year, last.year)
