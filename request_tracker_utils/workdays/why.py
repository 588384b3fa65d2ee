"""Why a workday looks as it does: its punches and what each counts as, the window of the day, the hours that applied, and the rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import people
from request_tracker_utils.attendance.effective import COUNTS, SECONDS, effective_at
from request_tracker_utils.attendance.models import PersonId, Punch
from request_tracker_utils.attendance.terminal_names import site_keys, terminal_names
from request_tracker_utils.workdays.computing import How
from request_tracker_utils.workdays.days import Days
from request_tracker_utils.workdays.models import DayKind, ScheduleVersion, StaffGroup, Workday
from request_tracker_utils.workdays.punch_times import punch_times
from request_tracker_utils.workdays.schedule_days import ALWAYS
from request_tracker_utils.workdays.windows import DAY, date_of, day_of, local_datetime, to_local


class Part(StrEnum):
    """What a punch is to the day."""

    IN = "in"
    OUT = "out"
    BETWEEN = "between"
    REPEATED = "repeated"
    """Too soon after another one, so it does not count."""
    EXCLUDED = "excluded"
    """Its time is implausible, and nobody has accepted it; or a person has ignored it."""


class ExplainedPunch(NamedTuple):
    id: int
    terminal: str
    user_id: str
    at: datetime
    local: datetime
    """On the terminal's wall clock, with the repair of the clock."""
    repaired_by: int
    """Seconds by which a repair of the clock has moved it."""
    part: Part


@dataclass(frozen=True)
class Why:
    """`begins` and `ends` are local times. `version_since` is the first day of the schedule version, if it has not always been
    valid. Without a group, `group` is empty."""

    zone: str
    punches: Sequence[ExplainedPunch]
    begins: datetime
    ends: datetime
    kind: DayKind
    starts_at: datetime | None
    ends_at: datetime | None
    holiday: str
    group: str
    version_since: date | None
    is_default: bool
    grace_minutes: int
    repeat_seconds: int
    is_joined: bool
    """Whether punches at several terminals are one day."""


def explain(session: Session, workday: Workday, how: How) -> Why:
    """By the punches and schedules as they are now. What is stored differs until the next computation, if they have changed since."""
    day, schedules = day_of(workday.date), how.schedules
    plan = schedules.plan(workday.person_id, day)
    group_id = schedules.group_of(workday.person_id, day)
    version_id = plan.scheduled.version_id
    version = None if version_id is None else session.get(ScheduleVersion, version_id)
    group = None if group_id is None else session.get(StaffGroup, group_id)
    punches = _punches(session, workday, day, how)
    return Why(
        zone=workday.timezone,
        punches=punches,
        begins=local_datetime(plan.begins),
        ends=local_datetime(plan.ends),
        kind=plan.scheduled.kind,
        starts_at=plan.scheduled.starts_at,
        ends_at=plan.scheduled.ends_at,
        holiday=plan.scheduled.holiday,
        group="" if group is None else group.name,
        version_since=None if version is None or version.valid_from == ALWAYS else version.valid_from,
        is_default=version is None or version.group_id is None,
        grace_minutes=plan.scheduled.grace // 60,
        repeat_seconds=how.repeat_seconds,
        is_joined=len({each.terminal for each in punches}) > 1,
    )


def _punches(session: Session, workday: Workday, day: int, how: How) -> list[ExplainedPunch]:
    ids = {workday.user_id}
    if workday.person_id is not None:
        ids.update(session.scalars(select(PersonId.user_id).where(PersonId.person_id == workday.person_id)))
    sorting = Days(how.schedules, people.owners(session, ids), site_keys(session), how.repeat_seconds, how.joined)
    user = (workday.terminal_id, workday.user_id)
    owner = workday.person_id if workday.person_id is not None and how.joined else user
    parts: dict[int, Part] = {}
    counted: list[int] = []
    for punch in punch_times(session, ids, day, day):
        of = (punch.terminal_id, punch.user_id)
        person_id = sorting.person_on(of, sorting.day_of(punch))
        if (person_id if person_id is not None and how.joined else of) != owner:
            continue
        counts = bool(sorting.add((punch,)))
        if sorting.day_of(punch) == day:
            parts[punch.id] = Part.BETWEEN if counts else Part.REPEATED
            counted += [punch.id] if counts else []
    if counted:
        parts[counted[0]] = Part.IN
    if len(counted) > 1:
        parts[counted[-1]] = Part.OUT
    for punch_id in _excluded(session, workday, ids, sorting, day):
        parts[punch_id] = Part.EXCLUDED
    return _explained(session, parts)


def _excluded(session: Session, workday: Workday, ids: set[str], sorting: Days, day: int) -> list[int]:
    """Punches of these days that do not count, of the person or of the user of the terminal."""
    begin, end = local_datetime((day - 1) * DAY), local_datetime((day + 2) * DAY)
    near = (Punch.user_id.in_(ids), Punch.terminal_time >= begin, Punch.terminal_time < end, Punch.implausible.is_not(None))
    found = []
    for punch in session.scalars(select(Punch).where(*near, ~COUNTS)):
        user = (punch.terminal_id, punch.user_id)
        is_own = user == (workday.terminal_id, workday.user_id)
        if workday.person_id is not None:
            is_own = sorting.person_on(user, day) == workday.person_id
        if is_own and punch.terminal_time.date() == date_of(day):
            found.append(punch.id)
    return found


def _explained(session: Session, parts: dict[int, Part]) -> list[ExplainedPunch]:
    names = terminal_names(session)
    found = []
    for punch, seconds in session.execute(select(Punch, SECONDS).where(Punch.id.in_(parts))):
        at = effective_at(punch, seconds)
        local = local_datetime(to_local(punch.timezone, int(at.timestamp())))
        found.append(ExplainedPunch(punch.id, names[punch.terminal_id], punch.user_id, at, local, seconds, parts[punch.id]))
    return sorted(found, key=lambda each: (each.at, each.id))
