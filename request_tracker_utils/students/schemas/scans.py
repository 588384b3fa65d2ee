"""Schemas of the scan station's routes."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from request_tracker_utils.students.grades import grade_label
from request_tracker_utils.students.models import Device, DeviceLog
from request_tracker_utils.students.scan_station import (
    Scan,
    ScanResult,
    StudentWithDevices,
    describe_change,
    returned_accessories,
    scan_id_of,
)
from request_tracker_utils.students.schemas.devices import DeviceRow, LogRow
from request_tracker_utils.students.schemas.students import Text

MAX_TICKET_LENGTH = 500
MAX_LOG_ID = 2**31 - 1
SCAN_ID = "Created by the client. A scan that is sent again with the same id is processed once and gets the first answer again."
CODE = "The scanned code: a tag, a serial number, a student’s number, the URL on a label, or the digits of a tag."

ScanId = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{8,64}$", description=SCAN_ID, examples=["6f1f7a0e4c5b4a3d9e8f7a6b5c4d3e2f"])]
LogId = Annotated[int, Field(ge=1, le=MAX_LOG_ID)]
Accessories = Annotated[list[Annotated[Text, Field(max_length=50)]], Field(max_length=20)]


class Code(BaseModel):
    model_config = ConfigDict(extra="ignore")

    code: Text = Field(description=CODE, max_length=20_000, examples=["W12-1001"])


class ScanToAssign(Code):
    scan_id: ScanId
    student_id: Text = Field("", max_length=100, description="The selected student; empty if none is selected.", examples=["12345"])
    due_date: date | None = Field(None, description="Due date of a loaner.", examples=["2027-06-01"])
    accessories: Accessories = Field(default=[], description="Accessories assigned with the device.", examples=[["charger"]])

    def scan(self) -> Scan:
        return Scan(self.scan_id, self.code, self.student_id, self.due_date, self.accessories)


class ScanToReturn(Code):
    scan_id: ScanId
    accessories: Accessories = Field(default=[], description="Accessories returned with the device.", examples=[["charger"]])
    condition: Literal["", "good", "fair", "damaged"] = Field(
        "", description="`damaged` sets the device to maintenance; empty leaves the condition as it is.", examples=["good"]
    )
    ticket: Text | None = Field(
        None,
        max_length=MAX_TICKET_LENGTH,
        description="What to repair; null for no ticket.",
        examples=["Screen is cracked"],
    )
    instead_of: LogId | None = Field(None, description="The return of the same device that this one corrects.", examples=[None])

    def scan(self) -> Scan:
        return Scan(
            self.scan_id,
            self.code,
            accessories=self.accessories,
            condition=self.condition,
            ticket=self.ticket,
            instead_of=self.instead_of,
        )


class ScanToUndo(BaseModel):
    model_config = ConfigDict(extra="ignore")

    scan_id: ScanId
    log_id: LogId = Field(description="Id of the change to undo.", examples=[7])


class RecentQuery(BaseModel):
    after: int | None = Field(
        None,
        ge=0,
        le=MAX_LOG_ID,
        description="`after` of the previous answer. Without it the latest changes are returned.",
        json_schema_extra={"example": 7},
    )
    student_id: Text = Field("", max_length=100, description="The student shown on the page.", json_schema_extra={"example": "12345"})


class ScannedStudent(BaseModel):
    student_id: str = Field(examples=["12345"])
    name: str = Field(examples=["Grace Hopper"])
    grade: str = Field(description="The grade in words.", examples=["grade 9"])
    building: str = Field(examples=["High School"])
    homeroom: str = Field(examples=["B12"])
    active: bool = Field(examples=[True])
    devices: list[DeviceRow] = Field(description="The student’s devices.")

    @classmethod
    def of(cls, scanned: StudentWithDevices | None) -> dict[str, Any] | None:
        if scanned is None:
            return None
        student = scanned.student
        return {
            "student_id": student.student_id,
            "name": student.name,
            "grade": grade_label(student.grade),
            "building": student.building,
            "homeroom": student.homeroom,
            "active": student.is_active,
            "devices": [DeviceRow.of(device) for device in scanned.devices],
        }


class Scanned(BaseModel):
    kind: str = Field(
        description="`student`, `device` or `card` (a command) after a lookup; `assigned`, `unchanged` (the student has it already), "
        "`returned` or `undone` after a change.",
        examples=["assigned"],
    )
    line: str = Field(description="The tag or name.", examples=["W12-1001"])
    words: str = Field(description="What happened, in a sentence.", examples=["Assigned to Grace Hopper (12345) with charger."])
    note: str = Field(description="Additional information.", examples=[""])
    student: ScannedStudent | None = Field(description="The student of the device or of the change.", examples=[None])
    device: DeviceRow | None = Field(examples=[None])
    log_id: int | None = Field(description="Id of the change, for undo.", examples=[7])
    came_back: list[str] = Field(description="Accessories that were returned.", examples=[["charger"]])
    missing: list[str] = Field(description="Accessories that were not returned.", examples=[[]])

    @classmethod
    def of(cls, result: ScanResult) -> dict[str, Any]:
        return {
            "kind": result.kind,
            "line": result.title,
            "words": result.message,
            "note": result.note,
            "student": ScannedStudent.of(result.student),
            "device": _row(result.device),
            "log_id": result.log.id if result.log else None,
            "came_back": returned_accessories(result.log) if result.log else [],
            "missing": result.log.missing if result.log else [],
        }


class Change(LogRow):
    words: str = Field(description="The change in a sentence.", examples=["Assigned to Grace Hopper (12345)."])
    scan_id: str | None = Field(description="The scan that made the change.", examples=["6f1f7a0e4c5b4a3d9e8f7a6b5c4d3e2f"])

    @classmethod
    def of(cls, log: DeviceLog) -> dict[str, Any]:
        return LogRow.of(log) | {"words": describe_change(log), "scan_id": scan_id_of(log)}


class RecentChanges(BaseModel):
    changes: list[Change] = Field(description="Oldest first. Changes of the last 30 seconds are repeated; compare their `id`.")
    after: int = Field(description="Send it with the next request.", examples=[7])
    student: ScannedStudent | None = Field(description="Current data of the student shown on the page.", examples=[None])


def _row(device: Device | None) -> dict[str, Any] | None:
    return DeviceRow.of(device) if device else None
