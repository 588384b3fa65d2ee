"""The scan station: each scan is looked up without keeping anybody waiting, and then done in one short transaction.

A scan carries an id that the page made. The record keeps it with the change, so that a scan that is sent again, because its answer was
lost, gets the answer of the first time.
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
from request_tracker_utils.core.db import Reading, Transaction
from request_tracker_utils.students import assignments, devices, repairs, scan_codes, service
from request_tracker_utils.students.errors import FieldUnfit, NobodyChosen, ScanTwice, StudentInactive, StudentNotFound
from request_tracker_utils.students.grades import spoken
from request_tracker_utils.students.models import Action, Device, DeviceLog, DeviceStatus, RepairTicket, Student
from request_tracker_utils.students.scan_codes import Known, Meaning

ORIGIN = "scan:"
"""Begins the origin of a change that was scanned; the scan's id follows."""
RECENT = 20
"""Changes that a page which was just opened is told."""
MOST_RECENT = 200
OVERLAP = timedelta(seconds=30)
"""Changes that are younger are told again: of two that are made at once the one with the lower number may come later."""


class Kind(StrEnum):
    """What came of a scan."""

    STUDENT = "student"
    DEVICE = "device"
    """Looked up."""
    CARD = "card"
    ASSIGNED = "assigned"
    UNCHANGED = "unchanged"
    """The student has the device already."""
    RETURNED = "returned"
    UNDONE = "undone"


@dataclass(frozen=True)
class Scan:
    """`student_id` is who stands at the table, `accessories` are those that go with the device or came back."""

    scan_id: str
    code: str
    student_id: str = ""
    due: date | None = None
    accessories: Sequence[str] = ()
    condition: str = ""
    ticket: str | None = None
    """What is to be mended; None where no ticket is wanted."""
    instead_of: int | None = None
    """The change that this one corrects: it is taken back first."""


@dataclass(frozen=True)
class AtTable:
    """A student, with what the student has."""

    student: Student
    devices: list[Device]


@dataclass(frozen=True)
class Outcome:
    """`line` is for large letters, `words` say what happened, `note` what is to be known besides."""

    kind: Kind
    line: str
    words: str
    note: str = ""
    student: AtTable | None = None
    device: Device | None = None
    log: DeviceLog | None = None


def look_up(reading: Reading, code: str, known: Known) -> Outcome:
    """Raises what `codes.meaning` raises."""
    found = scan_codes.meaning(reading, code, known)
    with reading() as session:
        return _found(session, found)


def assign(reading: Reading, transaction: Transaction, scan: Scan, known: Known, *, actor: Actor, now: datetime) -> Outcome:
    """A student's code chooses the student; a device's code gives the device to the one at the table.

    Raises what `codes.meaning` and `handing.assign` raise, NobodyChosen, StudentNotFound.
    """
    done = _done_before(reading, scan.scan_id)
    if done:
        return done
    found = scan_codes.meaning(reading, scan.code, known)
    if found.device is None:
        with reading() as session:
            return _found(session, found, choosing=True)
    if not scan.student_id.strip():
        reason = f"Scan the student first, then {found.device.asset_tag}."
        raise NobodyChosen(reason, field="student_id")
    with transaction() as session:
        student = service.find(session, scan.student_id)
        if student is None:
            reason = f"No student has the number {scan.student_id[:60]} any more. Scan the student again."
            raise StudentNotFound("Student not found", reason=reason, student_stays=False)
        device = devices.get(session, found.device.asset_tag, lock=True)
        done = _done(session, scan.scan_id)
        if done:
            return done
        if device.current_student_id == student.student_id:
            words = f"{student.name} has {device.asset_tag} already."
            return Outcome(Kind.UNCHANGED, device.asset_tag, words, found.note, _at_table(session, student), device)
        more = {"due": scan.due, "accessories": scan.accessories, "origin": ORIGIN + scan.scan_id}
        with _once(session):
            log = assignments.assign(session, device, student, actor=actor, now=now, **more)  # type: ignore[arg-type]
        return _outcome(session, log, note=found.note)


