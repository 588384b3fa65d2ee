"""Errors of tasks."""

from request_tracker_utils.core.errors import Conflict, NotFound


class TaskNotFound(NotFound):
    """The task does not exist, or was deleted because it is old."""

    code = "task_not_found"


class TaskNotOpen(Conflict):
    """The task’s state does not allow this."""

    code = "task_not_open"
