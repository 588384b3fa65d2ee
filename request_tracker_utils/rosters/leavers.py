"""Students who have left, or will at the turn of the year, and still have something."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import Reading
from request_tracker_utils.students.models import IS_ASSIGNED, IS_INACTIVE, Device, Student

CHUNK = 500
HEAD = ("student_id", "first_name", "last_name", "grade", "homeroom", "school", "email", "asset_tag", "model", "serial_number")


@dataclass(frozen=True)
class Leaver:
    student: Student
    devices: list[Device]


def condition(grades: Sequence[str] = ()) -> list[ColumnElement[bool]]:
    """Those who have left; with `grades` those who are about to, being in one of them."""
    if grades:
        return [IS_ASSIGNED, Student.is_active, Student.grade.in_(grades)]  # type: ignore[list-item]
    return [IS_ASSIGNED, IS_INACTIVE]  # type: ignore[list-item]


def some(session: Session, grades: Sequence[str] = (), *, limit: int, after: Student | None = None) -> list[Leaver]:
    """By name, with what each of them has; beginning behind `after`."""
    order = (Student.last_key, Student.first_key, Student.id)
    query = select(Student).where(*condition(grades)).order_by(*order).limit(limit)
    if after is not None:
        query = query.where(tuple_(*order) > (after.last_key, after.first_key, after.id))
    students = list(session.scalars(query))
    held: dict[str | None, list[Device]] = {}
    ids = [student.student_id for student in students]
    for device in session.scalars(select(Device).where(Device.current_student_id.in_(ids)).order_by(Device.tag_key)):
        held.setdefault(device.current_student_id, []).append(device)
    return [Leaver(student, held.get(student.student_id, [])) for student in students]


def rows(reading: Reading, grades: Sequence[str] = ()) -> Iterator[tuple[object, ...]]:
    """A row for each device, in the order of HEAD."""
    after = None
    while True:
        with reading() as session:
            found = some(session, grades, limit=CHUNK, after=after)
        for leaver in found:
            student = leaver.student
            who = (
                student.student_id,
                student.first_name,
                student.last_name,
                student.grade,
                student.homeroom,
                student.building,
                student.email,
            )
            for device in leaver.devices:
                yield (*who, device.asset_tag, device.model, device.serial_number)
        if len(found) < CHUNK:
            return
        after = found[-1].student
