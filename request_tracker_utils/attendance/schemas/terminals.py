"""Schemas of terminals."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NaiveDatetime, RootModel

from request_tracker_utils.attendance.models import ClockReading, Terminal, TerminalEvent, TerminalPoll
from request_tracker_utils.attendance.models.terminals import MAX_COMM_KEY, MAX_NAME, MAX_SITE
from request_tracker_utils.attendance.reading import DeviceInfo
from request_tracker_utils.attendance.reads import PollResult
from request_tracker_utils.attendance.schemas.punches import Text
from request_tracker_utils.attendance.service import LONGEST_TIMEOUT
from request_tracker_utils.attendance.terminal_problems import Kind
from request_tracker_utils.attendance.terminal_states import TerminalRow, TerminalState
from request_tracker_utils.core.db import LARGEST_ID
from request_tracker_utils.web.paging import MAX_PAGE_SIZE

MAX_NOTES = 2_000
KEY = "The communication key. It is written and never read back."
CUTOFF = "Records before this time of the terminal are never imported."


class TerminalPath(BaseModel):
    terminal_id: int = Field(description="The terminal’s ID.", json_schema_extra={"example": 1, "minimum": 1, "maximum": LARGEST_ID})


class TerminalPatch(BaseModel):
    """What is omitted does not change."""

    model_config = ConfigDict(extra="forbid")

    name: Text = Field("", max_length=2 * MAX_NAME, examples=["Main entrance"])
    ip_address: Text | None = Field(None, max_length=100, description="None for a terminal that only pushes.", examples=["10.0.0.50"])
    port: int = Field(4370, strict=True, examples=[4370])
    enabled: bool = Field(True, strict=True, examples=[True])
    timezone: Text = Field("", max_length=100, description="Of its clock.", examples=["America/Chicago"])
    site: Text = Field("", max_length=2 * MAX_SITE, description="Terminals of one site share their user IDs.", examples=["North High"])
    comm_key: int = Field(0, strict=True, ge=0, le=MAX_COMM_KEY, description=KEY, examples=[0])
    transport: Literal["tcp", "udp"] = Field("tcp", examples=["tcp"])
    layout: Text = Field("auto", max_length=10, description="How its records are packed.", examples=["auto"])
    timeout: float | None = Field(None, ge=1, le=LONGEST_TIMEOUT, description="Seconds for each answer.", examples=[None])
    cutoff: NaiveDatetime | None = Field(None, description=CUTOFF, examples=[None])
    notes: Text = Field("", max_length=MAX_NOTES, examples=[""])

    def fields(self) -> dict[str, Any]:
        """As a NewTerminal calls them, those that were sent."""
        sent = self.model_dump(exclude_unset=True)
        return {("address" if name == "ip_address" else name): value for name, value in sent.items()}


class TerminalIn(TerminalPatch):
    """A whole terminal. Without `port` and `timezone`, it has the defaults of the settings."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"required": ["name"]})

    name: Text = Field(max_length=2 * MAX_NAME, examples=["Main entrance"])


class HistoryQuery(BaseModel):
    limit: int = Field(100, ge=1, le=MAX_PAGE_SIZE, description="Rows at most.", json_schema_extra={"example": 100})
    before_id: int | None = Field(None, ge=1, le=LARGEST_ID, description="Only older rows.", json_schema_extra={"example": 1000})


class TerminalOut(BaseModel):
    id: int = Field(examples=[1])
    name: str = Field(examples=["Main entrance"])
    ip_address: str | None = Field(examples=["10.0.0.50"])
    port: int = Field(examples=[4370])
    enabled: bool = Field(examples=[True])
    last_sync: datetime | None = Field(description="When all of its records were last known to be stored.", examples=[None])
    created_at: datetime = Field(examples=["2026-03-02T14:05:00+00:00"])
    updated_at: datetime = Field(examples=["2026-03-02T14:05:00+00:00"])
    timezone: str = Field(examples=["America/Chicago"])
    transport: str = Field(examples=["tcp"])
    last_error: str | None = Field(examples=[None])
    clock_drift: int | None = Field(description="Seconds by which its clock was ahead.", examples=[-3])
    site: str = Field(examples=["North High"])
    layout: str = Field(examples=["auto"])
    timeout: float | None = Field(examples=[None])
    has_comm_key: bool = Field(examples=[False])
    cutoff: datetime | None = Field(description=CUTOFF, examples=[None])
    notes: str = Field(examples=[""])
    serial_number: str | None = Field(examples=["OIN7060158021600123"])
    reported_serial_number: str | None = Field(description="Of another terminal that answers at its address.", examples=[None])
    firmware: str | None = Field(examples=["Ver 6.60"])
    platform: str | None = Field(examples=["ZMM220_TFT"])
    user_count: int | None = Field(examples=[240])
    record_count: int | None = Field(examples=[81000])
    capacity: int | None = Field(description="Records that it can store.", examples=[100000])
    last_contact: datetime | None = Field(examples=[None])
    push_enabled: bool = Field(examples=[False])
    state: TerminalState = Field(description="The most urgent one, as the pages show it.", examples=["working"])
    problems: list[Kind] = Field(description="What alerts report, without pending terminals.", examples=[[]])

    @classmethod
    def of(cls, row: TerminalRow) -> dict[str, Any]:
        terminal = row.terminal
        own: dict[str, Any] = {
            "state": row.state,
            "problems": sorted(row.problems),
            "ip_address": terminal.address,
            "last_sync": terminal.last_sync_at,
            "last_contact": terminal.last_contact_at,
            "has_comm_key": terminal.comm_key_cipher is not None,
        }
        values = {name: own[name] if name in own else getattr(terminal, name) for name in cls.model_fields}
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


