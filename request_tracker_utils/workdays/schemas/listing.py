"""Schemas of lists of workdays."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field, RootModel

from request_tracker_utils.attendance.models.punches import MAX_USER_ID
from request_tracker_utils.attendance.schemas.punches import Day, Text
from request_tracker_utils.core.db import LARGEST_ID
from request_tracker_utils.web.paging import MAX_PAGE_SIZE, PageQuery
from request_tracker_utils.workdays.listing import WorkdayFilter
from request_tracker_utils.workdays.models import ReviewState, Workday

_DAY = "By the terminal’s own time, included."
_Day = date
_PRELIMINARY = "Preliminary until `window_ends_at`."


class WorkdayPath(BaseModel):
    workday_id: int = Field(description="The workday’s ID.", json_schema_extra={"example": 1, "minimum": 1, "maximum": LARGEST_ID})


class OutliersQuery(PageQuery):
    user_id: Text = Field("", max_length=MAX_USER_ID, description="The user ID at the terminals.", json_schema_extra={"example": "0017"})
    device: int | None = Field(None, ge=1, le=LARGEST_ID, description="ID of the terminal.", json_schema_extra={"example": 1})
    start_date: Day | None = Field(None, description=f"First day. {_DAY}", json_schema_extra={"example": "2026-03-02"})
    end_date: Day | None = Field(None, description=f"Last day. {_DAY}", json_schema_extra={"example": "2026-03-06"})
    synced_to_crm: bool | None = Field(None, description="Whether the CRM has accepted it.", json_schema_extra={"example": False})
    ordering: Literal["date", "-date", "timestamp", "-timestamp", "id", "-id", "user_id", "-user_id"] = Field(
        "-date",
        description="`date` (or `timestamp`, the same), `id` or `user_id`; `-date` for descending order.",
        json_schema_extra={"example": "-date"},
    )

    def filters(self) -> WorkdayFilter:
        return WorkdayFilter(self.user_id, self.device, self.start_date, self.end_date, True, self.synced_to_crm)


class WorkdaysQuery(OutliersQuery):
    is_outlier: bool | None = Field(None, description="Only outliers, or only others.", json_schema_extra={"example": True})

    def filters(self) -> WorkdayFilter:
        return WorkdayFilter(self.user_id, self.device, self.start_date, self.end_date, self.is_outlier, self.synced_to_crm)


class UnsyncedQuery(BaseModel):
    limit: int = Field(100, ge=1, le=MAX_PAGE_SIZE, description="How many at most.", json_schema_extra={"example": 100})


class WorkdayOut(BaseModel):
    id: int = Field(examples=[4711])
    device: int = Field(description="ID of the terminal of the first punch.", examples=[1])
    device_name: str = Field(examples=["Main entrance"])
    user_id: str = Field(examples=["0017"])
    date: _Day = Field(description="On which the workday began, by the terminal’s own time.", examples=["2026-03-02"])
    clock_in: datetime | None = Field(
        description="In UTC; after a correction, the corrected time. Null if all punches of a workday that was sent were taken from it.",
        examples=["2026-03-02T14:00:01+00:00"],
    )
    clock_out: datetime | None = Field(description="Null if there is only one punch.", examples=["2026-03-02T23:02:40+00:00"])
    is_outlier: bool = Field(description=_PRELIMINARY, examples=[False])
    outlier_reason: str = Field(description=f"In words, in English. {_PRELIMINARY}", examples=[""])
    synced_to_crm: bool = Field(description="Whether the CRM has accepted the current revision.", examples=[True])
    sync_attempts: int = Field(description="Runs that have sent the current revision.", examples=[0])
    last_sync_attempt: datetime | None = Field(examples=["2026-03-03T10:30:00+00:00"])
    created_at: datetime = Field(examples=["2026-03-02T14:05:00+00:00"])
    updated_at: datetime = Field(examples=["2026-03-03T00:05:00+00:00"])
    is_incomplete: bool = Field(description=f"Whether a punch is missing. {_PRELIMINARY}", examples=[False])
    is_late: bool = Field(examples=[False])
    is_early: bool = Field(description=f"Whether the person left early. {_PRELIMINARY}", examples=[False])
    is_half_day: bool = Field(description=_PRELIMINARY, examples=[False])
    review_state: ReviewState = Field(examples=["none"])
    first_at: datetime | None = Field(description="The first punch, without corrections.", examples=["2026-03-02T14:00:01+00:00"])
    last_at: datetime | None = Field(description="The last punch, without corrections.", examples=["2026-03-02T23:02:40+00:00"])
    revision: int = Field(description="Incremented when the workday changes after it was sent.", examples=[1])
    worked_seconds: int = Field(description="From `clock_in` to `clock_out`.", examples=[32559])
    timezone: str = Field(description="The terminal’s zone.", examples=["America/Chicago"])
    window_ends_at: datetime = Field(
        description="From then on, punches belong to the next workday.", examples=["2026-03-03T10:00:00+00:00"]
    )

    @classmethod
    def of(cls, workday: Workday, device_name: str) -> dict[str, Any]:
        """Written out for speed: a page has up to a thousand rows."""
        return {
            "id": workday.id,
            "device": workday.terminal_id,
            "device_name": device_name,
            "user_id": workday.user_id,
            "date": workday.date.isoformat(),
            "clock_in": _text(workday.clock_in),
            "clock_out": _text(workday.clock_out),
            "is_outlier": workday.is_outlier,
            "outlier_reason": workday.outlier_reason,
            "synced_to_crm": workday.synced_to_crm,
            "sync_attempts": workday.sync_attempts,
            "last_sync_attempt": _text(workday.last_sync_attempt),
            "created_at": _text(workday.created_at),
            "updated_at": _text(workday.updated_at),
            "is_incomplete": workday.is_incomplete,
            "is_late": workday.is_late,
            "is_early": workday.is_early,
            "is_half_day": workday.is_half_day,
            "review_state": workday.review_state,
            "first_at": _text(workday.first_at),
            "last_at": _text(workday.last_at),
            "revision": workday.revision,
            "worked_seconds": workday.worked_seconds,
            "timezone": workday.timezone,
            "window_ends_at": _text(workday.window_ends_at),
        }


class WorkdayPage(BaseModel):
    count: int = Field(description="Total number of rows.", examples=[1])
    next: str | None = Field(description="URL of the next page.", examples=[None])
    previous: str | None = Field(examples=[None])
    results: list[WorkdayOut]


class WorkdayList(RootModel[list[WorkdayOut]]):
    pass


class StatsOut(BaseModel):
    total: int = Field(examples=[1000])
    synced: int = Field(description="Those that the CRM has accepted.", examples=[950])
    unsynced: int = Field(description="All others, failed ones included.", examples=[50])
    failed: int = Field(description="Those that three or more runs have sent without success.", examples=[2])
    sync_percentage: float = Field(examples=[95.0])


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
