"""The scan station: a scan is resolved without a lock and then processed in one short transaction.

The page gives each scan an id, which is stored with the change. If a scan is sent again because its answer was lost, it returns the first
result.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import is_over
from request_tracker_utils.core.db import Reading, Transaction
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.students import assignments, devices, scan_codes, service
from request_tracker_utils.students.errors import DuplicateScan, InvalidField, NoStudentSelected, StudentInactive, StudentNotFound
from request_tracker_utils.students.grades import grade_label
from request_tracker_utils.students.models import Action, Device, DeviceLog, DeviceStatus, RepairTicket, Student
from request_tracker_utils.students.scan_codes import ResolvedCode, ScanContext
from request_tracker_utils.students.scan_commands import StationCommand
from request_tracker_utils.students.visibility import Visibility, shown_devices, shown_logs

ORIGIN = "scan:"
"""Prefix of the origin of a scanned change; the scan's id follows."""
INITIAL_CHANGES = 20
"""Changes that a newly opened page gets."""
MAX_CHANGES = 200
OVERLAP = timedelta(seconds=30)
"""Changes younger than this are sent again: of two concurrent transactions the one with the lower id may commit later."""


class ScanResultKind(StrEnum):
    STUDENT = "student"
    """Looked up or selected."""
    DEVICE = "device"
    """Looked up."""
    COMMAND = "card"
    ASSIGNED = "assigned"
    UNCHANGED = "unchanged"
    """The student already has the device."""
    RETURNED = "returned"
    UNDONE = "undone"


@dataclass(frozen=True)
class Scan:
    """`student_id` is the selected student; `accessories` are assigned or returned with the device."""

    scan_id: str
    code: str
    student_id: str = ""
    due: date | None = None
    allow_past_due: bool = False
    accessories: Sequence[str] = ()
    condition: str = ""
    ticket: str | None = None
    """What to repair; None for no ticket."""
    instead_of: int | None = None
    """The return that this one corrects: it is undone first."""


@dataclass(frozen=True)
class StudentWithDevices:
    student: Student
    devices: list[Device]


@dataclass(frozen=True)
class ScanResult:
    """`title` is the tag or name, `message` says what happened, `note` has additional information."""

    kind: ScanResultKind
    title: str
    message: str
    note: str = ""
    student: StudentWithDevices | None = None
    device: Device | None = None
    log: DeviceLog | None = None


def look_up(reading: Reading, code: str, context: ScanContext) -> ScanResult:
    """Raises what `scan_codes.resolve` raises."""
    found = scan_codes.resolve(reading, code, context)
    with reading() as session:
        return _looked_up(session, found, context.sees)


def assign(
    reading: Reading, transaction: Transaction, scan: Scan, context: ScanContext, *, actor: Actor, now: datetime, today: date
) -> ScanResult:
    """A student's code selects the student; a device's code assigns the device to the selected student.

    Raises what `scan_codes.resolve`, `assignments.check_due_date` and `assignments.assign` raise, NoStudentSelected, StudentNotFound,
    DuplicateScan.
    """
    if previous := _read_previous(reading, scan.scan_id):
        return previous
    found = scan_codes.resolve(reading, scan.code, context)
    if found.device is None:
        with reading() as session:
            return _looked_up(session, found, context.sees, selecting=True)
    if not scan.student_id.strip():
        raise NoStudentSelected(_("Scan the student first, then %(tag)s.", tag=found.device.asset_tag), field="student_id")
    with transaction() as session:
        student = service.find(session, scan.student_id)
        if student is None:
            reason = _("Student %(number)s does not exist. Scan the student again.", number=scan.student_id[:60])
            raise StudentNotFound("Student not found", reason=reason, student_stays=False)
        device = devices.lock(session, found.device, now=now)
        if previous := _previous(session, scan.scan_id):
            return previous
        if device.current_student_id == student.student_id:
            message = _("%(name)s already has %(tag)s.", name=student.name, tag=device.asset_tag)
            with_devices = _with_devices(session, student)
            return ScanResult(ScanResultKind.UNCHANGED, device.asset_tag, message, found.note, with_devices, device)
        assignments.check_due_date(scan.due, today=today, is_allowed=scan.allow_past_due)
        origin = ORIGIN + scan.scan_id
        with _once(session):
            log = assignments.assign(
                session, device, student, actor=actor, now=now, due=scan.due, accessories=scan.accessories, origin=origin
            )
        return _result(session, log, note=found.note)


