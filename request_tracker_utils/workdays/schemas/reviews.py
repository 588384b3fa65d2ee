"""Schemas of reviews and of requests for missed punches."""

import re
from datetime import date, datetime, time
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from request_tracker_utils.attendance.schemas.punches import Day, Text
from request_tracker_utils.core.db import LARGEST_ID
from request_tracker_utils.web.paging import PageQuery
from request_tracker_utils.workdays.models import Decision, MissedPunchRequest, RequestState, ReviewState, Workday, WorkdayDecision
from request_tracker_utils.workdays.reviews import MAX_REASON, Seen

AT = "2026-03-02T14:00:01+00:00"
TIME_FORM = re.compile("[0-9]{2}:[0-9]{2}")


def _no_number(value: Any) -> Any:
    """Raises ValueError for numbers: Pydantic would read them as seconds since 1970."""
    if isinstance(value, (int, float)) or (isinstance(value, str) and "T" not in value.upper()):
        raise ValueError("not a time like 2026-03-02T08:00:00-06:00")
    return value


def _time(value: Any) -> Any:
    if value is not None and not (isinstance(value, str) and TIME_FORM.fullmatch(value)):
        raise ValueError("not a time like 08:00")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_no_number)]
AnyTime = Annotated[datetime, BeforeValidator(_no_number)]
ClockTime = Annotated[time, BeforeValidator(_time)]


class SeenIn(BaseModel):
    """What the caller has seen of the workday. If it has changed since, the answer is `workday_changed`."""

    model_config = ConfigDict(extra="forbid")

    first_at: Instant | None = Field(description="`first_at` of the workday.", examples=[AT])
    last_at: Instant | None = Field(description="`last_at` of the workday.", examples=[None])
    decision_id: int | None = Field(None, description="ID of the valid decision; null if there is none.", examples=[None])

    def seen(self) -> Seen:
        return Seen(self.first_at, self.last_at, self.decision_id)


class AcceptWorkdayIn(SeenIn):
    reason: Text = Field("", max_length=MAX_REASON, description="Why, if it needs a remark.", examples=["Parents' evening"])


class CorrectIn(SeenIn):
    clock_in: AnyTime = Field(
        description="With an offset from UTC, or by the clocks of the terminal’s place.", examples=["2026-03-02T08:00"]
    )
    clock_out: AnyTime | None = Field(description="Null if it is unknown.", examples=["2026-03-02T17:00"])
    reason: Text = Field(max_length=MAX_REASON, description="Why the times are corrected.", examples=["Forgot to punch"])


class DecisionOut(BaseModel):
    id: int = Field(examples=[1])
    decision: Decision = Field(examples=["corrected"])
    reason: str = Field(examples=["Forgot to punch"])
    decided_by: str = Field(examples=["ada"])
    decided_at: datetime = Field(examples=[AT])


class ReviewOut(BaseModel):
    id: int = Field(description="The workday’s ID.", examples=[4711])
    review_state: ReviewState = Field(examples=["corrected"])
    clock_in: datetime | None = Field(description="In UTC, after the decision.", examples=[AT])
    clock_out: datetime | None = Field(examples=["2026-03-02T23:00:00+00:00"])
    first_at: datetime | None = Field(description="The first punch.", examples=[AT])
    last_at: datetime | None = Field(description="The last punch.", examples=[None])
    decision: DecisionOut | None = Field(description="The valid one.", examples=[None])

    @classmethod
    def of(cls, workday: Workday, decision: WorkdayDecision | None) -> dict[str, Any]:
        shown = None
        if decision is not None:
            shown = {name: getattr(decision, name) for name in ("id", "decision", "reason", "decided_by")}
            shown["decided_at"] = decision.decided_at.isoformat()
        times = {name: text_of(getattr(workday, name)) for name in ("clock_in", "clock_out", "first_at", "last_at")}
        return {"id": workday.id, "review_state": workday.review_state, **times, "decision": shown}


class AskIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    date: Day = Field(description="The workday, by the clocks where you work.", examples=["2026-03-02"])
    clock_in: ClockTime | None = Field(None, description="When you came, if that punch is missing.", examples=[None])
    clock_out: ClockTime | None = Field(None, description="When you left, if that punch is missing.", examples=["17:00"])
    reason: Text = Field(max_length=MAX_REASON, description="Why it is missing.", examples=["Forgot to punch"])


class ApproveIn(SeenIn):
    note: Text = Field("", max_length=MAX_REASON, description="For the person.", examples=[""])


class RejectIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: Text = Field(max_length=MAX_REASON, description="Why it is rejected.", examples=["You were on a field trip"])


class MissedPunchPath(BaseModel):
    request_id: int = Field(description="The request’s ID.", json_schema_extra={"example": 1, "minimum": 1, "maximum": LARGEST_ID})


class MissedPunchesQuery(PageQuery):
    state: RequestState | None = Field(None, description="Only requests in this state.", json_schema_extra={"example": "pending"})


_Day = date


class MissedPunchOut(BaseModel):
    id: int = Field(examples=[1])
    person_id: int = Field(examples=[1])
    date: _Day = Field(examples=["2026-03-02"])
    clock_in: str | None = Field(examples=[None])
    clock_out: str | None = Field(examples=["17:00"])
    reason: str = Field(examples=["Forgot to punch"])
    state: RequestState = Field(examples=["pending"])
    note: str = Field(description="Written by the person who has decided.", examples=[""])
    workday_id: int | None = Field(description="The corrected workday.", examples=[None])
    asked_by: str = Field(examples=["grace"])
    asked_at: datetime = Field(examples=[AT])
    decided_by: str | None = Field(examples=[None])
    decided_at: datetime | None = Field(examples=[None])

    @classmethod
    def of(cls, request: MissedPunchRequest) -> dict[str, Any]:
        names = ("id", "person_id", "reason", "state", "note", "workday_id", "asked_by", "decided_by")
        times = {name: f"{value:%H:%M}" if (value := getattr(request, name)) else None for name in ("clock_in", "clock_out")}
        instants = {name: text_of(getattr(request, name)) for name in ("asked_at", "decided_at")}
        return {**{name: getattr(request, name) for name in names}, "date": request.date.isoformat(), **times, **instants}


class MissedPunchPage(BaseModel):
    count: int = Field(description="Total number of rows.", examples=[1])
    next: str | None = Field(description="URL of the next page.", examples=[None])
    previous: str | None = Field(examples=[None])
    results: list[MissedPunchOut]


def text_of(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
