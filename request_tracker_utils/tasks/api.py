"""Tasks over JSON."""

from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.core.db import reading
from request_tracker_utils.tasks import service
from request_tracker_utils.tasks.errors import TaskNotFound
from request_tracker_utils.tasks.permissions import TaskPermission
from request_tracker_utils.tasks.schemas import TaskPath, TaskProgress
from request_tracker_utils.web.answer import Answer
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.error_responses import may_raise

api = APIBlueprint("tasks_api", __name__, abp_tags=[Tag(name="tasks", description="The progress of long work that people have started.")])


@api.get("/api/tasks/<task_id>", responses={200: TaskProgress})
@require(TaskPermission.READ)
@may_raise(TaskNotFound)
def task_progress(path: TaskPath) -> Answer:
    """Show the progress of a task."""
    with reading() as session:
        return TaskProgress.of(service.get(session, path.task_id)).model_dump(mode="json")
