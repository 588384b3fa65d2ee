"""The states of a cable ticket, and which steps are open in each. The one table that services, pages and documentation read."""

from enum import StrEnum


class TicketStatus(StrEnum):
    """The values are stored and appear in JSON."""

    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    REJECTED = "rejected"
    IN_PROGRESS = "in_progress"
    FULFILLED = "fulfilled"
    CLOSED = "closed"
    DELETED = "deleted"
    """Archived. `status_before` is the status that restoring brings back."""


class Priority(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


STEPS: dict[TicketStatus, tuple[TicketStatus, ...]] = {
    TicketStatus.PENDING_APPROVAL: (TicketStatus.APPROVED, TicketStatus.REJECTED),
    TicketStatus.APPROVED: (TicketStatus.IN_PROGRESS, TicketStatus.CLOSED),
    TicketStatus.REJECTED: (TicketStatus.CLOSED, TicketStatus.PENDING_APPROVAL),
    TicketStatus.IN_PROGRESS: (TicketStatus.FULFILLED, TicketStatus.CLOSED),
    TicketStatus.FULFILLED: (TicketStatus.CLOSED,),
    TicketStatus.CLOSED: (),
    TicketStatus.DELETED: (),
}
"""Archiving and restoring are steps of their own: every status may become `deleted`, and returns to what it was before."""

RESERVES = frozenset({TicketStatus.APPROVED, TicketStatus.IN_PROGRESS})
"""While a ticket has one of these, its items reserve stock or wait for it."""


def open_steps(status: TicketStatus) -> tuple[TicketStatus, ...]:
    return STEPS[status]
