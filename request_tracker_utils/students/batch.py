"""Many devices given out in one request: one transaction, and each operation stands or falls by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.students import assignments, devices, service
from request_tracker_utils.students.errors import DeviceNotFound, FieldUnfit, StudentNotFound
from request_tracker_utils.students.models import Device, Student
from request_tracker_utils.students.search_keys import key

MOST = 1_000
"""Operations of one request."""


@dataclass(frozen=True)
class Operation:
    student_id: str
    asset_tag: str
    notes: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of an operation; `error` is why it failed."""

    operation: Operation
    error: AppError | None = None


def check_in(session: Session, operations: Sequence[Operation], *, actor: Actor, now: datetime) -> list[Outcome]:
    """Gives each device to its student, in the order of the list. All devices are locked first."""
    known = devices.of_tags(session, [each.asset_tag for each in operations], lock=True)
    people = {student.id_key: student for student in _students(session, operations)}
    return [Outcome(each, _one(session, each, known, people, actor=actor, now=now)) for each in operations]


def _students(session: Session, operations: Sequence[Operation]) -> list[Student]:
    exact = service.of_ids(session, [each.student_id.strip() for each in operations])
    others = {each.student_id for each in operations if each.student_id.strip() not in exact}
    return [*exact.values(), *filter(None, (service.find(session, student_id) for student_id in others))]


def _one(
    session: Session, operation: Operation, known: dict[str, Device], people: dict[str, Student], *, actor: Actor, now: datetime
) -> AppError | None:
    try:
        student, device = people.get(key(operation.student_id)), known.get(key(operation.asset_tag))
        if not operation.asset_tag.strip():
            raise FieldUnfit("asset_tag is required", field="asset_tag")
        if student is None:
            raise StudentNotFound("Student not found", reason=f"No student has the number {operation.student_id[:60]}.")
        if device is None:
            raise DeviceNotFound("Device not found", reason=f"No device has the tag {operation.asset_tag[:60]}.")
        with session.begin_nested():
            assignments.assign(session, device, student, actor=actor, now=now, notes=operation.notes)
    except AppError as error:
        return error
    return None
