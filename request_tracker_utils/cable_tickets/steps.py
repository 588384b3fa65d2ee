"""The one way in which a ticket's status changes, with what each status brings: reservations, an event, and messages."""

from request_tracker_utils.cable_tickets import asking, stock
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.errors import StepNotOpen
from request_tracker_utils.cable_tickets.messages import tell
from request_tracker_utils.cable_tickets.models import Ticket
from request_tracker_utils.cable_tickets.states import RESERVES, TicketStatus, open_steps
from request_tracker_utils.core.translation import gettext as _

_DECIDES = frozenset({TicketStatus.APPROVED, TicketStatus.REJECTED})


def step(change: Change, ticket: Ticket, to: TicketStatus, *, reason: str = "") -> None:
    """Changes the status of a locked ticket. The caller has checked that the actor may do so.

    Raises StepNotOpen, which names the steps that are open.
    """
    require_open(ticket, to)
    former = TicketStatus(ticket.status)
    ticket.status = to
    if to in _DECIDES:
        change = asking.on_behalf(change, ticket)
    if to in RESERVES and former not in RESERVES:
        stock.reserve_for(change, ticket)
    elif former in RESERVES and to not in RESERVES:
        stock.release_for(change, ticket)
    if to in _DECIDES:
        ticket.decided_by_id, ticket.decided_by, ticket.decided_at = change.actor.user_id, change.name, change.now
        ticket.waiting_since = None
        ticket.revision += 1  # approval links die with the decision
        ticket.rejection_reason = reason if to is TicketStatus.REJECTED else None
    if to is TicketStatus.FULFILLED:
        ticket.fulfilled_at = change.now
    elif to is TicketStatus.CLOSED:
        ticket.close_reason = reason or None
    change.record(ticket, to, status_from=former, **({"reason": reason} if reason else {}))
    tell(change, ticket, to)


def require_open(ticket: Ticket, to: TicketStatus) -> None:
    """Raises StepNotOpen."""
    steps = open_steps(TicketStatus(ticket.status))
    if to not in steps:
        message = _("Ticket %(id)s is %(status)s, so it cannot become %(to)s.", id=ticket.id, status=ticket.status, to=to)
        raise StepNotOpen(message, status_now=ticket.status, open_steps=[str(each) for each in steps])
