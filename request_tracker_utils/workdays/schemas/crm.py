"""What was sent to the CRM on request."""

from typing import Any

from pydantic import BaseModel, Field

from request_tracker_utils.workdays.crm.sync import SyncResult


class SyncQuery(BaseModel):
    limit: int = Field(100, ge=1, le=1_000, description="How many workdays are sent at most.", json_schema_extra={"example": 100})


class SyncErrorOut(BaseModel):
    user_id: str = Field(examples=["17"])
    date: str = Field(examples=["2026-03-02"])
    error: str = Field(description="The problem, and what the CRM has answered.", examples=["The CRM had an error (503). 503 Maintenance"])


class SyncOut(BaseModel):
    total: int = Field(description="Workdays that were sent.", examples=[100])
    successful: int = Field(examples=[99])
    failed: int = Field(description="Not accepted. They are sent again automatically, unless the CRM has rejected them.", examples=[1])
    errors: list[SyncErrorOut]
    stopped: str | None = Field(
        description="Why the run has ended before everything was sent: the CRM does not accept the token, or does not answer.",
        examples=[None],
    )

    @classmethod
    def of(cls, result: SyncResult) -> dict[str, Any]:
        return {
            "total": result.total,
            "successful": result.successful,
            "failed": result.failed,
            "errors": [{"user_id": each.user_id, "date": each.date.isoformat(), "error": each.error} for each in result.errors],
            "stopped": result.stopped and result.stopped.message,
        }
