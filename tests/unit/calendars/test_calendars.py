"""Calendars and holidays: names of days, changes with their listeners, and undo."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from request_tracker_utils.calendars import demo, history, holidays, service
from request_tracker_utils.calendars.changes import CalendarChanges, merged
from request_tracker_utils.calendars.errors import (
    CalendarChangedSince,
    CalendarChangeNotFound,
    CalendarExists,
    CalendarNotFound,
    DefaultCalendar,
    HolidayNotFound,
    HolidayOverlaps,
    InvalidCalendarField,
)
from request_tracker_utils.calendars.history import CalendarEdit
from request_tracker_utils.calendars.holidays import HolidayFilter
from request_tracker_utils.calendars.models import Calendar, CalendarChange
from request_tracker_utils.calendars.service import HolidayFields, NewHoliday
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError

pytestmark = pytest.mark.usefixtures("inside")
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
SCHOOL = 1
BREAK = NewHoliday("Winter break", date(2026, 12, 21), date(2027, 1, 3))
CHRISTMAS = NewHoliday("Christmas Day", date(2026, 12, 25), date(2026, 12, 25))
Told = list[tuple[int, str, str]]


@pytest.fixture
def told() -> Told:
    """Calendar, first and last day of each call of a listener."""
    return []


@pytest.fixture
def by(told: Told) -> CalendarEdit:
    changes = CalendarChanges()

    def listen(session: Session, calendar_id: int, first_day: date, last_day: date, *, now: datetime) -> None:
        assert now == NOW
        holidays.holidays_between(session, calendar_id, first_day, last_day)  # as a domain does that computes with them
        told.append((calendar_id, str(first_day), str(last_day)))

    changes.add(listen)
    return CalendarEdit(Actor("ada", user_id=1), NOW, changes)


def do(change: Any, *arguments: Any) -> Any:
    """Calls a service in a transaction of its own. A row is returned as its ID."""
    with transaction() as session:
        done = change(session, *arguments)
        return getattr(done, "id", done)


def between(first: str, last: str, calendar_id: int = SCHOOL) -> dict[str, str]:
    with reading() as session:
        found = holidays.holidays_between(session, calendar_id, date.fromisoformat(first), date.fromisoformat(last))
    return {str(day): name for day, name in found.items()}


def names() -> list[tuple[str, bool]]:
    with reading() as session:
        return [(each.name, each.is_default) for each in holidays.all_calendars(session)]


def undo_last(by: CalendarEdit) -> None:
    with transaction() as session:
        history.undo(session, history.list_changes(session, limit=1)[0].id, by)


def kinds() -> list[tuple[str, str, str | None]]:
    with reading() as session:
        return [(each.kind, each.subject, each.undone_by) for each in history.list_changes(session, limit=100)]


def test_each_installation_has_one_default_calendar(by: CalendarEdit) -> None:
    assert names() == [("School calendar", True)]
    service.ensure_default(reading, transaction)
    assert names() == [("School calendar", True)]
    with pytest.raises(DefaultCalendar):
        do(service.delete_calendar, SCHOOL, by)
    with pytest.raises(InvalidCalendarField):
        do(service.change_calendar, SCHOOL, None, False, by)
    drivers = do(service.create_calendar, "Bus  drivers ", by)
    do(service.change_calendar, drivers, None, True, by)
    assert names() == [("Bus drivers", True), ("School calendar", False)]
    with pytest.raises(Exception, match=r"(?i)unique"), transaction() as session:
        session.add(Calendar(name="Second default", name_key="second default", is_default=True))
    undo_last(by)
    assert names() == [("School calendar", True), ("Bus drivers", False)]


def test_a_day_has_the_name_of_its_shortest_holiday(by: CalendarEdit) -> None:
    do(service.add_holiday, SCHOOL, BREAK, by)
    do(service.add_holiday, SCHOOL, CHRISTMAS, by)
    assert between("2026-12-24", "2026-12-26") == {
        "2026-12-24": "Winter break",
        "2026-12-25": "Christmas Day",
        "2026-12-26": "Winter break",
    }
    assert between("2027-01-03", "2027-12-31") == {"2027-01-03": "Winter break"}
    assert between("2026-12-26", "2026-12-25") == {}


def test_one_name_does_not_overlap_itself(by: CalendarEdit) -> None:
    holiday = do(service.add_holiday, SCHOOL, BREAK, by)
    again = NewHoliday("WINTER BREAK", date(2027, 1, 3), date(2027, 1, 4))
    with pytest.raises(HolidayOverlaps, match="from 2026-12-21 to 2027-01-03"):
        do(service.add_holiday, SCHOOL, again, by)
    do(service.change_holiday, holiday, HolidayFields(last_day=date(2027, 1, 2)), by)
    other = do(service.add_holiday, SCHOOL, again, by)
    with pytest.raises(HolidayOverlaps):
        do(service.change_holiday, other, HolidayFields(first_day=date(2026, 12, 21)), by)
    drivers = do(service.create_calendar, "Bus drivers", by)
    do(service.add_holiday, drivers, BREAK, by)


def test_what_cannot_be_stored_is_refused(by: CalendarEdit) -> None:
    day, holiday = date(2026, 9, 7), do(service.add_holiday, SCHOOL, CHRISTMAS, by)
    refused: list[tuple[Any, tuple[Any, ...], type[AppError]]] = [
        (service.add_holiday, (SCHOOL, NewHoliday(" ", day, day)), InvalidCalendarField),
        (service.add_holiday, (SCHOOL, NewHoliday("x" * 101, day, day)), InvalidCalendarField),
        (service.add_holiday, (SCHOOL, NewHoliday("a\0b", day, day)), InvalidCalendarField),
        (service.add_holiday, (SCHOOL, NewHoliday("Backwards", day, date(2026, 9, 6))), InvalidCalendarField),
        (service.add_holiday, (SCHOOL, NewHoliday("Too long", day, date(2027, 9, 8))), InvalidCalendarField),
        (service.add_holiday, (SCHOOL, NewHoliday("Long ago", date.min, date.min)), InvalidCalendarField),
        (service.add_holiday, (SCHOOL, NewHoliday("Far away", date.max, date.max)), InvalidCalendarField),
        (service.add_holiday, (99, CHRISTMAS), CalendarNotFound),
        (service.rename_calendar, (SCHOOL, ""), InvalidCalendarField),
        (service.create_calendar, ("SCHOOL calendar",), CalendarExists),
        (service.rename_calendar, (99, "x"), CalendarNotFound),
        (service.delete_calendar, (99,), CalendarNotFound),
        (service.make_default, (99,), CalendarNotFound),
        (service.change_holiday, (holiday, HolidayFields(last_day=day)), InvalidCalendarField),
        (service.change_holiday, (holiday, HolidayFields(name="")), InvalidCalendarField),
        (service.change_holiday, (99, HolidayFields()), HolidayNotFound),
        (service.delete_holiday, (99,), HolidayNotFound),
        (history.undo, (99,), CalendarChangeNotFound),
    ]
    for change, arguments, error in refused:
        with pytest.raises(error):
            do(change, *arguments, by)
    assert (len(kinds()), between("2026-01-01", "2027-12-31")) == (1, {"2026-12-25": "Christmas Day"})


def test_listeners_learn_of_every_changed_day(by: CalendarEdit, told: Told) -> None:
    def said() -> Told:
        found = told[:]
        told.clear()
        return found

    holiday = do(service.add_holiday, SCHOOL, CHRISTMAS, by)
    assert said() == [(SCHOOL, "2026-12-25", "2026-12-25")]
    do(service.change_holiday, holiday, HolidayFields(first_day=date(2026, 12, 28), last_day=date(2026, 12, 28)), by)
    assert said() == [(SCHOOL, "2026-12-25", "2026-12-25"), (SCHOOL, "2026-12-28", "2026-12-28")]
    do(service.change_holiday, holiday, HolidayFields(name="Boxing Day"), by)
    assert said() == [(SCHOOL, "2026-12-28", "2026-12-28")]
    do(service.change_holiday, holiday, HolidayFields(name="Boxing Day"), by)
    assert (said(), len(kinds())) == ([], 3)
    do(service.delete_holiday, holiday, by)
    assert said() == [(SCHOOL, "2026-12-28", "2026-12-28")]
    undo_last(by)
    assert said() == [(SCHOOL, "2026-12-28", "2026-12-28")]
    drivers = do(service.create_calendar, "Bus drivers", by)
    do(service.add_holiday, drivers, BREAK, by)
    said()
    do(service.make_default, drivers, by)
    assert said() == [(drivers, "2026-12-21", "2027-01-03")]
    do(service.make_default, SCHOOL, by)
    do(service.rename_calendar, drivers, "Drivers", by)
    assert said() == [(SCHOOL, "2026-12-21", "2027-01-03")]
    do(service.delete_calendar, drivers, by)
    assert said() == [(drivers, "2026-12-21", "2027-01-03")]


def test_what_a_listener_raises_undoes_the_change() -> None:
    changes = CalendarChanges()

    def refuse(*_days: object, now: datetime) -> None:
        raise RuntimeError("not now")

    changes.add(refuse)
    with pytest.raises(RuntimeError):
        do(service.add_holiday, SCHOOL, CHRISTMAS, CalendarEdit(Actor("ada"), NOW, changes))
    assert (between("2026-12-25", "2026-12-25"), kinds()) == ({}, [])


def test_a_deletion_is_undone_once(by: CalendarEdit) -> None:
    drivers = do(service.create_calendar, "Bus drivers", by)
    first = do(service.add_holiday, drivers, BREAK, by)
    do(service.delete_calendar, drivers, by)
    with pytest.raises(CalendarNotFound), reading() as session:
        holidays.find_calendar(session, drivers)
    undo_last(by)
    with reading() as session:
        assert [each.id for each in holidays.holidays_of(session, HolidayFilter(drivers))] == [first]
    assert kinds()[0] == (CalendarChange.DELETED, "Bus drivers", "ada")
    with pytest.raises(CalendarChangedSince):
        undo_last(by)


def test_later_changes_are_undone_first(by: CalendarEdit) -> None:
    def undo(number: int) -> None:
        do(history.undo, number, by)

    holiday = do(service.add_holiday, SCHOOL, CHRISTMAS, by)
    do(service.delete_holiday, holiday, by)
    do(service.add_holiday, SCHOOL, CHRISTMAS, by)
    with pytest.raises(CalendarChangedSince):
        undo(2)
    drivers = do(service.create_calendar, "Bus drivers", by)
    do(service.add_holiday, drivers, BREAK, by)
    with pytest.raises(CalendarChangedSince):
        undo(4)
    do(service.delete_calendar, drivers, by)
    do(service.create_calendar, "BUS drivers", by)
    with pytest.raises(CalendarChangedSince, match="its name is taken"):
        undo(6)
    for number in (7, 6, 5, 4, 3, 2, 1):
        undo(number)
    assert (names(), between("2026-01-01", "2027-12-31")) == ([("School calendar", True)], {})


def test_a_restored_holiday_does_not_overlap_another(by: CalendarEdit) -> None:
    holiday = do(service.add_holiday, SCHOOL, BREAK, by)
    do(service.delete_holiday, holiday, by)
    do(service.add_holiday, SCHOOL, NewHoliday("Winter break", date(2026, 12, 22), date(2026, 12, 23)), by)
    with pytest.raises(CalendarChangedSince, match="another holiday Winter break"):
        do(history.undo, 2, by)


def test_an_import_adds_what_is_new_as_one_change(by: CalendarEdit, told: Told) -> None:
    do(service.add_holiday, SCHOOL, CHRISTMAS, by)
    told.clear()
    monday = NewHoliday("Labor Day", date(2026, 9, 7), date(2026, 9, 7))
    assert do(service.add_holidays, SCHOOL, [CHRISTMAS, BREAK, monday, monday], by) == 2
    assert told == [(SCHOOL, "2026-09-07", "2026-09-07"), (SCHOOL, "2026-12-21", "2027-01-03")]
    assert do(service.add_holidays, SCHOOL, [CHRISTMAS, BREAK], by) == 0
    assert kinds()[0] == (CalendarChange.IMPORTED, "Winter break and Labor Day (School calendar)", None)
    undo_last(by)
    assert between("2026-09-01", "2027-06-30") == {"2026-12-25": "Christmas Day"}


def test_the_sample_holidays_are_those_of_a_school_year(by: CalendarEdit) -> None:
    assert demo.is_empty(reading)
    assert demo.fill(transaction, by.changes, now=NOW) == 14
    assert not demo.is_empty(reading)
    found = between("2026-07-01", "2027-06-30")
    assert [day for day, name in found.items() if name in ("Labor Day", "Thanksgiving", "Memorial Day", "Martin Luther King Jr. Day")] == [
        "2026-09-07",
        "2026-11-26",
        "2027-01-18",
        "2027-05-31",
    ]
    assert (found["2026-12-25"], found["2026-12-24"]) == ("Christmas Day", "Winter break")


def test_days_are_merged_into_few_spans() -> None:
    day = [date(2026, 9, number) for number in range(1, 10)]
    assert merged([(day[5], day[6]), (day[0], day[1]), (day[2], day[2]), (day[6], day[6])]) == [(day[0], day[2]), (day[5], day[6])]
    assert merged([]) == []
