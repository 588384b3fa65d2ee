"""The states of a cable ticket, the steps that are open in each, and the parties that may take them. Services, pages and documentation read
this one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from request_tracker_utils.core.translation import gettext as _, gettext_noop


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


STATUS_TITLES: Mapping[str, str] = {
    TicketStatus.PENDING_APPROVAL: gettext_noop("Waiting for approval"),
    TicketStatus.APPROVED: gettext_noop("Approved"),
    TicketStatus.REJECTED: gettext_noop("Rejected"),
    TicketStatus.IN_PROGRESS: gettext_noop("In progress"),
    TicketStatus.FULFILLED: gettext_noop("Fulfilled"),
    TicketStatus.CLOSED: gettext_noop("Closed"),
    TicketStatus.DELETED: gettext_noop("Archived"),
}


def status_title(status: str) -> str:
    """As pages and errors show the status."""
    return _(STATUS_TITLES[status])


class Priority(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Party(StrEnum):
    """A group of people that may take a step. Administrators may take every step. See `rules.Relation`."""

    DECIDER = "decider"
    """The assignee, their substitute, or a default approver who was asked; never the ticket's creator."""
    WORKER = "worker"
    """The assignee, their substitute, and staff."""
    CREATOR = "creator"


@dataclass(frozen=True)
class Step:
    parties: frozenset[Party]
    needs_reason: bool = False


_DECIDE = frozenset({Party.DECIDER})
_WORK = frozenset({Party.WORKER})
_CREATE = frozenset({Party.CREATOR})

STEPS: Mapping[tuple[TicketStatus, TicketStatus], Step] = {
    (TicketStatus.PENDING_APPROVAL, TicketStatus.APPROVED): Step(_DECIDE),
    (TicketStatus.PENDING_APPROVAL, TicketStatus.REJECTED): Step(_DECIDE, needs_reason=True),
    (TicketStatus.APPROVED, TicketStatus.IN_PROGRESS): Step(_WORK),
    (TicketStatus.APPROVED, TicketStatus.CLOSED): Step(_WORK, needs_reason=True),
    (TicketStatus.REJECTED, TicketStatus.CLOSED): Step(_CREATE | _DECIDE | _WORK),
    (TicketStatus.REJECTED, TicketStatus.PENDING_APPROVAL): Step(_CREATE | _DECIDE),
    (TicketStatus.IN_PROGRESS, TicketStatus.FULFILLED): Step(_WORK),
    (TicketStatus.IN_PROGRESS, TicketStatus.CLOSED): Step(_WORK, needs_reason=True),
    (TicketStatus.FULFILLED, TicketStatus.CLOSED): Step(_CREATE | _WORK),
}
"""Archiving and restoring are not in it: every status may become `deleted`, and returns to what it was before (`archiving.py`)."""

RESERVES = frozenset({TicketStatus.APPROVED, TicketStatus.IN_PROGRESS})
"""While a ticket has one of these, its items reserve stock or wait for it: what takes it out of them releases, and what brings it back
reserves."""

EDITABLE = frozenset({TicketStatus.PENDING_APPROVAL, TicketStatus.APPROVED, TicketStatus.REJECTED, TicketStatus.IN_PROGRESS})
"""While a ticket has one of these, its fields may be edited."""


def open_steps(status: TicketStatus) -> tuple[TicketStatus, ...]:
    return tuple(to for former, to in STEPS if former is status)
