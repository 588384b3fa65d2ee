"""Sample holidays: those of a school year."""

from datetime import date, datetime, timedelta

from sqlalchemy import exists, select

from request_tracker_utils.calendars import service
from request_tracker_utils.calendars.changes import CalendarChanges
from request_tracker_utils.calendars.history import CalendarEdit
from request_tracker_utils.calendars.holidays import default_calendar
from request_tracker_utils.calendars.models import Holiday
from request_tracker_utils.calendars.service import NewHoliday
from request_tracker_utils.calendars.year import year_of
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.db import Reading, Transaction

MONDAY, THURSDAY = 0, 3


def is_empty(reading: Reading) -> bool:
    with reading() as session:
        return not session.scalar(select(exists().select_from(Holiday)))


def fill(transaction: Transaction, changes: CalendarChanges, *, now: datetime) -> int:
    """Returns the number of holidays: those of the present school year."""
    holidays = school_year(year_of(now.date()))
    with transaction() as session:
        by = CalendarEdit(of_command(), now, changes)
        return service.add_holidays(session, default_calendar(session).id, holidays, by)


def school_year(year: int) -> list[NewHoliday]:
    """The holidays of a school year that begins in this year."""
    thanksgiving = _nth(year, 11, THURSDAY, 4)
    last_of_may = _nth(year + 1, 6, MONDAY, 1) - timedelta(days=7)
    spring = _nth(year + 1, 3, MONDAY, 3)
    days = [
        ("Independence Day", date(year, 7, 4), 1),
        ("Labor Day", _nth(year, 9, MONDAY, 1), 1),
        ("Indigenous Peoples’ Day", _nth(year, 10, MONDAY, 2), 1),
        ("Veterans Day", date(year, 11, 11), 1),
        ("Thanksgiving break", thanksgiving - timedelta(days=1), 3),
        ("Thanksgiving", thanksgiving, 1),
        ("Winter break", date(year, 12, 21), 14),
        ("Christmas Day", date(year, 12, 25), 1),
        ("New Year’s Day", date(year + 1, 1, 1), 1),
        ("Martin Luther King Jr. Day", _nth(year + 1, 1, MONDAY, 3), 1),
        ("Presidents’ Day", _nth(year + 1, 2, MONDAY, 3), 1),
        ("Spring break", spring, 5),
        ("Memorial Day", last_of_may, 1),
        ("Juneteenth", date(year + 1, 6, 19), 1),
    ]
    return [NewHoliday(name, first, first + timedelta(days=count - 1)) for name, first, count in days]


def _nth(year: int, month: int, weekday: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))