def take_back(reading: Reading, transaction: Transaction, scan: Scan, known: Known, *, actor: Actor, now: datetime) -> Outcome:
    """Takes the device from whoever has it; a student's code shows what the student still has.

    Raises what `codes.meaning`, `handing.take_back` and `handing.undo` raise.
    """
    done = _done_before(reading, scan.scan_id)
    if done:
        return done
    found = scan_codes.meaning(reading, scan.code, known)
    if found.device is None:
        with reading() as session:
            return _found(session, found)
    with transaction() as session:
        device = devices.get(session, found.device.asset_tag, lock=True)
        done = _done(session, scan.scan_id)
        if done:
            return done
        if scan.instead_of is not None:
            _take_back_return(session, device, scan.instead_of, actor=actor, now=now)
        more = {"condition": scan.condition, "returned": scan.accessories, "origin": ORIGIN + scan.scan_id, "notes": scan.ticket or ""}
        with _once(session):
            log = assignments.take_back(session, device, actor=actor, now=now, **more)  # type: ignore[arg-type]
        if scan.ticket is not None:
            what = " ".join(scan.ticket.split()) or "came back damaged"
            body = f"{device.asset_tag} {device.model}".rstrip() + f" came back from {log.student_name} ({log.student_id}).\n\n{what}"
            repairs.ask_ticket(session, log, device, subject=f"{device.asset_tag}: {what}", body=body, actor=actor, now=now)
        return _outcome(session, log, note=found.note)


def undo(reading: Reading, transaction: Transaction, scan_id: str, log_id: int, *, actor: Actor, now: datetime) -> Outcome:
    """Takes a change back. Raises what `handing.undo` raises."""
    done = _done_before(reading, scan_id)
    if done:
        return done
    with transaction() as session, _once(session):
        return _outcome(session, assignments.undo(session, log_id, actor=actor, now=now, origin=ORIGIN + scan_id))


def student_at_table(session: Session, student_id: str) -> AtTable | None:
    student = service.find(session, student_id) if student_id.strip() else None
    return _at_table(session, student) if student else None


def recent(session: Session, *, after: int | None, now: datetime) -> tuple[list[DeviceLog], int]:
    """All changes behind that one, the oldest first, and behind which to ask next; without one the last of all."""
    query = select(DeviceLog).order_by(DeviceLog.id.desc())
    query = query.limit(RECENT) if after is None else query.where(DeviceLog.id > after).limit(MOST_RECENT)
    logs = list(session.scalars(query))[::-1]
    settled = [log.id for log in logs if log.timestamp < now - OVERLAP]
    return logs, max([after or 0, *settled])


@contextmanager
def _once(session: Session) -> Iterator[None]:
    """Raises ScanTwice for a scan's id that another transaction took a moment ago."""
    try:
        with session.begin_nested():
            yield
    except IntegrityError as error:
        raise ScanTwice("This scan is being done already. Look at the list.") from error


def _done_before(reading: Reading, scan_id: str) -> Outcome | None:
    with reading() as session:
        return _done(session, scan_id)


def _done(session: Session, scan_id: str) -> Outcome | None:
    """What came of the scan the first time; None where it was not done."""
    log = session.scalar(select(DeviceLog).where(DeviceLog.origin == ORIGIN + scan_id))
    return _outcome(session, log) if log else None


def _take_back_return(session: Session, device: Device, log_id: int, *, actor: Actor, now: datetime) -> None:
    """Raises FieldUnfit, and what `handing.undo` raises."""
    log = session.get(DeviceLog, log_id)
    if log is None or log.asset_tag != device.asset_tag or log.action != Action.CHECK_OUT:
        raise FieldUnfit("Only a return of the same device can be corrected.", field="instead_of")
    assignments.undo(session, log_id, actor=actor, now=now)


