"""What can go wrong with tasks."""

from request_tracker_utils.core.errors import Conflict, NotFound


class TaskNotFound(NotFound):
    """There is no such task, or it is so old that it was put away."""

    code = "task_not_found"


class TaskNotOpen(Conflict):
    """The task is not in a state in which this can be done."""

    code = "task_not_open"
