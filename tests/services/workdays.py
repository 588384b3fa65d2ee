"""Workdays for tests, written directly, as if they had been computed."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import people_changes
from request_tracker_utils.attendance.people_changes import PersonFields, SiteId
from request_tracker_utils.core.db import transaction
from request_tracker_utils.workdays import group_members, schedules, staff_groups
from request_tracker_utils.workdays.models import (
    DayKind,
    ReviewState,
    ScheduleHours,
    ScheduleVersion,
    StaffGroup,
    StaffGroupMember,
    Workday,
)
from request_tracker_utils.workdays.schedules import Hours, NewVersion
from request_tracker_utils.workdays.staff_groups import LONGEST_AHEAD, GroupEdit
from tests.services.attendance import ADA, NOW, ZONE

MONDAY = date(2026, 3, 2)


def workday(user_id: str = "17", day: date | str = MONDAY, hours: str = "08:00-17:00", terminal_id: int = 1, **columns: object) -> Workday:
    """Not stored. `hours` are local, without an end for an incomplete day, and empty without punches: `08:00-17:00`, `08:00`, ``. An end
    before the start is on the next day."""
    day = date.fromisoformat(day) if isinstance(day, str) else day
    zone = str(columns.get("timezone", ZONE))
    start, _, end = hours.partition("-")
    begins, ends = _at(day, start, zone), _at(day, end, zone)
    if begins and ends and ends < begins:
        ends += timedelta(days=1)
    reason = str(columns.get("outlier_reason", ""))
    values: dict[str, object] = {
        "terminal_id": terminal_id,
        "user_id": user_id,
        "date": day,
        "timezone": zone,
        "punches": 2 if ends else 1 if begins else 0,
        "first_at": begins,
        "last_at": ends,
        "window_ends_at": datetime.combine(day + timedelta(days=1), time(4), ZoneInfo(zone)).astimezone(UTC),
        "day_kind": DayKind.WORK,
        "clock_in": begins,
        "clock_out": ends,
        "worked_seconds": int((ends - begins).total_seconds()) if begins and ends else 0,
        "is_incomplete": begins is not None and ends is None,
        "is_outlier": bool(reason),
        "review_state": ReviewState.OPEN if reason or (begins and not ends) else ReviewState.NONE,
        "content_digest": hashlib.sha256(f"{terminal_id} {user_id} {day} {hours} {reason}".encode()).hexdigest(),
        "revision": 1,
        "attempted_revision": 0,
        "created_at": NOW,
        "updated_at": NOW,
    }
    if columns.pop("synced", False):
        values |= {"attempted_revision": 1, "accepted_revision": 1, "synced_to_crm": True, "synced_at": NOW}
    return Workday(**{**values, **columns})


def stored(*workdays: Workday) -> list[int]:
    """Their IDs."""
    with transaction() as session:
        session.add_all(workdays)
        session.flush()
        return [each.id for each in workdays]


def person(name: str, *user_ids: str, account_id: int | None = None) -> int:
    """A person with these user IDs. Returns the ID."""
    with transaction() as session:
        fields = PersonFields(name, ids=[SiteId(each) for each in user_ids], account_id=account_id)
        return people_changes.create(session, fields, actor=ADA, now=NOW).id


def scheduled(
    session: Session, name: str, people: Sequence[int], hours: Mapping[int, tuple[time, time]], first: date = date(2026, 1, 1)
) -> int:
    """A staff group with these people and weekly hours. Who is added again the next day changes the group. Returns its ID."""
    by = {"created_by": "ada", "created_at": NOW}
    group = StaffGroup(name=name, name_key=name.casefold(), notes="", **by)
    session.add(group)
    session.flush()
    version = ScheduleVersion(group_id=group.id, valid_from=first, grace_minutes=5, **by)
    session.add(version)
    session.flush()
    session.add_all(ScheduleHours(version_id=version.id, weekday=day, starts_at=start, ends_at=end) for day, (start, end) in hours.items())
    for person_id in people:
        last = session.scalar(select(func.max(StaffGroupMember.valid_from)).where(StaffGroupMember.person_id == person_id))
        begins = first if last is None else last + timedelta(days=1)
        session.add(StaffGroupMember(person_id=person_id, group_id=group.id, valid_from=begins, **by))
    session.flush()
    return group.id


def in_staff_group(person_id: int) -> int:
    """The person is in a group with hours, and leaves it in years. Returns the ID of the group."""
    with transaction() as session:
        by = GroupEdit(ADA, NOW, MONDAY)
        group = staff_groups.create_group(session, "Kitchen", "", by)
        week = {weekday: Hours(time(6), time(14)) for weekday in range(5)}
        schedules.add_version(session, group.id, NewVersion(MONDAY, week, 5), by)
        group_members.assign(session, group.id, [person_id], by.tomorrow, by)
        group_members.assign(session, None, [person_id], MONDAY + LONGEST_AHEAD, by)
        return group.id


def working_days(first: date, count: int) -> Iterable[date]:
    """The next days from this one on without weekends."""
    days = (first + timedelta(days=number) for number in range(2 * count + 3))
    return [day for day in days if day.weekday() < 5][:count]


def _at(day: date, text: str, zone: str) -> datetime | None:
    return datetime.combine(day, time.fromisoformat(text), ZoneInfo(zone)).astimezone(UTC) if text else None
