"""The weekly hours of staff groups, as versions that begin on a day. A version that has begun never changes: a later one replaces it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import NamedTuple

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import find_row
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.workdays.changed_days import mark_group
from request_tracker_utils.workdays.group_errors import (
    AlreadyBegun,
    InvalidGroupField,
    ScheduleVersionExists,
    ScheduleVersionNotFound,
)
from request_tracker_utils.workdays.models import MAX_GRACE, ScheduleHours, ScheduleVersion
from request_tracker_utils.workdays.staff_groups import GroupEdit, check_ahead, find_group, lock


class Hours(NamedTuple):
    """The hours of a weekday, which begin at the first time. If they end before they begin, they end on the next day."""

    starts_at: time
    ends_at: time

    @property
    def is_night(self) -> bool:
        return self.ends_at <= self.starts_at


@dataclass(frozen=True)
class NewVersion:
    """Hours by weekday; 0 is Monday, and a weekday without hours is a day off."""

    valid_from: date
    hours: Mapping[int, Hours]
    grace_minutes: int = 0
    valid_until: date | None = None


@dataclass(frozen=True)
class Version:
    """A stored version with its hours. `ends` is its last day by what is stored now; None for ever."""

    row: ScheduleVersion
    hours: Mapping[int, Hours]
    ends: date | None

    def is_current(self, today: date) -> bool:
        return self.row.valid_from <= today and (self.ends is None or today <= self.ends)


def versions_of(session: Session, group_ids: Collection[int]) -> dict[int, list[Version]]:
    """All versions of these groups, the newest first."""
    rows = session.scalars(
        select(ScheduleVersion).where(ScheduleVersion.group_id.in_(group_ids)).order_by(ScheduleVersion.valid_from.desc())
    ).all()
    hours = _hours_of(session, rows)
    found: dict[int, list[Version]] = {group_id: [] for group_id in group_ids}
    next_day: dict[int, date] = {}
    for row in rows:
        assert row.group_id is not None
        following = next_day.get(row.group_id)
        until = None if following is None else date.fromordinal(following.toordinal() - 1)
        ends = min((day for day in (row.valid_until, until) if day is not None), default=None)
        found[row.group_id].append(Version(row, hours[row.id], ends))
        next_day[row.group_id] = row.valid_from
    return found


def current_version(versions: Sequence[Version], today: date) -> Version | None:
    """The one that applies today."""
    return next((each for each in versions if each.is_current(today)), None)


def earliest_day(versions: Sequence[Version], by: GroupEdit, but: int | None = None) -> date:
    """When a new version may begin: tomorrow. The first version of a group may begin today."""
    return by.tomorrow if any(each.row.id != but for each in versions) else by.today


def add_version(session: Session, group_id: int, new: NewVersion, by: GroupEdit) -> ScheduleVersion:
    """Raises StaffGroupNotFound, InvalidGroupField, ScheduleVersionExists."""
    lock(session)
    find_group(session, group_id)
    others = versions_of(session, [group_id])[group_id]
    _check(new, others, by)
    row = ScheduleVersion(group_id=group_id, created_by=by.actor.name, created_at=by.now)
    session.add(row)
    _store(session, row, new)
    mark_group(session, group_id, new.valid_from, now=by.now)
    return row


def change_version(session: Session, group_id: int, version_id: int, new: NewVersion, by: GroupEdit) -> ScheduleVersion:
    """Changes a version that has not begun. Raises ScheduleVersionNotFound, AlreadyBegun, InvalidGroupField, ScheduleVersionExists."""
    lock(session)
    row = find_version(session, group_id, version_id)
    _check_not_begun(row, by)
    _check(new, versions_of(session, [group_id])[group_id], by, but=version_id)
    first = min(row.valid_from, new.valid_from)
    _store(session, row, new)
    mark_group(session, group_id, first, now=by.now)
    return row


def delete_version(session: Session, group_id: int, version_id: int, by: GroupEdit) -> date:
    """Deletes a version that has not begun, and returns its first day. Raises ScheduleVersionNotFound, AlreadyBegun."""
    lock(session)
    row = find_version(session, group_id, version_id)
    _check_not_begun(row, by)
    first = row.valid_from
    session.delete(row)
    session.flush()
    mark_group(session, group_id, first, now=by.now)
    return first


def find_version(session: Session, group_id: int, version_id: int) -> ScheduleVersion:
    """Raises ScheduleVersionNotFound."""
    row = find_row(session, ScheduleVersion, version_id)
    if row is None or row.group_id != group_id:
        raise ScheduleVersionNotFound(_("This version of the hours does not exist."))
    return row


def _check_not_begun(row: ScheduleVersion, by: GroupEdit) -> None:
    if row.valid_from <= by.today:
        raise AlreadyBegun(_("These hours have begun and do not change. Add hours from a later day on."))


def _check(new: NewVersion, versions: Sequence[Version], by: GroupEdit, but: int | None = None) -> None:
    check_ahead(new.valid_from, earliest_day(versions, by, but), by)
    if new.valid_until is not None:
        check_ahead(new.valid_until, new.valid_from, by, "valid_until")
    if any(each.row.valid_from == new.valid_from and each.row.id != but for each in versions):
        raise ScheduleVersionExists(
            _("Other hours begin on %(day)s. Change or delete those first.", day=new.valid_from), field="valid_from"
        )
    if not 0 <= new.grace_minutes <= MAX_GRACE:
        raise InvalidGroupField(_("Enter a number from 0 to %(most)s.", most=MAX_GRACE), field="grace_minutes")
    for weekday, hours in new.hours.items():
        if not 0 <= weekday <= 6:
            raise InvalidGroupField(_("A weekday is a number from 0 (Monday) to 6 (Sunday)."), field="hours")
        if hours.starts_at == hours.ends_at:
            raise InvalidGroupField(_("Hours that begin and end at the same time have no length."), field="hours")
        if any(each.second or each.microsecond or each.tzinfo for each in hours):
            raise InvalidGroupField(_("Enter times in hours and minutes, such as 08:00."), field="hours")
        following = new.hours.get((weekday + 1) % 7)
        if hours.is_night and following is not None and hours.ends_at > following.starts_at:
            raise InvalidGroupField(_("A night shift ends after the hours of the next day begin."), field="hours")


def _store(session: Session, row: ScheduleVersion, new: NewVersion) -> None:
    row.valid_from, row.valid_until, row.grace_minutes = new.valid_from, new.valid_until, new.grace_minutes
    session.flush()
    session.execute(delete(ScheduleHours).where(ScheduleHours.version_id == row.id))
    rows = [{"version_id": row.id, "weekday": day, "starts_at": start, "ends_at": end} for day, (start, end) in sorted(new.hours.items())]
    if rows:
        session.execute(insert(ScheduleHours), rows)


def _hours_of(session: Session, rows: Sequence[ScheduleVersion]) -> dict[int, dict[int, Hours]]:
    found: dict[int, dict[int, Hours]] = {row.id: {} for row in rows}
    for each in session.scalars(select(ScheduleHours).where(ScheduleHours.version_id.in_(found))):
        found[each.version_id][each.weekday] = Hours(each.starts_at, each.ends_at)
    return found
