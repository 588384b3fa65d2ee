"""Errors of comparing and resolving."""

from request_tracker_utils.core.errors import Conflict, NotFound


class ComparisonRunning(Conflict):
    """A comparison is running already; `task_id` is its task."""

    code = "comparison_runs"


class DiscrepancyNotFound(NotFound):
    """The difference does not exist, or cannot be resolved that way."""

    code = "difference_not_found"


class DiscrepancyResolved(Conflict):
    """Someone else has resolved the difference, or is resolving it now."""

    code = "difference_settled"


class DiscrepancyChanged(Conflict):
    """The difference has changed. Nothing was changed, and the current state is recorded."""

    code = "difference_changed"
