"""Reads calendars and holidays. A day with several holidays has the name of the shortest one: Christmas Day, not the winter break."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.calendars.errors import CalendarNotFound, HolidayNotFound
from request_tracker_utils.calendars.models import Calendar, Holiday
from request_tracker_utils.core.db import find_row
from request_tracker_utils.core.keyset import Condition, Cursor, KeysetQuery, Page, Segment
from request_tracker_utils.core.translation import gettext as _


@dataclass(frozen=True)
class HolidayFilter:
    """Holidays of all calendars, or of one, with days in a range."""

    calendar_id: int | None = None
    first: date | None = None
    last: date | None = None

    def conditions(self) -> list[Condition]:
        found: list[Condition] = []
        if self.calendar_id is not None:
            found.append(Holiday.calendar_id == self.calendar_id)
        if self.first is not None:
            found.append(Holiday.last_day >= self.first)
        if self.last is not None:
            found.append(Holiday.first_day <= self.last)
        return found


def all_calendars(session: Session) -> Sequence[Calendar]:
    """The default first, then by name."""
    return session.scalars(select(Calendar).order_by(Calendar.is_default.desc(), Calendar.name_key)).all()


def default_calendar(session: Session) -> Calendar:
    return session.scalars(select(Calendar).where(Calendar.is_default)).one()


def find_calendar(session: Session, calendar_id: int) -> Calendar:
    """Raises CalendarNotFound."""
    if (calendar := find_row(session, Calendar, calendar_id)) is None:
        raise CalendarNotFound(_("Calendar %(id)s was not found.", id=calendar_id))
    return calendar


def find_holiday(session: Session, holiday_id: int) -> Holiday:
    """Raises HolidayNotFound."""
    if (holiday := find_row(session, Holiday, holiday_id)) is None:
        raise HolidayNotFound(_("Holiday %(id)s was not found.", id=holiday_id))
    return holiday


def holidays_between(session: Session, calendar_id: int, first: date, last: date) -> dict[date, str]:
    """The name of each holiday from the first to the last day."""
    return named_days(holidays_of(session, HolidayFilter(calendar_id, first, last)), first, last)


def holidays_of(session: Session, chosen: HolidayFilter) -> Sequence[Holiday]:
    """By their first day."""
    return session.scalars(select(Holiday).where(*chosen.conditions()).order_by(Holiday.first_day, Holiday.id)).all()


def list_holidays(session: Session, chosen: HolidayFilter, *, size: int, after: Cursor | None = None, offset: int = 0) -> Page[Holiday]:
    """One page of them."""
    return _query(chosen).page(session, size=size, after=after, offset=offset)


def count_holidays(session: Session, chosen: HolidayFilter) -> int:
    return _query(chosen).count(session)


def overlapping(session: Session, holiday: Holiday) -> Holiday | None:
    """Another holiday of the calendar with the same name on some of these days."""
    same = (Holiday.calendar_id == holiday.calendar_id, Holiday.name_key == holiday.name_key, Holiday.id != holiday.id)
    days = (Holiday.first_day <= holiday.last_day, Holiday.last_day >= holiday.first_day)
    return session.scalar(select(Holiday).where(*same, *days).limit(1))


def named_days(holidays: Iterable[Holiday], first: date, last: date) -> dict[date, str]:
    """The days of these holidays from the first to the last day, in order."""
    found: dict[date, str] = {}
    for each in sorted(holidays, key=lambda holiday: (holiday.last_day - holiday.first_day, holiday.first_day, holiday.name_key)):
        begin, end = max(each.first_day, first), min(each.last_day, last)
        for number in range((end - begin).days + 1):
            found.setdefault(begin + timedelta(days=number), each.name)
    return dict(sorted(found.items()))


def _query(chosen: HolidayFilter) -> KeysetQuery[Holiday]:
    return KeysetQuery(Holiday, [Segment((Holiday.first_day, Holiday.id))], chosen.conditions())
