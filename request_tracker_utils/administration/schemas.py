"""JSON schemas for administration."""

from datetime import datetime

from pydantic import BaseModel, Field

from request_tracker_utils.administration.runs import RunState


class JobOut(BaseModel):
    """A job and its latest run. Times are in UTC; unknown values are null."""

    name: str = Field(examples=["confirm-tags"])
    summary: str = Field(examples=["Confirm that assets have the names of their tags"])
    every_seconds: float = Field(description="Seconds from one scheduled run to the next.", examples=[15])
    state: RunState = Field(examples=[RunState.DONE])
    started_at: datetime | None = Field(examples=["2026-01-31T08:15:00Z"])
    seconds: float | None = Field(description="How long the run took.", examples=[0.2])
    rows: int = Field(description="How many rows it handled.", examples=[3])
    error: str | None = Field(examples=[None])
    next_at: datetime | None = Field(examples=["2026-01-31T08:15:15Z"])


class JobsOut(BaseModel):
    """Every scheduled job."""

    jobs: list[JobOut]
