"""What the task routes give."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from request_tracker_utils.tasks.models import Task, TaskState


class TaskPath(BaseModel):
    task_id: int = Field(ge=1, le=2**31 - 1, description="The task’s number.", json_schema_extra={"example": 17})


class TaskProgress(BaseModel):
    """How far a task is."""

    id: int = Field(examples=[17])
    kind: str = Field(examples=["tag-assets"])
    title: str = Field(examples=["Tag 40 assets"])
    state: TaskState = Field(description="Waiting, running, done, cancelled, or failed: broken off.", examples=["running"])
    total: int | None = Field(description="Steps to take; null until that is known.", examples=[40])
    done: int = Field(examples=[12])
    failed: int = Field(description="Steps that failed; the page of the task says why.", examples=[0])
    started_by: str = Field(examples=["ada"])
    created_at: datetime = Field(examples=["2026-03-02T08:00:00+00:00"])
    started_at: datetime | None = Field(examples=["2026-03-02T08:00:01+00:00"])
    ended_at: datetime | None = Field(examples=["2026-03-02T08:01:10+00:00"])
    summary: str | None = Field(description="What came of it.", examples=["40 assets have their tags now."])
    error: str | None = Field(description="What hinders it, or why it broke off.", examples=["Request Tracker did not answer within 20 s."])

    @classmethod
    def of(cls, task: Task) -> Self:
        return cls.model_validate({name: getattr(task, name) for name in cls.model_fields})
