"""JSON API for scheduled jobs."""

from datetime import datetime

from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel, Field

from request_tracker_utils.administration import runs
from request_tracker_utils.administration.permissions import AdministrationPermission
from request_tracker_utils.administration.runs import RunState
from request_tracker_utils.core.db import reading
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.registry import registry


class JobOut(BaseModel):
    """A job and its latest run. Times are in UTC; unknown values are null."""

    name: str = Field(examples=["confirm-tags"])
    summary: str = Field(examples=["Confirm that assets have the names of their tags"])
    every_seconds: float = Field(description="Seconds from one scheduled run to the next.", examples=[15])
    at: str | None = Field(description="Local time of a job that runs once a day, such as `02:40`.", examples=[None])
    state: RunState = Field(examples=[RunState.DONE])
    started_at: datetime | None = Field(examples=["2026-01-31T08:15:00Z"])
    seconds: float | None = Field(description="How long the run took.", examples=[0.2])
    rows: int = Field(description="How many rows it handled.", examples=[3])
    error: str | None = Field(examples=[None])
    next_at: datetime | None = Field(examples=["2026-01-31T08:15:15Z"])


class JobsOut(BaseModel):
    """Every scheduled job."""

    jobs: list[JobOut]


api = APIBlueprint("jobs", __name__, abp_tags=[Tag(name="jobs", description="Scheduled jobs.")])


@api.get("/api/jobs", responses={200: JobsOut})
@require(AdministrationPermission.JOBS)
def jobs() -> Answer:
    """List jobs with their latest runs."""
    with reading() as session:
        rows = runs.overview(session, list(registry().jobs), registry().page_settings.current())
    given = [
        JobOut.model_validate({**vars(row), "every_seconds": row.every.total_seconds(), "at": row.at and f"{row.at:%H:%M}"}) for row in rows
    ]
    return JobsOut(jobs=given).model_dump(mode="json")
