"""Assigning devices to students and returning them. Each change is one history entry and can be undone while it is the device's last.

This is the only module that changes who has a device. Callers lock the device first, with `devices.lock` or `devices.get`. A job sends
the new holder to Request Tracker afterwards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.text import search_key
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.students import devices, service
from request_tracker_utils.students.errors import (
    ChangeNotFound,
    ChangeNotUndoable,
    DeviceNotAssigned,
    DeviceNotAvailable,
    DeviceNotFound,
    DueDatePast,
    InvalidField,
    NotAssignedToStudent,
    StudentInactive,
    StudentNotFound,
)
from request_tracker_utils.students.grades import grade_label
from request_tracker_utils.students.models import HOLDER_SYNC, Action, Device, DeviceLog, DeviceStatus, RepairTicket, Student, TicketState

MAX_BATCH_SIZE = 1_000
"""Assignments in one request."""
MAX_NOTE_LENGTH = 2_000
STATUS_LABELS = {
    DeviceStatus.AVAILABLE: gettext_noop("available"),
    DeviceStatus.CHECKED_OUT: gettext_noop("assigned"),
    DeviceStatus.MAINTENANCE: gettext_noop("in maintenance"),
    DeviceStatus.RETIRED: gettext_noop("retired"),
}


@dataclass(frozen=True)
class Assignment:
    """One row of a batch."""

    student_id: str
    asset_tag: str
    notes: str = ""


@dataclass(frozen=True)
class AssignmentResult:
    """`error` says why the assignment failed; None if it succeeded."""

    assignment: Assignment
    error: AppError | None = None


def assign(
    session: Session,
    device: Device,
    student: Student,
    *,
    actor: Actor,
    now: datetime,
    notes: str = "",
    due: date | None = None,
    accessories: Sequence[str] = (),
    origin: str | None = None,
) -> DeviceLog:
    """Assigns the device to the student; `due` is the due date of a loaner. `origin` identifies the source of the change: each occurs once.
    Raises DeviceNotAvailable, StudentInactive, StudentNotFound if the student was deleted concurrently."""
    if device.status != DeviceStatus.AVAILABLE:
        reason = unavailable_reason(session, device)
        fields = {"asset_tag": device.asset_tag, "device_status": device.status, "held_by": device.current_student_id}
        raise DeviceNotAvailable("Device is not available", reason=reason, **fields)
    student = _locked(session, student)
    if not student.is_active:
        raise StudentInactive("Student is not active", reason=inactive_reason(student))
    before = _snapshot(device)
    _set_student(device, student, now=now, due=due, accessories=accessories)
    details: dict[str, Any] = {"accessories": list(accessories), "origin": origin}
    return _record(session, _entry(device, Action.ASSIGNED, student, before, actor=actor, now=now, notes=notes, **details))


def check_due_date(due: date | None, *, today: date, is_allowed: bool) -> None:
    """Raises DueDatePast for a date before today, which is usually a typing error, unless the caller has confirmed it."""
    if due is not None and due < today and not is_allowed:
        message = _("The due date %(date)s is in the past. Correct it, or allow a due date in the past.", date=due.isoformat())
        raise DueDatePast(message, field="due_date")


def assign_batch(
    session: Session, assignments: Sequence[Assignment], new: Mapping[str, Device | AppError], *, actor: Actor, now: datetime
) -> list[AssignmentResult]:
    """Assigns each device to its student, in order; one that fails does not affect the others. All devices are locked first.
    `new` are the assets that are not devices yet, see `Inventory.find_new`: those that were not assigned do not become devices."""
    known: dict[str, Device | AppError] = {**new, **devices.get_many(session, [each.asset_tag for each in assignments], lock=True)}
    created: dict[str, Device] = {}
    for key in sorted(new.keys()):  # in the order of all locks
        known[key], is_new = _try_lock(session, known[key], now=now)
        if is_new:
            created[key] = known[key]  # type: ignore[assignment]
    students = _students_of(session, assignments)
    results = [AssignmentResult(each, _try_assign(session, each, known, students, actor=actor, now=now)) for each in assignments]
    assigned = {search_key(each.assignment.asset_tag) for each in results if each.error is None}
    for key in created.keys() - assigned:
        session.delete(created[key])
    session.flush()
    return results


def return_device(
    session: Session,
    device: Device,
    *,
    actor: Actor,
    now: datetime,
    student: Student | None = None,
    notes: str = "",
    condition: str = "",
    returned: Sequence[str] | None = None,
    origin: str | None = None,
) -> DeviceLog:
    """Returns the device from its student, or only from this `student`. A `damaged` device is set to maintenance. `returned` names
    the accessories that were returned; None if they were not checked.

    Raises DeviceNotAssigned, NotAssignedToStudent.
    """
    student_id = device.current_student_id
    if student is not None and student_id != student.student_id:
        reason = _("%(name)s does not have %(tag)s.", name=student.name, tag=device.asset_tag) + " " + unavailable_reason(session, device)
        raise NotAssignedToStudent("Device not found or not assigned to student", reason=reason)
    if student_id is None:
        status = _(STATUS_LABELS[DeviceStatus(device.status)])
        raise DeviceNotAssigned(_("%(tag)s is not assigned to a student: it is %(status)s.", tag=device.asset_tag, status=status))
    holder, before = service.get(session, student_id), _snapshot(device)
    missing = [] if returned is None else [each for each in device.accessories if each not in returned]
    device.status = DeviceStatus.MAINTENANCE if condition == "damaged" else DeviceStatus.AVAILABLE
    device.condition = condition or device.condition
    _clear_student(device, now=now)
    details: dict[str, Any] = {"condition": condition, "accessories": list(returned or ()), "missing": missing, "origin": origin}
    return _record(session, _entry(device, Action.RETURNED, holder, before, actor=actor, now=now, notes=notes, **details))


def set_status(session: Session, device: Device, status: str, *, actor: Actor, now: datetime, notes: str = "") -> DeviceLog | None:
    """Sets the status of an unassigned device; None if it has this status. Raises DeviceAssigned, InvalidField."""
    if status == device.status:
        return None
    if status not in list(DeviceStatus) or status == DeviceStatus.CHECKED_OUT:
        message = _("The status can be available, maintenance or retired. To assign the device, check it in to a student.")
        raise InvalidField(message, field="status")
    devices.require_unassigned(device)
    before, action = _snapshot(device), Action.REPAIR if status == DeviceStatus.AVAILABLE else Action.MAINTENANCE
    device.status, device.updated_at = status, now
    if status == DeviceStatus.AVAILABLE and device.condition == "damaged":
        device.condition = "good"
    return _record(session, _entry(device, action, None, before, actor=actor, now=now, notes=notes))


def override(
    session: Session, device: Device, student: Student | None, *, reason: str, actor: Actor, now: datetime, status: str = ""
) -> DeviceLog:
    """Reassigns the device regardless of its status, its current student and whether the new student is active. Without a student the
    device is unassigned and gets the `status`, available by default. Raises InvalidField without a reason."""
    if not reason.strip():
        raise InvalidField(_("Enter a reason. It is stored in the history."), field="reason")
    status = status or DeviceStatus.AVAILABLE
    if student is None and (status not in list(DeviceStatus) or status == DeviceStatus.CHECKED_OUT):
        raise InvalidField(_("Without a student the status must be available, maintenance or retired."), field="status")
    before, former = _snapshot(device), device.current_student_id
    if student is None:
        device.status = status
        _clear_student(device, now=now)
    else:
        _set_student(device, _locked(session, student), now=now, due=None, accessories=[])
    subject = student or (service.find(session, former) if former else None)
    previous = former or _(STATUS_LABELS[DeviceStatus(before["status"])])
    notes = _("%(reason)s (before: %(previous)s)", reason=reason.strip(), previous=previous)
    return _record(session, _entry(device, Action.OVERRIDE, subject, before, actor=actor, now=now, notes=notes))


def undo(session: Session, log_id: int, *, actor: Actor, now: datetime, origin: str | None = None) -> DeviceLog:
    """Restores the device to its state before the change, which must be its last one. Raises ChangeNotFound, ChangeNotUndoable."""
    log = session.get(DeviceLog, log_id)
    if log is None:
        raise ChangeNotFound(_("Change %(id)s does not exist. Reload the page.", id=log_id))
    device = devices.get(session, log.asset_tag, lock=True)
    last = devices.device_history(session, device.asset_tag, limit=1)
    if log.before is None or not last or last[0].id != log.id:
        message = _("%(tag)s has changed since then. Open the device and change it there.", tag=log.asset_tag)
        raise ChangeNotUndoable(message)
    target, current = log.before, _snapshot(device)
    student = _locked(session, service.get(session, target["student_id"])) if target["student_id"] else None
    former = device.current_student_id
    _restore(device, target, now=now)
    subject = student or (service.find(session, former) if former else None)
    session.execute(delete(RepairTicket).where(RepairTicket.log_id == log.id, RepairTicket.state == TicketState.PENDING))
    details: dict[str, Any] = {"notes": _("Undone"), "undoes_id": log.id, "origin": origin}
    try:
        with session.begin_nested():
            return _record(session, _entry(device, _action_between(current, target), subject, current, actor=actor, now=now, **details))
    except IntegrityError:
        raise ChangeNotUndoable(_("This change of %(tag)s was already undone.", tag=log.asset_tag)) from None


def undo_many(session: Session, log_ids: Sequence[int], *, actor: Actor, now: datetime, notes: str) -> None:
    """Undoes changes of which each is the last of its device. The caller has locked the devices and knows that nothing changed since."""
    for begin in range(0, len(log_ids), service.CHUNK):
        logs = session.scalars(
            select(DeviceLog).where(DeviceLog.id.in_(log_ids[begin : begin + service.CHUNK])).order_by(DeviceLog.id)
        ).all()
        changed = devices.get_many(session, [log.asset_tag for log in logs], lock=True)
        concerned = {device.current_student_id for device in changed.values()} | {log.before["student_id"] for log in logs if log.before}
        students = service.get_many(session, filter(None, concerned))
        for log in logs:
            device = changed[search_key(log.asset_tag)]
            if log.before is None:
                raise ChangeNotUndoable(_("%(tag)s has changed since then. Open the device and change it there.", tag=log.asset_tag))
            current, former = _snapshot(device), device.current_student_id
            _restore(device, log.before, now=now)
            student = students.get(device.current_student_id or former or "")
            action = _action_between(current, log.before)
            session.add(_entry(device, action, student, current, actor=actor, now=now, notes=notes, undoes_id=log.id))
        session.flush()


def unavailable_reason(session: Session, device: Device) -> str:
    """Why the device cannot be assigned, and what to do."""
    tag = device.asset_tag
    if device.current_student_id is not None:
        student = service.find(session, device.current_student_id)
        if student is None:
            return _("%(tag)s is assigned to %(number)s. Return it first.", tag=tag, number=device.current_student_id)
        values = {"tag": tag, "name": student.name, "number": student.student_id, "grade": grade_label(student.grade)}
        return _("%(tag)s is assigned to %(name)s (%(number)s, %(grade)s). Return it first.", **values)
    if device.status == DeviceStatus.MAINTENANCE:
        return _("%(tag)s is in maintenance. Set it to available after the repair.", tag=tag)
    if device.status == DeviceStatus.RETIRED:
        return _("%(tag)s is retired. Set it to available to use it again.", tag=tag)
    return _("%(tag)s is not assigned to a student.", tag=tag)


def inactive_reason(student: Student) -> str:
    return _("%(name)s (%(number)s) is inactive. Reactivate the student first.", name=student.name, number=student.student_id)


def _students_of(session: Session, assignments: Sequence[Assignment]) -> dict[str, Student]:
    """Key of the number → student. Numbers in another case are rare and looked up one by one."""
    exact = service.get_many(session, [each.student_id.strip() for each in assignments])
    others = {each.student_id for each in assignments if each.student_id.strip() not in exact}
    found = [*exact.values(), *filter(None, (service.find(session, student_id) for student_id in others))]
    return {student.id_key: student for student in found}


def _try_lock(session: Session, found: Device | AppError, *, now: datetime) -> tuple[Device | AppError, bool]:
    """The locked device, or why there is none, and whether its row was created."""
    if isinstance(found, AppError):
        return found, False
    try:
        with session.begin_nested():
            return devices.lock_or_create(session, found, now=now)
    except DeviceNotFound as error:
        return error, False


def _try_assign(
    session: Session, each: Assignment, known: Mapping[str, Device | AppError], students: dict[str, Student], *, actor: Actor, now: datetime
) -> AppError | None:
    student, device = students.get(search_key(each.student_id)), known.get(search_key(each.asset_tag))
    if not each.asset_tag.strip():
        return InvalidField("asset_tag is required", field="asset_tag")
    if student is None:
        return StudentNotFound("Student not found", reason=_("No student has the number %(number)s.", number=each.student_id[:60]))
    if device is None:
        return DeviceNotFound("Device not found", reason=_("No device has the tag %(tag)s.", tag=each.asset_tag[:60]))
    if isinstance(device, AppError):
        return device
    try:
        with session.begin_nested():
            assign(session, device, student, actor=actor, now=now, notes=each.notes)
    except AppError as error:
        return error
    return None


def _locked(session: Session, student: Student) -> Student:
    """The student's current row, protected from deletion until the transaction ends. Raises StudentNotFound."""
    query = select(Student).where(Student.id == student.id).execution_options(populate_existing=True)
    locked = session.scalar(query.with_for_update(read=True, key_share=True))
    if locked is None:
        raise StudentNotFound("Student not found", reason=_("Student %(number)s was deleted.", number=student.student_id))
    return locked


