"""Giving devices to students and taking them back. Each change is one row of the record, and can be taken back while it is the last.

Whoever calls has locked the device (`devices.get(…, lock=True)`); the directory is told afterwards, by a job.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.students import devices, service
from request_tracker_utils.students.errors import (
    ChangeNotFound,
    ChangeNotUndoable,
    DeviceHeld,
    DeviceNotAvailable,
    FieldUnfit,
    NotHeld,
    NotWithStudent,
    StudentInactive,
    StudentNotFound,
)
from request_tracker_utils.students.grades import spoken
from request_tracker_utils.students.models import HOLDER_SYNC, Action, Device, DeviceLog, DeviceStatus, RepairTicket, Student, TicketState

LONGEST_NOTE = 2_000
IN_WORDS = {
    DeviceStatus.AVAILABLE: "available",
    DeviceStatus.CHECKED_OUT: "assigned",
    DeviceStatus.MAINTENANCE: "in maintenance",
    DeviceStatus.RETIRED: "retired",
}


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
    """Gives the device to the student; `due` is the day by which a loaner is to be back; `origin` says where the change comes from, and
    each comes once. Raises DeviceNotAvailable, StudentInactive, StudentNotFound for one who was deleted a moment ago."""
    if device.status != DeviceStatus.AVAILABLE:
        reason = why_unavailable(session, device)
        known = {"asset_tag": device.asset_tag, "device_status": device.status, "held_by": device.current_student_id}
        raise DeviceNotAvailable("Device is not available", reason=reason, **known)
    student = _kept(session, student)
    if not student.is_active:
        raise StudentInactive(
            "Student is not active", reason=f"{student.name} ({student.student_id}) has left. Make the student active first."
        )
    before = _snapshot(device)
    _give(device, student, now=now, due=due, accessories=accessories)
    more: dict[str, Any] = {"accessories": list(accessories), "origin": origin}
    return _log(session, device, Action.CHECK_IN, student, before, actor=actor, now=now, notes=notes, **more)


def take_back(
    session: Session,
    device: Device,
    *,
    actor: Actor,
    now: datetime,
    of: Student | None = None,
    notes: str = "",
    condition: str = "",
    returned: Sequence[str] | None = None,
    origin: str | None = None,
) -> DeviceLog:
    """Takes the device from whoever has it, or from this student alone. A `damaged` one goes into maintenance. `returned` names the
    accessories that came back; None where nobody looked.

    Raises NotHeld, NotWithStudent.
    """
    holder_id = device.current_student_id
    if of is not None and holder_id != of.student_id:
        reason = f"{of.name} does not have {device.asset_tag}. {why_unavailable(session, device)}"
        raise NotWithStudent("Device not found or not assigned to student", reason=reason)
    if holder_id is None:
        raise NotHeld(f"Nobody has {device.asset_tag}: it is {IN_WORDS[DeviceStatus(device.status)]}.")
    holder, before = service.get(session, holder_id), _snapshot(device)
    missing = [] if returned is None else [each for each in device.accessories if each not in returned]
    device.status = DeviceStatus.MAINTENANCE if condition == "damaged" else DeviceStatus.AVAILABLE
    device.condition = condition or device.condition
    _free(device, now=now)
    more: dict[str, Any] = {"condition": condition, "accessories": list(returned or ()), "missing": missing, "origin": origin}
    return _log(session, device, Action.CHECK_OUT, holder, before, actor=actor, now=now, notes=notes, **more)


def set_status(session: Session, device: Device, status: str, *, actor: Actor, now: datetime, notes: str = "") -> DeviceLog | None:
    """Takes a device that nobody has out of service or back into it; None where it is so already. Raises DeviceHeld, FieldUnfit."""
    if status == device.status:
        return None
    if status not in list(DeviceStatus) or status == DeviceStatus.CHECKED_OUT:
        raise FieldUnfit("The status can be set to available, maintenance or retired. To give a device out, check it in.", field="status")
    if device.current_student_id is not None:
        raise DeviceHeld(f"Student {device.current_student_id} has {device.asset_tag}. Take it back first.")
    before, action = _snapshot(device), Action.REPAIR if status == DeviceStatus.AVAILABLE else Action.MAINTENANCE
    device.status, device.updated_at = status, now
    if status == DeviceStatus.AVAILABLE and device.condition == "damaged":
        device.condition = "good"
    return _log(session, device, action, None, before, actor=actor, now=now, notes=notes)


def override(
    session: Session, device: Device, student: Student | None, *, reason: str, actor: Actor, now: datetime, status: str = ""
) -> DeviceLog:
    """Sets who has the device, in spite of a holder, a status or a student who has left. Without a student it is nobody's, and has the
    `status` (available unless said otherwise). Raises FieldUnfit without a reason."""
    if not reason.strip():
        raise FieldUnfit("Say why: the record keeps the reason.", field="reason")
    status = status or DeviceStatus.AVAILABLE
    if student is None and (status not in list(DeviceStatus) or status == DeviceStatus.CHECKED_OUT):
        raise FieldUnfit("Without a student the status is available, maintenance or retired.", field="status")
    before, former = _snapshot(device), device.current_student_id
    if student is None:
        device.status = status
        _free(device, now=now)
    else:
        _give(device, _kept(session, student), now=now, due=None, accessories=[])
    who = student or (service.find(session, former) if former else None)
    said = f"{reason.strip()} (before: {former or IN_WORDS[DeviceStatus(before['status'])]})"
    return _log(session, device, Action.OVERRIDE, who, before, actor=actor, now=now, notes=said)


def undo(session: Session, log_id: int, *, actor: Actor, now: datetime, origin: str | None = None) -> DeviceLog:
    """Makes the device what it was before the change, which must be its last one. Raises ChangeNotFound, ChangeNotUndoable."""
    log = session.get(DeviceLog, log_id)
    if log is None:
        raise ChangeNotFound(f"There is no change {log_id}.")
    device = devices.get(session, log.asset_tag, lock=True)
    last = last_change(session, device.asset_tag)
    if log.before is None or last is None or last.id != log.id:
        raise ChangeNotUndoable(f"{log.asset_tag} has changed since. Look at its record, and change it from there.")
    was, current = log.before, _snapshot(device)
    student = _kept(session, service.get(session, was["student_id"])) if was["student_id"] else None
    held_by = device.current_student_id
    _restore(device, was, now=now)
    who = student or (service.find(session, held_by) if held_by else None)
    session.execute(delete(RepairTicket).where(RepairTicket.log_id == log.id, RepairTicket.state == TicketState.DUE))
    try:
        with session.begin_nested():
            more: dict[str, Any] = {"notes": "Taken back", "undoes": log.id, "origin": origin}
            return _log(session, device, _action_from(current, was), who, current, actor=actor, now=now, **more)
    except IntegrityError:
        raise ChangeNotUndoable(f"This change of {log.asset_tag} was taken back already.") from None


def last_change(session: Session, asset_tag: str) -> DeviceLog | None:
    newest = select(DeviceLog).where(DeviceLog.asset_tag == asset_tag).order_by(DeviceLog.timestamp.desc(), DeviceLog.id.desc())
    return session.scalar(newest.limit(1))


def why_unavailable(session: Session, device: Device) -> str:
    """A sentence on who has the device, or what keeps it from being given out, and what to do."""
    if device.current_student_id is not None:
        holder = service.find(session, device.current_student_id)
        who = f"{holder.name} ({holder.student_id}, {spoken(holder.grade)})" if holder else device.current_student_id
        return f"{device.asset_tag} is with {who}. Return it first."
    words = {
        DeviceStatus.MAINTENANCE: f"{device.asset_tag} is in maintenance. Set it to available once it is mended.",
        DeviceStatus.RETIRED: f"{device.asset_tag} is retired. Set it to available if it is in use again.",
    }
    return words.get(DeviceStatus(device.status), f"{device.asset_tag} is with nobody.")


def _kept(session: Session, student: Student) -> Student:
    """The student as of now, and kept from being deleted until the transaction ends. Raises StudentNotFound."""
    query = select(Student).where(Student.id == student.id).execution_options(populate_existing=True)
    kept = session.scalar(query.with_for_update(read=True, key_share=True))
    if kept is None:
        raise StudentNotFound("Student not found", reason=f"{student.student_id} was deleted a moment ago.")
    return kept


def _give(device: Device, student: Student, *, now: datetime, due: date | None, accessories: Sequence[str]) -> None:
    device.status, device.current_student_id = DeviceStatus.CHECKED_OUT, student.student_id
    device.assigned_at, device.due_date, device.accessories = now, due, list(accessories)
    _changed(device, now=now)


def _free(device: Device, *, now: datetime) -> None:
    device.current_student_id, device.assigned_at, device.due_date, device.accessories = None, None, None, []
    _changed(device, now=now)


def _changed(device: Device, *, now: datetime) -> None:
    """A job tells the directory."""
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


def _restore(device: Device, was: dict[str, Any], *, now: datetime) -> None:
    device.status, device.current_student_id = was["status"], was["student_id"]
    device.condition, device.accessories = was["condition"], was["accessories"]
    device.assigned_at = datetime.fromisoformat(was["assigned_at"]) if was["assigned_at"] else None
    device.due_date = date.fromisoformat(was["due_date"]) if was["due_date"] else None
    _changed(device, now=now)


def _action_from(current: dict[str, Any], was: dict[str, Any]) -> Action:
    """What it is to go from one state to the other."""
    if current["student_id"] and was["student_id"]:
        return Action.OVERRIDE
    if was["student_id"]:
        return Action.CHECK_IN
    if current["student_id"]:
        return Action.CHECK_OUT
    return Action.REPAIR if was["status"] == DeviceStatus.AVAILABLE else Action.MAINTENANCE


def _log(
    session: Session,
    device: Device,
    action: Action,
    student: Student | None,
    before: dict[str, Any],
    *,
    actor: Actor,
    now: datetime,
    notes: str = "",
    undoes: int | None = None,
    **more: Any,
) -> DeviceLog:
    log = DeviceLog(
        asset_tag=device.asset_tag,
        student_id=student.student_id if student else None,
        student_name=student.name if student else "",
        action=action,
        status=device.status,
        timestamp=now,
        notes=notes.strip()[:LONGEST_NOTE],
        actor=actor.name[:100],
        before=before,
        undoes_id=undoes,
        **more,
    )
    session.add(log)
    session.flush()  # its number, by which it is taken back
    return log
