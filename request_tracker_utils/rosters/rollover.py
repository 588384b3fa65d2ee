"""The rollover to a new school year: promotes students to the next grade; those of the last grade leave school. It can be undone.

Students who left school, or will at the rollover, and still have devices are listed here as well.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Reading, affected
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.rosters.errors import RolloverExists, RolloverNotFound, RolloverNotUndoable
from request_tracker_utils.rosters.models import SchoolYear
from request_tracker_utils.students.counts import current_counts
from request_tracker_utils.students.grades import ORDERED_GRADES, grade_rank, next_grade, parse_grade
from request_tracker_utils.students.models import IS_ASSIGNED, IS_INACTIVE, Device, Student

LAST_GRADE = "12"
MAX_NAME_LENGTH = 20
LEAVERS_CHUNK = 500
LEAVERS_HEADER = ("student_id", "first_name", "last_name", "grade", "homeroom", "school", "email", "asset_tag", "model", "serial_number")
_UNSYNCHRONIZED = {"synchronize_session": False}
"""The session does not read these students afterwards."""


@dataclass(frozen=True)
class Leaver:
    """A student who left school, or will at the rollover, and still has devices."""

    student: Student
    devices: list[Device]


@dataclass(frozen=True)
class GradeStep:
    """`following` is None for students who leave school, and the same grade for those who stay in it."""

    grade: str | None
    following: str | None
    count: int


@dataclass(frozen=True)
class Preview:
    """`with_devices` is the number of students who leave school and still have devices."""

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
    with_devices = session.scalar(select(func.count()).select_from(Student).where(*_with_devices(leaving))) or 0
    return Preview(last, steps, with_devices)


def roll_over(session: Session, name: str, last_grade: str, *, actor: Actor, now: datetime) -> SchoolYear:
    """Promotes active students; those of the last grade and beyond become inactive. Grades without an order are not changed.

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
        message = _("Students were already promoted for %(name)s. Undo that rollover first, or enter another year.", name=name)
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
    """Restores grades that were not changed since, and reactivates students who left school. The year's name can be used again.

    Raises RolloverNotFound; RolloverNotUndoable if it was already undone or is not the last one.
    """
    year = session.scalar(select(SchoolYear).where(SchoolYear.id == year_id).with_for_update())
    if year is None:
        raise RolloverNotFound(_("Rollover %(id)s does not exist.", id=year_id))
    if year.undone_at is not None or session.scalar(select(func.max(SchoolYear.id))) != year.id:
        raise RolloverNotUndoable(
            _("%(name)s was already undone, or another rollover followed it. Only the last rollover can be undone.", name=year.name)
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
        raise RolloverNotFound(_("Rollover %(name)s does not exist. Check the name.", name=name))
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


def list_leavers(session: Session, grades: Sequence[str] = (), *, limit: int, after: Student | None = None) -> list[Leaver]:
    """Ordered by name, starting after `after`."""
    order = (Student.last_key, Student.first_key, Student.id)
    query = select(Student).where(*_with_devices(grades)).order_by(*order).limit(limit)
    if after is not None:
        query = query.where(tuple_(*order) > (after.last_key, after.first_key, after.id))
    students = list(session.scalars(query))
    assigned: dict[str | None, list[Device]] = {}
    ids = [student.student_id for student in students]
    for device in session.scalars(select(Device).where(Device.current_student_id.in_(ids)).order_by(Device.tag_key)):
        assigned.setdefault(device.current_student_id, []).append(device)
    return [Leaver(student, assigned.get(student.student_id, [])) for student in students]


def leaver_rows(reading: Reading, grades: Sequence[str] = ()) -> Iterator[tuple[object, ...]]:
    """A row for each device, with the columns of LEAVERS_HEADER."""
    after = None
    while True:
        with reading() as session:
            found = list_leavers(session, grades, limit=LEAVERS_CHUNK, after=after)
        for leaver in found:
            each = leaver.student
            student = (each.student_id, each.first_name, each.last_name, each.grade, each.homeroom, each.building, each.email)
            for device in leaver.devices:
                yield (*student, device.asset_tag, device.model, device.serial_number)
        if len(found) < LEAVERS_CHUNK:
            return
        after = found[-1].student


def _with_devices(grades: Sequence[str] = ()) -> list[ColumnElement[bool]]:
    """Matches students who left school with devices or, with `grades`, active students of these grades with devices."""
    if grades:
        return [IS_ASSIGNED, Student.is_active, Student.grade.in_(grades)]  # type: ignore[list-item]
    return [IS_ASSIGNED, IS_INACTIVE]  # type: ignore[list-item]
