"""The turn of the school year: everybody goes up a grade, and those of the last grade leave. It can be taken back."""

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
from request_tracker_utils.rosters import leavers
from request_tracker_utils.rosters.errors import YearNotFound, YearNotLast, YearTaken
from request_tracker_utils.rosters.models import SchoolYear
from request_tracker_utils.students.counts import current_counts
from request_tracker_utils.students.grades import ORDERED_GRADES, grade_rank, next_grade, parse_grade
from request_tracker_utils.students.models import Student

LAST_GRADE = "12"
LONGEST_NAME = 20


@dataclass(frozen=True)
class Step:
    """`following` is None for those who leave, and the same grade for those who stay in it."""

    grade: str | None
    following: str | None
    count: int


@dataclass(frozen=True)
class Preview:
    """`holding` of those who leave still have something."""

    last_grade: str
    steps: list[Step]
    holding: int

    @property
    def promoted(self) -> int:
        return sum(step.count for step in self.steps if step.following not in (None, step.grade))

    @property
    def leavers(self) -> int:
        return sum(step.count for step in self.steps if step.grade is not None and step.following is None)


def next_name(now: datetime) -> str:
    """The school year that begins in the summer of this date."""
    return f"{now.year}/{(now.year + 1) % 100:02d}"


def preview(session: Session, last_grade: str) -> Preview:
    """What a turn would do to active students, grade by grade. Raises Invalid."""
    last = last_grade_of(last_grade)
    leaving = leaving_grades(last)
    steps = [
        Step(grade, None if grade in leaving else (next_grade(grade or "") or grade), each.active)
        for grade, each in current_counts(session).by_grade.items()
        if each.active
    ]
    holding = session.scalar(select(func.count()).select_from(Student).where(*leavers.condition(leaving))) or 0
    return Preview(last, steps, holding)


def turn(session: Session, name: str, last_grade: str, *, actor: Actor, now: datetime) -> SchoolYear:
    """Has everybody who is active go up, or leave from the last grade on; grades that are no number stay. One statement for all.

    Raises Invalid, YearTaken.
    """
    name, last = " ".join(name.split()), last_grade_of(last_grade)
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Invalid(f"Name the school year that begins, such as {next_name(now)}; at most {LONGEST_NAME} characters.", field="name")
    year = SchoolYear(name=name, last_grade=last, promoted=0, leavers=0, done_at=now, done_by=actor.name[:100])
    try:
        with session.begin_nested():
            session.add(year)
    except IntegrityError:
        raise YearTaken(f"The grades have gone up for {name} already. Take that back first, or name another year.", field="name") from None
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
    turned = update(Student).where(Student.is_active, Student.grade.in_([*steps, *leaving]))
    count = affected(session.execute(turned.values(values), execution_options=_UNLOADED))
    gone = select(func.count()).select_from(Student).where(Student.school_year_id == year.id, ~Student.is_active)
    year.leavers = session.scalar(gone) or 0
    year.promoted = count - year.leavers
    session.flush()
    return year


def take_back(session: Session, year_id: int, *, actor: Actor, now: datetime) -> SchoolYear:
    """Gives everybody the grade from before, unless it was changed since, and has those who left come back. The year's name is free then.

    Raises YearNotFound; YearNotLast when the turn was taken back or another came later.
    """
    year = session.scalar(select(SchoolYear).where(SchoolYear.id == year_id).with_for_update())
    if year is None:
        raise YearNotFound(f"There is no turn of the year {year_id}.")
    if year.undone_at is not None or session.scalar(select(func.max(SchoolYear.id))) != year.id:
        raise YearNotLast(f"{year.name} was taken back already, or another year came after it. Only the last turn can be taken back.")
    has_left = and_(~Student.is_active, Student.grade_before == Student.grade)
    values: dict[str, Any] = {
        "is_active": case((has_left, True), else_=Student.is_active),
        "grade": Student.grade_before,
        "grade_rank": case({grade: grade_rank(grade) for grade in ORDERED_GRADES}, value=Student.grade_before, else_=Student.grade_rank),
        "grade_before": None,
        "school_year_id": None,
        "updated_at": now,
    }
    session.execute(update(Student).where(Student.school_year_id == year.id).values(values), execution_options=_UNLOADED)
    year.undone_at, year.undone_by = now, actor.name[:100]
    return year


def all_years(session: Session) -> list[SchoolYear]:
    """The newest first."""
    return list(session.scalars(select(SchoolYear).order_by(SchoolYear.id.desc())))


def named(session: Session, name: str) -> SchoolYear:
    """The turn that was not taken back. Raises YearNotFound."""
    year = session.scalar(select(SchoolYear).where(SchoolYear.name == " ".join(name.split()), SchoolYear.undone_at.is_(None)))
    if year is None:
        raise YearNotFound(f"The grades have not gone up for {name}.")
    return year


def last_grade_of(text: str) -> str:
    """Raises Invalid for what is no grade that has an order."""
    grade = parse_grade(text)
    if grade not in ORDERED_GRADES:
        raise Invalid(
            f"“{text[:20]}” cannot be the last grade. Choose {ORDERED_GRADES[0]}, {ORDERED_GRADES[1]} or a number.", field="last_grade"
        )
    return grade


def leaving_grades(last: str) -> Sequence[str]:
    """The last grade, and those that come after it."""
    return [grade for grade in ORDERED_GRADES if grade_rank(grade) >= grade_rank(last)]


_UNLOADED = {"synchronize_session": False}
"""No student of the session is looked at afterwards."""