def _found(session: Session, found: Meaning, *, choosing: bool = False) -> Outcome:
    """Raises StudentInactive for one who is chosen and has left."""
    if found.card:
        return Outcome(Kind.CARD, found.card, f"The card {found.card}.")
    if found.student:
        student = found.student
        if choosing and not student.is_active:
            reason = f"{student.name} ({student.student_id}) has left. Make the student active first."
            raise StudentInactive("Student is not active", reason=reason, student_stays=False)
        at_table = _at_table(session, student)
        return Outcome(Kind.STUDENT, student.name, _of_student(at_table), found.note, at_table)
    device = devices.get(session, found.device.asset_tag if found.device else "")
    holder = service.find(session, device.current_student_id) if device.current_student_id else None
    with_holder = _at_table(session, holder) if holder else None
    return Outcome(Kind.DEVICE, device.asset_tag, _of_device(device, holder), found.note, with_holder, device)


def _outcome(session: Session, log: DeviceLog, *, note: str = "") -> Outcome:
    device = devices.get(session, log.asset_tag)
    student = service.find(session, log.student_id) if log.student_id else None
    kinds = {Action.CHECK_IN: Kind.ASSIGNED, Action.CHECK_OUT: Kind.RETURNED}
    kind = Kind.UNDONE if log.undoes_id is not None else kinds[Action(log.action)]
    words = words_of(log)
    if session.scalar(select(RepairTicket.id).where(RepairTicket.log_id == log.id)):
        words += " A repair ticket will be made."
    return Outcome(kind, log.asset_tag, words, note, _at_table(session, student) if student else None, device, log)


def words_of(log: DeviceLog) -> str:
    """The change as people say it, without the device's name."""
    who = f"{log.student_name} ({log.student_id})"
    where = f"with {who}" if log.status == DeviceStatus.CHECKED_OUT else assignments.IN_WORDS[DeviceStatus(log.status)]
    if log.undoes_id is not None:
        return f"Undone: it is {where} again."
    if log.action == Action.CHECK_IN:
        return f"Assigned to {who}{f', with {_listed(log.accessories)}' if log.accessories else ''}."
    if log.action == Action.CHECK_OUT:
        back = f", with {_listed(came_back(log))}" if came_back(log) else ""
        missing = f" Missing: {_listed(log.missing)}." if log.missing else ""
        return f"Back from {who}{back}.{missing}{' It is in maintenance.' if log.status == DeviceStatus.MAINTENANCE else ''}"
    return f"Set by an administrator: it is {where}." if log.action == Action.OVERRIDE else f"It is {where}."


def scan_of(log: DeviceLog) -> str | None:
    """The id of the scan that made the change."""
    return log.origin.removeprefix(ORIGIN) if log.origin and log.origin.startswith(ORIGIN) else None


def came_back(log: DeviceLog) -> list[str]:
    """Of what the student had with the device, what came back with it."""
    had = (log.before or {}).get("accessories", [])
    return [name for name in log.accessories if name in had] if log.action == Action.CHECK_OUT else []


def _at_table(session: Session, student: Student) -> AtTable:
    return AtTable(student, service.devices_of(session, student.student_id))


def _of_student(at_table: AtTable) -> str:
    tags = [device.asset_tag for device in at_table.devices]
    what = f"has {_listed(tags)}" if tags else "has no device"
    return f"{at_table.student.student_id}, {spoken(at_table.student.grade)}, {what}."


def _of_device(device: Device, holder: Student | None) -> str:
    what = [device.model, f"S/N {device.serial_number}" if device.serial_number else ""]
    where = f"with {holder.name} ({holder.student_id})" if holder else assignments.IN_WORDS[DeviceStatus(device.status)]
    due = f"due back on {device.due_date.isoformat()}" if device.due_date else ""
    return " · ".join(filter(None, [*what, where, due]))


def _listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
