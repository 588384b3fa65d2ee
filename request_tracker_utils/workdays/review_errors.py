"""Errors of reviews, and of requests for missed punches."""

from request_tracker_utils.core.errors import Conflict, Forbidden, Invalid, NotFound


class WorkdayChanged(Conflict):
    """The punches of the day, or the decision about it, have changed since it was read. The answer has them as they are now."""

    code = "workday_changed"


class WorkdayNotOver(Conflict):
    """More punches may belong to the day. Review it later."""

    code = "workday_not_over"


class NothingToReview(Conflict):
    """The day is neither an outlier nor incomplete, or has no decision to undo."""

    code = "nothing_to_review"


class OwnWorkday(Forbidden):
    """Nobody reviews their own workdays or requests. Ask somebody else to."""

    code = "own_workday"


class InvalidCorrection(Invalid):
    """A time or the reason of a correction or of a request is missing or impossible; `field` names it."""

    code = "invalid_correction"


class RequestNotFound(NotFound):
    """No request for a missed punch has this ID, or it is somebody else's."""

    code = "missed_punch_request_not_found"


class RequestPending(Conflict):
    """Another request for this day is pending. Withdraw it first."""

    code = "missed_punch_request_pending"


class RequestDecided(Conflict):
    """The request was approved, rejected or withdrawn before."""

    code = "missed_punch_request_decided"


class NeverPunched(Conflict):
    """The person has never punched, so nothing says where they work."""

    code = "never_punched"
