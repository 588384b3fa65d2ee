"""What a row of a list means: for students and for devices, by the rules that hold for both everywhere else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import Table

from request_tracker_utils.rosters.models import Subject
from request_tracker_utils.students.errors import InvalidField
from request_tracker_utils.students.fields import device_fields, student_fields
from request_tracker_utils.students.grades import NO_GRADE_RANK
from request_tracker_utils.students.models import Device, DeviceStatus, Student
from request_tracker_utils.students.search_keys import search_key

Values = Mapping[str, str]
YES = {"yes", "y", "true", "1", "active", "enrolled", "a"}
NO = {"no", "n", "false", "0", "inactive", "withdrawn", "not enrolled", "i"}
STATUSES = {
    "available": DeviceStatus.AVAILABLE,
    "checked_out": DeviceStatus.CHECKED_OUT,
    "checked out": DeviceStatus.CHECKED_OUT,
    "assigned": DeviceStatus.CHECKED_OUT,
    "maintenance": DeviceStatus.MAINTENANCE,
    "in maintenance": DeviceStatus.MAINTENANCE,
    "retired": DeviceStatus.RETIRED,
}
"""How lists write a device's status."""


@dataclass(frozen=True)
class Wanted:
    """What `students.handing` has to make of a device; empty where the list leaves it as it is."""

    status: str = ""
    student_id: str = ""


@dataclass(slots=True)
class Row:
    """`columns` are those of the table that the list says something of."""

    line: int
    key: str
    columns: dict[str, Any]
    wanted: Wanted | None = None


@dataclass(frozen=True)
class Sheet:
    """Where the rows of a list go. `identity` is what people write, `key` how it is compared.

    `read` gives the columns of a row's values and raises InvalidField. `needed` are fields without which nobody new is entered, `fresh` is
    what a new row has where the list says nothing, `beside` what has to be known of an old one to change it.
    """

    subject: Subject
    table: Table
    identity: str
    key: str
    read: Callable[[Values], tuple[dict[str, Any], Wanted | None]]
    needed: tuple[str, ...] = ()
    fresh: dict[str, Any] = field(default_factory=dict)
    beside: tuple[str, ...] = ()


def sheet_of(subject: str) -> Sheet:
    return SHEETS[Subject(subject)]


def _student(values: Values) -> tuple[dict[str, Any], None]:
    columns = student_fields(values)
    if "active" in values:
        columns["is_active"] = _active(values["active"])
    return columns, None


def _active(text: str) -> bool:
    word = text.strip().lower()
    if word not in YES and word not in NO:
        raise InvalidField(f"Active is yes or no, not “{text[:40]}”.", field="active")
    return word in YES


def _device(values: Values) -> tuple[dict[str, Any], Wanted]:
    columns = device_fields(values)
    status, student_id = _status(values.get("status", "")), values.get("student_id", "").strip()
    if student_id and status in (DeviceStatus.MAINTENANCE, DeviceStatus.RETIRED):
        raise InvalidField(f"A device that is assigned cannot be {status}. Leave one of both empty.", field="status")
    return columns, Wanted("" if student_id else status, student_id)


def _status(text: str) -> str:
    word = text.strip().lower()
    if word and word not in STATUSES:
        raise InvalidField(f"There is no status “{text[:40]}”. Write available, assigned, maintenance or retired.", field="status")
    return STATUSES[word] if word else ""


def stands_so(wanted: Wanted, status: str, student_id: str | None) -> bool:
    """Whether a device with this status and holder is what the list wants already."""
    if wanted.student_id:
        return student_id is not None and search_key(student_id) == search_key(wanted.student_id)
    return wanted.status in ("", status)


SHEETS = {
    Subject.STUDENTS: Sheet(
        Subject.STUDENTS,
        cast(Table, Student.__table__),
        identity="student_id",
        key="id_key",
        read=_student,
        needed=("first_name", "last_name"),
        fresh={
            "grade": None,
            "grade_rank": NO_GRADE_RANK,
            "is_active": True,
            "building": "",
            "homeroom": "",
            "email": "",
            "rt_user": "",
            "device_count": 0,
        },
        beside=("device_count", "school_year_id", "grade_before"),
    ),
    Subject.DEVICES: Sheet(
        Subject.DEVICES,
        cast(Table, Device.__table__),
        identity="asset_tag",
        key="tag_key",
        read=_device,
        fresh={
            "serial_number": None,
            "serial_key": None,
            "model": "",
            "status": DeviceStatus.AVAILABLE,
            "building": "",
            "condition": "good",
            "accessories": [],
            "rt_attempts": 0,
        },
        beside=("status", "current_student_id"),
    ),
}
