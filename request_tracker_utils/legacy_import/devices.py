"""Devices of the legacy database.

The documented form says who has a device. The field form lists devices that students *returned* at the end of a year, as its columns show
(`check_in_timestamp`, and in its history `previous_owner`, `broken_screen`, `checked_by`). Its devices are not assigned, and are in
maintenance if their latest entry reports a broken screen. The return becomes an entry of the device's history.
"""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import LARGEST_ID
from request_tracker_utils.core.text import search_key
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.legacy_import.run import (
    ImportRun,
    KnownStudent,
    Outcome,
    RowReport,
    RowResult,
    apply_rule,
    batches,
    differences,
    insert_rows,
    known_students,
    warn_about_other_columns,
)
from request_tracker_utils.legacy_import.source import Row, Table
from request_tracker_utils.students.errors import InvalidField
from request_tracker_utils.students.fields import device_fields
from request_tracker_utils.students.models import Device, DeviceStatus
from request_tracker_utils.tags import adoption, sequence

IMPORTED = {
    "id",
    "asset_tag",
    "serial_number",
    "model",
    "device_type",
    "status",
    "current_student_id",
    "student_id",
    "asset_id",
    "check_in_timestamp",
    "created_at",
    "updated_at",
    "building",
    "condition",
}
COMPARED = ("serial_number", "model", "status", "current_student_id", "asset_id")
STATUSES = {
    **{str(status): status for status in DeviceStatus},
    "assigned": DeviceStatus.CHECKED_OUT,
    "repair": DeviceStatus.MAINTENANCE,
}


def import_devices(session: Session, run: ImportRun, table: Table, rows: list[Row]) -> list[RowReport]:
    """Imports a chunk of rows. Existing devices are not changed."""
    sequences = {} if run.options.dry_run else sequence.lock_all(session)  # sequences are locked first, as everywhere
    students = known_students(session, run, [row.text("current_student_id") or row.text("student_id") for row in rows])
    existing = _ExistingDevices(session, rows)
    results = []
    for row in rows:
        warnings = list[str]()
        results.append(RowResult(row.id, *_result(run, table, row, existing, students, warnings), warnings))
    reports = insert_rows(session, run, Device, Device.tag_key, table.name, results)
    if not run.options.dry_run:
        tags = {each.columns["asset_tag"]: each.columns["asset_id"] for each in results if each.outcome is Outcome.IMPORTED}
        adoption.import_device_tags(session, sequences, tags, actor=run.options.actor, now=run.options.now)
    return reports


class _ExistingDevices:
    """Devices with the tag, the serial number or the asset of one of the rows."""

    def __init__(self, session: Session, rows: list[Row]) -> None:
        tags = {search_key(row.text("asset_tag")) for row in rows}
        self.by_tag = {each.tag_key: each for each in _select(session, Device.tag_key, tags)}
        serials = {search_key(row.text("serial_number"))[:200] for row in rows} - {""}
        self.by_serial = {str(each.serial_key): each.asset_tag for each in _select(session, Device.serial_key, serials)}
        asset_ids = {int(row.text("asset_id")) for row in rows if _is_asset_id(row.text("asset_id"))}
        self.by_asset_id = {each.asset_id: each.asset_tag for each in _select(session, Device.asset_id, asset_ids)}


def _select(session: Session, column: Any, values: set[Any]) -> list[Device]:
    return [device for part in batches(sorted(values)) for device in session.scalars(select(Device).where(column.in_(part)))]


def _result(
    run: ImportRun, table: Table, row: Row, existing: _ExistingDevices, students: dict[str, KnownStudent], warnings: list[str]
) -> tuple[Outcome, dict[str, Any]]:
    values = {
        "asset_tag": row.text("asset_tag"),
        "serial_number": row.text("serial_number"),
        "model": row.text("model") or row.text("device_type"),
        "building": row.text("building"),
        "condition": row.text("condition"),
    }
    try:
        columns = apply_rule(device_fields, values, ("asset_tag",), warnings)
    except InvalidField as error:
        warnings[:] = [error.message]
        return Outcome.NOT_IMPORTED, {}
    tag, tag_key = columns["asset_tag"], columns["tag_key"]
    earlier = run.index.claim("device", tag_key, tag, row.id)
    if earlier is not None:
        is_return = not table.is_documented and row.text("student_id") and run.time(table, row, "check_in_timestamp", [])
        warnings[:] = [_("Row %(row)s already has the tag %(tag)s.", row=earlier.row, tag=earlier.name)]
        if is_return:
            warnings.append(_("Only its return was imported, into the history."))
        return Outcome.WITH_WARNINGS if is_return else Outcome.NOT_IMPORTED, {}
    device = existing.by_tag.get(tag_key)
    columns |= _asset_id(run, row, tag, existing, warnings) | _assignment(run, table, row, tag_key, students, warnings)
    if device is not None:
        warnings[:] = differences(device, columns, COMPARED)
        return Outcome.EXISTING, {}
    warn_about_other_columns(row, IMPORTED, warnings)
    _warn_about_shared_serial(run, columns, row, existing, warnings)
    created = run.time(table, row, "created_at", warnings) or run.time(table, row, "check_in_timestamp", warnings) or run.options.now
    updated = run.time(table, row, "updated_at", warnings) or created
    due = run.options.now if run.options.sync_holders and columns["current_student_id"] else None
    defaults: dict[str, Any] = {"accessories": [], "rt_due_at": due, "rt_attempts": 0, "created_at": created, "updated_at": updated}
    return Outcome.IMPORTED, {**columns, **defaults}


