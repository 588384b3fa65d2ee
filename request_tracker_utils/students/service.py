"""Students: create, change, find by number, and delete if they have no devices."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.core.text import search_key
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.students.errors import InvalidField, StudentExists, StudentHasDevices, StudentNotFound
from request_tracker_utils.students.fields import student_fields
from request_tracker_utils.students.models import HOLDER_SYNC, Device, Student
from request_tracker_utils.students.visibility import Visibility

CHUNK = 500
"""Values in one IN condition."""
_REQUIRED = {"student_id": "", "first_name": "", "last_name": "", "grade": None}
"""Defaults of a new student, so that validation reports the missing fields."""


def get(session: Session, student_id: str, *, lock: bool = False) -> Student:
    """By number, in any case; `lock` locks the row until the transaction ends. Raises StudentNotFound."""
    query = select(Student).where(Student.id_key == search_key(student_id))
    student = session.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)
    if student is None:
        raise _not_found(student_id)
    return student


def find(session: Session, student_id: str) -> Student | None:
    return session.scalar(select(Student).where(Student.id_key == search_key(student_id)))


def find_visible(session: Session, student_id: str, sees: Visibility) -> Student | None:
    """The student with this number, if the caller may see them. One query, so that a student who may not be seen is like none."""
    return session.scalar(select(Student).where(Student.id_key == search_key(student_id), *sees.conditions()))


def get_visible(session: Session, student_id: str, sees: Visibility) -> Student:
    """Raises StudentNotFound, for a student who may not be seen as for none."""
    student = find_visible(session, student_id, sees)
    if student is None:
        raise _not_found(student_id)
    return student


def get_many(session: Session, student_ids: Iterable[str]) -> dict[str, Student]:
    """Number → student, for existing students, by exact number."""
    numbers = list(set(student_ids))
    found: dict[str, Student] = {}
    for begin in range(0, len(numbers), CHUNK):
        chunk = select(Student).where(Student.student_id.in_(numbers[begin : begin + CHUNK]))
        found |= {student.student_id: student for student in session.scalars(chunk)}
    return found


def create(session: Session, values: Mapping[str, Any], *, now: datetime) -> Student:
    """Raises InvalidField, StudentExists."""
    columns = student_fields({**_REQUIRED, **values})
    existing = session.scalar(select(Student).where(Student.id_key == columns["id_key"]))
    if existing is None:
        student = Student(**columns, created_at=now, updated_at=now)
        try:
            with session.begin_nested():
                session.add(student)
        except IntegrityError:  # another transaction added the same number
            existing = get(session, columns["student_id"])
        else:
            return student
    raise StudentExists(
        _("Student %(number)s already exists: %(name)s.", number=existing.student_id, name=existing.name),
        field="student_id",
        student_id=existing.student_id,
    )


def change(session: Session, student: Student, values: Mapping[str, Any], *, now: datetime) -> Student:
    """Updates these fields. Raises InvalidField, also for a different number, since history entries refer to it."""
    columns = student_fields(values)
    if columns.pop("id_key", student.id_key) != student.id_key:
        raise InvalidField(_("A student’s number cannot be changed. Add a new student and delete this one."), field="student_id")
    columns.pop("student_id", None)
    if "active" in values:
        columns["is_active"] = bool(values["active"])
    if columns.get("grade", student.grade) != student.grade:
        columns |= {"school_year_id": None, "grade_before": None}
    for column, value in columns.items():
        setattr(student, column, value)
    student.updated_at = now
    if columns.keys() & {"rt_user", "email"}:
        resync_student(session, student, now=now)
    return student


def delete(session: Session, student: Student) -> None:
    """History entries still show the name. Raises StudentHasDevices."""
    if student.device_count:
        tags = [device.asset_tag for device in devices_of(session, student.student_id)]
        message = ngettext(
            "%(name)s still has %(tags)s. Return it first.",
            "%(name)s still has %(tags)s. Return them first.",
            len(tags),
            name=student.name,
            tags=", ".join(tags),
        )
        raise StudentHasDevices(message, student_id=student.student_id)
    session.delete(student)
    session.flush()  # fails here if a device was assigned concurrently


def devices_of(session: Session, student_id: str) -> list[Device]:
    """The student's devices by tag."""
    return list(session.scalars(select(Device).where(Device.current_student_id == student_id).order_by(Device.tag_key)))


def rt_username(student: Student, rule: str) -> str:
    """The student's user in Request Tracker: the stored one, or one built by the rule (RT_STUDENT_USER). Empty if the rule needs an
    email address that the student does not have."""
    if student.rt_user:
        return student.rt_user
    if "{email}" in rule and not student.email:
        return ""
    return rule.replace("{student_id}", student.student_id).replace("{email}", student.email)


def resync_student(session: Session, student: Student, *, now: datetime) -> None:
    """Sends the holders of the student's devices to Request Tracker again, after the student's user changed."""
    for device in devices_of(session, student.student_id):
        HOLDER_SYNC.mark_due(device, now=now)


def resync_students(session: Session, id_keys: Sequence[str], *, now: datetime) -> None:
    """The same for many students, by their keys. Devices are locked in key order, as in all transactions."""
    for begin in range(0, len(id_keys), CHUNK):
        numbers = select(Student.student_id).where(Student.id_key.in_(id_keys[begin : begin + CHUNK]))
        locked = select(Device.id).where(Device.current_student_id.in_(numbers)).order_by(Device.tag_key).with_for_update()
        ids = session.scalars(locked).all()
        HOLDER_SYNC.mark_all_due(session, Device.id.in_(ids), now=now)


def _not_found(student_id: str) -> StudentNotFound:
    reason = _("No student has the number %(number)s. Check the number, or add the student.", number=student_id[:60])
    return StudentNotFound("Student not found", reason=reason)
