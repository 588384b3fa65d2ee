"""Errors of cable tickets."""

from request_tracker_utils.core.errors import AppError, Conflict, Forbidden, Invalid, NotFound


class InvalidTicketField(Invalid):
    """A field of a ticket cannot be stored; `field` names it, and `item` the position of the invalid item, from 0."""

    code = "invalid_ticket_field"


class TicketNotFound(NotFound):
    """No ticket has this ID."""

    code = "ticket_not_found"


class TicketArchived(AppError):
    """The ticket is archived. Restore it first, or send `include_deleted=true` to read it."""

    status, code = 410, "ticket_archived"


class StepNotOpen(Conflict):
    """The ticket is in another state; `status_now` is its status, and `open_steps` are the steps that are open."""

    code = "step_not_open"


class NotEditable(Conflict):
    """The ticket can no longer be edited like this; `status_now` is its status."""

    code = "ticket_not_editable"


class EditConflict(Conflict):
    """Somebody has changed the ticket since `revision`; `revision_now` is its revision now. Read it again."""

    code = "ticket_edit_conflict"


class NotYourStep(Forbidden):
    """Somebody else may do this with the ticket; the message says who."""

    code = "not_your_step"


class KitNotFound(NotFound):
    code = "kit_not_found"


class MoreThanLeft(Conflict):
    """More pieces than are left to fulfill, or to return; `left` says how many, and `item_id` names the item."""

    code = "more_than_left"


class UnknownLink(NotFound):
    """The approval link was never sent, or was not copied completely."""

    code = "unknown_approval_link"


class LinkClosed(AppError):
    """The approval link no longer works: the message has the decision, the approver and the time. `link_state` is `decided`, `expired`,
    `replaced`, `reassigned`, `archived` or `deactivated`."""

    status, code = 410, "approval_link_closed"


class AbsenceNotFound(NotFound):
    """The absence does not exist, has ended, or is of somebody else."""

    code = "absence_not_found"
