"""What can go wrong with holders."""

from request_tracker_utils.core.errors import Conflict, NotFound


class NoUserOfStudent(NotFound):
    """The student has no user in Request Tracker: the rule wants an e-mail address, and none is entered."""

    code = "no_user_of_student"


class ComparisonRuns(Conflict):
    """A comparison is under way already; `task_id` names it."""

    code = "comparison_runs"


class DifferenceNotFound(NotFound):
    """There is no such difference between the directory and the devices."""

    code = "difference_not_found"


class DifferenceSettled(Conflict):
    """Somebody has settled the difference already, or does so at this moment."""

    code = "difference_settled"


class DifferenceChanged(Conflict):
    """It stands otherwise by now than when it was found or shown. Nothing was done."""

    code = "difference_changed"
