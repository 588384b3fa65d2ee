"""Tasks over JSON."""

from datetime import datetime
from typing import Self

from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel, Field

from request_tracker_utils.core.db import LARGEST_ID, reading
from request_tracker_utils.tasks import service
from request_tracker_utils.tasks.models import Task, TaskNotFound, TaskState
from request_tracker_utils.tasks.permissions import TaskPermission
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise


class TaskPath(BaseModel):
    task_id: int = Field(ge=1, le=LARGEST_ID, description="The task’s number.", json_schema_extra={"example": 17})


class TaskProgress(BaseModel):
    """The progress of a task."""

    id: int = Field(examples=[17])
    kind: str = Field(examples=["tag-assets"])
    title: str = Field(examples=["Tag 40 assets"])
    state: TaskState = Field(
        description="`waiting` (not started, or postponed if `error` is set), `running`, `done`, `cancelled`, or `failed` (ended early).",
        examples=["running"],
    )
    total: int | None = Field(description="Number of items; null until that is known.", examples=[40])
    done: int = Field(examples=[12])
    failed: int = Field(description="Number of failed items; the task’s page shows the reasons.", examples=[0])
    started_by: str = Field(examples=["ada"])
    created_at: datetime = Field(examples=["2026-03-02T08:00:00+00:00"])
    started_at: datetime | None = Field(examples=["2026-03-02T08:00:01+00:00"])
    ended_at: datetime | None = Field(examples=["2026-03-02T08:01:10+00:00"])
    summary: str | None = Field(description="The result, in a sentence.", examples=["40 assets tagged."])
    error: str | None = Field(description="Why the task is postponed, or failed.", examples=["Request Tracker did not answer within 20 s."])

    @classmethod
    def of(cls, task: Task) -> Self:
        return cls.model_validate({name: getattr(task, name) for name in cls.model_fields})


api = APIBlueprint("tasks_api", __name__, abp_tags=[Tag(name="tasks", description="The progress of long-running tasks.")])


@api.get("/api/tasks/<task_id>", responses={200: TaskProgress})
@require(TaskPermission.READ)
@may_raise(TaskNotFound)
def task_progress(path: TaskPath) -> Answer:
    """Show the progress of a task."""
    with reading() as session:
        return TaskProgress.of(service.get(session, path.task_id)).model_dump(mode="json")
