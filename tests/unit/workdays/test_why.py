"""Every workday says why it is as it is."""

from datetime import date, datetime, time

import pytest

from request_tracker_utils.attendance import clock_repairs, people_changes
from request_tracker_utils.attendance.clock_repairs import NewRepair
from request_tracker_utils.attendance.people_changes import PersonFields, SiteId
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.workdays.models import DayKind, ScheduleHours, ScheduleVersion, StaffGroup, StaffGroupMember, Workday
from request_tracker_utils.workdays.why import Part, Why, explain
from request_tracker_utils.workdays.windows import day_of
from tests.services.attendance import added, punches
from tests.services.punched_days import NOW, process, processor, punch, workdays

pytestmark = pytest.mark.usefixtures("inside")
MONDAY = date(2026, 11, 16)
BY = Actor("ada")


def why(workday: Workday, **how: object) -> Why:
    with reading() as session:
        return explain(session, workday, processor(**how).how(session))  # type: ignore[arg-type]


def test_it_names_each_punch_and_what_it_counts_as() -> None:
    entrance, gym = added(), added("Gym", "10.0.0.51")
    with transaction() as session:
        people_changes.create(session, PersonFields("Ada", ids=[SiteId("17")]), actor=BY, now=NOW)
    punch(entrance, "17", "2026-11-16 08:00", "2026-11-16 08:01:30", "2026-11-17 02:00", "2026-11-17 08:00")
    punch(gym, "17", "2026-11-16 12:00")
    punch(entrance, "18", "2026-11-16 09:00")
    process()
    found = why(workdays()[0])
    assert [(each.terminal, f"{each.local:%d %H:%M:%S}", each.part) for each in found.punches] == [
        ("Main entrance", "16 08:00:00", Part.IN),
        ("Main entrance", "16 08:01:30", Part.REPEATED),
        ("Gym", "16 12:00:00", Part.BETWEEN),
        ("Main entrance", "17 02:00:00", Part.OUT),
    ]
    assert (found.begins, found.ends) == (datetime.fromisoformat("2026-11-16 04:00"), datetime.fromisoformat("2026-11-17 04:00"))
    assert (found.zone, found.is_default, found.is_joined, found.repeat_seconds) == ("America/Chicago", True, True, 120)


def test_it_names_the_group_its_version_and_a_holiday() -> None:
    entrance = added()
    with transaction() as session:
        person = people_changes.create(session, PersonFields("Ada", ids=[SiteId("17")]), actor=BY, now=NOW)
        shared = {"created_by": "ada", "created_at": NOW}
        group = StaffGroup(name="Custodians", name_key="custodians", **shared)
        session.add(group)
        session.flush()
        version = ScheduleVersion(group_id=group.id, valid_from=date(2026, 1, 1), grace_minutes=5, **shared)
        session.add_all([version, StaffGroupMember(person_id=person.id, group_id=group.id, valid_from=date(2026, 1, 1), **shared)])
        session.flush()
        session.add(ScheduleHours(version_id=version.id, weekday=0, starts_at=time(6), ends_at=time(14)))
    punch(entrance, "17", "2026-11-16 06:00", "2026-11-16 14:00")
    process()
    (monday,) = workdays()
    found = why(monday)
    assert (found.group, found.version_since, found.is_default, found.grace_minutes) == ("Custodians", date(2026, 1, 1), False, 5)
    assert (found.kind, found.starts_at, found.ends_at) == (DayKind.WORK, monday.starts_at, monday.ends_at)
    moved = processor(holidays=[day_of(MONDAY)]).how
    with reading() as session:
        how = moved(session)
        how.schedules.holidays = {group.id: {day_of(MONDAY): "Founders Day"}}
        found = explain(session, monday, how)
    assert (found.kind, found.holiday, found.starts_at) == (DayKind.HOLIDAY, "Founders Day", None)


def test_it_names_repaired_and_excluded_punches() -> None:
    entrance = added()
    punch(entrance, "17", "2026-11-16 09:00", "2026-11-16 18:00", "2030-01-01 08:00")
    first = punches()[0]
    with transaction() as session:
        clock_repairs.apply(session, NewRepair(entrance.id, first.id, first.id, -3600, "an hour fast"), actor=BY, now=NOW)
    process()
    (monday,) = workdays()
    assert [(f"{each.local:%H:%M}", each.repaired_by, each.part) for each in why(monday).punches] == [
        ("08:00", -3600, Part.IN),
        ("18:00", 0, Part.OUT),
    ]