def return_device(
    reading: Reading, transaction: Transaction, scan: Scan, context: ScanContext, *, actor: Actor, now: datetime
) -> ScanResult:
    """Returns the device from its student; a student's code shows the student's devices.

    Raises what `scan_codes.resolve`, `assignments.return_device` and `assignments.undo` raise, DuplicateScan.
    """
    if previous := _read_previous(reading, scan.scan_id):
        return previous
    found = scan_codes.resolve(reading, scan.code, context)
    if found.device is None:
        with reading() as session:
            return _looked_up(session, found, context.sees)
    with transaction() as session:
        device = devices.lock(session, found.device, now=now)
        if previous := _previous(session, scan.scan_id):
            return previous
        if scan.instead_of is not None:
            _undo_return(session, device, scan.instead_of, actor=actor, now=now)
        details = {"condition": scan.condition, "returned": scan.accessories, "origin": ORIGIN + scan.scan_id, "notes": scan.ticket or ""}
        with _once(session):
            log = assignments.return_device(session, device, actor=actor, now=now, **details)  # type: ignore[arg-type]
        if scan.ticket is not None:
            problem = " ".join(scan.ticket.split()) or _("returned damaged")
            name = f"{device.asset_tag} {device.model}".rstrip()
            intro = _("%(name)s (%(number)s) returned %(device)s.", name=log.student_name, number=log.student_id, device=name)
            subject, body = f"{device.asset_tag}: {problem}", f"{intro}\n\n{problem}"
            devices.request_repair_ticket(session, log, device, subject=subject, body=body, actor=actor, now=now)
        return _result(session, log, note=found.note)


def undo(reading: Reading, transaction: Transaction, scan_id: str, log_id: int, *, actor: Actor, now: datetime) -> ScanResult:
    """Raises what `assignments.undo` raises, DuplicateScan."""
    if previous := _read_previous(reading, scan_id):
        return previous
    with transaction() as session, _once(session):
        return _result(session, assignments.undo(session, log_id, actor=actor, now=now, origin=ORIGIN + scan_id))


def student_with_devices(session: Session, student_id: str, sees: Visibility) -> StudentWithDevices | None:
    student = service.find_visible(session, student_id, sees) if student_id.strip() else None
    return _with_devices(session, student) if student else None


def recent_changes(session: Session, sees: Visibility, *, after: int | None, now: datetime) -> tuple[list[DeviceLog], int]:
    """Changes with a higher id, oldest first, and the id for the next call. Without an id the latest changes."""
    query = select(DeviceLog).order_by(DeviceLog.id.desc())
    query = query.limit(INITIAL_CHANGES) if after is None else query.where(DeviceLog.id > after).limit(MAX_CHANGES)
    logs = list(session.scalars(query))[::-1]
    final = [log.id for log in logs if is_over(log.timestamp, OVERLAP, now)]
    return shown_logs(session, logs, sees), max([after or 0, *final])


def describe_change(log: DeviceLog) -> str:
    """The change in a sentence, without the device's tag."""
    if log.undoes_id is not None:
        return _("Undone. The device is %(status)s again.", status=_status_after(log))
    if log.action == Action.ASSIGNED:
        if log.accessories:
            return _("Assigned to %(student)s with %(accessories)s.", student=_student_of(log), accessories=_listed(log.accessories))
        return _("Assigned to %(student)s.", student=_student_of(log))
    if log.action == Action.RETURNED:
        return _describe_return(log)
    if log.action == Action.OVERRIDE:
        return _("Changed by an administrator. The device is %(status)s.", status=_status_after(log))
    return _("The device is %(status)s.", status=_status_after(log))


def scan_id_of(log: DeviceLog) -> str | None:
    """The id of the scan that made the change."""
    return log.origin.removeprefix(ORIGIN) if log.origin and log.origin.startswith(ORIGIN) else None


def returned_accessories(log: DeviceLog) -> list[str]:
    """Of the accessories that the student had, those that were returned with the device."""
    assigned = (log.before or {}).get("accessories", [])
    return [name for name in log.accessories if name in assigned] if log.action == Action.RETURNED else []


@contextmanager
def _once(session: Session) -> Iterator[None]:
    """Raises DuplicateScan if another transaction used the scan's id."""
    try:
        with session.begin_nested():
            yield
    except IntegrityError as error:
        raise DuplicateScan(_("This scan is already being processed. Check the recent activity.")) from error


def _read_previous(reading: Reading, scan_id: str) -> ScanResult | None:
    with reading() as session:
        return _previous(session, scan_id)


def _previous(session: Session, scan_id: str) -> ScanResult | None:
    """The result of the scan if it was processed before."""
    log = session.scalar(select(DeviceLog).where(DeviceLog.origin == ORIGIN + scan_id))
    return _result(session, log) if log else None


