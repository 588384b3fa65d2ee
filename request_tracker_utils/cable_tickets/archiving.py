"""Archiving a ticket, restoring it as it was, and purging it. The ledger and the events of a purged ticket remain."""

from request_tracker_utils.cable_tickets import stock
from request_tracker_utils.cable_tickets.approvers import ask_again
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.errors import NotYourStep, StepNotOpen
from request_tracker_utils.cable_tickets.messages import notify
from request_tracker_utils.cable_tickets.models import Ticket
from request_tracker_utils.cable_tickets.rules import relation
from request_tracker_utils.cable_tickets.states import RESERVES, TicketStatus
from request_tracker_utils.core.translation import gettext as _


def archive(change: Change, ticket: Ticket) -> None:
    """Archives a locked ticket and releases what it reserves. Raises NotYourStep."""
    _require_archiver(change, ticket)
    former = TicketStatus(ticket.status)
    if former in RESERVES:
        stock.release_for(change, ticket)
    ticket.status_before, ticket.status = former, TicketStatus.DELETED
    ticket.deleted_at, ticket.deleted_by_id = change.now, change.actor.user_id
    ticket.waiting_since = None
    ticket.revision += 1  # approval links die with it
    change.record(ticket, "archived", status_from=former)


def restore(change: Change, ticket: Ticket) -> None:
    """Restores a locked ticket to its former status: reserves again, or asks again with new links.

    Raises NotYourStep; StepNotOpen if it is not archived; InvalidTicketField if nobody can be asked.
    """
    _require_archiver(change, ticket)
    _require_archived(ticket)
    ticket.status, ticket.status_before = str(ticket.status_before), None
    ticket.deleted_at = ticket.deleted_by_id = None
    asks = ticket.status == TicketStatus.PENDING_APPROVAL
    if asks:
        ask_again(change, ticket)
    elif ticket.status in RESERVES:
        stock.reserve_for(change, ticket)
    change.record(ticket, "restored", status_from=TicketStatus.DELETED)
    change.session.flush()
    if asks:
        notify(change, ticket, "restored")


def purge(change: Change, ticket: Ticket) -> None:
    """Deletes an archived ticket with its comments. Raises NotYourStep; StepNotOpen if it is not archived."""
    if not relation(change.session, ticket, change.actor).may_purge:
        raise NotYourStep(_("Only administrators can purge tickets."))
    _require_archived(ticket)
    change.record(ticket, "purged", created_by=ticket.created_by, status_before=ticket.status_before)
    change.session.flush()
    change.session.delete(ticket)


def _require_archiver(change: Change, ticket: Ticket) -> None:
    if not relation(change.session, ticket, change.actor).may_archive:
        raise NotYourStep(_("Only the person who requested ticket %(id)s, or an administrator, can archive and restore it.", id=ticket.id))


def _require_archived(ticket: Ticket) -> None:
    if ticket.status != TicketStatus.DELETED:
        message = _("Ticket %(id)s is not archived.", id=ticket.id)
        raise StepNotOpen(message, status_now=ticket.status, open_steps=[TicketStatus.DELETED.value])
