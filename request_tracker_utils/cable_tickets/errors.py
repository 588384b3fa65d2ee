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


class MoreThanLeft(Conflict):
    """More pieces than are left to fulfill, or to return; `left` says how many, and `item_id` names the item."""

    code = "more_than_left"
