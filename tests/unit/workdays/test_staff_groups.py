"""Staff groups, their hours and members: dated, and never retroactive. And holidays: workdays follow them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from flask import Flask

from request_tracker_utils.attendance import demo as attendance_demo, people_changes, people_history
from request_tracker_utils.attendance.people_changes import PersonFields
from request_tracker_utils.calendars import service as calendars
from request_tracker_utils.calendars.changes import CalendarChanges
from request_tracker_utils.calendars.history import CalendarEdit
from request_tracker_utils.calendars.service import HolidayFields, NewHoliday
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.web.registry import registry_of
from request_tracker_utils.workdays import demo, group_members, schedules, staff_groups
from request_tracker_utils.workdays.computing import How
from request_tracker_utils.workdays.group_errors import (
    AlreadyBegun,
    GroupChangeNotFound,
    InvalidGroupField,
    ScheduleVersionExists,
    ScheduleVersionNotFound,
    StaffGroupExists,
    StaffGroupInUse,
    StaffGroupNotFound,
)
from request_tracker_utils.workdays.holidays import group_holidays
from request_tracker_utils.workdays.models import DayKind
from request_tracker_utils.workdays.processing import process_changes
from request_tracker_utils.workdays.schedule_days import Schedules
from request_tracker_utils.workdays.schedules import Hours, NewVersion
from request_tracker_utils.workdays.staff_groups import GroupEdit
from tests.services.attendance import ADA, added
from tests.services.punched_days import DEFAULT, NOW, processor, punch, workdays
from tests.services.workdays import person

pytestmark = pytest.mark.usefixtures("inside")
TODAY = date(2026, 11, 16)
"""A Monday."""
TOMORROW = TODAY + timedelta(days=1)
BY = GroupEdit(ADA, datetime(2026, 11, 16, 18, tzinfo=UTC), TODAY)
WEEK = {weekday: Hours(time(7), time(15)) for weekday in range(5)}
NIGHTS = {weekday: Hours(time(22), time(6)) for weekday in range(5)}


def do(change: Any, *arguments: Any, **named: Any) -> Any:
    """Calls a service in a transaction of its own. A row is returned as its ID."""
    with transaction() as session:
        done = change(session, *arguments, **named)
        return getattr(done, "id", done)


def group(name: str = "Kitchen") -> int:
    return int(do(staff_groups.create_group, name, "", BY))


def version(group_id: int, valid_from: date, hours: Mapping[int, Hours] = WEEK, *, by: GroupEdit = BY, **more: Any) -> int:
    return int(do(schedules.add_version, group_id, NewVersion(valid_from, hours, **more), by))


def on(day: date) -> GroupEdit:
    return replace(BY, today=day)


def shifts(group_id: int) -> list[tuple[str, str | None, int]]:
    """First and last day of each version, and its number of workdays."""
    with reading() as session:
        found = schedules.versions_of(session, [group_id])[group_id]
    return [(str(each.row.valid_from), each.ends and str(each.ends), len(each.hours)) for each in found]


def members(group_id: int, day: date, text: str = "") -> list[str]:
    with reading() as session:
        found = group_members.list_members(session, group_id, day, text, size=100).rows
        assert len(found) == group_members.count_members(session, group_id, day, text)
        if not text:
            assert group_members.member_counts(session, day).get(group_id, 0) == len(found)
    return [each.name for each in found]


def changes_ahead(group_id: int, day: date = TODAY) -> list[tuple[str, str, int | None]]:
    with reading() as session:
        found = group_members.upcoming(session, group_id, day, limit=100)
    return [(name, str(row.valid_from), row.group_id) for row, name in found]


def test_the_first_hours_begin_today_and_later_ones_tomorrow() -> None:
    kitchen = group()
    with pytest.raises(InvalidGroupField, match="2026-11-16 or later"):
        version(kitchen, TODAY - timedelta(days=1))
    version(kitchen, TODAY)
    with pytest.raises(InvalidGroupField, match="2026-11-17 or later"):
        version(kitchen, TODAY)
    version(kitchen, date(2026, 12, 1), {}, valid_until=date(2026, 12, 31))
    assert shifts(kitchen) == [("2026-12-01", "2026-12-31", 0), ("2026-11-16", "2026-11-30", 5)]


def test_hours_that_have_begun_do_not_change() -> None:
    kitchen, garage = group(), group("Garage")
    first = version(kitchen, TODAY)
    later = version(kitchen, TODAY + timedelta(days=7))
    new = NewVersion(TODAY + timedelta(days=9), NIGHTS)
    do(schedules.change_version, kitchen, later, new, BY)
    assert shifts(kitchen)[0] == ("2026-11-25", None, 5)
    assert do(schedules.delete_version, kitchen, later, BY) == new.valid_from
    for version_id, error in ((first, AlreadyBegun), (later, ScheduleVersionNotFound)):
        with pytest.raises(error):
            do(schedules.change_version, kitchen, version_id, new, BY)
        with pytest.raises(error):
            do(schedules.delete_version, kitchen, version_id, BY)
    with pytest.raises(ScheduleVersionNotFound):
        do(schedules.delete_version, garage, first, BY)
    only = version(garage, TOMORROW)
    do(schedules.change_version, garage, only, NewVersion(TODAY, WEEK), BY)
    assert shifts(garage) == [("2026-11-16", None, 5)]


def test_what_cannot_be_stored_is_refused() -> None:
    kitchen = group()
    version(kitchen, TOMORROW)
    next_week = TODAY + timedelta(days=7)
    bad: list[tuple[Any, tuple[Any, ...], type[AppError]]] = [
        (staff_groups.create_group, (" ", "", BY), InvalidGroupField),
        (staff_groups.create_group, ("x" * 101, "", BY), InvalidGroupField),
        (staff_groups.create_group, ("a\ab", "", BY), InvalidGroupField),
        (staff_groups.create_group, ("Garage", "x" * 2_001, BY), InvalidGroupField),
        (staff_groups.create_group, ("KITCHEN", "", BY), StaffGroupExists),
        (staff_groups.find_group, (99,), StaffGroupNotFound),
        (schedules.add_version, (99, NewVersion(next_week, WEEK), BY), StaffGroupNotFound),
        (schedules.add_version, (kitchen, NewVersion(TOMORROW, WEEK), BY), ScheduleVersionExists),
    ]
    for new in (
        NewVersion(date(2099, 1, 1), WEEK),
        NewVersion(next_week, WEEK, valid_until=TOMORROW),
        NewVersion(next_week, WEEK, grace_minutes=121),
        NewVersion(next_week, WEEK, grace_minutes=-1),
        NewVersion(next_week, {7: Hours(time(8), time(9))}),
        NewVersion(next_week, {0: Hours(time(8), time(8))}),
        NewVersion(next_week, {0: Hours(time(8, 0, 1), time(9))}),
        NewVersion(next_week, {0: Hours(time(8, tzinfo=UTC), time(9, tzinfo=UTC))}),
        NewVersion(next_week, {6: Hours(time(22), time(6)), 0: Hours(time(5), time(13))}),
    ):
        bad.append((schedules.add_version, (kitchen, new, BY), InvalidGroupField))
    for change, arguments, error in bad:
        with pytest.raises(error):
            do(change, *arguments)
    assert len(shifts(kitchen)) == 1


def test_a_group_that_workdays_depend_on_is_not_deleted() -> None:
    kitchen, ada = group(), person("Ada", "17")
    version(kitchen, TOMORROW)
    do(group_members.assign, kitchen, [ada], TOMORROW, BY)
    with pytest.raises(StaffGroupInUse):
        do(staff_groups.delete_group, kitchen, on(TOMORROW))
    assert do(staff_groups.delete_group, kitchen, BY) == "Kitchen"
    with pytest.raises(StaffGroupNotFound):
        do(staff_groups.delete_group, kitchen, BY)


def test_a_person_is_in_one_group_from_a_day_on() -> None:
    kitchen, garage = group(), group("Garage")
    ada, grace = person("Ada", "17"), person("Grace", "18")
    with pytest.raises(InvalidGroupField, match="2026-11-17 or later"):
        do(group_members.assign, kitchen, [ada], TODAY, BY)
    with pytest.raises(InvalidGroupField, match="Person 99"):
        do(group_members.assign, kitchen, [ada, 99], TOMORROW, BY)
    assert do(group_members.assign, kitchen, [ada, grace, ada], TOMORROW, BY) == 2
    assert do(group_members.assign, kitchen, [ada, grace], TODAY + timedelta(days=3), BY) == 0
    friday = TODAY + timedelta(days=4)
    do(group_members.assign, garage, [ada], friday, BY)
    assert (members(kitchen, TODAY), members(kitchen, TOMORROW), members(kitchen, friday)) == ([], ["Ada", "Grace"], ["Grace"])
    assert (members(garage, friday), members(kitchen, TOMORROW, "GRA")) == (["Ada"], ["Grace"])
    assert changes_ahead(kitchen) == [("Ada", "2026-11-17", kitchen), ("Grace", "2026-11-17", kitchen)]
    assert changes_ahead(kitchen, TOMORROW) == [("Ada", "2026-11-20", garage)]
    do(group_members.remove, kitchen, grace, friday, BY)
    assert members(kitchen, friday) == []
    with pytest.raises(GroupChangeNotFound):
        do(group_members.remove, kitchen, grace, friday, BY)


def test_a_change_that_has_not_begun_is_canceled() -> None:
    kitchen, garage, ada = group(), group("Garage"), person("Ada", "17")
    do(group_members.assign, kitchen, [ada], TOMORROW, BY)
    friday = TODAY + timedelta(days=4)
    do(group_members.assign, None, [ada], friday, BY)
    with reading() as session:
        ids = {str(row.valid_from): row.id for row, _name in group_members.upcoming(session, kitchen, TODAY, limit=9)}
        ids |= {str(row.valid_from): row.id for row, _name in group_members.upcoming(session, kitchen, TOMORROW, limit=9)}
    joins, leaves = ids["2026-11-17"], ids["2026-11-20"]
    with pytest.raises(GroupChangeNotFound):
        do(group_members.cancel, garage, joins, BY)
    with pytest.raises(AlreadyBegun):
        do(group_members.cancel, kitchen, joins, on(TOMORROW))
    do(group_members.cancel, kitchen, leaves, BY)
    assert members(kitchen, friday) == ["Ada"]
    do(group_members.cancel, kitchen, joins, BY)
    assert members(kitchen, friday) == []


def test_pasted_lines_are_names_or_user_ids() -> None:
    ada, grace, other = person("Ada Lovelace", "17"), person("Grace Hopper", "0018"), person("Grace Hopper", "19")
    with reading() as session:
        found = group_members.match_people(session, "ada  LOVELACE\n17\r\n\n 0018\nGrace Hopper\n18\n\0x\n")
    assert found.people == {ada: "Ada Lovelace", grace: "Grace Hopper"}
    assert [(line, reason.split()[0]) for line, reason in found.problems] == [
        ("Grace Hopper", "Several"),
        ("18", "Nobody"),
        ("\ufffdx", "Nobody"),
    ]
    assert other not in found.people
    for text in ("", " \n", "\n".join(map(str, range(2_001)))):
        with pytest.raises(InvalidGroupField), reading() as session:
            group_members.match_people(session, text)


def test_workdays_of_a_group_follow_its_hours() -> None:
    kitchen, ada, entrance = group(), person("Ada", "17"), added()
    version(kitchen, TODAY)
    do(group_members.assign, kitchen, [ada], TOMORROW, BY)
    punch(entrance, "17", *(f"2026-11-{day} {at}" for day in (16, 17) for at in ("07:00", "15:00")))
    process_changes(processor())
    assert [(str(row.date), f"{row.starts_at:%H:%M}", row.is_outlier) for row in workdays()] == [
        ("2026-11-16", "08:00", True),
        ("2026-11-17", "07:00", False),
    ]
    version(kitchen, date(2026, 11, 18), NIGHTS)
    punch(entrance, "17", "2026-11-18 21:55", "2026-11-19 06:05")
    process_changes(processor())
    last = workdays()[-1]
    assert (str(last.date), f"{last.starts_at} {last.ends_at}", last.is_outlier) == (
        "2026-11-18",
        "2026-11-18 22:00:00 2026-11-19 06:00:00",
        False,
    )


def test_in_a_gap_between_hours_the_default_applies() -> None:
    kitchen, ada, entrance = group(), person("Ada", "17"), added()
    version(kitchen, TODAY, valid_until=date(2026, 11, 17))
    version(kitchen, date(2026, 11, 19))
    do(group_members.assign, kitchen, [ada], TOMORROW, BY)
    punch(entrance, "17", *(f"2026-11-{day} {at}" for day in (17, 18, 19) for at in ("06:55", "15:05")))
    process_changes(processor())
    assert [(f"{row.date:%d}", f"{row.starts_at:%H:%M}", f"{row.ends_at:%H:%M}") for row in workdays()] == [
        ("17", "07:00", "15:00"),
        ("18", "08:00", "18:00"),
        ("19", "07:00", "15:00"),
    ]


def test_hours_that_change_before_they_begin_are_computed_again() -> None:
    kitchen, ada, entrance = group(), person("Ada", "17"), added()
    do(group_members.assign, kitchen, [ada], TOMORROW, BY)
    first = version(kitchen, TOMORROW)
    punch(entrance, "17", "2026-11-17 09:00", "2026-11-17 17:00")
    process_changes(processor())
    do(schedules.change_version, kitchen, first, NewVersion(TOMORROW, dict.fromkeys(range(5), Hours(time(9), time(17)))), BY)
    process_changes(processor())
    assert f"{workdays()[0].starts_at:%H:%M}" == "09:00"
    do(schedules.delete_version, kitchen, first, BY)
    process_changes(processor())
    assert f"{workdays()[0].starts_at:%H:%M}" == "08:00"


def test_workdays_of_the_past_follow_a_holiday_that_is_moved(app: Flask) -> None:
    entrance = added()
    punch(entrance, "17", "2026-11-16 12:00", "2026-11-16 13:00", "2026-11-17 12:00", "2026-11-17 13:00")
    run = replace(processor(), how=lambda session: How(Schedules.load(session, DEFAULT, group_holidays(session)), 120, True, NOW))
    process_changes(run)
    assert [row.is_outlier for row in workdays()] == [True, True]
    by = CalendarEdit(ADA, NOW, registry_of(app).get(CalendarChanges))
    holiday = do(calendars.add_holiday, 1, NewHoliday("Founders’ Day", TODAY, TODAY), by)
    process_changes(run)
    assert [(row.day_kind, row.is_outlier) for row in workdays()] == [(DayKind.HOLIDAY, False), (DayKind.WORK, True)]
    do(calendars.change_holiday, holiday, HolidayFields(first_day=TOMORROW, last_day=TOMORROW), by)
    process_changes(run)
    assert [(row.day_kind, row.is_outlier) for row in workdays()] == [(DayKind.WORK, True), (DayKind.HOLIDAY, False)]
    drivers = do(calendars.create_calendar, "Bus drivers", by)
    do(calendars.add_holiday, drivers, NewHoliday("Drivers’ Day", TODAY, TODAY), by)
    process_changes(run)
    assert [row.day_kind for row in workdays()] == [DayKind.WORK, DayKind.HOLIDAY]
    do(calendars.make_default, drivers, by)
    process_changes(run)
    assert [row.day_kind for row in workdays()] == [DayKind.HOLIDAY, DayKind.WORK]


def test_an_undone_change_of_a_person_leaves_them_in_their_group() -> None:
    kitchen, ada, grace = group(), person("Ada", "17"), person("Grace", "18")
    do(group_members.assign, kitchen, [ada, grace], TOMORROW, BY)
    for change, arguments, remaining in (
        (people_changes.change, (ada, PersonFields(name="Ada King")), ["Ada King", "Grace"]),
        (people_changes.remove, (ada,), ["Grace"]),
        (people_changes.merge, (ada, [grace]), ["Ada"]),
    ):
        do(change, *arguments, actor=ADA, now=NOW)
        assert members(kitchen, TOMORROW) == remaining
        with transaction() as session:
            people_history.undo(session, people_history.changes(session, limit=1)[0].id, actor=ADA, now=NOW)
        assert members(kitchen, TOMORROW) == ["Ada", "Grace"]


def test_the_sample_people_are_in_two_groups() -> None:
    attendance_demo.fill(transaction, timezone="America/Chicago", now=NOW)
    assert demo.is_empty(reading)
    assert (demo.fill(transaction, timezone="America/Chicago", now=NOW), demo.is_empty(reading)) == (8, False)
    with reading() as session:
        office, drivers = (each.id for each in reversed(staff_groups.all_groups(session)))
    assert (len(members(office, NOW.date())), members(drivers, NOW.date())) == (5, ["Grace Hopper", "Hedy Lamarr", "Katherine Johnson"])
    process_changes(processor())
    first = workdays()[0]
    assert (first.person_id is not None, f"{first.starts_at:%H:%M}") == (True, "07:45")
