"""Why a workday looks as it does."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, Field

from request_tracker_utils.workdays.why import Why


class ExplainedPunchOut(BaseModel):
    id: int = Field(examples=[4711])
    device_name: str = Field(examples=["Main entrance"])
    user_id: str = Field(examples=["0017"])
    effective_at: datetime = Field(description="With the repair of the terminal’s clock.", examples=["2026-03-02T14:00:01+00:00"])
    local_time: datetime = Field(description="The same on the terminal’s wall clock, without a zone.", examples=["2026-03-02T08:00:01"])
    repaired_by: int = Field(description="Seconds by which a repair of the clock has moved it.", examples=[0])
    part: str = Field(description="`in`, `out`, `between`, `repeated` or `excluded`.", examples=["in"])


class WhyOut(BaseModel):
    timezone: str = Field(examples=["America/Chicago"])
    punches: list[ExplainedPunchOut]
    day_begins: datetime = Field(description="Local time.", examples=["2026-03-02T04:00:00"])
    day_ends: datetime = Field(description="Local time.", examples=["2026-03-03T04:00:00"])
    day_kind: str = Field(description="`work`, `off` or `holiday`.", examples=["work"])
    starts_at: datetime | None = Field(description="The scheduled start in local time.", examples=["2026-03-02T08:00:00"])
    ends_at: datetime | None = Field(description="The scheduled end in local time.", examples=["2026-03-02T18:00:00"])
    holiday: str = Field(description="Its name, if the day is one.", examples=[""])
    staff_group: str = Field(description="Empty if the person is in none.", examples=["Custodians"])
    version_since: date | None = Field(description="First day of the hours; null if they have always been valid.", examples=["2026-01-01"])
    is_default: bool = Field(description="Whether the default hours apply.", examples=[False])
    grace_minutes: int = Field(examples=[5])
    repeat_seconds: int = Field(description="A punch that follows within this time does not count.", examples=[120])

    @classmethod
    def of(cls, why: Why) -> dict[str, Any]:
        punches = [
            {
                "id": each.id,
                "device_name": each.terminal,
                "user_id": each.user_id,
                "effective_at": each.at.isoformat(),
                "local_time": each.local.isoformat(),
                "repaired_by": each.repaired_by,
                "part": each.part,
            }
            for each in why.punches
        ]
        return {
            "timezone": why.zone,
            "punches": punches,
            "day_begins": why.begins.isoformat(),
            "day_ends": why.ends.isoformat(),
            "day_kind": why.kind,
            "starts_at": why.starts_at and why.starts_at.isoformat(),
            "ends_at": why.ends_at and why.ends_at.isoformat(),
            "holiday": why.holiday,
            "staff_group": why.group,
            "version_since": why.version_since and why.version_since.isoformat(),
            "is_default": why.is_default,
            "grace_minutes": why.grace_minutes,
            "repeat_seconds": why.repeat_seconds,
        }
