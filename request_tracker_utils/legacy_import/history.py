"""The history of devices in the legacy database.

In the documented form a row is a device that was assigned (`check_in`) or returned (`check_out`), as here. In the field form it is a device
that was returned (see `devices`); `previous_owner` is the student by number, user or name.

A row is imported once: `origin` is a digest of its values and its position among rows with the same values.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import upsert_into
from request_tracker_utils.core.text import search_key
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.legacy_import.run import (
    ImportRun,
    KnownDevice,
    KnownStudent,
    Outcome,
    RowReport,
    RowResult,
    batches,
    insert_rows,
    known_devices,
    known_students,
)
from request_tracker_utils.legacy_import.source import Row, Table, is_yes, parse_time, text_of
from request_tracker_utils.students.errors import InvalidField
from request_tracker_utils.students.fields import MAX_ID_LENGTH, identifier
from request_tracker_utils.students.models import Action, DeviceLog, DeviceStatus, Student
from request_tracker_utils.tags import adoption, sequence

LEGACY_ACTOR = "older installation"
MAX_NAME_LENGTH, MAX_ACTOR_LENGTH = 201, 100
ACTIONS = {
    **{str(action): action for action in Action},
    "checkin": Action.ASSIGNED,
    "checked_in": Action.ASSIGNED,
    "assign": Action.ASSIGNED,
    "checkout": Action.RETURNED,
    "checked_out": Action.RETURNED,
    "return": Action.RETURNED,
}
"""Spellings in lower case, with `_` for spaces and dashes."""
STATUS_AFTER = {
    Action.ASSIGNED: DeviceStatus.CHECKED_OUT,
    Action.RETURNED: DeviceStatus.AVAILABLE,
    Action.MAINTENANCE: DeviceStatus.MAINTENANCE,
    Action.REPAIR: DeviceStatus.AVAILABLE,
}
FLAGS = ("broken_screen", "has_ticket")
REPEATED = ("asset_id", "serial_number", "device_type")
"""Columns that repeat fields of the device: noted where they differ from the device."""
IMPORTED = {"id", "asset_tag", "student_id", "action", "timestamp", "notes", "checked_by", "previous_owner", *REPEATED}
SAME_TIME = timedelta(minutes=1)
"""Two times of a row, or of two rows about one return, that are no further apart are the same."""


def import_history(session: Session, run: ImportRun, table: Table, rows: list[Row]) -> list[RowReport]:
    """Imports a chunk of rows. Existing entries are only counted."""
    sequences = {} if run.options.dry_run else sequence.lock_all(session)  # sequences are locked first, as everywhere
    known = _Known(session, run, rows)
    origins = [_origin(run, "log", row) for row in rows]
    existing = _existing(session, origins)
    results = []
    for row, origin in zip(rows, origins, strict=True):
        if origin in existing:
            results.append(RowResult(row.id, Outcome.EXISTING, {}, []))
            continue
        warnings = list[str]()
        try:
            columns = _columns(run, table, row, known, warnings)
        except InvalidField as error:
            results.append(RowResult(row.id, Outcome.NOT_IMPORTED, {}, [error.message]))
        else:
            results.append(RowResult(row.id, Outcome.IMPORTED, {**columns, "origin": origin}, warnings))
    reports = insert_rows(session, run, DeviceLog, DeviceLog.origin, table.name, results)
    tags = {each.columns["asset_tag"]: None for each in results if each.outcome is Outcome.IMPORTED}
    tags_without_device = {tag: None for tag in tags if search_key(tag) not in known.devices}
    if tags_without_device and not run.options.dry_run:
        adoption.import_device_tags(session, sequences, tags_without_device, actor=run.options.actor, now=run.options.now)
    return reports


def import_returns(session: Session, run: ImportRun, table: Table, rows: list[Row]) -> None:
    """Creates an entry for each returned device of the field form if the history does not contain the return."""
    known = _Known(session, run, rows)
    origins = [_origin(run, "hand-in", row) for row in rows]
    existing, created = _existing(session, origins), list[dict[str, Any]]()
    for row, origin in zip(rows, origins, strict=True):
        student, device = known.student(row.text("student_id")), known.devices.get(search_key(row.text("asset_tag")))
        time = run.time(table, row, "check_in_timestamp", [])
        if device is None or time is None or not row.text("student_id") or origin in existing:
            continue
        columns = _entry(device.asset_tag, Action.RETURNED, time)
        columns |= {"student_id": row.text("student_id")[:MAX_ID_LENGTH], "origin": origin, "notes": "Returned"}
        if student:
            columns |= {"student_id": student.student_id, "student_name": student.name}
        if not _is_in_history(session, columns):
            created.append(columns)
    if created:
        session.execute(upsert_into(session)(DeviceLog).on_conflict_do_nothing(), created)


class _Known:
    """The students and devices that rows refer to."""

    def __init__(self, session: Session, run: ImportRun, rows: list[Row]) -> None:
        texts = {text for row in rows for text in (row.text("student_id"), row.text("previous_owner"))}
        tags = {search_key(row.text("asset_tag")) for row in rows}
        self._returned_by = {tag: claim.name for tag in tags if (claim := run.index.find("return", tag))}
        self.students = known_students(session, run, texts | {*self._returned_by.values()})
        self.devices = known_devices(session, run, {row.text("asset_tag") for row in rows})
        self.users = dict[str, KnownStudent | None]()
        for part in batches(sorted({row.text("previous_owner") for row in rows} - {""})):
            query = select(Student.rt_user, Student.student_id, Student.first_name, Student.last_name).where(Student.rt_user.in_(part))
            for user, number, first, last in session.execute(query):
                self.users[user] = None if user in self.users else KnownStudent(number, f"{first} {last}".strip())

    def student(self, text: str) -> KnownStudent | None:
        return self.students.get(search_key(text)) if text else None

    def owner(self, text: str, tag: str) -> KnownStudent | None:
        """The student with this number or user, or with this name who returned the device. A user of two students is ignored."""
        by_number, by_user = self.student(text), self.users.get(text)
        returned_by = self.student(self._returned_by.get(search_key(tag), ""))
        by_name = returned_by if returned_by and text and search_key(returned_by.name) == search_key(text) else None
        return by_number or by_user or by_name


def _is_in_history(session: Session, columns: dict[str, Any]) -> bool:
    of_device = select(DeviceLog.id).where(DeviceLog.asset_tag == columns["asset_tag"], DeviceLog.student_id == columns["student_id"])
    time = columns["timestamp"]
    return session.scalar(of_device.where(DeviceLog.timestamp.between(time - SAME_TIME, time + SAME_TIME)).limit(1)) is not None


def _columns(run: ImportRun, table: Table, row: Row, known: _Known, warnings: list[str]) -> dict[str, Any]:
    """Raises InvalidField for a row without a tag or a time."""
    tag = identifier(row.text("asset_tag"), "asset_tag", "devices")
    device = known.devices.get(search_key(tag))
    if device is None:
        warnings.append(_("Device %(tag)s is neither in the file nor in this database. Its history was imported without it.", tag=tag))
    time = _time(run, table, row, warnings)
    notes = [row.text("notes")]
    action = _action(table, row, notes, warnings)
    columns = _entry(device.asset_tag if device else tag, action, time)
    columns |= _student(table, row, known, action, notes, warnings)
    if action is Action.OVERRIDE and columns["student_id"]:
        columns["status"] = DeviceStatus.CHECKED_OUT
    if is_yes(row.values.get("broken_screen")) and not table.is_documented:
        columns |= {"status": DeviceStatus.MAINTENANCE, "condition": "damaged"}
    notes += _further_notes(run, table, row, device, time)
    actor = row.text("checked_by")[:MAX_ACTOR_LENGTH] or LEGACY_ACTOR
    return {**columns, "actor": actor, "notes": "\n".join(filter(None, notes))}


def _entry(tag: str, action: Action, time: datetime) -> dict[str, Any]:
    """Every column, so that all rows of a statement have the same columns."""
    status = STATUS_AFTER.get(action, DeviceStatus.AVAILABLE)
    entry = {"asset_tag": tag, "action": action, "status": status, "timestamp": time, "actor": LEGACY_ACTOR}
    return {**entry, "student_id": None, "student_name": "", "notes": "", "condition": "", "accessories": [], "missing": []}


def _time(run: ImportRun, table: Table, row: Row, warnings: list[str]) -> datetime:
    """Raises InvalidField when no column has a time."""
    invalid = list[str]()
    time = run.time(table, row, "timestamp", invalid)
    for other in () if time else (_date_and_time(run, row), run.time(table, row, "created_at", invalid)):
        time = time or other
    if time is None:
        raise InvalidField(" ".join(invalid) or _("The row has no time."), field="timestamp")
    warnings += invalid
    return time


def _date_and_time(run: ImportRun, row: Row) -> datetime | None:
    """The columns date and time together, in the zone of the legacy installation."""
    if not row.text("date"):
        return None
    try:
        return parse_time(f"{row.text('date')} {row.text('time')}".strip(), run.options.zone)
    except ValueError:
        return None


def _action(table: Table, row: Row, notes: list[str], warnings: list[str]) -> Action:
    if not table.is_documented:
        return Action.RETURNED
    written = row.text("action")
    action = ACTIONS.get(written.lower().replace(" ", "_").replace("-", "_"))
    if action is None:
        warnings.append(_("action: %(action)s is unknown; it was imported as override, with a note.", action=repr(written[:60])))
        notes.append(f"action: {written}")
    return action or Action.OVERRIDE


def _student(table: Table, row: Row, known: _Known, action: Action, notes: list[str], warnings: list[str]) -> dict[str, Any]:
    number, owner = row.text("student_id"), row.text("previous_owner")
    student = known.student(number) or known.owner(owner, row.text("asset_tag"))
    if student is not None:
        if owner and search_key(owner) not in (search_key(student.student_id), search_key(student.name)):
            notes.append(f"previous_owner: {owner}")
        return {"student_id": student.student_id, "student_name": student.name}
    if number:
        warnings.append(_("Student %(number)s is neither in the file nor in this database. The number was imported.", number=number[:60]))
        if len(number) > MAX_ID_LENGTH:
            notes.append(f"student_id: {number}")
    elif table.is_documented and action in (Action.ASSIGNED, Action.RETURNED):
        warnings.append(_("The row has no student."))
    if len(owner) > MAX_NAME_LENGTH:
        notes.append(f"previous_owner: {owner}")
    return {"student_id": number[:MAX_ID_LENGTH] or None, "student_name": owner[:MAX_NAME_LENGTH]}


def _further_notes(run: ImportRun, table: Table, row: Row, device: KnownDevice | None, time: datetime) -> Iterator[str]:
    """Notes of everything that has no column here."""
    facts = device.facts if device else {}
    for column in REPEATED:
        if (text := row.text(column)) and text != facts.get(column):
            yield f"{column}: {text}"
    if (written := row.text("timestamp")) and run.time(table, row, "timestamp", []) is None:
        yield f"timestamp: {written}"
    same_time = set()
    date_and_time = _date_and_time(run, row)
    if date_and_time and abs(date_and_time - time) <= SAME_TIME:
        same_time |= {"date", "time"}
    created = run.time(table, row, "created_at", [])
    if created and abs(created - time) <= SAME_TIME:
        same_time.add("created_at")
    for column, value in row.values.items():
        is_imported = column in IMPORTED or column in same_time or (column in FLAGS and not is_yes(value))
        if not is_imported and text_of(value).strip():
            yield f"{column}: {text_of(value).strip()}"
    if len(row.text("checked_by")) > MAX_ACTOR_LENGTH:
        yield f"checked_by: {row.text('checked_by')}"


def _origin(run: ImportRun, kind: str, row: Row) -> str:
    values = sorted((column, text_of(value)) for column, value in row.values.items() if column != "id")
    digest = hashlib.blake2b(repr(values).encode(), digest_size=20).hexdigest()
    return f"{kind} {digest} {run.index.count(kind + digest)}"


def _existing(session: Session, origins: Iterable[str]) -> set[str]:
    query = select(DeviceLog.origin)
    found = (session.scalars(query.where(DeviceLog.origin.in_(part))) for part in batches(list(origins)))
    return {str(origin) for some in found for origin in some}
