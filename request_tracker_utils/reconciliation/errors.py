"""What can go wrong with differences."""

from request_tracker_utils.core.errors import Conflict, NotFound


class ComparisonRuns(Conflict):
    """A comparison is under way already; `task_id` names it."""

    code = "comparison_runs"


class DifferenceNotFound(NotFound):
    """There is no such difference."""

    code = "difference_not_found"


class DifferenceSettled(Conflict):
    """Somebody has settled the difference already, or does so at this moment."""

    code = "difference_settled"


class DifferenceChanged(Conflict):
    """It does not stand as it stood when it was shown: nothing was changed, and it has been looked at anew."""

    code = "difference_changed"
