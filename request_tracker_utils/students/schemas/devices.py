"""Schemas of the device routes."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from request_tracker_utils.asset_store.schemas import AssetId
from request_tracker_utils.students.assignments import MAX_BATCH_SIZE, MAX_NOTE_LENGTH
from request_tracker_utils.students.models import Device, DeviceLog
from request_tracker_utils.students.schemas.students import Identifier, SearchQuery, Text
from request_tracker_utils.web.paging import MAX_PAGE_SIZE


class DevicePath(BaseModel):
    asset_tag: Text = Field(description="The device’s tag. Case-insensitive.", json_schema_extra={"example": "W12-1001"})


class DevicesQuery(SearchQuery):
    status: Text = Field(
        "", max_length=20, description="`available`, `checked_out`, `maintenance` or `retired`.", json_schema_extra={"example": "available"}
    )
    sort: Literal["asset_tag", "-asset_tag", "created_at", "-created_at"] = Field(
        "asset_tag",
        description="`asset_tag` or `created_at`; `-asset_tag` for descending order.",
        json_schema_extra={"example": "asset_tag"},
    )


class HistoryQuery(BaseModel):
    page: int = Field(1, ge=1, le=10_000, description="Page number, starting at 1.", json_schema_extra={"example": 1})
    page_size: int = Field(MAX_PAGE_SIZE, ge=1, le=MAX_PAGE_SIZE, description="Entries per page.", json_schema_extra={"example": 100})


class DeviceRow(BaseModel):
    id: int | None = Field(description="Null for an asset that nobody has added or changed yet.", examples=[7])
    asset_tag: str = Field(examples=["W12-1001"])
    serial_number: str | None = Field(examples=["5CD2198XKL"])
    model: str = Field(examples=["Chromebook 3100"])
    status: str = Field(description="`available`, `checked_out`, `maintenance` or `retired`.", examples=["available"])
    current_student_id: str | None = Field(description="The student the device is assigned to.", examples=[None])
    asset_id: int | None = Field(description="ID of the asset in Request Tracker, if known.", examples=[12345])
    building: str = Field(examples=["High School"])
    condition: str = Field(description="`good`, `fair` or `damaged`.", examples=["good"])
    accessories: list[str] = Field(description="Accessories assigned with it.", examples=[[]])
    assigned_at: datetime | None = Field(examples=[None])
    due_date: date | None = Field(description="Due date of a loaner.", examples=[None])
    created_at: datetime | None = Field(
        description="Null for an asset that nobody has added or changed yet.", examples=["2026-08-17T07:30:00+00:00"]
    )
    updated_at: datetime | None = Field(examples=["2026-08-17T07:30:00+00:00"])

    @classmethod
    def of(cls, device: Device) -> dict[str, Any]:
        return {
            "id": device.id,
            "asset_tag": device.asset_tag,
            "serial_number": device.serial_number,
            "model": device.model,
            "status": device.status,
            "current_student_id": device.current_student_id,
            "asset_id": device.asset_id,
            "building": device.building,
            "condition": device.condition,
            "accessories": device.accessories,
            "assigned_at": device.assigned_at.isoformat() if device.assigned_at else None,
            "due_date": device.due_date.isoformat() if device.due_date else None,
            "created_at": device.created_at.isoformat() if device.created_at else None,
            "updated_at": device.updated_at.isoformat() if device.updated_at else None,
        }


class LogRow(BaseModel):
    id: int = Field(examples=[7])
    asset_tag: str = Field(examples=["W12-1001"])
    student_id: str | None = Field(examples=["12345"])
    student_name: str = Field(description="The student’s name at that time.", examples=["Grace Hopper"])
    action: str = Field(description="`check_in`, `check_out`, `maintenance`, `repair` or `override`.", examples=["check_in"])
    status: str = Field(description="The device’s status after the change.", examples=["checked_out"])
    timestamp: datetime = Field(examples=["2026-08-17T07:30:00+00:00"])
    notes: str = Field(examples=["Device assignment"])
    actor: str = Field(description="The account that made the change.", examples=["ada"])
    condition: str = Field(description="Condition recorded at the return.", examples=[""])
    accessories: list[str] = Field(description="Accessories assigned or returned with the device.", examples=[["charger"]])
    missing: list[str] = Field(description="Accessories that were not returned.", examples=[[]])
    undoes_id: int | None = Field(description="The change that this one undoes.", examples=[None])

    @classmethod
    def of(cls, log: DeviceLog) -> dict[str, Any]:
        return {
            "id": log.id,
            "asset_tag": log.asset_tag,
            "student_id": log.student_id,
            "student_name": log.student_name,
            "action": log.action,
            "status": log.status,
            "timestamp": log.timestamp.isoformat(),
            "notes": log.notes,
            "actor": log.actor,
            "condition": log.condition,
            "accessories": log.accessories,
            "missing": log.missing,
            "undoes_id": log.undoes_id,
        }


class DevicePage(BaseModel):
    count: int = Field(description="Total number of rows.", examples=[1])
    next: str | None = Field(description="URL of the next page.", examples=[None])
    previous: str | None = Field(examples=[None])
    results: list[DeviceRow]


class _DeviceTexts(BaseModel):
    serial_number: Identifier | None = Field(None, examples=["5CD2198XKL"])
    model: Text = Field("", examples=["Chromebook 3100"])
    building: Text = Field("", examples=["High School"])
    condition: Literal["good", "fair", "damaged"] = Field("good", description="`good`, `fair` or `damaged`.", examples=["good"])
    asset_id: AssetId | None = Field(None, description="ID of the asset in Request Tracker.", examples=[12345])


class NewDevice(_DeviceTexts):
    model_config = ConfigDict(extra="ignore", json_schema_extra={"required": ["asset_tag"]})

    asset_tag: Identifier = Field("", examples=["W12-1001"])


class ChangedDevice(_DeviceTexts):
    """Omitted fields are not changed."""

    model_config = ConfigDict(extra="ignore")

    status: Literal["", "available", "maintenance", "retired"] = Field(
        "", description="`available`, `maintenance` or `retired`. To assign the device, check it in to a student.", examples=["maintenance"]
    )
    notes: Text = Field("", max_length=MAX_NOTE_LENGTH, description="Reason for the new status.", examples=["Key Q sticks"])


class Override(BaseModel):
    model_config = ConfigDict(extra="ignore", json_schema_extra={"required": ["reason"]})

    student_id: Identifier | None = Field(None, description="The new student; null to unassign the device.", examples=["12345"])
    status: Literal["", "available", "maintenance", "retired"] = Field(
        "", description="Status of an unassigned device.", examples=["available"]
    )
    reason: Text = Field("", max_length=MAX_NOTE_LENGTH, examples=["Swapped in class"])


class Overridden(BaseModel):
    message: str = Field(examples=["Device W12-1001 is assigned to Grace Hopper"])
    device: str = Field(examples=["W12-1001"])
    student: str | None = Field(examples=["12345"])
    previous_student: str | None = Field(examples=["12346"])
    status: str = Field(description="The device’s new status.", examples=["checked_out"])
    log_id: int = Field(examples=[7])


class DeviceHistory(BaseModel):
    device: str = Field(examples=["W12-1001"])
    model: str = Field(examples=["Chromebook 3100"])
    current_status: str = Field(examples=["checked_out"])
    current_student: str | None = Field(description="Name of the student the device is assigned to.", examples=["Grace Hopper"])
    count: int = Field(description="Total number of entries.", examples=[1])
    history: list[LogRow]


class BatchOperation(BaseModel):
    model_config = ConfigDict(extra="ignore")

    student_id: Identifier = Field("", max_length=400, examples=["12345"])
    asset_tag: Identifier = Field("", max_length=400, examples=["W12-1001"])
    notes: Text = Field("", max_length=MAX_NOTE_LENGTH, examples=[""])


class BatchCheckIn(BaseModel):
    operations: list[BatchOperation] = Field(max_length=MAX_BATCH_SIZE)


class BatchResult(BaseModel):
    asset_tag: str = Field(examples=["W12-1001"])
    student_id: str = Field(examples=["12345"])
    status: str = Field(description="`success` or `error`.", examples=["success"])
    message: str = Field(examples=["Device checked in successfully"])
    reason: str | None = Field(None, description="Explanation of an error.", examples=[None])


class BatchDone(BaseModel):
    batch_operation: str = Field(examples=["checkin"])
    total_operations: int = Field(examples=[1])
    results: list[BatchResult]
