"""What the routes of students and devices take and give: the rows as programs know them, and what was added."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from request_tracker_utils.students import grades
from request_tracker_utils.students.assignments import LONGEST_NOTE
from request_tracker_utils.students.counts import Counts, OfStudents
from request_tracker_utils.students.models import Student

LARGEST_PAGE = 1_000


def _storable(value: str) -> str:
    return value.replace("\0", "\ufffd")


def _as_text(value: Any) -> Any:
    """A number is taken for its digits; whoever needs leading zeros sends text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Text = Annotated[str, AfterValidator(_storable)]
Identifier = Annotated[
    str,
    BeforeValidator(_as_text),
    AfterValidator(_storable),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}]}),
]
"""Text, or a whole number."""
Grade = Annotated[
    str | None, BeforeValidator(_as_text), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]})
]
GRADE = "A number from 1 to 13, `K`, `PK`, or what the school calls it otherwise; null for none."


class StudentPath(BaseModel):
    student_id: Text = Field(description="The student’s number, whatever its capitals.", json_schema_extra={"example": "12345"})


class Paged(BaseModel):
    page: int = Field(1, ge=1, le=1_000_000, description="From 1.", json_schema_extra={"example": 1})
    page_size: int = Field(100, ge=1, le=LARGEST_PAGE, description="Rows of a page.", json_schema_extra={"example": 100})
    after: Text = Field(
        "",
        max_length=30,
        description="Where the page begins, as `next` has it: deep pages are as fast as the first.",
        json_schema_extra={"example": ""},
    )
    search: Text = Field("", max_length=200, description="Beginning of what is looked for.", json_schema_extra={"example": "hop"})


