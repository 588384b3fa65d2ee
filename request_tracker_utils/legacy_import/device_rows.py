"""Devices of the older database.

The documented form says who has a device. The form in the field lists something else: devices that students handed *in* at the end of a
year, as its columns say (`check_in_timestamp`, and in its record `previous_owner`, `broken_screen`, `checked_by`). Its devices are nobody's
now, in maintenance when their last entry tells of a broken screen; that the student gave the device back becomes an entry of the record.
"""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import LARGEST_ID
from request_tracker_utils.legacy_import.report import Outcome, Problem
from request_tracker_utils.legacy_import.run import (
    Judged,
    KnownStudent,
    Run,
    differences,
    fitted,
    known_students,
    parts,
    settle,
    without_place,
)
from request_tracker_utils.legacy_import.source import Row, Table
from request_tracker_utils.students.errors import FieldUnfit
from request_tracker_utils.students.models import Device, DeviceStatus
from request_tracker_utils.students.rules import device_fields
from request_tracker_utils.students.search_keys import key
from request_tracker_utils.tags import legacy_tags, sequence

KNOWN = {"id", "asset_tag", "serial_number", "model", "device_type", "status", "current_student_id", "student_id", "asset_id"}
KNOWN |= {"check_in_timestamp", "created_at", "updated_at", "building", "condition"}
COMPARED = ("serial_number", "model", "status", "current_student_id", "asset_id")
STATUSES = {
    **{str(status): status for status in DeviceStatus},
    "assigned": DeviceStatus.CHECKED_OUT,
    "repair": DeviceStatus.MAINTENANCE,
}


def take(session: Session, run: Run, table: Table, rows: list[Row]) -> list[Problem]:
    """A chunk of rows. Devices that are here already stay as they are."""
    sequences = {} if run.wanted.dry else sequence.lock_all(session)  # before all else, as everywhere
    students = known_students(session, run, [row.text("current_student_id") or row.text("student_id") for row in rows])
    here = _Here(session, rows)
    judged = []
    for row in rows:
        said = list[str]()
        judged.append(Judged(row.id, *_outcome(run, table, row, here, students, said), said))
    problems = settle(session, run, Device, Device.tag_key, table.name, judged)
    if not run.wanted.dry:
        taken = {each.columns["asset_tag"]: each.columns["asset_id"] for each in judged if each.outcome is Outcome.TAKEN}
        legacy_tags.import_device_tags(session, sequences, taken, actor=run.wanted.actor, now=run.wanted.now)
    return problems


class _Here:
    """The devices that are here and have something in common with the rows."""

    def __init__(self, session: Session, rows: list[Row]) -> None:
        self.by_tag = {each.tag_key: each for each in _found(session, Device.tag_key, {key(row.text("asset_tag")) for row in rows})}
        serials = {key(row.text("serial_number"))[:200] for row in rows} - {""}
        self.by_serial = {str(each.serial_key): each.asset_tag for each in _found(session, Device.serial_key, serials)}
        numbers = {int(row.text("asset_id")) for row in rows if _is_number(row.text("asset_id"))}
        self.by_asset = {each.asset_id: each.asset_tag for each in _found(session, Device.asset_id, numbers)}


def _found(session: Session, column: Any, values: set[Any]) -> list[Device]:
    return [device for part in parts(sorted(values)) for device in session.scalars(select(Device).where(column.in_(part)))]