class TerminalList(BaseModel):
    count: int = Field(examples=[1])
    next: str | None = Field(description="Always empty: all terminals are on one page.", examples=[None])
    previous: str | None = Field(examples=[None])
    results: list[TerminalOut]


class InfoOut(BaseModel):
    device_name: str = Field(examples=["Main entrance"])
    ip_address: str | None = Field(examples=["10.0.0.50"])
    port: int = Field(examples=[4370])
    firmware_version: str | None = Field(examples=["Ver 6.60"])
    serial_number: str | None = Field(examples=["OIN7060158021600123"])
    platform: str | None = Field(examples=["ZMM220_TFT"])
    user_count: int = Field(examples=[240])
    attendance_count: int = Field(examples=[81000])
    connected: bool = Field(examples=[True])

    @classmethod
    def of(cls, terminal: Terminal, info: DeviceInfo) -> dict[str, Any]:
        return {
            "device_name": terminal.name,
            "ip_address": terminal.address,
            "port": terminal.port,
            "firmware_version": info.firmware,
            "serial_number": info.serial_number,
            "platform": info.platform,
            "user_count": info.users,
            "attendance_count": info.records,
            "connected": True,
        }


class PollOut(BaseModel):
    status: str = Field(description="`success`, or `incomplete`: the log is read again with the next poll.", examples=["success"])
    total_fetched: int = Field(description="Records that were downloaded.", examples=[120])
    new_records: int = Field(examples=[3])
    device: str = Field(examples=["Main entrance"])

    @classmethod
    def of(cls, result: PollResult) -> dict[str, Any]:
        status = "incomplete" if result.outcome == "incomplete" else "success"
        return {"status": status, "total_fetched": result.fetched, "new_records": result.new_punches, "device": result.terminal.name}


class PollRow(BaseModel):
    id: int = Field(examples=[1])
    started_at: datetime = Field(examples=["2026-03-02T14:05:00+00:00"])
    ended_at: datetime | None = Field(description="Empty while it runs.", examples=[None])
    started_by: str = Field(description="Empty for the schedule.", examples=["ada"])
    full: bool = Field(description="Whether the whole log was read.", examples=[False])
    outcome: str | None = Field(description="`stored`, `unchanged`, `incomplete` or `failed`.", examples=["stored"])
    code: str | None = Field(examples=[None])
    problem: str | None = Field(examples=[None])
    records: int | None = Field(examples=[120])
    fetched: int = Field(examples=[120])
    new_punches: int = Field(examples=[3])
    quarantined: int = Field(examples=[0])

    @classmethod
    def of(cls, row: TerminalPoll) -> dict[str, Any]:
        values = {name: getattr(row, name) for name in cls.model_fields}
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


class PollRows(RootModel[list[PollRow]]):
    """Polls of a terminal, newest first."""


class ClockReadingRow(BaseModel):
    id: int = Field(examples=[1])
    read_at: datetime = Field(examples=["2026-03-02T14:05:00+00:00"])
    terminal_time: datetime = Field(description="What the clock has shown, without a zone.", examples=["2026-03-02T08:04:57"])
    clock_drift: int = Field(description="Seconds by which it was ahead.", examples=[-3])

    @classmethod
    def of(cls, row: ClockReading) -> dict[str, Any]:
        shown = {"read_at": row.read_at.isoformat(), "terminal_time": row.terminal_time.isoformat()}
        return {"id": row.id, **shown, "clock_drift": row.drift}


class ClockReadingRows(RootModel[list[ClockReadingRow]]):
    """Readings of a terminal's clock, newest first."""


class EventRow(BaseModel):
    id: int = Field(examples=[1])
    event: str = Field(description="`added`, `changed`, `deleted`, `replaced`, `clock_set`, …", examples=["changed"])
    detail: dict[str, Any] = Field(description="For `changed`: former and new value of each field.", examples=[{"port": [4370, 4371]}])
    actor: str = Field(examples=["ada"])
    created_at: datetime = Field(examples=["2026-03-02T14:05:00+00:00"])

    @classmethod
    def of(cls, row: TerminalEvent) -> dict[str, Any]:
        own = {"created_at": row.created_at.isoformat()}
        return {name: own.get(name) or getattr(row, name) for name in cls.model_fields}


class EventRows(RootModel[list[EventRow]]):
    """What people have changed about a terminal, newest first."""


class TerminalMessage(BaseModel):
    message: str = Field(examples=["The clock was set."])
