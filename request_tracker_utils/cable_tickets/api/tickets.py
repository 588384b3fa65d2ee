"""JSON routes of cable tickets."""

from typing import Any

from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.cable_tickets import archiving, creating, editing, listing, steps
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.current import change
from request_tracker_utils.cable_tickets.errors import (
    EditConflict,
    InvalidTicketField,
    NotEditable,
    NotYourStep,
    StepNotOpen,
    TicketArchived,
    TicketNotFound,
)
from request_tracker_utils.cable_tickets.listing import TicketFilter
from request_tracker_utils.cable_tickets.models import Ticket
from request_tracker_utils.cable_tickets.permissions import TicketPermission
from request_tracker_utils.cable_tickets.schemas.tickets import (
    ChangedTicket,
    Commented,
    CommentIn,
    CommentOut,
    CreatedTicket,
    EventList,
    EventOut,
    EventsQuery,
    IncludeDeleted,
    NewTicket,
    TicketArchivedOut,
    TicketChanged,
    TicketList,
    TicketOut,
    TicketPath,
    TicketPurged,
    TicketsQuery,
    WholeTicket,
)
from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import NotFound
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.errors import NotEnough, RequestKeyReused, ShelfFull
from request_tracker_utils.inventory.schemas.stock import RequestKey
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise
from request_tracker_utils.web.paging import plain_list

TICKETS = Tag(
    name="cable tickets",
    description="People request cable, an approver decides, and the stock room fulfills the request. A status changes only in steps: from "
    "`pending_approval` to `approved` or `rejected`, from `approved` to `in_progress`, from there to `fulfilled`, and to `closed`. "
    "`POST /api/tickets/create` is unrelated: it creates a ticket in Request Tracker.",
)
MAX_COMMENTS = 200
NOT_FOUND = (NotFound, TicketNotFound)
"""The first for what is not a number."""

api = APIBlueprint("cable_tickets_api", __name__, abp_tags=[TICKETS])


@api.get("/api/tickets", responses={200: TicketList})
@require(TicketPermission.READ)
def list_tickets(query: TicketsQuery) -> Any:
    """List tickets, newest first.

    Archived ones are listed with `include_deleted`, or with the status `deleted`.
    """
    filters = TicketFilter(query.mine, query.status, query.priority, query.q, query.include_deleted)
    actor = current_actor()
    with reading() as session:
        tickets = listing.find(session, filters, user_id=actor.user_id, limit=query.limit + 1, before_id=query.before_id)
        around = listing.surroundings(session, tickets)
        rows = [TicketOut.of(ticket, around, actor) for ticket in tickets]
    return plain_list(rows, limit=query.limit)


@api.post("/api/tickets", responses={201: CreatedTicket})
@require(TicketPermission.CREATE)
@may_raise(InvalidTicketField, NotYourStep, RequestKeyReused, TicketArchived, TicketNotFound)
def create_ticket(header: RequestKey, body: NewTicket) -> Answer:
    """Request cable.

    A single item may be sent as flat fields instead of `items`. The approvers get a message with approval links.
    """
    with transaction() as session:
        ticket = creating.create(change(session), body.draft(), request_key=header.key)
        return {"message": _("Ticket created"), "ticket": shown(change(session), ticket)}, 201


@api.get("/api/tickets/<int:ticket_id>", responses={200: WholeTicket})
@require(TicketPermission.READ)
@may_raise(TicketArchived, *NOT_FOUND)
def get_ticket(path: TicketPath, query: IncludeDeleted) -> Answer:
    """Show a ticket with its comments."""
    with reading() as session:
        ticket = listing.get(session, path.ticket_id, include_deleted=query.include_deleted)
        shown = TicketOut.of(ticket, listing.surroundings(session, [ticket]), current_actor())
        comments = listing.comments(session, ticket.id, limit=MAX_COMMENTS)
        return shown | {"comments": [CommentOut.of(each) for each in comments]}