def _outcome(
    run: Run, table: Table, row: Row, here: _Here, students: dict[str, KnownStudent], said: list[str]
) -> tuple[Outcome, dict[str, Any]]:
    values = {
        "asset_tag": row.text("asset_tag"),
        "serial_number": row.text("serial_number"),
        "model": row.text("model") or row.text("device_type"),
        "building": row.text("building"),
        "condition": row.text("condition"),
    }
    try:
        columns = fitted(device_fields, values, ("asset_tag",), said)
    except FieldUnfit as error:
        said[:] = [error.message]
        return Outcome.NOT, {}
    tag, tag_key = columns["asset_tag"], columns["tag_key"]
    before = run.seen.claim("device", tag_key, tag, row.id)
    if before is not None and not table.is_documented and row.text("student_id") and run.time(table, row, "check_in_timestamp", []):
        said[:] = [f"Row {before.row} has the tag {before.name} already: of this one the record keeps that it was handed in."]
        return Outcome.PART, {}
    if before is not None:
        said[:] = [f"Row {before.row} has the tag {before.name} already."]
        return Outcome.NOT, {}
    device = here.by_tag.get(tag_key)
    columns |= _asset(run, row, tag, here, said) | _holder(run, table, row, tag_key, students, said)
    if device is not None:
        said[:] = differences(device, columns, COMPARED)
        return Outcome.THERE, {}
    without_place(row, KNOWN, said)
    _tell_of_twins(run, columns, row, here, said)
    created = run.time(table, row, "created_at", said) or run.time(table, row, "check_in_timestamp", said) or run.wanted.now
    updated = run.time(table, row, "updated_at", said) or created
    due = run.wanted.now if run.wanted.tells_directory and columns["current_student_id"] else None
    return Outcome.TAKEN, {**columns, "accessories": [], "rt_due_at": due, "rt_attempts": 0, "created_at": created, "updated_at": updated}


def _asset(run: Run, row: Row, tag: str, here: _Here, said: list[str]) -> dict[str, int | None]:
    text = row.text("asset_id")
    if not text:
        return {"asset_id": None}
    if not _is_number(text):
        said.append(f"asset_id: {text[:60]!r} is no number of an asset. It was left out.")
        return {"asset_id": None}
    if not run.wanted.knows_assets:
        said.append(f"asset_id: {text} is a number in Request Tracker, which is not set up here (RT_URL). It was left out.")
        return {"asset_id": None}
    met = run.seen.claim("asset", text.lstrip("0"), tag, row.id)
    twin = met.name if met else here.by_asset.get(int(text))
    if twin is not None and twin != tag:
        said.append(f"asset_id: {twin} has asset {text} already. It was left out.")
        return {"asset_id": None}
    return {"asset_id": int(text)}


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 12 and 0 < int(text) <= LARGEST_ID


def _holder(run: Run, table: Table, row: Row, tag_key: str, students: dict[str, KnownStudent], said: list[str]) -> dict[str, Any]:
    """The status, and who has the device; a check of the database wants that they agree."""
    number = row.text("current_student_id") if table.is_documented else row.text("student_id")
    student = students.get(key(number)) if number else None
    if not table.is_documented:
        if number and student is None:
            said.append(f"Student {number[:60]}, who handed it in, is neither in the file nor here.")
        broken = run.seen.met("broken", tag_key) is not None
        state = {"status": DeviceStatus.MAINTENANCE, "condition": "damaged"} if broken else {"status": DeviceStatus.AVAILABLE}
        return {**state, "current_student_id": None}
    written = row.text("status").lower().replace(" ", "_").replace("-", "_")
    status = STATUSES.get(written) if written else DeviceStatus.AVAILABLE
    if number and student is None:
        said.append(f"Student {number[:60]}, who has it, is neither in the file nor here: it was taken as nobody’s.")
    if status is None:
        status = DeviceStatus.CHECKED_OUT if student else DeviceStatus.AVAILABLE
        said.append(f"status: {row.text('status')[:60]!r} is unknown; it was taken as {status}.")
    elif status in (DeviceStatus.MAINTENANCE, DeviceStatus.RETIRED) and student:
        said.append(f"A device in status {status} is nobody’s; student {student.student_id} was left out.")
        student = None
    elif status == DeviceStatus.AVAILABLE and student:
        said.append(f"Student {student.student_id} has it, so it was taken as checked_out and not as available.")
        status = DeviceStatus.CHECKED_OUT
    elif status == DeviceStatus.CHECKED_OUT and not student:
        status = DeviceStatus.AVAILABLE
        if not number:
            said.append("It is checked_out, and nobody is named: it was taken as available.")
    return {"status": status, "current_student_id": student.student_id if student else None}


def _tell_of_twins(run: Run, columns: dict[str, Any], row: Row, here: _Here, said: list[str]) -> None:
    """Several devices may have one serial number here; scanning it then asks for the tag."""
    if not columns["serial_key"]:
        return
    met = run.seen.claim("serial", columns["serial_key"], columns["asset_tag"], row.id)
    twin = met.name if met else here.by_serial.get(columns["serial_key"])
    if twin is not None and twin != columns["asset_tag"]:
        said.append(f"{twin} has the serial number {columns['serial_number']} too.")
