"""What the scan station's routes take and give."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from request_tracker_utils.students.grades import spoken
from request_tracker_utils.students.models import Device, DeviceLog
from request_tracker_utils.students.schemas.devices import DeviceRow, LogRow
from request_tracker_utils.students.schemas.students import Text
from request_tracker_utils.students.station import AtTable, Outcome, Scan, came_back, scan_of, words_of

LONGEST_TICKET = 500
LARGEST_LOG = 2**31 - 1
SCAN_ID = "Made by who scans. A scan that is sent again under the same one is not done twice: the first answer comes again."
CODE = "What the scanner read: a tag, a serial number, a student’s number, an address on one of our labels, or digits for a tag."

ScanId = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{8,64}$", description=SCAN_ID, examples=["6f1f7a0e4c5b4a3d9e8f7a6b5c4d3e2f"])]
LogId = Annotated[int, Field(ge=1, le=LARGEST_LOG)]
Accessories = Annotated[list[Annotated[Text, Field(max_length=50)]], Field(max_length=20)]


class Code(BaseModel):
    model_config = ConfigDict(extra="ignore")

    code: Text = Field(description=CODE, max_length=20_000, examples=["W12-1001"])


class ScanToAssign(Code):
    scan_id: ScanId
    student_id: Text = Field("", max_length=100, description="Who is at the table; empty for nobody yet.", examples=["12345"])
    due_date: date | None = Field(None, description="The day by which a loaner is to be back.", examples=["2027-06-01"])
    accessories: Accessories = Field(default=[], description="What goes with the device.", examples=[["charger"]])

    def scan(self) -> Scan:
        return Scan(self.scan_id, self.code, self.student_id, self.due_date, self.accessories)


class ScanToReturn(Code):
    scan_id: ScanId
    accessories: Accessories = Field(default=[], description="What came back with the device.", examples=[["charger"]])
    condition: Literal["", "good", "fair", "damaged"] = Field(
        "", description="`damaged` puts the device into maintenance; empty for as it was.", examples=["good"]
    )
    ticket: Text | None = Field(
        None,
        max_length=LONGEST_TICKET,
        description="What is to be mended; null for no ticket.",
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
    log_id: LogId = Field(description="The change, as its answer named it.", examples=[7])


class RecentQuery(BaseModel):
    after: int | None = Field(
        None,
        ge=0,
        le=LARGEST_LOG,
        description="As the answer before said. Without it: the last ones.",
        json_schema_extra={"example": 7},
    )
    student_id: Text = Field("", max_length=100, description="Who is at the table.", json_schema_extra={"example": "12345"})


class StudentAtTable(BaseModel):
    student_id: str = Field(examples=["12345"])
    name: str = Field(examples=["Grace Hopper"])
    grade: str = Field(description="In words.", examples=["grade 9"])
    building: str = Field(examples=["High School"])
    homeroom: str = Field(examples=["B12"])
    active: bool = Field(examples=[True])
    devices: list[DeviceRow] = Field(description="What the student has.")

    @classmethod
    def of(cls, at_table: AtTable | None) -> dict[str, Any] | None:
        if at_table is None:
            return None
        student = at_table.student
        return {
            "student_id": student.student_id,
            "name": student.name,
            "grade": spoken(student.grade),
            "building": student.building,
            "homeroom": student.homeroom,
            "active": student.is_active,
            "devices": [DeviceRow.of(device) for device in at_table.devices],
        }


class Scanned(BaseModel):
    kind: str = Field(
        description="`student`, `device` or `card` for what was looked up; `assigned`, `unchanged` (the student has it already), "
        "`returned` or `undone` for what was done.",
        examples=["assigned"],
    )
    line: str = Field(description="The tag or the name, for large letters.", examples=["W12-1001"])
    words: str = Field(description="What happened.", examples=["Assigned to Grace Hopper (12345), with charger."])
    note: str = Field(description="What is to be known besides.", examples=[""])
    student: StudentAtTable | None = Field(description="Who has, gets or had it.", examples=[None])
    device: DeviceRow | None = Field(examples=[None])
    log_id: int | None = Field(description="The change, by which it is undone.", examples=[7])
    came_back: list[str] = Field(description="What came back with the device.", examples=[["charger"]])
    missing: list[str] = Field(description="What did not come back.", examples=[[]])

    @classmethod
    def of(cls, outcome: Outcome) -> dict[str, Any]:
        return {
            "kind": outcome.kind,
            "line": outcome.line,
            "words": outcome.words,
            "note": outcome.note,
            "student": StudentAtTable.of(outcome.student),
            "device": _row(outcome.device),
            "log_id": outcome.log.id if outcome.log else None,
            "came_back": came_back(outcome.log) if outcome.log else [],
            "missing": outcome.log.missing if outcome.log else [],
        }


class Change(LogRow):
    words: str = Field(description="The change as people say it.", examples=["Assigned to Grace Hopper (12345)."])
    scan_id: str | None = Field(description="The scan that made it.", examples=["6f1f7a0e4c5b4a3d9e8f7a6b5c4d3e2f"])

    @classmethod
    def of(cls, log: DeviceLog) -> dict[str, Any]:
        return LogRow.of(log) | {"words": words_of(log), "scan_id": scan_of(log)}


class RecentChanges(BaseModel):
    changes: list[Change] = Field(description="The oldest first. Those of the last half minute come again: tell them by `id`.")
    after: int = Field(description="For the next question.", examples=[7])
    student: StudentAtTable | None = Field(description="Who is at the table, as of now.", examples=[None])


def _row(device: Device | None) -> dict[str, Any] | None:
    return DeviceRow.of(device) if device else None
