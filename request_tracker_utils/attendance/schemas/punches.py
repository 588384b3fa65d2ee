"""Schemas of raw punches."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, RootModel

from request_tracker_utils.attendance.models import Punch
from request_tracker_utils.attendance.models.punches import MAX_USER_ID
from request_tracker_utils.attendance.punch_completeness import MOST_DAYS
from request_tracker_utils.attendance.punch_list import PunchFilter
from request_tracker_utils.core.db import LARGEST_ID
from request_tracker_utils.web.paging import PageQuery

DAY_FORM = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
DAY = "By the terminal’s own time, included."


def _storable(value: str) -> str:
    return value.replace("\0", "\ufffd")


def _day(value: Any) -> Any:
    """Raises ValueError for numbers: Pydantic would read them as seconds since 1970."""
    if isinstance(value, (int, float)) or (isinstance(value, str) and not DAY_FORM.fullmatch(value)):
        raise ValueError("not a date like 2026-03-02")
    return value


Text = Annotated[str, AfterValidator(_storable)]
Day = Annotated[date, BeforeValidator(_day)]


class PunchesQuery(PageQuery):
    user_id: Text = Field("", max_length=MAX_USER_ID, description="The user ID at the terminals.", json_schema_extra={"example": "17"})
    device: int | None = Field(None, ge=1, le=LARGEST_ID, description="ID of the terminal.", json_schema_extra={"example": 1})
    start_date: Day | None = Field(None, description=f"First day. {DAY}", json_schema_extra={"example": "2026-03-02"})
    end_date: Day | None = Field(None, description=f"Last day. {DAY}", json_schema_extra={"example": "2026-03-06"})
    ordering: Literal["timestamp", "-timestamp", "id", "-id", "user_id", "-user_id"] = Field(
        "-timestamp",
        description="`timestamp`, `id` (as received) or `user_id`; `-timestamp` for descending order.",
        json_schema_extra={"example": "-timestamp"},
    )

    def filters(self) -> PunchFilter:
        return PunchFilter(self.user_id, self.device, self.start_date, self.end_date)


class PunchOut(BaseModel):
    id: int = Field(examples=[4711])
    device: int = Field(description="ID of the terminal.", examples=[1])
    device_name: str = Field(examples=["Main entrance"])
    user_id: str = Field(examples=["0017"])
    timestamp: datetime = Field(description="In UTC, from the terminal’s time and its zone.", examples=["2026-03-02T14:00:01+00:00"])
    status: int = Field(description="How the person was verified, as the terminal encodes it.", examples=[1])
    punch_state: int = Field(description="The button. Models disagree about its meaning.", examples=[0])
    verify_type: int = Field(description="The same as `status`.", examples=[1])
    created_at: datetime = Field(description="When it was received.", examples=["2026-03-02T14:05:00+00:00"])
    terminal_time: datetime = Field(description="As the terminal recorded it, without a zone.", examples=["2026-03-02T08:00:01"])
    timezone: str = Field(description="The terminal’s zone at that time.", examples=["America/Chicago"])
    effective_at: datetime = Field(
        description="`timestamp`, moved by the repair of the terminal’s clock if there is one.", examples=["2026-03-02T14:00:01+00:00"]
    )
    implausible: str | None = Field(
        description="Why the time is implausible: `future` or `behind` (the clock was set back).", examples=[None]
    )

    @classmethod
    def of(cls, punch: Punch, device_name: str, effective_at: datetime) -> dict[str, Any]:
        """Written out for speed: a page has up to a thousand rows."""
        return {
            "id": punch.id,
            "device": punch.terminal_id,
            "device_name": device_name,
            "user_id": punch.user_id,
            "timestamp": punch.punched_at.isoformat(),
            "status": punch.status,
            "punch_state": punch.punch_state,
            "verify_type": punch.status,
            "created_at": punch.received_at.isoformat(),
            "terminal_time": punch.terminal_time.isoformat(),
            "timezone": punch.timezone,
            "effective_at": effective_at.isoformat(),
            "implausible": punch.implausible,
        }


class PunchPage(BaseModel):
    count: int = Field(description="Total number of rows.", examples=[1])
    next: str | None = Field(description="URL of the next page.", examples=[None])
    previous: str | None = Field(examples=[None])
    results: list[PunchOut]


class CompletenessQuery(BaseModel):
    device: int | None = Field(None, ge=1, le=LARGEST_ID, description="ID of the terminal.", json_schema_extra={"example": 1})
    start_date: Day = Field(description=f"First day. {DAY}", json_schema_extra={"example": "2026-03-02"})
    end_date: Day = Field(description=f"Last day, at most {MOST_DAYS} days later. {DAY}", json_schema_extra={"example": "2026-03-06"})


class DayOut(BaseModel):
    device: int = Field(description="ID of the terminal.", examples=[1])
    device_name: str = Field(examples=["Main entrance"])
    date: str = Field(description="By the terminal’s own time.", examples=["2026-03-02"])
    records: int = Field(description="How many the terminal has had, without repetitions.", examples=[120])
    stored: int = Field(description="Stored punches.", examples=[120])
    missing: int = Field(examples=[0])
    state: Literal["complete", "missing", "more"] = Field(
        description="`more`: more is stored than the terminal had when it was counted; it has pushed since, or its log was cleared.",
        examples=["complete"],
    )


class DayList(RootModel[list[DayOut]]):
    pass
