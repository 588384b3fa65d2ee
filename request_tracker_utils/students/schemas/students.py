"""Schemas of the student routes, and the types that all schemas of students and devices share."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from request_tracker_utils.students.assignments import MAX_NOTE_LENGTH
from request_tracker_utils.students.counts import Counts, StudentCounts
from request_tracker_utils.students.grades import grade_value
from request_tracker_utils.students.models import Student
from request_tracker_utils.web.paging import PageQuery


def _storable(value: str) -> str:
    return value.replace("\0", "\ufffd")


def _as_text(value: Any) -> Any:
    """Accepts integers as their digits; leading zeros need text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Text = Annotated[str, AfterValidator(_storable)]
Identifier = Annotated[
    str,
    BeforeValidator(_as_text),
    AfterValidator(_storable),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}]}),
]
"""Text or an integer."""
Grade = Annotated[
    str | None, BeforeValidator(_as_text), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]})
]
DUE_DATE = "Due date of a loaner. A date before today is rejected unless `allow_past_due_date` is true."
ALLOW_PAST_DUE_DATE = "Confirms a due date in the past."
GRADE = "A number from 1 to 13, `K`, `PK`, or another name that the school uses; null for none."


class StudentPath(BaseModel):
    student_id: Text = Field(description="The student’s number. Case-insensitive.", json_schema_extra={"example": "12345"})


class SearchQuery(PageQuery):
    search: Text = Field("", max_length=200, description="Prefix to search for.", json_schema_extra={"example": "hop"})


class StudentsQuery(SearchQuery):
    grade: Text = Field(
        "",
        max_length=200,
        description="One or more grades, separated by commas; `none` for students without a grade.",
        json_schema_extra={"example": "9,10"},
    )
    status: Literal["", "assigned", "pending", "active", "holding", "inactive"] = Field(
        "",
        description="`assigned`, `pending`, `active`, `holding` (inactive, still has a device) or `inactive`.",
        json_schema_extra={"example": "pending"},
    )
    sort: Literal["name", "-name", "student_id", "-student_id", "grade", "-grade"] = Field(
        "name",
        description="`name`, `student_id` or `grade`; `-name` for descending order.",
        json_schema_extra={"example": "name"},
    )


class StudentRow(BaseModel):
    id: int = Field(examples=[7])
    student_id: str = Field(examples=["12345"])
    first_name: str = Field(examples=["Grace"])
    last_name: str = Field(examples=["Hopper"])
    grade: int | str | None = Field(description=GRADE, examples=[9])
    active: bool = Field(examples=[True])
    building: str = Field(examples=["High School"])
    homeroom: str = Field(examples=["B12"])
    email: str = Field(examples=["grace@example.org"])
    rt_user: str = Field(description="User name in Request Tracker; if empty, RT_STUDENT_USER defines it.", examples=["student1001"])
    device_count: int = Field(description="Number of the student’s devices.", examples=[1])
    created_at: datetime = Field(examples=["2026-08-17T07:30:00+00:00"])
    updated_at: datetime = Field(examples=["2026-08-17T07:30:00+00:00"])

    @classmethod
    def of(cls, student: Student) -> dict[str, Any]:
        """Written out for speed: a page has up to a thousand rows."""
        return {
            "id": student.id,
            "student_id": student.student_id,
            "first_name": student.first_name,
            "last_name": student.last_name,
            "grade": grade_value(student.grade),
            "active": student.is_active,
            "building": student.building,
            "homeroom": student.homeroom,
            "email": student.email,
            "rt_user": student.rt_user,
            "device_count": student.device_count,
            "created_at": student.created_at.isoformat(),
            "updated_at": student.updated_at.isoformat(),
        }


class StudentPage(BaseModel):
    count: int = Field(description="Total number of rows.", examples=[1])
    next: str | None = Field(description="URL of the next page.", examples=[None])
    previous: str | None = Field(examples=[None])
    results: list[StudentRow]


class _StudentTexts(BaseModel):
    """Lenient types: `fields` validates students from every source."""

    grade: Grade = Field(None, description=GRADE, examples=["9"])
    building: Text = Field("", examples=["High School"])
    homeroom: Text = Field("", examples=["B12"])
    email: Text = Field("", examples=["grace@example.org"])
    rt_user: Text = Field("", description="User name in Request Tracker; if empty, RT_STUDENT_USER defines it.", examples=[""])


