"""Imports of devices: which columns a file may have, what its rows change, and which students get devices."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, NamedTuple, cast

from sqlalchemy import Table, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import after_commit
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.text import search_key
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.imports import bulk
from request_tracker_utils.imports.changes import Changes, FollowedUp
from request_tracker_utils.imports.row_types import (
    Chunk,
    Field,
    FollowUp,
    FollowUpRowType,
    NumberColumns,
    Plan,
    ReadChanges,
    Values,
    Wording,
)
from request_tracker_utils.imports.table_rows import TableRowType
from request_tracker_utils.rosters import undone_devices
from request_tracker_utils.rosters.student_import import SCHOOL_ALIASES, StudentRows, check_identifiers
from request_tracker_utils.students import assignments, devices, service
from request_tracker_utils.students.errors import InvalidField, explanation
from request_tracker_utils.students.fields import device_fields
from request_tracker_utils.students.models import COMPLETE_DEVICES, Device, DeviceStatus, Student

STATUSES = {
    "available": DeviceStatus.AVAILABLE,
    "checked_out": DeviceStatus.CHECKED_OUT,
    "checked out": DeviceStatus.CHECKED_OUT,
    "assigned": DeviceStatus.CHECKED_OUT,
    "maintenance": DeviceStatus.MAINTENANCE,
    "in maintenance": DeviceStatus.MAINTENANCE,
    "retired": DeviceStatus.RETIRED,
}
"""Spellings of a device's status."""

IDENTIFIERS = ("asset_tag", "serial_number", "student_id")
ASSET_COLUMNS = {"serial_number", "model"}
"""Columns that a job copies from the asset store."""


class Assignment(NamedTuple):
    """The student or, without one, the status that a device gets."""

    student_id: str
    status: str


