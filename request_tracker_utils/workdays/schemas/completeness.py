"""The proof of completeness, over JSON."""

from typing import Any

from pydantic import BaseModel, Field, RootModel

from request_tracker_utils.attendance.schemas.punches import DAY, Day
from request_tracker_utils.core.db import LARGEST_ID
from request_tracker_utils.workdays.completeness import MOST_DAYS, ChainDay, ChainState, SyncState, TerminalChain
from request_tracker_utils.workdays.punch_places import Place


class WorkdayCompletenessQuery(BaseModel):
    device: int | None = Field(None, ge=1, le=LARGEST_ID, description="ID of the terminal.", json_schema_extra={"example": 1})
    start_date: Day = Field(description=f"First day. {DAY}", json_schema_extra={"example": "2026-03-02"})
    end_date: Day = Field(description=f"Last day, {MOST_DAYS} days at most. {DAY}", json_schema_extra={"example": "2026-03-06"})


class ChainDayOut(BaseModel):
    """`stored` is the sum of `counted`, `other_day`, `other_terminal`, `repeated`, `implausible`, `ignored` and `pending`; `workdays` is
    the sum of `accepted`, `open`, `failed` and `waiting`."""

    device: int = Field(description="ID of the terminal.", examples=[1])
    device_name: str = Field(examples=["Main entrance"])
    date: str = Field(description="By the terminal’s own time.", examples=["2026-03-02"])
    records: int | None = Field(
        description="How many the terminal has had, without repetitions. `null` if it was not counted completely.", examples=[120]
    )
    stored: int = Field(description="Stored punches.", examples=[120])
    missing: int = Field(description="Records of the terminal that are not stored.", examples=[0])
    counted: int = Field(description="Punches in workdays of this terminal and day.", examples=[110])
    other_day: int = Field(description="Punches in workdays of another day: night shifts, or repairs of the clock.", examples=[4])
    other_terminal: int = Field(description="Punches in a workday that the same person has begun at another terminal.", examples=[2])
    repeated: int = Field(description="Punches within `PUNCH_REPEAT_SECONDS` after another one, which do not count.", examples=[3])
    implausible: int = Field(description="Punches that are excluded until somebody reviews them.", examples=[1])
    ignored: int = Field(description="Punches that somebody has excluded.", examples=[0])
    pending: int = Field(description="Punches that are not in workdays yet.", examples=[0])
    workdays: int = Field(description="Workdays of this terminal and day.", examples=[60])
    accepted: int = Field(description="Workdays that the CRM has accepted as they are now.", examples=[60])
    open: int = Field(description="Workdays to which more punches can still belong. They are not sent yet.", examples=[0])
    failed: int = Field(description="Workdays that the CRM has not accepted.", examples=[0])
    waiting: int = Field(description="Workdays that are sent next.", examples=[0])
    state: ChainState = Field(description="What is missing first. `no_crm`: no CRM is configured.", examples=["complete"])

    @classmethod
    def of(cls, chain: TerminalChain, day: ChainDay, name: str) -> dict[str, Any]:
        return {
            "device": chain.terminal_id,
            "device_name": name,
            "date": day.day.isoformat(),
            "records": None if day.proof is None else day.proof.records,
            "stored": day.stored,
            "missing": day.missing,
            **{place.value: day.places[place] for place in Place},
            "workdays": day.workdays.total(),
            **{state.value: day.workdays[state] for state in SyncState},
            "state": day.state(has_crm=chain.has_crm),
        }


class ChainDayList(RootModel[list[ChainDayOut]]):
    pass