class NewStudent(_StudentTexts):
    model_config = ConfigDict(extra="ignore", json_schema_extra={"required": ["student_id", "first_name", "last_name"]})

    student_id: Identifier = Field("", description="Send text to preserve leading zeros.", examples=["12345"])
    first_name: Text = Field("", examples=["Grace"])
    last_name: Text = Field("", examples=["Hopper"])


class ChangedStudent(_StudentTexts):
    """Omitted fields are not changed."""

    model_config = ConfigDict(extra="ignore")

    first_name: Text = Field("", examples=["Grace"])
    last_name: Text = Field("", examples=["Hopper"])
    active: bool = Field(True, description="Whether the student is active.", examples=[True])


class _Assignment(BaseModel):
    model_config = ConfigDict(extra="ignore", json_schema_extra={"required": ["asset_tag"]})

    asset_tag: Identifier = Field("", examples=["W12-1001"])
    notes: Text = Field("", max_length=MAX_NOTE_LENGTH, examples=["Device assignment"])


class AssignDevice(_Assignment):
    due_date: date | None = Field(None, description=DUE_DATE, examples=["2999-06-01"])
    allow_past_due_date: bool = Field(False, description=ALLOW_PAST_DUE_DATE, examples=[False])
    accessories: list[Text] = Field(default=[], max_length=20, description="Accessories assigned with the device.", examples=[["charger"]])


class ReturnDevice(_Assignment):
    condition: Literal["", "good", "fair", "damaged"] = Field(
        "", description="`damaged` sets the device to maintenance.", examples=["good"]
    )
    accessories: list[Text] | None = Field(
        None, max_length=20, description="Accessories returned with the device; null if they were not checked.", examples=[["charger"]]
    )


class AssignmentDone(BaseModel):
    message: str = Field(examples=["Device W12-1001 checked in to Grace Hopper"])
    student: str = Field(examples=["12345"])
    device: str = Field(examples=["W12-1001"])
    status: str = Field(description="`checked_in` or `checked_out`.", examples=["checked_in"])
    log_id: int = Field(description="ID of the change, for undo.", examples=[7])


class StudentDevice(BaseModel):
    asset_tag: str = Field(examples=["W12-1001"])
    model: str = Field(examples=["Chromebook 3100"])
    serial_number: str | None = Field(examples=["5CD2198XKL"])
    status: str = Field(examples=["checked_out"])
    checked_in_date: datetime | None = Field(examples=["2026-08-17T07:30:00+00:00"])
    due_date: date | None = Field(examples=[None])


class StudentDevices(BaseModel):
    student: str = Field(description="The student’s name.", examples=["Grace Hopper"])
    student_id: str = Field(examples=["12345"])
    grade: int | str | None = Field(examples=[9])
    devices: list[StudentDevice]
    device_count: int = Field(examples=[1])


class StudentCountsRow(BaseModel):
    students: int = Field(description="Active students.", examples=[100])
    assigned: int = Field(description="Active students who have a device.", examples=[90])
    pending: int = Field(description="Active students without a device.", examples=[10])
    completion: float = Field(description="Share of active students who have a device, from 0 to 1.", examples=[0.9])
    holding: int = Field(description="Inactive students who still have a device.", examples=[0])
    inactive: int = Field(description="Inactive students without a device.", examples=[3])

    @classmethod
    def of(cls, counts: StudentCounts) -> dict[str, Any]:
        return {
            "students": counts.active,
            "assigned": counts.assigned,
            "pending": counts.pending,
            "completion": round(counts.completion, 4),
            "holding": counts.holding,
            "inactive": counts.inactive,
        }


class GradeCountsRow(StudentCountsRow):
    grade: int | str | None = Field(examples=[9])


class Totals(StudentCountsRow):
    devices: int = Field(examples=[120])


class Stats(BaseModel):
    totals: Totals
    by_grade: list[GradeCountsRow]
    by_status: dict[str, int] = Field(
        description="Number of devices by status.", examples=[{"available": 30, "checked_out": 90, "maintenance": 0, "retired": 0}]
    )

    @classmethod
    def of(cls, counts: Counts) -> dict[str, Any]:
        return {
            "totals": StudentCountsRow.of(counts.students) | {"devices": counts.all_devices},
            "by_grade": [{"grade": grade_value(grade), **StudentCountsRow.of(each)} for grade, each in counts.by_grade.items()],
            "by_status": counts.devices,
        }


class Deleted(BaseModel):
    message: str = Field(examples=["Student 12345 was deleted"])
