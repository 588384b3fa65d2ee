"""Which hours apply to a person on a day, and when the day begins. Read once for a run; then everything is a lookup.

**When a day begins.** At WORKDAY_BEGINS, so that a person who stays until 02:00 still leaves on the day on which they came. An early shift
moves this to two hours before its start. After a night shift, the day begins halfway between its end and the next start, and at most eight
hours after its end: then a person who leaves at 07:10 leaves on the day on which they came, and one who comes at 21:40 begins a new one.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.workdays.models import DayKind, ScheduleHours, ScheduleVersion, StaffGroupMember
from request_tracker_utils.workdays.windows import DAY, day_of, local_datetime, weekday_of

EARLY, AFTER_NIGHT = 2 * 3600, 8 * 3600
ALWAYS = date.min
DEFAULT = None
"""The group of people who are in none."""


@dataclass(frozen=True)
class DefaultHours:
    """Where no version of a schedule applies: on every weekday. See WORK_START_TIME, WORK_END_TIME and WORKDAY_BEGINS."""

    starts_at: time
    ends_at: time
    begins: time


class ScheduledDay(NamedTuple):
    """What the schedule says about a day. `start` and `end` are local times, `None` on a day off."""

    kind: DayKind
    start: int | None
    end: int | None
    grace: int
    """Seconds."""
    version_id: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    """`start` and `end`, as they are stored."""
    holiday: str = ""
    """The name of the holiday."""


class Plan(NamedTuple):
    """A day, and the local times at which it begins and ends."""

    scheduled: ScheduledDay
    begins: int
    ends: int


@dataclass(frozen=True)
class _Version:
    id: int
    first: int
    last: int | None
    grace: int
    hours: Mapping[int, tuple[int, int]]
    """By weekday, the seconds after midnight at which work starts and ends."""


@dataclass
class Schedules:
    """All schedules, as they are now. `holidays` are by group and day, and those of people in no group are those of DEFAULT."""

    default: DefaultHours
    holidays: Mapping[int | None, Mapping[int, str]] = field(default_factory=dict)
    _versions: dict[int | None, list[_Version]] = field(default_factory=dict)
    _groups: dict[int, list[tuple[int, int | None]]] = field(default_factory=dict)
    _days: dict[tuple[int | None, int], ScheduledDay] = field(default_factory=dict)
    _begins: dict[tuple[int | None, int | None, int], int] = field(default_factory=dict)
    _plans: dict[tuple[int | None, int], "Plan"] = field(default_factory=dict)

    @classmethod
    def load(cls, session: Session, default: DefaultHours, holidays: Mapping[int | None, Mapping[int, str]]) -> "Schedules":
        hours: dict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
        for version_id, weekday, starts_at, ends_at in session.execute(
            select(ScheduleHours.version_id, ScheduleHours.weekday, ScheduleHours.starts_at, ScheduleHours.ends_at)
        ):
            start, end = _seconds(starts_at), _seconds(ends_at)
            hours[version_id][weekday] = (start, end if end > start else end + DAY)
        found = cls(default, holidays)
        for row in session.scalars(select(ScheduleVersion).order_by(ScheduleVersion.valid_from)):
            last = None if row.valid_until is None else day_of(row.valid_until)
            version = _Version(row.id, day_of(row.valid_from), last, 60 * row.grace_minutes, hours[row.id])
            found._versions.setdefault(row.group_id, []).append(version)
        members = select(StaffGroupMember.person_id, StaffGroupMember.valid_from, StaffGroupMember.group_id)
        for person_id, valid_from, group_id in session.execute(members.order_by(StaffGroupMember.valid_from)):
            found._groups.setdefault(person_id, []).append((day_of(valid_from), group_id))
        return found

    def group_of(self, person_id: int | None, day: int) -> int | None:
        """The staff group of a person on a day."""
        groups = self._groups.get(person_id) if person_id is not None else None
        if not groups:
            return DEFAULT
        position = bisect_right(groups, day, key=lambda each: each[0])
        return groups[position - 1][1] if position else DEFAULT

    def plan(self, person_id: int | None, day: int) -> Plan:
        """What applies to a person on a day, computed once for all people who have never been in a group."""
        key = (person_id if person_id in self._groups else None, day)
        found = self._plans.get(key)
        if found is None:
            found = self._plans[key] = Plan(self.on(person_id, day), self.begins(person_id, day), self.begins(person_id, day + 1))
        return found

    def on(self, person_id: int | None, day: int) -> ScheduledDay:
        return self._of_group(self.group_of(person_id, day), day)

    def begins(self, person_id: int | None, day: int) -> int:
        """The local time at which the day of a person begins. Earlier punches belong to the day before."""
        before, group = self.group_of(person_id, day - 1), self.group_of(person_id, day)
        found = self._begins.get((before, group, day))
        if found is None:
            found = self._begins[before, group, day] = self._begin(before, group, day)
        return found

    def _begin(self, before: int | None, group: int | None, day: int) -> int:
        last = (day + 1) * DAY - EARLY - 1  # before the next day, which may begin two hours before its date
        usual = min(day * DAY + _seconds(self.default.begins), last)
        start, night_ends = self._shift(group, day)[0], self._shift(before, day - 1)[1]
        begins = usual if start is None else min(usual, start - EARLY)
        if night_ends is None or night_ends <= begins - EARLY:
            return begins
        # A night shift, which ends on this day.
        latest = min(night_ends + AFTER_NIGHT, last)
        return latest if start is None else min(latest, max(night_ends, (night_ends + start) // 2))

    def _shift(self, group: int | None, day: int) -> tuple[int | None, int | None]:
        """Also on a holiday, the hours of the weekday: people who work on a holiday work a usual shift."""
        hours = self._hours(group, day)[0]
        return (None, None) if hours is None else (day * DAY + hours[0], day * DAY + hours[1])

    def _of_group(self, group: int | None, day: int) -> ScheduledDay:
        found = self._days.get((group, day))
        if found is None:
            hours, version = self._hours(group, day)
            version_id, grace = (None, 0) if version is None else (version.id, version.grace)
            holiday = self.holidays.get(group, {}).get(day)
            if holiday is not None or hours is None:
                kind = DayKind.OFF if holiday is None else DayKind.HOLIDAY
                found = ScheduledDay(kind, None, None, grace, version_id, None, None, holiday or "")
            else:
                start, end = day * DAY + hours[0], day * DAY + hours[1]
                found = ScheduledDay(DayKind.WORK, start, end, grace, version_id, local_datetime(start), local_datetime(end))
            self._days[group, day] = found
        return found

    def _hours(self, group: int | None, day: int) -> tuple[tuple[int, int] | None, _Version | None]:
        """The hours of a day, in seconds after its midnight, and the version that they are from. In a gap between versions, the default
        applies."""
        version = self._version(group, day) or self._version(DEFAULT, day)
        if version is not None:
            return version.hours.get(weekday_of(day)), version
        start, end = _seconds(self.default.starts_at), _seconds(self.default.ends_at)
        return (start, end if end > start else end + DAY), None

    def _version(self, group: int | None, day: int) -> _Version | None:
        versions = self._versions.get(group, ())
        position = bisect_right(versions, day, key=lambda each: each.first)
        version = versions[position - 1] if position else None
        return version if version and (version.last is None or day <= version.last) else None


def _seconds(value: time) -> int:
    return 3600 * value.hour + 60 * value.minute + value.second