def _set_student(device: Device, student: Student, *, now: datetime, due: date | None, accessories: Sequence[str]) -> None:
    device.status, device.current_student_id = DeviceStatus.CHECKED_OUT, student.student_id
    device.assigned_at, device.due_date, device.accessories = now, due, list(accessories)
    _schedule_sync(device, now=now)


def _clear_student(device: Device, *, now: datetime) -> None:
    device.current_student_id, device.assigned_at, device.due_date, device.accessories = None, None, None, []
    _schedule_sync(device, now=now)


def _schedule_sync(device: Device, *, now: datetime) -> None:
    """Queues the device for the job that sends holders to Request Tracker."""
    device.updated_at = now
    HOLDER_SYNC.mark_due(device, now=now)


def _snapshot(device: Device) -> dict[str, Any]:
    return {
        "status": device.status,
        "student_id": device.current_student_id,
        "condition": device.condition,
        "accessories": list(device.accessories),
        "assigned_at": device.assigned_at.isoformat() if device.assigned_at else None,
        "due_date": device.due_date.isoformat() if device.due_date else None,
    }


def _restore(device: Device, snapshot: dict[str, Any], *, now: datetime) -> None:
    device.status, device.current_student_id = snapshot["status"], snapshot["student_id"]
    device.condition, device.accessories = snapshot["condition"], snapshot["accessories"]
    device.assigned_at = datetime.fromisoformat(snapshot["assigned_at"]) if snapshot["assigned_at"] else None
    device.due_date = date.fromisoformat(snapshot["due_date"]) if snapshot["due_date"] else None
    _schedule_sync(device, now=now)


def _action_between(current: dict[str, Any], target: dict[str, Any]) -> Action:
    """The action that leads from one state to the other."""
    if current["student_id"] and target["student_id"]:
        return Action.OVERRIDE
    if target["student_id"]:
        return Action.ASSIGNED
    if current["student_id"]:
        return Action.RETURNED
    return Action.REPAIR if target["status"] == DeviceStatus.AVAILABLE else Action.MAINTENANCE


def _record(session: Session, entry: DeviceLog) -> DeviceLog:
    session.add(entry)
    session.flush()  # assigns the id, by which the change is undone
    return entry


def _entry(
    device: Device,
    action: Action,
    student: Student | None,
    before: dict[str, Any],
    *,
    actor: Actor,
    now: datetime,
    notes: str = "",
    **details: Any,
) -> DeviceLog:
    return DeviceLog(
        asset_tag=device.asset_tag,
        student_id=student.student_id if student else None,
        student_name=student.name if student else "",
        action=action,
        status=device.status,
        timestamp=now,
        notes=notes.strip()[:MAX_NOTE_LENGTH],
        actor=actor.name[:100],
        before=before,
        **details,
    )
