"""Schemas of calendars and holidays."""

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, RootModel

from request_tracker_utils.calendars.models import MAX_NAME, Calendar, Holiday, RecordedCalendarChange
from request_tracker_utils.calendars.service import MAX_DAYS, HolidayFields, NewHoliday
from request_tracker_utils.core.db import LARGEST_ID
from request_tracker_utils.web.paging import MAX_PAGE_SIZE, PageQuery

_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
LAST = f"Included. At most {MAX_DAYS} days."


def _storable(value: str) -> str:
    return value.replace("\0", "\ufffd")


def _day(value: Any) -> Any:
    """Raises ValueError for numbers: Pydantic would read them as seconds since 1970."""
    if isinstance(value, (int, float)) or (isinstance(value, str) and not _DAY.fullmatch(value)):
        raise ValueError("not a date like 2026-09-07")
    return value


Text = Annotated[str, AfterValidator(_storable)]
Day = Annotated[date, BeforeValidator(_day)]


class CalendarPath(BaseModel):
    calendar_id: int = Field(description="The calendar’s ID.", json_schema_extra={"example": 1, "minimum": 1, "maximum": LARGEST_ID})


class HolidayPath(BaseModel):
    holiday_id: int = Field(description="The holiday’s ID.", json_schema_extra={"example": 1, "minimum": 1, "maximum": LARGEST_ID})


class CalendarChangePath(BaseModel):
    change_id: int = Field(description="The change’s ID.", json_schema_extra={"example": 1, "minimum": 1, "maximum": LARGEST_ID})


class CalendarIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Text = Field(max_length=2 * MAX_NAME, examples=["Bus drivers"])


class CalendarPatch(BaseModel):
    """What is omitted does not change."""

    model_config = ConfigDict(extra="forbid")

    name: Text | None = Field(None, max_length=2 * MAX_NAME, examples=["Bus drivers"])
    is_default: bool | None = Field(None, strict=True, description="True makes this calendar the default.", examples=[True])


class CalendarOut(BaseModel):
    id: int = Field(examples=[1])
    name: str = Field(examples=["School calendar"])
    is_default: bool = Field(description="Whether it applies where no other calendar is chosen.", examples=[True])

    @classmethod
    def of(cls, calendar: Calendar) -> dict[str, Any]:
        return {"id": calendar.id, "name": calendar.name, "is_default": calendar.is_default}


class CalendarList(BaseModel):
    count: int = Field(examples=[1])
    next: str | None = Field(description="Always empty: all calendars are on one page.", examples=[None])
    previous: str | None = Field(examples=[None])
    results: list[CalendarOut]


class HolidaysQuery(PageQuery):
    calendar: int | None = Field(None, ge=1, le=LARGEST_ID, description="ID of the calendar.", json_schema_extra={"example": 1})
    start_date: Day | None = Field(None, description="Only holidays on this day or later.", json_schema_extra={"example": "2026-07-01"})
    end_date: Day | None = Field(None, description="Only holidays on this day or earlier.", json_schema_extra={"example": "2027-06-30"})


class HolidayPatch(BaseModel):
    """What is omitted does not change."""

    model_config = ConfigDict(extra="forbid")

    name: Text | None = Field(None, max_length=2 * MAX_NAME, examples=["Spring break"])
    first_day: Day | None = Field(None, examples=["2027-03-15"])
    last_day: Day | None = Field(None, description=LAST, examples=["2027-03-19"])

    def fields(self) -> HolidayFields:
        return HolidayFields(self.name, self.first_day, self.last_day)


class HolidayIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    calendar: int | None = Field(
        None, strict=True, ge=1, le=LARGEST_ID, description="ID of the calendar; the default calendar if omitted.", examples=[1]
    )
    name: Text = Field(max_length=2 * MAX_NAME, examples=["Spring break"])
    first_day: Day = Field(examples=["2027-03-15"])
    last_day: Day | None = Field(None, description=f"{LAST} The first day if omitted.", examples=["2027-03-19"])

    def entered(self) -> NewHoliday:
        return NewHoliday(self.name, self.first_day, self.last_day or self.first_day)


class HolidayOut(BaseModel):
    id: int = Field(examples=[1])
    calendar: int = Field(description="ID of the calendar.", examples=[1])
    name: str = Field(examples=["Spring break"])
    first_day: str = Field(examples=["2027-03-15"])
    last_day: str = Field(description="Included.", examples=["2027-03-19"])

    @classmethod
    def of(cls, holiday: Holiday) -> dict[str, Any]:
        days = {"first_day": holiday.first_day.isoformat(), "last_day": holiday.last_day.isoformat()}
        return {"id": holiday.id, "calendar": holiday.calendar_id, "name": holiday.name, **days}


class HolidayPage(BaseModel):
    count: int = Field(description="Total number of rows.", examples=[1])
    next: str | None = Field(description="URL of the next page.", examples=[None])
    previous: str | None = Field(examples=[None])
    results: list[HolidayOut]


class CalendarMessage(BaseModel):
    message: str = Field(examples=["The holiday Spring break was deleted."])


class CalendarChangesQuery(BaseModel):
    limit: int = Field(100, ge=1, le=MAX_PAGE_SIZE, description="Rows at most.", json_schema_extra={"example": 100})
    before_id: int | None = Field(None, ge=1, le=LARGEST_ID, description="Only older rows.", json_schema_extra={"example": 1000})


class CalendarChangeOut(BaseModel):
    id: int = Field(examples=[1])
    kind: str = Field(description="`holiday_added`, `holiday_changed`, `holiday_deleted`, `imported`, …", examples=["holiday_added"])
    subject: str = Field(examples=["Spring break (School calendar)"])
    actor: str = Field(examples=["ada"])
    created_at: datetime = Field(examples=["2026-03-02T14:05:00+00:00"])
    undone_by: str | None = Field(examples=[None])

    @classmethod
    def of(cls, change: RecordedCalendarChange) -> dict[str, Any]:
        own = {"created_at": change.created_at.isoformat()}
        return {name: own.get(name) or getattr(change, name) for name in cls.model_fields}


class CalendarChangeRows(RootModel[list[CalendarChangeOut]]):
    """Changes of calendars, newest first."""
