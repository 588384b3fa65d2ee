"""Archiving a ticket, restoring it as it was, and purging it. The ledger and the events of a purged ticket remain."""

from request_tracker_utils.cable_tickets import stock
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.errors import StepNotOpen
from request_tracker_utils.cable_tickets.models import Ticket
from request_tracker_utils.cable_tickets.states import RESERVES, TicketStatus
from request_tracker_utils.core.translation import gettext as _


def archive(change: Change, ticket: Ticket) -> None:
    """Archives a locked ticket and gives up what it reserves."""
    former = TicketStatus(ticket.status)
    if former in RESERVES:
        stock.release_for(change, ticket)
    ticket.status_before, ticket.status = former, TicketStatus.DELETED
    ticket.deleted_at, ticket.deleted_by_id = change.now, change.actor.user_id
    ticket.revision += 1
    change.record(ticket, "archived", status_from=former)


def restore(change: Change, ticket: Ticket) -> None:
    """Brings a locked ticket back to its former status, and reserves again. Raises StepNotOpen if it is not archived."""
    _require_archived(ticket)
    ticket.status, ticket.status_before = str(ticket.status_before), None
    ticket.deleted_at = ticket.deleted_by_id = None
    if ticket.status in RESERVES:
        stock.reserve_for(change, ticket)
    change.record(ticket, "restored", status_from=TicketStatus.DELETED)


def purge(change: Change, ticket: Ticket) -> None:
    """Deletes an archived ticket with its comments. Raises StepNotOpen if it is not archived."""
    _require_archived(ticket)
    change.record(ticket, "purged")
    change.session.flush()
    change.session.delete(ticket)


def _require_archived(ticket: Ticket) -> None:
    if ticket.status != TicketStatus.DELETED:
        message = _("Ticket %(id)s is not archived.", id=ticket.id)
        raise StepNotOpen(message, status_now=ticket.status, open_steps=[TicketStatus.DELETED.value])