@api.patch("/api/tickets/<int:ticket_id>", responses={200: TicketChanged})
@require(TicketPermission.READ)
@may_raise(EditConflict, InvalidTicketField, NotEditable, NotEnough, NotYourStep, ShelfFull, StepNotOpen, TicketArchived, *NOT_FOUND)
def change_ticket(path: TicketPath, body: ChangedTicket) -> Answer:
    """Edit a ticket, reassign it, and change its status, in this order.

    Only the creator and administrators can edit it. Its approvers get new links. Changed items of an approved ticket have to be approved
    again. For a status that is not open, the error lists those that are.
    """
    if not body.model_fields_set - {"reason", "rejection_reason"}:
        raise InvalidTicketField(_("Send at least one field to change."), field="status")
    with transaction() as session:
        by = change(session)
        ticket = by.locked(path.ticket_id)
        if body.model_fields_set - MOVING:
            editing.edit(by, ticket, body.edit(ticket))
        if "assigned_to_id" in body.model_fields_set:
            editing.reassign(by, ticket, body.assigned_to_id)
        if body.status is not None:
            steps.move(by, ticket, TicketStatus(body.status), reason=body.reason or body.rejection_reason)
        return {"message": _("Ticket updated"), "ticket": shown(by, ticket)}


@api.delete("/api/tickets/<int:ticket_id>", responses={200: TicketArchivedOut})
@require(TicketPermission.READ)
@may_raise(NotYourStep, TicketArchived, *NOT_FOUND)
def archive_ticket(path: TicketPath) -> Answer:
    """Archive a ticket.

    Its reservations are released. It can be restored.
    """
    with transaction() as session:
        by = change(session)
        ticket = by.locked(path.ticket_id)
        archiving.archive(by, ticket)
        return {"message": _("Ticket archived"), "status": ticket.status, "ticket": shown(by, ticket)}


@api.post("/api/tickets/<int:ticket_id>/restore", responses={200: TicketChanged})
@require(TicketPermission.READ)
@may_raise(InvalidTicketField, NotYourStep, ShelfFull, StepNotOpen, *NOT_FOUND)
def restore_ticket(path: TicketPath) -> Answer:
    """Restore an archived ticket.

    It gets its former status and reserves stock again. If it is pending approval, its approvers get new links.
    """
    with transaction() as session:
        by = change(session)
        ticket = by.locked(path.ticket_id, archived=True)
        archiving.restore(by, ticket)
        return {"message": _("Ticket restored"), "ticket": shown(by, ticket)}


@api.delete("/api/tickets/<int:ticket_id>/purge", responses={200: TicketPurged})
@require(TicketPermission.MANAGE)
@may_raise(NotYourStep, StepNotOpen, *NOT_FOUND)
def purge_ticket(path: TicketPath) -> Answer:
    """Delete an archived ticket permanently.

    Its events and stock movements are kept.
    """
    with transaction() as session:
        by = change(session)
        archiving.purge(by, by.locked(path.ticket_id, archived=True))
        return {"message": _("Ticket purged"), "id": path.ticket_id}


@api.post("/api/tickets/<int:ticket_id>/comments", responses={201: Commented})
@require(TicketPermission.READ)
@may_raise(InvalidTicketField, TicketArchived, *NOT_FOUND)
def add_comment(path: TicketPath, body: CommentIn) -> Answer:
    """Comment on a ticket.

    The creator, approvers and earlier commenters get a message.
    """
    with transaction() as session:
        by = change(session)
        comment = editing.comment(by, by.locked(path.ticket_id), body.body)
        return {"message": _("Comment added"), "comment": CommentOut.of(comment)}, 201


@api.get("/api/tickets/<int:ticket_id>/events", responses={200: EventList})
@require(TicketPermission.READ)
@may_raise(TicketArchived, *NOT_FOUND)
def list_events(path: TicketPath, query: EventsQuery) -> Any:
    """List what has happened to a ticket, newest first.

    Administrators also get the events of a purged ticket.
    """
    with reading() as session:
        if not (current_actor().may(TicketPermission.MANAGE) and listing.is_purged(session, path.ticket_id)):
            listing.get(session, path.ticket_id, include_deleted=query.include_deleted)
        found = listing.events(session, path.ticket_id, limit=query.limit + 1, before_id=query.before_id)
        rows = [EventOut.of(each) for each in found]
    return plain_list(rows, limit=query.limit)


MOVING = {"status", "reason", "rejection_reason", "assigned_to_id"}
"""Fields of ChangedTicket that do not edit the ticket."""


def shown(by: Change, ticket: Ticket) -> dict[str, Any]:
    """The changed ticket, as the actor sees it."""
    by.session.flush()
    return TicketOut.of(ticket, listing.surroundings(by.session, [ticket]), by.actor)
