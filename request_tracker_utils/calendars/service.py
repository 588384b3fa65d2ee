"""Creating, changing and deleting calendars and holidays. Every change is recorded, and can be undone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.calendars.errors import CalendarExists, DefaultCalendar, HolidayOverlaps, InvalidCalendarField
from request_tracker_utils.calendars.history import CalendarEdit, Recording, lock, recorded
from request_tracker_utils.calendars.holidays import (
    HolidayFilter,
    default_calendar,
    find_calendar,
    find_holiday,
    holidays_of,
    overlapping,
)
from request_tracker_utils.calendars.models import MAX_NAME, Calendar, CalendarChange, Holiday
from request_tracker_utils.core.db import Reading, Transaction
from request_tracker_utils.core.text import clean, joined, search_key, unprintable_character
from request_tracker_utils.core.translation import gettext as _

FIRST_CALENDAR = "School calendar"
MAX_DAYS = 366
"""The longest holiday: a longer one has a wrong year."""
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)


@dataclass(frozen=True)
class NewHoliday:
    """A holiday as a person enters it. The last day is included."""

    name: str
    first_day: date
    last_day: date

    def checked(self) -> "NewHoliday":
        """Raises InvalidCalendarField."""
        name = checked_name(self.name)
        if self.last_day < self.first_day:
            raise InvalidCalendarField(_("The last day is before the first day."), field="last_day")
        if not FIRST_DAY <= self.first_day <= self.last_day <= LAST_DAY:
            raise InvalidCalendarField(_("Enter a day between 1900 and 2999."), field="first_day")
        if self.last_day - self.first_day >= timedelta(days=MAX_DAYS):
            raise InvalidCalendarField(_("A holiday has at most %(number)s days.", number=MAX_DAYS), field="last_day")
        return NewHoliday(name, self.first_day, self.last_day)


@dataclass(frozen=True)
class HolidayFields:
    """What is changed; None stays as it is."""

    name: str | None = None
    first_day: date | None = None
    last_day: date | None = None


def ensure_default(reading: Reading, transaction: Transaction) -> None:
    """Creates a default calendar if none exists: the database was emptied since the migration, which creates one."""
    with reading() as session:
        if session.scalar(select(exists().select_from(Calendar))):
            return
    with transaction() as session:
        session.add(Calendar(name=FIRST_CALENDAR, name_key=search_key(FIRST_CALENDAR), is_default=True))


def create_calendar(session: Session, name: str, by: CalendarEdit) -> Calendar:
    """Raises InvalidCalendarField, CalendarExists."""
    checked = checked_name(name)
    with recorded(session, CalendarChange.CREATED, by) as recording:
        calendar = Calendar(is_default=False)
        _rename(session, calendar, checked)
        recording.calendars.add(calendar.id)
        recording.subject = calendar.name
    return calendar


def rename_calendar(session: Session, calendar_id: int, name: str, by: CalendarEdit) -> Calendar:
    """Raises CalendarNotFound, InvalidCalendarField, CalendarExists."""
    checked = checked_name(name)
    with recorded(session, CalendarChange.RENAMED, by, calendars=[calendar_id]) as recording:
        calendar = find_calendar(session, calendar_id)
        recording.subject = f"{calendar.name} → {checked}"
        _rename(session, calendar, checked)
    return calendar


def make_default(session: Session, calendar_id: int, by: CalendarEdit) -> Calendar:
    """Raises CalendarNotFound."""
    lock(session)
    former = default_calendar(session)
    with recorded(session, CalendarChange.DEFAULT, by, calendars=[calendar_id, former.id]) as recording:
        calendar = find_calendar(session, calendar_id)
        former.is_default = False
        session.flush()  # there is one at most
        calendar.is_default = True
        recording.subject = calendar.name
    return calendar


def change_calendar(session: Session, calendar_id: int, name: str | None, is_default: bool | None, by: CalendarEdit) -> Calendar:
    """None stays as it is. Raises CalendarNotFound, InvalidCalendarField, CalendarExists."""
    calendar = find_calendar(session, calendar_id)
    if name is not None:
        calendar = rename_calendar(session, calendar_id, name, by)
    if is_default:
        calendar = make_default(session, calendar_id, by)
    elif is_default is False and calendar.is_default:
        raise InvalidCalendarField(_("Make another calendar the default instead."), field="is_default")
    return calendar


def delete_calendar(session: Session, calendar_id: int, by: CalendarEdit) -> str:
    """Deletes a calendar with its holidays, and returns its name. Raises CalendarNotFound, DefaultCalendar."""
    lock(session)
    own = [each.id for each in holidays_of(session, HolidayFilter(calendar_id))]
    with recorded(session, CalendarChange.DELETED, by, calendars=[calendar_id], holidays=own) as recording:
        calendar = find_calendar(session, calendar_id)
        if calendar.is_default:
            raise DefaultCalendar(_("The default calendar cannot be deleted. Make another calendar the default first."))
        name = recording.subject = calendar.name
        session.delete(calendar)
    return name


def add_holiday(session: Session, calendar_id: int, new: NewHoliday, by: CalendarEdit) -> Holiday:
    """Raises CalendarNotFound, InvalidCalendarField, HolidayOverlaps."""
    checked = new.checked()
    with recorded(session, CalendarChange.HOLIDAY_ADDED, by) as recording:
        calendar = find_calendar(session, calendar_id)
        holiday = _added(session, calendar, checked, recording)
        recording.subject = f"{holiday.name} ({calendar.name})"
    return holiday


def add_holidays(session: Session, calendar_id: int, new: Sequence[NewHoliday], by: CalendarEdit) -> int:
    """Adds those that the calendar does not have yet, as one change, and returns how many. Raises CalendarNotFound, InvalidCalendarField,
    HolidayOverlaps."""
    checked = [each.checked() for each in new]
    count = 0
    with recorded(session, CalendarChange.IMPORTED, by) as recording:
        calendar = find_calendar(session, calendar_id)
        known = {_identity(each) for each in holidays_of(session, HolidayFilter(calendar_id))}
        names = []
        for each in checked:
            if _identity(each) not in known:
                known.add(_identity(each))
                names.append(_added(session, calendar, each, recording).name)
                count += 1
        recording.subject = f"{joined(names)} ({calendar.name})"
    return count


def change_holiday(session: Session, holiday_id: int, fields: HolidayFields, by: CalendarEdit) -> Holiday:
    """Raises HolidayNotFound, InvalidCalendarField, HolidayOverlaps."""
    with recorded(session, CalendarChange.HOLIDAY_CHANGED, by, holidays=[holiday_id]) as recording:
        holiday = find_holiday(session, holiday_id)
        new = NewHoliday(
            holiday.name if fields.name is None else fields.name,
            fields.first_day or holiday.first_day,
            fields.last_day or holiday.last_day,
        ).checked()
        recording.subject = f"{holiday.name} ({find_calendar(session, holiday.calendar_id).name})"
        _assign(holiday, new)
        with session.no_autoflush:
            _check_overlap(session, holiday)
    return holiday


def delete_holiday(session: Session, holiday_id: int, by: CalendarEdit) -> str:
    """Returns its name. Raises HolidayNotFound."""
    with recorded(session, CalendarChange.HOLIDAY_DELETED, by, holidays=[holiday_id]) as recording:
        holiday = find_holiday(session, holiday_id)
        name = holiday.name
        recording.subject = f"{name} ({find_calendar(session, holiday.calendar_id).name})"
        session.delete(holiday)
    return name


def is_known(holidays: Sequence[Holiday], new: NewHoliday) -> bool:
    """Whether one of the holidays has this name and these days."""
    return _identity(new) in {_identity(each) for each in holidays}


def checked_name(name: str) -> str:
    """Raises InvalidCalendarField."""
    cleaned = " ".join(clean(name).split())
    if not cleaned:
        raise InvalidCalendarField(_("Enter a name."), field="name")
    if character := unprintable_character(cleaned):
        raise InvalidCalendarField(_("Remove the character %(character)s.", character=character), field="name")
    if len(cleaned) > MAX_NAME:
        raise InvalidCalendarField(_("Enter at most %(number)s characters.", number=MAX_NAME), field="name")
    return cleaned


def _rename(session: Session, calendar: Calendar, name: str) -> None:
    try:
        with session.begin_nested():
            calendar.name, calendar.name_key = name, search_key(name)
            session.add(calendar)
    except IntegrityError:
        raise CalendarExists(_("Another calendar has this name."), field="name") from None


def _added(session: Session, calendar: Calendar, new: NewHoliday, recording: Recording) -> Holiday:
    holiday = Holiday(calendar_id=calendar.id)
    _assign(holiday, new)
    _check_overlap(session, holiday)
    session.add(holiday)
    session.flush()
    recording.holidays.add(holiday.id)
    return holiday


def _assign(holiday: Holiday, new: NewHoliday) -> None:
    holiday.name, holiday.name_key = new.name, search_key(new.name)
    holiday.first_day, holiday.last_day = new.first_day, new.last_day


def _check_overlap(session: Session, holiday: Holiday) -> None:
    if (other := overlapping(session, holiday)) is not None:
        values = {"name": other.name, "first": other.first_day, "last": other.last_day}
        message = _("%(name)s is already a holiday from %(first)s to %(last)s. Change that one instead.", **values)
        raise HolidayOverlaps(message, field="first_day")


def _identity(holiday: Holiday | NewHoliday) -> tuple[str, date, date]:
    return search_key(holiday.name), holiday.first_day, holiday.last_day
