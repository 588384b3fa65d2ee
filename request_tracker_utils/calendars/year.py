"""A school year at a glance: twelve months of weeks, with the name of each holiday."""

from calendar import SUNDAY, Calendar as Weeks
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

FIRST_MONTH = 7
"""School years begin in July."""
FIRST_YEAR, LAST_YEAR = 1900, 2998


@dataclass(frozen=True)
class Day:
    date: date
    holiday: str = ""
    is_today: bool = False

    @property
    def is_weekend(self) -> bool:
        return self.date.weekday() >= 5


@dataclass(frozen=True)
class Month:
    first_day: date
    weeks: list[list[Day | None]]
    """From Sunday to Saturday. None for days of other months."""

    @property
    def holidays(self) -> list[tuple[date, date, str]]:
        """First day, last day and name of what the month shows, in order."""
        found: list[tuple[date, date, str]] = []
        for day in (day for week in self.weeks for day in week if day is not None and day.holiday):
            if found and found[-1][2] == day.holiday and found[-1][1] + timedelta(days=1) == day.date:
                found[-1] = (found[-1][0], day.date, day.holiday)
            else:
                found.append((day.date, day.date, day.holiday))
        return found


def year_of(day: date) -> int:
    """The year in which the day's school year begins."""
    return min(max(day.year - (day.month < FIRST_MONTH), FIRST_YEAR), LAST_YEAR)


def days_of(year: int) -> tuple[date, date]:
    """The first and last day of a school year."""
    return date(year, FIRST_MONTH, 1), date(year + 1, FIRST_MONTH, 1) - timedelta(days=1)


def months_of(year: int, names: Mapping[date, str], today: date) -> list[Month]:
    """`names` has the holidays of the school year."""
    found = []
    for number in range(12):
        first = date(year + (FIRST_MONTH + number > 12), (FIRST_MONTH + number - 1) % 12 + 1, 1)
        weeks = [
            [Day(day, names.get(day, ""), day == today) if day.month == first.month else None for day in week]
            for week in Weeks(SUNDAY).monthdatescalendar(first.year, first.month)
        ]
        found.append(Month(first, weeks))
    return found
