"""Students: entered, changed, found by their number, and deleted once they have nothing any more."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.students.errors import FieldUnfit, StudentExists, StudentHoldsDevice, StudentNotFound
from request_tracker_utils.students.models import HOLDER_SYNC, Device, Student
from request_tracker_utils.students.rules import student_fields
from request_tracker_utils.students.search_keys import key

NEEDED = {"student_id": "", "first_name": "", "last_name": "", "grade": None}
"""What a new student has, so that the rules complain of what is missing."""


def get(session: Session, student_id: str) -> Student:
    """By the number, whatever its capitals. Raises StudentNotFound."""
    student = find(session, student_id)
    if student is None:
        raise StudentNotFound("Student not found", reason=f"No student has the number {student_id[:60]}. Check it, or enter the student.")
    return student


def find(session: Session, student_id: str) -> Student | None:
    return session.scalar(select(Student).where(Student.id_key == key(student_id)))


def locked(session: Session, student_id: str) -> Student:
    """The same, kept from being changed by others until the transaction ends. Raises StudentNotFound."""
    get(session, student_id)
    return session.scalars(select(Student).where(Student.id_key == key(student_id)).with_for_update()).one()


def of_ids(session: Session, student_ids: Iterable[str]) -> dict[str, Student]:
    """Number → student, of those that exist; up to some thousands at once."""
    wanted = list(set(student_ids))
    found: dict[str, Student] = {}
    for begin in range(0, len(wanted), 500):
        chunk = select(Student).where(Student.student_id.in_(wanted[begin : begin + 500]))
        found |= {student.student_id: student for student in session.scalars(chunk)}
    return found


def create(session: Session, values: Mapping[str, Any], *, now: datetime) -> Student:
    """Raises FieldUnfit, StudentExists."""
    columns = student_fields({**NEEDED, **values})
    twin = session.scalar(select(Student).where(Student.id_key == columns["id_key"]))
    if twin is None:
        student = Student(**columns, created_at=now, updated_at=now)
        try:
            with session.begin_nested():
                session.add(student)
        except IntegrityError:  # somebody entered the same student a moment ago
            twin = get(session, columns["student_id"])
        else:
            return student
    raise StudentExists(f"Student {twin.student_id} exists already: {twin.name}.", field="student_id", student_id=twin.student_id)


def change(session: Session, student: Student, values: Mapping[str, Any], *, now: datetime) -> Student:
    """Sets the fields that are given. Raises FieldUnfit, also for a number that is to become another: records name it."""
    columns = student_fields(values)
    if columns.pop("id_key", student.id_key) != student.id_key:
        raise FieldUnfit("The number of a student stays. Enter a new student, and delete this one.", field="student_id")
    columns.pop("student_id", None)
    if "active" in values:
        columns["is_active"] = bool(values["active"])
    if columns.get("grade", student.grade) != student.grade:
        columns |= {"school_year_id": None, "grade_before": None}
    for column, value in columns.items():
        setattr(student, column, value)
    student.updated_at = now
    if columns.keys() & {"rt_user", "email"}:
        sync_holder_again(session, student, now=now)
    return student


def sync_holder_again(session: Session, student: Student, *, now: datetime) -> None:
    """Has the directory told once more who has the student's devices: it knows the student under another name now."""
    for device in devices_of(session, student.student_id):
        HOLDER_SYNC.mark_due(device, now=now)


def sync_holders_of(session: Session, id_keys: Sequence[str], *, now: datetime) -> None:
    """The same for many students at once, by their keys. Their devices are locked in the order in which everybody locks several."""
    for begin in range(0, len(id_keys), 500):
        numbers = select(Student.student_id).where(Student.id_key.in_(id_keys[begin : begin + 500]))
        held = select(Device.id).where(Device.current_student_id.in_(numbers)).order_by(Device.tag_key).with_for_update()
        ids = session.scalars(held).all()
        HOLDER_SYNC.mark_all_due(session, Device.id.in_(ids), now=now)


def delete(session: Session, student: Student) -> None:
    """The record keeps the name. Raises StudentHoldsDevice."""
    if student.device_count:
        tags = ", ".join(device.asset_tag for device in devices_of(session, student.student_id))
        raise StudentHoldsDevice(f"{student.name} still has {tags}. Take it back first.", student_id=student.student_id)
    session.delete(student)
    session.flush()  # so that a device given out in this moment is met here


def devices_of(session: Session, student_id: str) -> list[Device]:
    """What the student has, by tag."""
    return list(session.scalars(select(Device).where(Device.current_student_id == student_id).order_by(Device.tag_key)))
