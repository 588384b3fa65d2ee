"""Schemas of terminals that push and that nobody has accepted yet."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

from request_tracker_utils.attendance.models import PendingTerminal
from request_tracker_utils.attendance.models.terminals import MAX_NAME, MAX_SITE
from request_tracker_utils.attendance.push.contacts import MAX_PUSH_KEY
from request_tracker_utils.attendance.schemas.punches import Text
from request_tracker_utils.core.db import LARGEST_ID

KEY = "As on the terminal, if it has one. It is written and never read back."


class PendingPath(BaseModel):
    serial_number: str = Field(description="The terminal’s serial number.", json_schema_extra={"example": "OIN7060158021600123"})


class AcceptIn(BaseModel):
    """Without `terminal_id`, the terminal is added with the name, site and time zone. With it, the terminal is that one, or replaces it."""

    model_config = ConfigDict(extra="forbid")

    name: Text = Field("", max_length=2 * MAX_NAME, examples=["Gym"])
    site: Text = Field("", max_length=2 * MAX_SITE, description="Terminals of one site share their user IDs.", examples=["North High"])
    timezone: Text = Field(
        "", max_length=100, description="Of its clock. The default is that of the settings.", examples=["America/Chicago"]
    )
    terminal_id: int | None = Field(None, strict=True, ge=1, le=LARGEST_ID, description="A terminal that exists.", examples=[None])
    push_key: Text = Field("", max_length=4 * MAX_PUSH_KEY, description=KEY, examples=[""])


class PendingOut(BaseModel):
    serial_number: str = Field(examples=["OIN7060158021600123"])
    ip_address: str = Field(description="From which it pushed last.", examples=["10.0.0.60"])
    push_version: str | None = Field(examples=["2.4.1"])
    first_seen_at: datetime = Field(examples=["2026-03-02T14:05:00+00:00"])
    last_seen_at: datetime = Field(examples=["2026-03-02T14:05:00+00:00"])
    rejected_at: datetime | None = Field(description="Rejected terminals stay refused.", examples=[None])
    rejected_by: str | None = Field(examples=[None])

    @classmethod
    def of(cls, pending: PendingTerminal) -> dict[str, Any]:
        return {
            "serial_number": pending.serial_number,
            "ip_address": pending.address,
            "push_version": pending.push_version,
            "first_seen_at": pending.first_seen_at.isoformat(),
            "last_seen_at": pending.last_seen_at.isoformat(),
            "rejected_at": pending.ignored_at and pending.ignored_at.isoformat(),
            "rejected_by": pending.ignored_by,
        }


class PendingList(RootModel[list[PendingOut]]):
    """Rejected ones last, otherwise the latest first. They are at most 200."""
