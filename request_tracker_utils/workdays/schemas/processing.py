"""What is computed on request, and the result."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from request_tracker_utils.attendance.schemas.punches import Day
from request_tracker_utils.workdays.processing import Summary


class ProcessIn(BaseModel):
    """Without dates, what has changed since the last run is computed; the body is optional."""

    model_config = ConfigDict(openapi_extra={"required": False})  # type: ignore[typeddict-unknown-key]

    start_date: Day | None = Field(None, description="First day; without it, `end_date`.", examples=["2026-03-02"])
    end_date: Day | None = Field(None, description="Last day; without it, today.", examples=["2026-03-06"])


class ProcessOut(BaseModel):
    total_records: int = Field(description="Punches that count on the computed days.", examples=[240])
    processed: int = Field(description="Workdays that were computed, changed or not.", examples=[60])
    outliers: int = Field(description="Outliers among them.", examples=[2])
    failed: int = Field(description="Days of users that could not be written. The next run computes them again.", examples=[0])

    @classmethod
    def of(cls, done: Summary) -> dict[str, Any]:
        return {"total_records": done.punches, "processed": done.days, "outliers": done.outliers, "failed": done.failed}
