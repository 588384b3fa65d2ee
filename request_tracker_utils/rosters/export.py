"""Students, devices and the history of devices as rows of a file, read in chunks along an index."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import literal, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from request_tracker_utils.core.db import Reading
from request_tracker_utils.students.models import Device, DeviceLog, Student

FIRST_CHUNK, CHUNK = 200, 2_000
"""Rows per query: few at first, so that the download starts soon."""
BATCH = 200
"""Lines that are sent together."""

Column = InstrumentedAttribute[Any]


@dataclass(frozen=True)
class Export:
    """`order` are the columns of an index; the last one is unique. The import knows the headers, so that an exported file can be
    imported."""

    name: str
    title: str
    """What it contains, in words."""
    columns: dict[str, Column]
    order: tuple[Column, ...]

    @property
    def header(self) -> list[str]:
        return list(self.columns)


STUDENTS = Export(
    "students",
    "students",
    {
        "student_id": Student.student_id,
        "first_name": Student.first_name,
        "last_name": Student.last_name,
        "grade": Student.grade,
        "homeroom": Student.homeroom,
        "school": Student.building,
        "email": Student.email,
        "rt_user": Student.rt_user,
        "active": Student.is_active,
        "devices": Student.device_count,
    },
    (Student.last_key, Student.first_key, Student.id),
)
DEVICES = Export(
    "devices",
    "devices and their students",
    {
        "asset_tag": Device.asset_tag,
        "serial_number": Device.serial_number,
        "model": Device.model,
        "status": Device.status,
        "school": Device.building,
        "condition": Device.condition,
        "assigned_to": Device.current_student_id,
        "assigned_at": Device.assigned_at,
        "due_date": Device.due_date,
        "accessories": Device.accessories,
    },
    (Device.tag_key, Device.id),
)
LOGS = Export(
    "device-logs",
    "history of devices",
    {
        "id": DeviceLog.id,
        "timestamp": DeviceLog.timestamp,
        "asset_tag": DeviceLog.asset_tag,
        "action": DeviceLog.action,
        "student_id": DeviceLog.student_id,
        "student_name": DeviceLog.student_name,
        "status": DeviceLog.status,
        "condition": DeviceLog.condition,
        "accessories": DeviceLog.accessories,
        "missing": DeviceLog.missing,
        "notes": DeviceLog.notes,
        "by": DeviceLog.actor,
    },
    (DeviceLog.timestamp, DeviceLog.id),
)


def export_rows(reading: Reading, export: Export, zone: ZoneInfo) -> Iterator[list[object]]:
    """The rows, with times in this zone. Each chunk has its own short session, so that a slow client does not occupy a connection."""
    query = select(*export.columns.values(), *export.order).order_by(*export.order)
    size, width, after = FIRST_CHUNK, len(export.columns), None
    while True:
        chunk = query if after is None else query.where(tuple_(*export.order) > tuple_(*_bound(export.order, after)))
        with reading() as session:
            found = session.execute(chunk.limit(size)).all()
        for row in found:
            yield [_cell(value, zone) for value in row[:width]]
        if len(found) < size:
            return
        size, after = CHUNK, found[-1][width:]


def _bound(columns: Sequence[Column], values: Sequence[Any]) -> list[Any]:
    return [literal(value, column.type) for column, value in zip(columns, values, strict=True)]


def _cell(value: object, zone: ZoneInfo) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return ", ".join(each if isinstance(each, str) else json.dumps(each) for each in value)
    return value
