"""Students who left school, or will at the rollover, and still have devices."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import Reading
from request_tracker_utils.students.models import IS_ASSIGNED, IS_INACTIVE, Device, Student

CHUNK = 500
HEADER = ("student_id", "first_name", "last_name", "grade", "homeroom", "school", "email", "asset_tag", "model", "serial_number")


@dataclass(frozen=True)
class Leaver:
    student: Student
    devices: list[Device]


def conditions(grades: Sequence[str] = ()) -> list[ColumnElement[bool]]:
    """Of students who left school with devices or, with `grades`, of active students of these grades with devices."""
    if grades:
        return [IS_ASSIGNED, Student.is_active, Student.grade.in_(grades)]  # type: ignore[list-item]
    return [IS_ASSIGNED, IS_INACTIVE]  # type: ignore[list-item]


def list_leavers(session: Session, grades: Sequence[str] = (), *, limit: int, after: Student | None = None) -> list[Leaver]:
    """Ordered by name, beginning behind `after`."""
    order = (Student.last_key, Student.first_key, Student.id)
    query = select(Student).where(*conditions(grades)).order_by(*order).limit(limit)
    if after is not None:
        query = query.where(tuple_(*order) > (after.last_key, after.first_key, after.id))
    students = list(session.scalars(query))
    assigned: dict[str | None, list[Device]] = {}
    ids = [student.student_id for student in students]
    for device in session.scalars(select(Device).where(Device.current_student_id.in_(ids)).order_by(Device.tag_key)):
        assigned.setdefault(device.current_student_id, []).append(device)
    return [Leaver(student, assigned.get(student.student_id, [])) for student in students]


def rows(reading: Reading, grades: Sequence[str] = ()) -> Iterator[tuple[object, ...]]:
    """A row for each device, with the columns of HEADER."""
    after = None
    while True:
        with reading() as session:
            found = list_leavers(session, grades, limit=CHUNK, after=after)
        for leaver in found:
            each = leaver.student
            student = (each.student_id, each.first_name, each.last_name, each.grade, each.homeroom, each.building, each.email)
            for device in leaver.devices:
                yield (*student, device.asset_tag, device.model, device.serial_number)
        if len(found) < CHUNK:
            return
        after = found[-1].student
