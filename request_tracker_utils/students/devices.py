"""Devices: registered, changed, found by tag or serial number, deleted while nobody has them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.students.errors import DeviceExists, DeviceHeld, DeviceNotFound, FieldUnfit, SerialAmbiguous
from request_tracker_utils.students.models import Device
from request_tracker_utils.students.rules import device_fields
from request_tracker_utils.students.search_keys import key


def get(session: Session, asset_tag: str, *, lock: bool = False) -> Device:
    """By the tag, whatever its capitals; locked for the transaction if wanted. Raises DeviceNotFound."""
    query = select(Device).where(Device.tag_key == key(asset_tag))
    device = session.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)
    if device is None:
        raise DeviceNotFound("Device not found", reason=f"No device has the tag {asset_tag[:60]}. Check it, or register the device.")
    return device


def of_tags(session: Session, tags: Sequence[str], *, lock: bool = False) -> dict[str, Device]:
    """Key of the tag → device, of those that exist. Locked in the order of their ids, so that two who want several never wait for each
    other in a ring."""
    keys, found = sorted({key(tag) for tag in tags}), dict[str, Device]()
    for begin in range(0, len(keys), 500):
        query = select(Device).where(Device.tag_key.in_(keys[begin : begin + 500])).order_by(Device.tag_key)
        rows = session.scalars(query.with_for_update().execution_options(populate_existing=True) if lock else query)
        found |= {device.tag_key: device for device in rows}
    return found


def with_serial(session: Session, serial: str) -> Device | None:
    """Raises SerialAmbiguous."""
    found = session.scalars(select(Device).where(Device.serial_key == key(serial)).order_by(Device.id).limit(3)).all()
    if len(found) > 1:
        tags = " and ".join(device.asset_tag for device in found[:2])
        raise SerialAmbiguous(f"Several devices have the serial number {serial}: {tags}. Scan the tag instead.")
    return found[0] if found else None


def register(session: Session, values: Mapping[str, Any], *, now: datetime) -> Device:
    """Raises FieldUnfit, DeviceExists."""
    columns = device_fields({"asset_tag": "", "model": "", **values})
    device = Device(**columns, created_at=now, updated_at=now)
    try:
        with session.begin_nested():
            session.add(device)
    except IntegrityError:
        raise _exists(session, columns) from None
    return device


def change(session: Session, device: Device, values: Mapping[str, Any], *, now: datetime) -> Device:
    """Sets the fields that are given, all but the status: see `handing`. Raises FieldUnfit, DeviceExists."""
    columns = device_fields(values)
    if columns.pop("tag_key", device.tag_key) != device.tag_key:
        raise FieldUnfit("The tag of a device stays: its record names it. Register the device under its new tag.", field="asset_tag")
    columns.pop("asset_tag", None)
    try:
        with session.begin_nested():
            for column, value in columns.items():
                setattr(device, column, value)
            device.updated_at = now
    except IntegrityError:
        raise _exists(session, columns) from None
    return device


def delete(session: Session, device: Device) -> None:
    """Its record stays. Raises DeviceHeld."""
    if device.current_student_id is not None:
        raise DeviceHeld(f"Student {device.current_student_id} has {device.asset_tag}. Take it back first.")
    session.delete(device)
    session.flush()


def _exists(session: Session, columns: Mapping[str, Any]) -> DeviceExists:
    twin = session.scalar(select(Device).where(Device.tag_key == columns["tag_key"])) if "tag_key" in columns else None
    if twin is not None:
        return DeviceExists(f"Device {twin.asset_tag} exists already.", asset_tag=twin.asset_tag)
    asset_id = columns.get("asset_id")
    twin = session.scalar(select(Device).where(Device.asset_id == asset_id)) if asset_id else None
    if twin is not None:
        return DeviceExists(f"Device {twin.asset_tag} has asset #{asset_id} of the directory.", asset_tag=twin.asset_tag)
    return DeviceExists("Another device has this tag or this asset. Look again.")
