"""The rollover to a new school year: promotes students to the next grade; those of the last grade leave school. It can be undone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import affected
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.rosters import leavers
from request_tracker_utils.rosters.errors import RolloverExists, RolloverNotFound, RolloverNotUndoable
from request_tracker_utils.rosters.models import SchoolYear
from request_tracker_utils.students.counts import current_counts
from request_tracker_utils.students.grades import ORDERED_GRADES, grade_rank, next_grade, parse_grade
from request_tracker_utils.students.models import Student

LAST_GRADE = "12"
MAX_NAME_LENGTH = 20


@dataclass(frozen=True)
class GradeStep:
    """`following` is None for students who leave school, and the same grade for those who keep it."""

    grade: str | None
    following: str | None
    count: int


@dataclass(frozen=True)
class Preview:
    """`with_devices` of the students who leave school still have devices."""

    last_grade: str
    steps: list[GradeStep]
    with_devices: int

    @property
    def promoted(self) -> int:
        return sum(step.count for step in self.steps if step.following not in (None, step.grade))

    @property
    def leavers(self) -> int:
        return sum(step.count for step in self.steps if step.grade is not None and step.following is None)


def default_name(now: datetime) -> str:
    """The school year that begins in the summer of this date, such as `2026/27`."""
    return f"{now.year}/{(now.year + 1) % 100:02d}"


def preview(session: Session, last_grade: str) -> Preview:
    """What a rollover would change for active students, grade by grade. Raises Invalid."""
    last = parse_last_grade(last_grade)
    leaving = leaving_grades(last)
    steps = [
        GradeStep(grade, None if grade in leaving else (next_grade(grade or "") or grade), each.active)
        for grade, each in current_counts(session).by_grade.items()
        if each.active
    ]
    with_devices = session.scalar(select(func.count()).select_from(Student).where(*leavers.conditions(leaving))) or 0
    return Preview(last, steps, with_devices)


def roll_over(session: Session, name: str, last_grade: str, *, actor: Actor, now: datetime) -> SchoolYear:
    """Promotes active students; those of the last grade and beyond become inactive, and grades without an order stay. One statement.

    Raises Invalid, RolloverExists.
    """
    name, last = " ".join(name.split()), parse_last_grade(last_grade)
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        message = _(
            "Enter the new school year, such as %(example)s; at most %(most)s characters.", example=default_name(now), most=MAX_NAME_LENGTH
        )
        raise Invalid(message, field="name")
    year = SchoolYear(name=name, last_grade=last, promoted=0, leavers=0, done_at=now, done_by=actor.name[:100])
    try:
        with session.begin_nested():
            session.add(year)
    except IntegrityError:
        message = _("Students were promoted for %(name)s already. Undo that first, or enter another year.", name=name)
        raise RolloverExists(message, field="name") from None
    leaving = leaving_grades(last)
    steps = {grade: after for grade in ORDERED_GRADES if grade not in leaving and (after := next_grade(grade))}
    values: dict[str, Any] = {
        "grade": case(steps, value=Student.grade, else_=Student.grade),
        "grade_rank": case({grade: grade_rank(after) for grade, after in steps.items()}, value=Student.grade, else_=Student.grade_rank),
        "is_active": Student.grade.not_in(leaving),
        "grade_before": Student.grade,
        "school_year_id": year.id,
        "updated_at": now,
    }
    affected_students = update(Student).where(Student.is_active, Student.grade.in_([*steps, *leaving]))
    count = affected(session.execute(affected_students.values(values), execution_options=_UNSYNCHRONIZED))
    left = select(func.count()).select_from(Student).where(Student.school_year_id == year.id, ~Student.is_active)
    year.leavers = session.scalar(left) or 0
    year.promoted = count - year.leavers
    session.flush()
    return year


def undo(session: Session, year_id: int, *, actor: Actor, now: datetime) -> SchoolYear:
    """Restores grades that were not changed since, and reactivates students who left school. The year's name is free again.

    Raises RolloverNotFound; RolloverNotUndoable when it was undone already or another rollover came after it.
    """
    year = session.scalar(select(SchoolYear).where(SchoolYear.id == year_id).with_for_update())
    if year is None:
        raise RolloverNotFound(_("Rollover %(id)s does not exist.", id=year_id))
    if year.undone_at is not None or session.scalar(select(func.max(SchoolYear.id))) != year.id:
        raise RolloverNotUndoable(
            _("%(name)s was undone already, or another rollover came after it. Only the last rollover can be undone.", name=year.name)
        )
    left_school = and_(~Student.is_active, Student.grade_before == Student.grade)
    values: dict[str, Any] = {
        "is_active": case((left_school, True), else_=Student.is_active),
        "grade": Student.grade_before,
        "grade_rank": case({grade: grade_rank(grade) for grade in ORDERED_GRADES}, value=Student.grade_before, else_=Student.grade_rank),
        "grade_before": None,
        "school_year_id": None,
        "updated_at": now,
    }
    session.execute(update(Student).where(Student.school_year_id == year.id).values(values), execution_options=_UNSYNCHRONIZED)
    year.undone_at, year.undone_by = now, actor.name[:100]
    return year


def all_years(session: Session) -> list[SchoolYear]:
    """The newest first."""
    return list(session.scalars(select(SchoolYear).order_by(SchoolYear.id.desc())))


def find_year(session: Session, name: str) -> SchoolYear:
    """The rollover of this name that was not undone. Raises RolloverNotFound."""
    year = session.scalar(select(SchoolYear).where(SchoolYear.name == " ".join(name.split()), SchoolYear.undone_at.is_(None)))
    if year is None:
        raise RolloverNotFound(_("Students were not promoted for %(name)s.", name=name))
    return year


def parse_last_grade(text: str) -> str:
    """Raises Invalid for a grade without an order."""
    grade = parse_grade(text)
    if grade not in ORDERED_GRADES:
        message = _(
            "“%(grade)s” cannot be the last grade. Choose %(first)s, %(second)s or a number.",
            grade=text[:20],
            first=ORDERED_GRADES[0],
            second=ORDERED_GRADES[1],
        )
        raise Invalid(message, field="last_grade")
    return grade


def leaving_grades(last: str) -> Sequence[str]:
    """The last grade and those after it."""
    return [grade for grade in ORDERED_GRADES if grade_rank(grade) >= grade_rank(last)]


_UNSYNCHRONIZED = {"synchronize_session": False}
"""The session does not read these students afterwards."""
