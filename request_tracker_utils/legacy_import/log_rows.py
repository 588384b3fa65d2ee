"""The record of the older database.

In the documented form a row is a device given out (`check_in`) or taken back (`check_out`), as here. In the form in the field it is a
device that was handed in (see `device_rows`): whose it was stands in `previous_owner`, which is a number, a user or a name.

A row comes once: `origin` is a digest of what it says, and its place among rows that say the same.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import upsert_into
from request_tracker_utils.legacy_import.moments import moment
from request_tracker_utils.legacy_import.report import Outcome, Problem
from request_tracker_utils.legacy_import.run import Judged, KnownDevice, KnownStudent, Run, known_devices, known_students, parts, settle
from request_tracker_utils.legacy_import.source import Row, Table, says_yes, text_of
from request_tracker_utils.students.errors import FieldUnfit
from request_tracker_utils.students.models import Action, DeviceLog, DeviceStatus, Student
from request_tracker_utils.students.rules import LONGEST_ID, identifier
from request_tracker_utils.students.search_keys import key
from request_tracker_utils.tags import legacy_tags, sequence

OLDER = "older installation"
ACTIONS = {
    **{str(action): action for action in Action},
    "checkin": Action.CHECK_IN,
    "checked_in": Action.CHECK_IN,
    "assign": Action.CHECK_IN,
    "checkout": Action.CHECK_OUT,
    "checked_out": Action.CHECK_OUT,
    "return": Action.CHECK_OUT,
}
"""Spellings, in small letters and with `_` for blanks and dashes."""
AFTER = {
    Action.CHECK_IN: DeviceStatus.CHECKED_OUT,
    Action.CHECK_OUT: DeviceStatus.AVAILABLE,
    Action.MAINTENANCE: DeviceStatus.MAINTENANCE,
    Action.REPAIR: DeviceStatus.AVAILABLE,
}
FLAGS = ("broken_screen", "has_ticket")
REPEATED = ("asset_id", "serial_number", "device_type")
"""What each row repeats of its device: noted where it is not what is known of the device."""
PLACED = {"id", "asset_tag", "student_id", "action", "timestamp", "notes", "checked_by", "previous_owner", *REPEATED}
SAME = timedelta(minutes=1)
"""Two times of one row, or of two rows about one hand-over, that are no further apart say the same."""


class _Known:
    """The students and devices that the rows name."""

    def __init__(self, session: Session, run: Run, rows: list[Row]) -> None:
        named = {text for row in rows for text in (row.text("student_id"), row.text("previous_owner"))}
        hand_ins = {key(row.text("asset_tag")): run.seen.met("hand-in", key(row.text("asset_tag"))) for row in rows}
        self._hand_ins = {tag: met.name for tag, met in hand_ins.items() if met}
        self.students = known_students(session, run, named | {*self._hand_ins.values()})
        self.devices = known_devices(session, run, {row.text("asset_tag") for row in rows})
        self.users = dict[str, KnownStudent | None]()
        for part in parts(sorted({row.text("previous_owner") for row in rows} - {""})):
            query = select(Student.rt_user, Student.student_id, Student.first_name, Student.last_name).where(Student.rt_user.in_(part))
            for user, number, first, last in session.execute(query):
                self.users[user] = None if user in self.users else KnownStudent(number, f"{first} {last}".strip())

    def student(self, text: str) -> KnownStudent | None:
        return self.students.get(key(text)) if text else None

    def owner(self, text: str, tag: str) -> KnownStudent | None:
        """By number or user, or by name when that student handed in the device; two students with one user are nobody."""
        named = self.student(self._hand_ins.get(key(tag), ""))
        return self.student(text) or self.users.get(text) or (named if named and text and key(named.name) == key(text) else None)


def take(session: Session, run: Run, table: Table, rows: list[Row]) -> list[Problem]:
    """A chunk of rows. Those that are here already are counted, and told no more."""
    sequences = {} if run.wanted.dry else sequence.lock_all(session)  # before all else, as everywhere
    known = _Known(session, run, rows)
    origins = [_origin(run, "log", row) for row in rows]
    here = _here(session, origins)
    judged = []
    for row, origin in zip(rows, origins, strict=True):
        if origin in here:
            judged.append(Judged(row.id, Outcome.THERE, {}, []))
            continue
        said = list[str]()
        try:
            columns = _columns(run, table, row, known, said)
        except FieldUnfit as error:
            judged.append(Judged(row.id, Outcome.NOT, {}, [error.message]))
        else:
            judged.append(Judged(row.id, Outcome.TAKEN, {**columns, "origin": origin}, said))
    problems = settle(session, run, DeviceLog, DeviceLog.origin, table.name, judged)
    orphans = {each.columns["asset_tag"]: None for each in judged if each.outcome is Outcome.TAKEN}
    orphans = {tag: None for tag in orphans if key(tag) not in known.devices}
    if orphans and not run.wanted.dry:
        legacy_tags.import_device_tags(session, sequences, orphans, actor=run.wanted.actor, now=run.wanted.now)
    return problems


def take_hand_ins(session: Session, run: Run, table: Table, rows: list[Row]) -> None:
    """Of the devices that were handed in, in the form in the field: an entry for each hand-over that the record does not have."""
    known = _Known(session, run, rows)
    origins = [_origin(run, "hand-in", row) for row in rows]
    here, made = _here(session, origins), list[dict[str, Any]]()
    for row, origin in zip(rows, origins, strict=True):
        student, device = known.student(row.text("student_id")), known.devices.get(key(row.text("asset_tag")))
        at = run.time(table, row, "check_in_timestamp", [])
        if device is None or at is None or not row.text("student_id") or origin in here:
            continue
        columns = _entry(device.asset_tag, Action.CHECK_OUT, at)
        columns |= {"student_id": row.text("student_id")[:LONGEST_ID], "origin": origin, "notes": "Handed in"}
        if student:
            columns |= {"student_id": student.student_id, "student_name": student.name}
        if not _is_told(session, columns):
            made.append(columns)
    if made:
        session.execute(upsert_into(session)(DeviceLog).on_conflict_do_nothing(), made)


def _is_told(session: Session, columns: dict[str, Any]) -> bool:
    of_device = select(DeviceLog.id).where(DeviceLog.asset_tag == columns["asset_tag"], DeviceLog.student_id == columns["student_id"])
    at = columns["timestamp"]
    return session.scalar(of_device.where(DeviceLog.timestamp.between(at - SAME, at + SAME)).limit(1)) is not None


def _columns(run: Run, table: Table, row: Row, known: _Known, said: list[str]) -> dict[str, Any]:
    """Raises FieldUnfit for a row without a tag or a time."""
    tag = identifier(row.text("asset_tag"), "asset_tag", "devices")
    device = known.devices.get(key(tag))
    if device is None:
        said.append(f"Device {tag} is neither in the file nor here: its record stands without it.")
    at = _time(run, table, row, said)
    notes = [row.text("notes")]
    action = _action(table, row, notes, said)
    columns = _entry(device.asset_tag if device else tag, action, at)
    columns |= _student(table, row, known, action, notes, said)
    if action is Action.OVERRIDE and columns["student_id"]:
        columns["status"] = DeviceStatus.CHECKED_OUT
    if says_yes(row.values.get("broken_screen")) and not table.is_documented:
        columns |= {"status": DeviceStatus.MAINTENANCE, "condition": "damaged"}
    notes += _further(run, table, row, device, at)
    return {**columns, "actor": row.text("checked_by")[:100] or OLDER, "notes": "\n".join(filter(None, notes))}


def _entry(tag: str, action: Action, at: datetime) -> dict[str, Any]:
    """Every column, so that all rows of a statement have the same."""
    status = AFTER.get(action, DeviceStatus.AVAILABLE)
    row = {"asset_tag": tag, "action": action, "status": status, "timestamp": at, "actor": OLDER, "student_id": None, "student_name": ""}
    return {**row, "notes": "", "condition": "", "accessories": [], "missing": []}


def _time(run: Run, table: Table, row: Row, said: list[str]) -> datetime:
    """Raises FieldUnfit where no column says when it was."""
    unread = list[str]()
    at = run.time(table, row, "timestamp", unread)
    for other in () if at else (_day_and_time(run, row), run.time(table, row, "created_at", unread)):
        at = at or other
    if at is None:
        raise FieldUnfit(" ".join(unread) or "It does not say when it was.", field="timestamp")
    said += unread
    return at


def _day_and_time(run: Run, row: Row) -> datetime | None:
    """What the columns date and time say together, in the zone of the older installation."""
    if not row.text("date"):
        return None
    try:
        return moment(f"{row.text('date')} {row.text('time')}".strip(), run.wanted.zone)
    except ValueError:
        return None


def _action(table: Table, row: Row, notes: list[str], said: list[str]) -> Action:
    if not table.is_documented:
        return Action.CHECK_OUT
    written = row.text("action")
    action = ACTIONS.get(written.lower().replace(" ", "_").replace("-", "_"))
    if action is None:
        said.append(f"action: {written[:60]!r} is unknown; it was taken as override, and noted.")
        notes.append(f"action: {written}")
    return action or Action.OVERRIDE


def _student(table: Table, row: Row, known: _Known, action: Action, notes: list[str], said: list[str]) -> dict[str, Any]:
    number, owner = row.text("student_id"), row.text("previous_owner")
    student = known.student(number) or known.owner(owner, row.text("asset_tag"))
    if student is not None:
        if owner and key(owner) not in (key(student.student_id), key(student.name)):
            notes.append(f"previous_owner: {owner}")
        return {"student_id": student.student_id, "student_name": student.name}
    if number:
        said.append(f"Student {number[:60]} is neither in the file nor here: the record keeps the number.")
        if len(number) > LONGEST_ID:
            notes.append(f"student_id: {number}")
    elif table.is_documented and action in (Action.CHECK_IN, Action.CHECK_OUT):
        said.append("It names no student.")
    if len(owner) > 201:
        notes.append(f"previous_owner: {owner}")
    return {"student_id": number[:LONGEST_ID] or None, "student_name": owner[:201]}


def _further(run: Run, table: Table, row: Row, device: KnownDevice | None, at: datetime) -> Iterator[str]:
    """Notes of all that has no column here."""
    facts = device.facts if device else {}
    for column in REPEATED:
        if (text := row.text(column)) and text != facts.get(column):
            yield f"{column}: {text}"
    if (written := row.text("timestamp")) and run.time(table, row, "timestamp", []) is None:
        yield f"timestamp: {written}"
    told_by = set()
    together = _day_and_time(run, row)
    if together and abs(together - at) <= SAME:
        told_by |= {"date", "time"}
    created = run.time(table, row, "created_at", [])
    if created and abs(created - at) <= SAME:
        told_by.add("created_at")
    for column, value in row.values.items():
        is_told = column in PLACED or column in told_by or (column in FLAGS and not says_yes(value))
        if not is_told and text_of(value).strip():
            yield f"{column}: {text_of(value).strip()}"
    if len(row.text("checked_by")) > 100:
        yield f"checked_by: {row.text('checked_by')}"


def _origin(run: Run, kind: str, row: Row) -> str:
    said = sorted((column, text_of(value)) for column, value in row.values.items() if column != "id")
    digest = hashlib.blake2b(repr(said).encode(), digest_size=20).hexdigest()
    return f"{kind} {digest} {run.seen.times(kind + digest)}"


def _here(session: Session, origins: Iterable[str]) -> set[str]:
    query = select(DeviceLog.origin)
    found = (session.scalars(query.where(DeviceLog.origin.in_(part))) for part in parts(list(origins)))
    return {str(origin) for some in found for origin in some}
