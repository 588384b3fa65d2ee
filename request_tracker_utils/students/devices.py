"""Devices: create, change, find, delete; who has them, which are overdue, their history and their repair tickets."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import after_commit, upsert_into
from request_tracker_utils.core.text import search_key
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.students.errors import AmbiguousSerialNumber, DeviceAssigned, DeviceExists, DeviceNotFound, InvalidField
from request_tracker_utils.students.fields import device_fields
from request_tracker_utils.students.models import (
    COMPLETE_DEVICES,
    HAS_DUE_DATE,
    HAS_STUDENT,
    REPAIR_TICKETS,
    DeletedDevice,
    Device,
    DeviceLog,
    RepairTicket,
    Student,
)
from request_tracker_utils.students.visibility import Visibility, visible_students

CHUNK = 500
"""Values in one IN condition."""
MAX_SUBJECT_LENGTH = 180
"""Request Tracker stores 200 characters, and an identifier is added to the subject."""
_FROM_ASSET = (
    *("asset_tag", "tag_key", "serial_number", "serial_key", "model", "catalog", "asset_id", "asset_read_at"),
    *("status", "building", "condition", "accessories"),
)
"""The columns of a row that an asset's first change creates: see `inventory.device_of`."""


def get(session: Session, asset_tag: str, *, lock: bool = False) -> Device:
    """By tag, in any case; `lock` locks the row until the transaction ends. Raises DeviceNotFound."""
    query = select(Device).where(Device.tag_key == search_key(asset_tag))
    device = session.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)
    if device is None:
        raise not_found(asset_tag)
    return device


def lock(session: Session, found: Device, *, now: datetime) -> Device:
    """The locked row of a device that was looked up before. For an asset that is not a device yet, the row is created here: by its first
    change, in the same transaction. Raises DeviceNotFound if the device was deleted in the meantime."""
    return lock_or_create(session, found, now=now)[0]


def lock_or_create(session: Session, found: Device, *, now: datetime) -> tuple[Device, bool]:
    """The same, and whether the row was created."""
    same_tag = Device.tag_key == found.tag_key
    device = _locked(session, same_tag)
    if device is not None:
        return device, False
    if found.id is not None:
        raise not_found(found.asset_tag)
    device = Device(**{column: getattr(found, column) for column in _FROM_ASSET}, created_at=now, updated_at=now)
    try:
        with session.begin_nested():
            session.add(device)
    except IntegrityError:  # another transaction was first
        device = _locked(session, same_tag) or _locked(session, Device.asset_id == found.asset_id)
        if device is None:
            raise not_found(found.asset_tag) from None
        return device, False
    # Only now: whoever deletes an asset that is not a device yet creates its row too, so one of the two transactions waits for the other.
    if deleted := deletions(session, [device.tag_key], [device.asset_id or 0]):
        raise was_deleted(found.asset_tag, deleted[0])
    return device, True


def get_many(session: Session, tags: Sequence[str], *, lock: bool = False) -> dict[str, Device]:
    """Key of the tag → device, for those that exist. Rows are locked in key order, so that two transactions never deadlock."""
    keys, found = sorted({search_key(tag) for tag in tags}), dict[str, Device]()
    for begin in range(0, len(keys), CHUNK):
        query = select(Device).where(Device.tag_key.in_(keys[begin : begin + CHUNK])).order_by(Device.tag_key)
        rows = session.scalars(query.with_for_update().execution_options(populate_existing=True) if lock else query)
        found |= {device.tag_key: device for device in rows}
    return found


def create(session: Session, values: Mapping[str, Any], *, now: datetime) -> Device:
    """Adds a device, also one that was deleted before. A job completes it from the asset store. Raises InvalidField, DeviceExists."""
    columns = device_fields({"asset_tag": "", "model": "", **values})
    device = Device(**columns, created_at=now, updated_at=now)
    try:
        with session.begin_nested():
            session.add(device)
    except IntegrityError:
        raise _duplicate(session, columns) from None
    after_commit(session, COMPLETE_DEVICES)
    return device


def change(session: Session, device: Device, values: Mapping[str, Any], *, now: datetime) -> Device:
    """Updates these fields except the status, which `assignments` changes. Raises InvalidField, DeviceExists."""
    columns = device_fields(values)
    if columns.pop("tag_key", device.tag_key) != device.tag_key:
        raise InvalidField(
            _("A device’s tag cannot be changed because its history refers to it. Add the device with its new tag."), field="asset_tag"
        )
    columns.pop("asset_tag", None)
    try:
        with session.begin_nested():
            for column, value in columns.items():
                setattr(device, column, value)
            device.updated_at = now
    except IntegrityError:
        raise _duplicate(session, columns) from None
    return device


def delete(session: Session, device: Device, *, now: datetime) -> None:
    """The history is preserved. Its asset is not a device until someone adds it again. Raises DeviceAssigned."""
    require_unassigned(device)
    session.delete(device)
    session.flush()
    values = {"asset_id": device.asset_id, "deleted_at": now}
    statement = upsert_into(session)(DeletedDevice).values(tag_key=device.tag_key, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["tag_key"], set_=values))


def deletions(session: Session, keys: Sequence[str], asset_ids: Sequence[int]) -> list[DeletedDevice]:
    """Deletions of devices with these assets, and of devices with these keys of tags if their assets are unknown or among these."""
    same_asset = DeletedDevice.asset_id.in_(asset_ids)
    same_tag = DeletedDevice.tag_key.in_(keys) & DeletedDevice.asset_id.is_(None)
    return list(session.scalars(select(DeletedDevice).where(or_(same_asset, same_tag))))


def not_found(asset_tag: str) -> DeviceNotFound:
    reason = _("No device has the tag %(tag)s. Check the tag, or add the device.", tag=asset_tag[:60])
    return DeviceNotFound("Device not found", reason=reason)


