"""What a ticket reserves, gives up and takes. Each function passes all items in one call, since calls lock stock rows in the order of keys,
and two calls in one transaction could deadlock."""

from collections.abc import Mapping

from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.models import TICKET_SOURCE, Ticket, TicketItem
from request_tracker_utils.inventory import reservations
from request_tracker_utils.inventory.lengths import parse_cable
from request_tracker_utils.inventory.reservations import Line
from request_tracker_utils.inventory.stock import Source


def source_of(ticket: Ticket) -> Source:
    return Source(TICKET_SOURCE, ticket.id)


def reserve_for(change: Change, ticket: Ticket) -> None:
    """Reserves what is there for each item, and back-orders the rest. Repeating it changes nothing."""
    lines = [_line(item, left) for item in ticket.items if (left := item.quantity - item.fulfilled) > 0]
    if lines:
        reservations.reserve(change.session, source_of(ticket), lines, actor=change.actor, now=change.now, alerts=change.alerts)


def release_for(change: Change, ticket: Ticket) -> None:
    """Gives up all reservations and back-orders of the ticket."""
    reservations.release(change.session, source_of(ticket), actor=change.actor, now=change.now, alerts=change.alerts)


def consume_for(change: Change, ticket: Ticket, pieces: Mapping[int, int], *, cut: bool = False) -> None:
    """Takes so many pieces of each item, by its ID, from the shelf. Raises NotEnough: then nothing is to be committed."""
    lines = [_line(item, pieces[item.id]) for item in ticket.items if pieces.get(item.id)]
    source, note = source_of(ticket), f"ticket {ticket.id}"
    reservations.consume(change.session, source, lines, actor=change.actor, now=change.now, alerts=change.alerts, cut=cut, notes=note)


def _line(item: TicketItem, quantity: int) -> Line:
    return Line(parse_cable(item.cable_type, item.cable_length), quantity, item.id)