class StudentsQuery(Paged):
    grade: Text = Field(
        "",
        max_length=200,
        description="One or several, with commas between; `none` for those without.",
        json_schema_extra={"example": "9,10"},
    )
    status: Literal["", "assigned", "pending", "active", "holding", "inactive"] = Field(
        "",
        description="`assigned`, `pending`, `active`, `holding` (has left, and still has something) or `inactive`.",
        json_schema_extra={"example": "pending"},
    )
    sort: Literal["name", "-name", "student_id", "-student_id", "grade", "-grade"] = Field(
        "name",
        description="`name`, `student_id` or `grade`; `-name` for the other direction.",
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
    rt_user: str = Field(description="The user’s name in Request Tracker, where it is not made by the rule.", examples=["student1001"])
    device_count: int = Field(description="How many devices the student has.", examples=[1])
    created_at: datetime = Field(examples=["2026-08-17T07:30:00+00:00"])
    updated_at: datetime = Field(examples=["2026-08-17T07:30:00+00:00"])

    @classmethod
    def of(cls, student: Student) -> dict[str, Any]:
        """Written out: a page has a thousand of them."""
        return {
            "id": student.id,
            "student_id": student.student_id,
            "first_name": student.first_name,
            "last_name": student.last_name,
            "grade": grades.as_told(student.grade),
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
    count: int = Field(description="Of all pages.", examples=[1])
    next: str | None = Field(description="Address of the next page.", examples=[None])
    previous: str | None = Field(examples=[None])
    results: list[StudentRow]


class _StudentTexts(BaseModel):
    """The rules stand in the documentation only: they are checked in one place, whichever way a student comes."""

    grade: Grade = Field(None, description=GRADE, examples=["9"])
    building: Text = Field("", examples=["High School"])
    homeroom: Text = Field("", examples=["B12"])
    email: Text = Field("", examples=["grace@example.org"])
    rt_user: Text = Field("", description="The user’s name in Request Tracker, where it is not made by the rule.", examples=[""])


class NewStudent(_StudentTexts):
    model_config = ConfigDict(extra="ignore", json_schema_extra={"required": ["student_id", "first_name", "last_name"]})

    student_id: Identifier = Field("", description="Leading zeros are kept where it is sent as text.", examples=["12345"])
    first_name: Text = Field("", examples=["Grace"])
    last_name: Text = Field("", examples=["Hopper"])


class ChangedStudent(_StudentTexts):
    """What is not sent stays."""

    model_config = ConfigDict(extra="ignore")

    first_name: Text = Field("", examples=["Grace"])
    last_name: Text = Field("", examples=["Hopper"])
    active: bool = Field(True, description="Whether the student is at school.", examples=[True])


class Handed(BaseModel):
    model_config = ConfigDict(extra="ignore", json_schema_extra={"required": ["asset_tag"]})

    asset_tag: Identifier = Field("", examples=["W12-1001"])
    notes: Text = Field("", max_length=LONGEST_NOTE, examples=["Device assignment"])


class GiveDevice(Handed):
    due_date: date | None = Field(None, description="The day by which a loaner is to be back.", examples=["2027-06-01"])
    accessories: list[Text] = Field(default=[], max_length=20, description="What goes with it.", examples=[["charger"]])


class ReturnDevice(Handed):
    condition: Literal["", "good", "fair", "damaged"] = Field(
        "", description="`damaged` puts the device into maintenance.", examples=["good"]
    )
    accessories: list[Text] | None = Field(None, max_length=20, description="What came back with it.", examples=[["charger"]])


class HandedOver(BaseModel):
    message: str = Field(examples=["Device W12-1001 checked in to Grace Hopper"])
    student: str = Field(examples=["12345"])
    device: str = Field(examples=["W12-1001"])
    status: str = Field(description="`checked_in` or `checked_out`.", examples=["checked_in"])
    log_id: int = Field(description="The change, by which it is taken back.", examples=[7])


class DeviceOfStudent(BaseModel):
    asset_tag: str = Field(examples=["W12-1001"])
    model: str = Field(examples=["Chromebook 3100"])
    serial_number: str | None = Field(examples=["5CD2198XKL"])
    status: str = Field(examples=["checked_out"])
    checked_in_date: datetime | None = Field(examples=["2026-08-17T07:30:00+00:00"])
    due_date: date | None = Field(examples=[None])


class DevicesOfStudent(BaseModel):
    student: str = Field(description="The name.", examples=["Grace Hopper"])
    student_id: str = Field(examples=["12345"])
    grade: int | str | None = Field(examples=[9])
    devices: list[DeviceOfStudent]
    device_count: int = Field(examples=[1])


class CountOfStudents(BaseModel):
    students: int = Field(description="Those at school.", examples=[100])
    assigned: int = Field(description="Have a device.", examples=[90])
    pending: int = Field(description="Have none.", examples=[10])
    completion: float = Field(description="The share of those who have one, from 0 to 1.", examples=[0.9])
    holding: int = Field(description="Have left, and still have something.", examples=[0])
    inactive: int = Field(description="Have left, and have nothing.", examples=[3])

    @classmethod
    def of(cls, counted: OfStudents) -> dict[str, Any]:
        told = {"students": counted.active, "assigned": counted.assigned, "pending": counted.pending}
        return told | {"completion": round(counted.completion, 4), "holding": counted.holding, "inactive": counted.inactive}


class CountOfGrade(CountOfStudents):
    grade: int | str | None = Field(examples=[9])


class Totals(CountOfStudents):
    devices: int = Field(examples=[120])


class Stats(BaseModel):
    totals: Totals
    by_grade: list[CountOfGrade]
    by_status: dict[str, int] = Field(
        description="Devices of each status.", examples=[{"available": 30, "checked_out": 90, "maintenance": 0, "retired": 0}]
    )

    @classmethod
    def of(cls, counted: Counts) -> dict[str, Any]:
        return {
            "totals": CountOfStudents.of(counted.students) | {"devices": counted.all_devices},
            "by_grade": [{"grade": grades.as_told(grade), **CountOfStudents.of(each)} for grade, each in counted.by_grade.items()],
            "by_status": counted.devices,
        }


class Deleted(BaseModel):
    message: str = Field(examples=["Student 12345 was deleted"])