def _asset_id(run: ImportRun, row: Row, tag: str, existing: _ExistingDevices, warnings: list[str]) -> dict[str, int | None]:
    text = row.text("asset_id")
    if not text:
        return {"asset_id": None}
    if not _is_asset_id(text):
        warnings.append(_("asset_id: %(text)s is not an asset ID. It was not imported.", text=repr(text[:60])))
        return {"asset_id": None}
    if not run.options.has_asset_ids:
        message = _(
            "asset_id: %(text)s is an asset ID in Request Tracker, which is not configured (RT_URL). It was not imported.", text=text
        )
        warnings.append(message)
        return {"asset_id": None}
    earlier = run.index.claim("asset", text.lstrip("0"), tag, row.id)
    other = earlier.name if earlier else existing.by_asset_id.get(int(text))
    if other is not None and other != tag:
        warnings.append(_("asset_id: %(tag)s already has asset %(text)s. It was not imported.", tag=other, text=text))
        return {"asset_id": None}
    return {"asset_id": int(text)}


def _is_asset_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 12 and 0 < int(text) <= LARGEST_ID


def _assignment(
    run: ImportRun, table: Table, row: Row, tag_key: str, students: dict[str, KnownStudent], warnings: list[str]
) -> dict[str, Any]:
    """Status and student, made consistent: a check constraint requires that a device is checked out if and only if a student has it."""
    number = row.text("current_student_id") if table.is_documented else row.text("student_id")
    student = students.get(search_key(number)) if number else None
    if not table.is_documented:
        if number and student is None:
            warnings.append(_("Student %(number)s, who returned it, is neither in the file nor in this database.", number=number[:60]))
        is_broken = run.index.find("broken", tag_key) is not None
        state = {"status": DeviceStatus.MAINTENANCE, "condition": "damaged"} if is_broken else {"status": DeviceStatus.AVAILABLE}
        return {**state, "current_student_id": None}
    written = row.text("status").lower().replace(" ", "_").replace("-", "_")
    status = STATUSES.get(written) if written else DeviceStatus.AVAILABLE
    if number and student is None:
        message = _(
            "Its student %(number)s is neither in the file nor in this database. It was imported without a student.", number=number[:60]
        )
        warnings.append(message)
    if status is None:
        status = DeviceStatus.CHECKED_OUT if student else DeviceStatus.AVAILABLE
        unknown = repr(row.text("status")[:60])
        warnings.append(_("status: %(unknown)s is unknown; it was imported as %(status)s.", unknown=unknown, status=status))
    elif status in (DeviceStatus.MAINTENANCE, DeviceStatus.RETIRED) and student:
        values = {"status": status, "id": student.student_id}
        message = _("A device with the status %(status)s cannot have a student; student %(id)s was not imported.", **values)
        warnings.append(message)
        student = None
    elif status == DeviceStatus.AVAILABLE and student:
        message = _("Student %(id)s has it, so it was imported as checked_out instead of available.", id=student.student_id)
        warnings.append(message)
        status = DeviceStatus.CHECKED_OUT
    elif status == DeviceStatus.CHECKED_OUT and not student:
        status = DeviceStatus.AVAILABLE
        if not number:
            warnings.append(_("It is checked_out, but the student is missing. It was imported as available."))
    return {"status": status, "current_student_id": student.student_id if student else None}


def _warn_about_shared_serial(run: ImportRun, columns: dict[str, Any], row: Row, existing: _ExistingDevices, warnings: list[str]) -> None:
    """Devices may share a serial number; scanning it then asks for the tag."""
    if not columns["serial_key"]:
        return
    earlier = run.index.claim("serial", columns["serial_key"], columns["asset_tag"], row.id)
    other = earlier.name if earlier else existing.by_serial.get(columns["serial_key"])
    if other is not None and other != columns["asset_tag"]:
        warnings.append(_("%(tag)s also has the serial number %(serial)s.", tag=other, serial=columns["serial_number"]))
