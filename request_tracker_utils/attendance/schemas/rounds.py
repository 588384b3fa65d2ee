"""The answer of a round in which all terminals are polled."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, Field

from request_tracker_utils.attendance.rounds import PollOutcome, Status


class RoundTerminalOut(BaseModel):
    """How the poll of a terminal ended."""

    device: str = Field(description="The terminal’s name.", examples=["Main entrance"])
    status: str = Field(
        description="`success`, `failed`, or `polling`: it has not ended, or another process polls the terminal.", examples=["success"]
    )
    total_fetched: int = Field(description="Records that were downloaded.", examples=[120])
    new_records: int = Field(examples=[3])
    last_sync: str | None = Field(
        description="When all of its records were last known to be stored.", examples=["2026-03-02T14:05:00+00:00"]
    )

    @classmethod
    def of(cls, outcome: PollOutcome) -> dict[str, Any]:
        fetched, new = (outcome.result.fetched, outcome.result.new_punches) if outcome.result else (0, 0)
        last_sync = outcome.last_sync_at and outcome.last_sync_at.isoformat()
        return {
            "device": outcome.name,
            "status": outcome.status.value,
            "total_fetched": fetched,
            "new_records": new,
            "last_sync": last_sync,
        }


class RoundOut(BaseModel):
    """Terminals that are still polled count neither as successful nor as failed."""

    total_devices: int = Field(examples=[12])
    successful: int = Field(examples=[11])
    failed: int = Field(examples=[1])
    devices: list[RoundTerminalOut] = Field(description="By name.")

    @classmethod
    def of(cls, outcomes: Iterable[PollOutcome]) -> dict[str, Any]:
        found = sorted(outcomes, key=lambda each: (each.name.casefold(), each.terminal_id))
        counts = {status: sum(each.status is status for each in found) for status in Status}
        return {
            "total_devices": len(found),
            "successful": counts[Status.SUCCESS],
            "failed": counts[Status.FAILED],
            "devices": [RoundTerminalOut.of(each) for each in found],
        }
