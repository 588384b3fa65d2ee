"""Today at a glance: who has come, who has left, who was late, and who of the people with a schedule is missing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.workdays.models import DayKind, StaffGroupMember, Workday
from request_tracker_utils.workdays.schedule_days import Schedules
from request_tracker_utils.workdays.shown_workdays import names_of_people
from request_tracker_utils.workdays.windows import EPOCH, day_of

NAMED = 30
"""People that the page names of each kind."""


@dataclass(frozen=True)
class Presence:
    """Numbers of people on a day. `computed_at` is when a workday of the day has changed last."""

    present: int
    left: int
    late: int
    computed_at: datetime | None

    @property
    def came(self) -> int:
        return self.present + self.left


@dataclass(frozen=True)
class Absent:
    """A person in a staff group who should have come. `starts_at` is the local time."""

    person_id: int
    name: str
    starts_at: datetime


@dataclass(frozen=True)
class Expected:
    """People in staff groups who work on this day and have not come: those whose work has begun, and those who come later."""

    missing: int
    later: int
    named: Sequence[Absent]
    """The first of the missing ones, by name."""


def presence(session: Session, day: date) -> Presence:
    """An odd number of punches means that the person has not left."""
    odd = Workday.punches % 2 == 1
    numbers = [func.coalesce(func.sum(case((condition, 1), else_=0)), 0) for condition in (odd, ~odd, Workday.is_late.is_(True))]
    columns: list[Any] = [*numbers, func.max(Workday.updated_at)]
    query = select(*columns).where(Workday.date == day, Workday.clock_in.is_not(None))
    present, left, late, computed_at = session.execute(query).one()
    return Presence(int(present), int(left), int(late), computed_at)


def expected(session: Session, schedules: Schedules, day: date, local_now: datetime) -> Expected:
    """Only people in staff groups are expected: nothing says which days others work on."""
    came = set(session.scalars(select(Workday.person_id).where(Workday.date == day, Workday.person_id.is_not(None))))
    number, waiting, later = day_of(day), dict[int, int](), 0
    for person_id in _members(session, day) - came:
        planned = schedules.on(person_id, number)
        if planned.kind != DayKind.WORK or planned.start is None:
            continue
        if (local_now - EPOCH).total_seconds() > planned.start + planned.grace:
            waiting[person_id] = planned.start
        else:
            later += 1
    return Expected(len(waiting), later, _named(session, waiting, schedules, number))


def _members(session: Session, day: date) -> set[int]:
    """People who are in a group on this day: the latest row of each decides."""
    query = select(StaffGroupMember.person_id, StaffGroupMember.group_id).where(StaffGroupMember.valid_from <= day)
    latest = dict(session.execute(query.order_by(StaffGroupMember.valid_from)).all())
    return {person_id for person_id, group_id in latest.items() if group_id is not None}


def _named(session: Session, waiting: Collection[int], schedules: Schedules, day: int) -> list[Absent]:
    names = sorted(names_of_people(session, set(waiting)).items(), key=lambda each: each[1].casefold())[:NAMED]
    planned = {person_id: schedules.on(person_id, day).starts_at for person_id, _name in names}
    return [Absent(person_id, name, starts_at) for person_id, name in names if (starts_at := planned[person_id]) is not None]


def late_workdays(session: Session, day: date) -> Sequence[Workday]:
    """The first of those who were late, the latest first."""
    query = select(Workday).where(Workday.date == day, Workday.is_late.is_(True), Workday.clock_in.is_not(None))
    return session.scalars(query.order_by(Workday.clock_in.desc(), Workday.id).limit(NAMED)).all()