def was_deleted(asset_tag: str, deletion: DeletedDevice) -> DeviceNotFound:
    values = {"tag": asset_tag[:60], "date": deletion.deleted_at.date().isoformat()}
    return DeviceNotFound("Device not found", reason=_("The device %(tag)s was deleted on %(date)s. Add it to use it again.", **values))


def ambiguous_serial(serial: str, found: Sequence[Device]) -> AmbiguousSerialNumber:
    return AmbiguousSerialNumber(
        _(
            "Several devices have the serial number %(serial)s: %(first)s and %(second)s. Scan the tag instead.",
            serial=serial,
            first=found[0].asset_tag,
            second=found[1].asset_tag,
        )
    )


def require_unassigned(device: Device) -> None:
    """Raises DeviceAssigned."""
    if device.current_student_id is not None:
        message = _("%(tag)s is assigned to student %(number)s. Return it first.", tag=device.asset_tag, number=device.current_student_id)
        raise DeviceAssigned(message)


def by_student(session: Session, student_ids: Sequence[str]) -> dict[str, list[Device]]:
    """Student number → the student's devices, for a page of students."""
    found: dict[str, list[Device]] = defaultdict(list)
    query = select(Device).where(Device.current_student_id.in_(student_ids), HAS_STUDENT).order_by(Device.tag_key)
    for device in session.scalars(query) if student_ids else ():
        found[str(device.current_student_id)].append(device)
    return found


def holders_of(session: Session, devices: Sequence[Device], sees: Visibility) -> dict[str, Student]:
    """Student number → student, for a page of devices; without those whom the caller may not see."""
    return visible_students(session, [device.current_student_id for device in devices], sees)


def find_own(session: Session, sees: Visibility, *, asset_tag: str = "", asset_id: int | None = None) -> Device | None:
    """The device with this tag or this asset, if a student whom the caller may see has it. One query, so that others’ devices are like
    none."""
    same = Device.tag_key == search_key(asset_tag) if asset_id is None else Device.asset_id == asset_id
    of_student = Student.student_id == Device.current_student_id
    return session.scalar(select(Device).join(Student, of_student).where(same, *sees.conditions()))


def overdue(session: Session, today: date, *, limit: int, offset: int = 0) -> list[Device]:
    """Loaners past their due date, the oldest due date first."""
    late = select(Device).where(HAS_DUE_DATE, Device.due_date < today).order_by(Device.due_date, Device.id)
    return list(session.scalars(late.offset(offset).limit(limit)))


def count_overdue(session: Session, today: date) -> int:
    return session.scalar(select(func.count()).select_from(Device).where(HAS_DUE_DATE, Device.due_date < today)) or 0


def device_history(session: Session, asset_tag: str, *, limit: int, offset: int = 0) -> list[DeviceLog]:
    """Changes of the device, newest first."""
    return _newest(session, select(DeviceLog).where(DeviceLog.asset_tag == asset_tag), limit, offset)


def student_history(session: Session, student_id: str, *, limit: int) -> list[DeviceLog]:
    """Changes of the student's devices, newest first."""
    return _newest(session, select(DeviceLog).where(DeviceLog.student_id == student_id), limit, 0)


def count_device_history(session: Session, asset_tag: str) -> int:
    return session.scalar(select(func.count()).select_from(DeviceLog).where(DeviceLog.asset_tag == asset_tag)) or 0


def request_repair_ticket(
    session: Session, log: DeviceLog | None, device: Device, *, subject: str, body: str, actor: Actor, now: datetime
) -> RepairTicket:
    """Records that the device needs a ticket, which a job creates in Request Tracker. One ticket per return (`log`), even if it is
    requested again. Raises InvalidField without a subject."""
    subject = " ".join(subject.split())
    if not subject:
        raise InvalidField(_("Enter a subject for the ticket."), field="subject")
    existing = session.scalar(select(RepairTicket).where(RepairTicket.log_id == log.id)) if log else None
    if existing is not None:
        return existing
    ticket = RepairTicket(
        log_id=log.id if log else None,
        asset_tag=device.asset_tag,
        student_id=log.student_id if log else device.current_student_id,
        subject=subject[:MAX_SUBJECT_LENGTH],
        body=body.strip(),
        created_by=actor.name[:100],
        created_at=now,
    )
    session.add(ticket)
    REPAIR_TICKETS.mark_due(ticket, now=now)
    session.flush()  # assigns the id, which identifies the ticket in its subject
    return ticket


def _locked(session: Session, condition: ColumnElement[bool]) -> Device | None:
    return session.scalar(select(Device).where(condition).with_for_update().execution_options(populate_existing=True))


def _newest(session: Session, query: Select[DeviceLog], limit: int, offset: int) -> list[DeviceLog]:
    return list(session.scalars(query.order_by(DeviceLog.timestamp.desc(), DeviceLog.id.desc()).offset(offset).limit(limit)))


def _duplicate(session: Session, columns: Mapping[str, Any]) -> DeviceExists:
    existing = session.scalar(select(Device).where(Device.tag_key == columns["tag_key"])) if "tag_key" in columns else None
    if existing is not None:
        return DeviceExists(_("Device %(tag)s already exists.", tag=existing.asset_tag), asset_tag=existing.asset_tag)
    asset_id = columns.get("asset_id")
    existing = session.scalar(select(Device).where(Device.asset_id == asset_id)) if asset_id else None
    if existing is not None:
        message = _("Asset #%(asset_id)s is already linked to device %(tag)s.", asset_id=asset_id, tag=existing.asset_tag)
        return DeviceExists(message, asset_tag=existing.asset_tag)
    return DeviceExists(_("Another device has this tag or this asset. Reload the page and try again."))
