"""Which students a caller may see. Every query of students for a caller, and whatever shows a student's name or number, is limited here.

A student who may not be seen does not exist for the caller: not in lists, counts, searches, scans and histories, and by number the answer
is the same 404. Devices are visible to all who may read devices, but without a student who may not be seen.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import false, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.keyset import Condition
from request_tracker_utils.students.models import IS_AT_SCHOOL, Device, DeviceLog, Student
from request_tracker_utils.students.permissions import StudentPermission


@dataclass(frozen=True)
class Visibility(ABC):
    """The students that a caller may see, as conditions of a query. If it `is_complete`, students who left school and notes are visible
    too."""

    is_complete, is_empty = False, False
    school = homeroom = ""

    @abstractmethod
    def conditions(self) -> list[Condition]: ...


@dataclass(frozen=True)
class Everybody(Visibility):
    """For staff, administrators, jobs and commands."""

    is_complete = True

    def conditions(self) -> list[Condition]:
        return []


@dataclass(frozen=True)
class Nobody(Visibility):
    is_empty = True
    missing: str = ""
    """What a teacher's account lacks, `school` or `homeroom`; empty if nothing would help."""

    def conditions(self) -> list[Condition]:
        return [false()]


@dataclass(frozen=True)
class ActiveStudents(Visibility):
    """All who are at school."""

    def conditions(self) -> list[Condition]:
        return [Student.is_active]  # type: ignore[list-item]


@dataclass(frozen=True)
class AtSchool(Visibility):
    """The active students of a school; with a homeroom, those of this homeroom there."""

    school: str
    homeroom: str = ""

    def conditions(self) -> list[Condition]:
        of_homeroom = [Student.homeroom == self.homeroom] if self.homeroom else []
        return [IS_AT_SCHOOL, Student.building == self.school, *of_homeroom]  # type: ignore[list-item]


@dataclass(frozen=True)
class OwnRecord(Visibility):
    """The student to whom the account belongs, also after leaving school."""

    student_row_id: int

    def conditions(self) -> list[Condition]:
        return [Student.id == self.student_row_id]


EVERYBODY, NOBODY = Everybody(), Nobody()


def visibility_of(actor: Actor, teachers_see: str) -> Visibility:
    """`teachers_see` is the setting TEACHERS_SEE. Callers with neither a school nor a student see nobody."""
    if actor.may(StudentPermission.READ_ALL):
        return EVERYBODY
    if actor.may(StudentPermission.READ):
        return _of_teacher(actor, teachers_see)
    if actor.may(StudentPermission.OWN) and actor.student_id is not None:
        return OwnRecord(actor.student_id)
    return NOBODY


def visible_students(session: Session, numbers: Iterable[str | None], sees: Visibility) -> dict[str, Student]:
    """Number → student, of those that the caller may see, for a page of devices or history entries."""
    wanted = {number for number in numbers if number}
    query = select(Student).where(Student.student_id.in_(wanted), *sees.conditions())
    return {student.student_id: student for student in session.scalars(query)} if wanted else {}


def shown_devices(session: Session, devices: Sequence[Device], sees: Visibility) -> list[Device]:
    """The devices as the caller may see them: copies without a row's student who may not be seen, and without problems of the sync, which
    name users."""
    if sees.is_complete:
        return list(devices)
    visible = visible_students(session, [device.current_student_id for device in devices], sees)
    return [_without_student(each) if each.current_student_id not in visible else _copy(each, {"rt_problem": None}) for each in devices]


def shown_logs(session: Session, logs: Sequence[DeviceLog], sees: Visibility) -> list[DeviceLog]:
    """The entries as the caller may see them: copies without notes, and without a student who may not be seen or who was deleted."""
    if sees.is_complete:
        return list(logs)
    visible = visible_students(session, [log.student_id for log in logs], sees)
    return [_without_notes(log, is_visible=log.student_id in visible) for log in logs]


def _of_teacher(actor: Actor, teachers_see: str) -> Visibility:
    if teachers_see == "all":
        return ActiveStudents()
    if teachers_see == "school" and actor.school:
        return AtSchool(actor.school)
    if teachers_see == "homeroom" and actor.school and actor.homeroom:
        return AtSchool(actor.school, actor.homeroom)
    return Nobody(missing=teachers_see if teachers_see in ("school", "homeroom") else "")


def _without_student(device: Device) -> Device:
    return _copy(device, {"current_student_id": None, "rt_problem": None})


def _copy(device: Device, changed: dict[str, None]) -> Device:
    """Outside of the session, so that nothing is written."""
    return Device(**{column.key: getattr(device, column.key) for column in Device.__mapper__.column_attrs} | changed)


def _without_notes(log: DeviceLog, *, is_visible: bool) -> DeviceLog:
    values = {column.key: getattr(log, column.key) for column in DeviceLog.__mapper__.column_attrs}
    values |= {"notes": "", "before": {"accessories": (log.before or {}).get("accessories", [])}}
    return DeviceLog(**values | ({} if is_visible else {"student_id": None, "student_name": ""}))
