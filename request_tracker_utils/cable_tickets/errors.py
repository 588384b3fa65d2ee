"""Errors of cable tickets."""

from request_tracker_utils.core.errors import AppError, Conflict, Forbidden, Invalid, NotFound


class InvalidTicketField(Invalid):
    """A field of a ticket cannot be stored; `field` names it."""

    code = "invalid_ticket_field"


class TicketNotFound(NotFound):
    code = "ticket_not_found"


class TicketArchived(AppError):
    """Archived tickets are only shown on request, restored and purged."""

    status, code = 410, "ticket_archived"


class StepNotOpen(Conflict):
    """The ticket is in another state; `open_steps` are the steps that are open."""

    code = "step_not_open"


class NotYourStep(Forbidden):
    """Somebody else may do this with the ticket; the message says who."""

    code = "not_your_step"


class UnknownLink(NotFound):
    """The approval link was never sent, or was not copied completely."""

    code = "unknown_approval_link"


class LinkClosed(AppError):
    """The approval link no longer works: the message says what was decided, by whom and when. `link_state` is `decided`, `expired`,
    `replaced`, `reassigned`, `archived` or `deactivated`."""

    status, code = 410, "approval_link_closed"