def _undo_return(session: Session, device: Device, log_id: int, *, actor: Actor, now: datetime) -> None:
    """Raises InvalidField, and what `assignments.undo` raises."""
    log = session.get(DeviceLog, log_id)
    if log is None or log.asset_tag != device.asset_tag or log.action != Action.RETURNED:
        raise InvalidField(_("Only a return of the same device can be corrected."), field="instead_of")
    assignments.undo(session, log_id, actor=actor, now=now)


def _looked_up(session: Session, found: ResolvedCode, sees: Visibility, *, selecting: bool = False) -> ScanResult:
    """Raises StudentInactive when an inactive student is selected."""
    if found.command:
        if found.command == StationCommand.TEST:
            message = _("The scanner is set up correctly. Letters, digits and the hyphen arrive as printed.")
        else:
            message = _("Command %(code)s.", code=found.command)
        return ScanResult(ScanResultKind.COMMAND, found.command, message)
    if found.student:
        student = found.student
        if selecting and not student.is_active:
            raise StudentInactive("Student is not active", reason=assignments.inactive_reason(student), student_stays=False)
        with_devices = _with_devices(session, student)
        return ScanResult(ScanResultKind.STUDENT, student.name, _describe_student(with_devices), found.note, with_devices)
    device = found.device
    if device is None or device.id is not None:
        device = devices.get(session, device.asset_tag if device else "")
    (device,) = shown_devices(session, [device], sees)
    holder = service.find_visible(session, device.current_student_id, sees) if device.current_student_id else None
    with_holder = _with_devices(session, holder) if holder else None
    return ScanResult(ScanResultKind.DEVICE, device.asset_tag, _describe_device(device, holder), found.note, with_holder, device)


def _result(session: Session, log: DeviceLog, *, note: str = "") -> ScanResult:
    device = devices.get(session, log.asset_tag)
    student = service.find(session, log.student_id) if log.student_id else None
    kinds = {Action.ASSIGNED: ScanResultKind.ASSIGNED, Action.RETURNED: ScanResultKind.RETURNED}
    kind = ScanResultKind.UNDONE if log.undoes_id is not None else kinds[Action(log.action)]
    message = describe_change(log)
    if session.scalar(select(RepairTicket.id).where(RepairTicket.log_id == log.id)):
        message += " " + _("A repair ticket will be created.")
    return ScanResult(kind, log.asset_tag, message, note, _with_devices(session, student) if student else None, device, log)


def _with_devices(session: Session, student: Student) -> StudentWithDevices:
    return StudentWithDevices(student, service.devices_of(session, student.student_id))


def _describe_return(log: DeviceLog) -> str:
    returned = returned_accessories(log)
    if returned:
        sentences = [_("Returned by %(student)s with %(accessories)s.", student=_student_of(log), accessories=_listed(returned))]
    else:
        sentences = [_("Returned by %(student)s.", student=_student_of(log))]
    if log.missing:
        sentences.append(_("Missing: %(accessories)s.", accessories=_listed(log.missing)))
    if log.status == DeviceStatus.MAINTENANCE:
        sentences.append(_("The device is in maintenance."))
    return " ".join(sentences)


def _describe_student(with_devices: StudentWithDevices) -> str:
    student, tags = with_devices.student, [device.asset_tag for device in with_devices.devices]
    values = {"number": student.student_id, "grade": grade_label(student.grade)}
    if tags:
        return _("%(number)s, %(grade)s, has %(devices)s.", **values, devices=_listed(tags))
    return _("%(number)s, %(grade)s, has no device.", **values)


def _describe_device(device: Device, holder: Student | None) -> str:
    serial = _("S/N %(serial)s", serial=device.serial_number) if device.serial_number else ""
    if holder:
        status = _("assigned to %(student)s", student=f"{holder.name} ({holder.student_id})")
    else:
        status = _(assignments.STATUS_LABELS[DeviceStatus(device.status)])
    due = _("due %(date)s", date=device.due_date.isoformat()) if device.due_date else ""
    return " · ".join(filter(None, [device.model, serial, status, due]))


def _status_after(log: DeviceLog) -> str:
    if log.status == DeviceStatus.CHECKED_OUT:
        return _("assigned to %(student)s", student=_student_of(log))
    return _(assignments.STATUS_LABELS[DeviceStatus(log.status)])


def _student_of(log: DeviceLog) -> str:
    """In words, if the caller may not see the student."""
    return f"{log.student_name} ({log.student_id})" if log.student_id else _("a student")


def _listed(names: Sequence[str]) -> str:
    """`a, b and c`."""
    if len(names) == 1:
        return names[0]
    return _("%(names)s and %(last)s", names=", ".join(names[:-1]), last=names[-1])
