"""The message about the decision on a request for a missed punch. Reviewers get none: pending requests are counted on their pages."""

from datetime import time

from request_tracker_utils.core.messages import MessageKind, Values
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.workdays.models import MissedPunchRequest

REQUEST_DECIDED = MessageKind(
    "missed-punch-decided", gettext_noop("Decision about your missed punch"), "workdays/messages/missed-punch-decided"
)
PAGE = "/workdays/mine/requests"


def values_of(request: MissedPunchRequest) -> Values:
    """What the templates need."""
    return {
        "state": request.state,
        "date": request.date.isoformat(),
        "clock_in": _text(request.clock_in),
        "clock_out": _text(request.clock_out),
        "note": request.note,
        "decided_by": request.decided_by or "",
        "page": PAGE,
    }


def _text(value: time | None) -> str:
    return "" if value is None else f"{value:%H:%M}"