class DeviceRows(TableRowType, FollowUpRowType):
    """A row's second step is to assign the device or to change its status, with an entry in its history."""

    name = "devices"
    preview_task, import_task, undo_task = StudentRows.preview_task, StudentRows.import_task, StudentRows.undo_task
    table = cast(Table, Device.__table__)
    identity_column, key_column = "asset_tag", "tag_key"
    defaults: ClassVar[Mapping[str, Any]] = {
        "serial_number": None,
        "serial_key": None,
        "model": "",
        "status": DeviceStatus.AVAILABLE,
        "building": "",
        "condition": "good",
        "accessories": [],
        "rt_attempts": 0,
    }
    extra_columns = ("status", "current_student_id")
    number_columns = frozenset({"serial_number", "serial_key"})
    referenced = NumberColumns(cast(Table, Student.__table__), StudentRows.key_column, StudentRows.identity_column)
    text_columns = frozenset({"model", "building"})
    shown_columns = ("building", "model", "serial_number")
    hidden_columns = frozenset({"serial_key"})
    wording = Wording(
        import_title=gettext_noop("Import devices"),
        record=gettext_noop("Device"),
        records=gettext_noop("devices"),
        introduction=gettext_noop("Choose a file with a row for each device. You can preview all changes."),
        help=gettext_noop(
            "Only the tag is required. Fields without a column are not changed. A student number assigns the device to that "
            "student; an empty one does not return it."
        ),
        undo_refused=gettext_noop(
            "The import cannot be undone, because some of its devices have changed since then: %(names)s. Correct the devices by hand or "
            "with another import."
        ),
        follow_up_done=gettext_noop("Assigned or status changed"),
        follow_up_planned=gettext_noop("To assign or change status"),
        follow_up=gettext_noop("assignment or status change"),
        follow_ups=gettext_noop("assignments or status changes"),
    )
    fields: ClassVar[Mapping[str, Field]] = {
        "asset_tag": Field(
            gettext_noop("Tag"), frozenset({"asset tag", "assettag", "tag", "asset", "asset number", "barcode", "device tag"})
        ),
        "serial_number": Field(
            gettext_noop("Serial number"),
            frozenset({"serial", "serial number", "serialnumber", "serial no", "s n", "sn", "service tag"}),
        ),
        "model": Field(gettext_noop("Model"), frozenset({"model", "model name", "device model"})),
        "status": Field(gettext_noop("Status"), frozenset({"status", "device status"})),
        "building": Field(gettext_noop("School"), SCHOOL_ALIASES),
        "condition": Field(gettext_noop("Condition"), frozenset({"condition"})),
        "student_id": Field(
            gettext_noop("Assigned to (student number)"),
            frozenset({"assigned to", "student id", "studentid", "student number", "holder", "checked out to", "current student id"}),
        ),
    }

    def parse(self, values: Values, *, is_complete: bool = False) -> tuple[dict[str, Any], Any]:
        check_identifiers(values, IDENTIFIERS)
        columns = device_fields(values)
        status, student_id = _status(values.get("status", "")), values.get("student_id", "").strip()
        if student_id and status in (DeviceStatus.MAINTENANCE, DeviceStatus.RETIRED):
            message = _("An assigned device cannot have the status %(status)s. Leave the status or the student empty.", status=status)
            raise InvalidField(message, field="status")
        return columns, Assignment(student_id, status) if student_id or status else None

    def has_follow_up(self, follow_up: Assignment, extra: tuple[Any, ...] | None) -> bool:
        status, student_id = extra or (self.defaults["status"], None)
        if follow_up.student_id:
            return student_id is None or search_key(student_id) != search_key(follow_up.student_id)
        return bool(follow_up.status != status)

    def reference(self, follow_up: Assignment) -> str:
        return search_key(follow_up.student_id)

    def with_reference(self, follow_up: Assignment, identity: str) -> Assignment:
        return follow_up._replace(student_id=identity)

    def follow_up(self, session: Session, chunk: Chunk, keys: Sequence[str], *, actor: Actor, now: datetime, source: str) -> list[FollowUp]:
        """Locks the devices. A device that does not exist, as in a preview, is created first."""
        existing = devices.get_many(session, keys, lock=True)
        notes = _("From %(source)s", source=source) if source else ""
        return [_assign(session, chunk, each, existing.get(each), actor=actor, now=now, notes=notes) for each in keys]

    def apply(self, session: Session, chunk: Chunk, plan: Plan, *, actor: Actor, now: datetime, source: str) -> Changes:
        undone_devices.unmark(session, list(chunk.values))
        return super().apply(session, chunk, plan, actor=actor, now=now, source=source)

    def lock_for_undo(self, session: Session, read: ReadChanges, *, now: datetime) -> None:
        super().lock_for_undo(session, read, now=now)
        for changes in read():
            if changes.created:
                undone_devices.mark(session, changes.created)

    def undo(self, session: Session, changes: Changes, *, actor: Actor, now: datetime, source: str) -> None:
        super().undo(session, changes, actor=actor, now=now, source=source)
        if ASSET_COLUMNS.intersection(changes.columns):  # the former values may be older than those of the assets
            restored = update(Device).where(bulk.id_in(session, self.table, changes.existing)).values(asset_read_at=None)
            session.execute(restored, execution_options={"synchronize_session": False})
            after_commit(session, COMPLETE_DEVICES)

    def delete_created(self, session: Session, ids: Sequence[int]) -> None:
        undone_devices.delete_unmarked(session, ids)

    def undo_follow_ups(self, session: Session, steps: Sequence[FollowedUp], *, actor: Actor, now: datetime, source: str) -> None:
        notes = _("Undo of %(source)s", source=source) if source else _("Undone")
        assignments.undo_many(session, [each.reference for each in steps], actor=actor, now=now, notes=notes)


def _assign(session: Session, chunk: Chunk, tag_key: str, device: Device | None, *, actor: Actor, now: datetime, notes: str) -> FollowUp:
    student_id, status = chunk.follow_ups[tag_key]
    try:
        with session.begin_nested():
            device = device or devices.create(session, chunk.as_mapping(tag_key), now=now)
            before, updated_at = device.status, bulk.stored_time(session, device.updated_at)
            if student_id:
                student = service.get(session, student_id)
                log = assignments.assign(session, device, student, actor=actor, now=now, notes=notes)
                return FollowUp(tag_key, ("student_id", "", student.student_id), undo=FollowedUp(device.id, updated_at, log.id))
            if status == DeviceStatus.CHECKED_OUT:
                raise InvalidField(_("The status is assigned, but the student number is missing."), field="student_id")
            changed = assignments.set_status(session, device, status, actor=actor, now=now, notes=notes)
            undo = FollowedUp(device.id, updated_at, changed.id) if changed else None
            return FollowUp(tag_key, ("status", before, status), undo=undo)
    except AppError as error:
        return FollowUp(tag_key, error=explanation(error))


def _status(text: str) -> str:
    word = text.strip().lower()
    if word and word not in STATUSES:
        message = _("The status “%(status)s” does not exist. Use available, assigned, maintenance or retired.", status=text[:40])
        raise InvalidField(message, field="status")
    return STATUSES[word] if word else ""
