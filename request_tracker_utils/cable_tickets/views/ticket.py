"""One ticket: its items, its history and messages, and what this person may do with it."""

from collections.abc import Callable, Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.cable_tickets import archiving, editing, form_choices, pick_list
from request_tracker_utils.cable_tickets.approvers import asked_people
from request_tracker_utils.cable_tickets.change import Change, find_ticket
from request_tracker_utils.cable_tickets.current import change
from request_tracker_utils.cable_tickets.errors import InvalidTicketField, NotYourStep
from request_tracker_utils.cable_tickets.form_choices import CLOSING_REASONS, REJECTION_REASONS
from request_tracker_utils.cable_tickets.messages import KINDS
from request_tracker_utils.cable_tickets.models import Ticket
from request_tracker_utils.cable_tickets.permissions import TicketPermission
from request_tracker_utils.cable_tickets.rules import relation
from request_tracker_utils.cable_tickets.sent_messages import sent_messages, unreached
from request_tracker_utils.cable_tickets.states import EDITABLE, RESERVES, TicketStatus
from request_tracker_utils.cable_tickets.steps import move
from request_tracker_utils.cable_tickets.stock import source_of
from request_tracker_utils.cable_tickets.timeline import timeline
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError, Conflict
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.forms import new_key
from request_tracker_utils.inventory.reservations import reservations_of
from request_tracker_utils.web.auth import current_actor, require

DEFAULT_APPROVERS = "default"
"""The choice of nobody in particular."""
HANDED_ON = frozenset({TicketStatus.PENDING_APPROVAL, *RESERVES})
"""While a ticket waits for somebody, it can be given to somebody else."""

pages = Blueprint("cable_ticket", __name__, url_prefix="/tickets/<int:ticket_id>")


@pages.get("")
@require(TicketPermission.READ)
def show(ticket_id: int) -> ResponseReturnValue:
    """The ticket. An archived one is shown too, with the status 410 unless `include_deleted` asks for it."""
    page, is_archived = _page(ticket_id)
    return page, 410 if is_archived and request.args.get("include_deleted") != "true" else 200


@pages.post("/step")
@require(TicketPermission.READ)
def step(ticket_id: int) -> ResponseReturnValue:
    """Approves, rejects, starts, fulfills, closes, or asks again. Whether this person may do so depends on the ticket."""
    to, reason = request.form.get("to", ""), request.form.get("reason", "").strip()

    def take(change: Change, ticket: Ticket) -> str:
        if to not in list(TicketStatus):
            raise InvalidTicketField(_("Choose one of the buttons."), field="to")
        if ticket.status == to and to != TicketStatus.PENDING_APPROVAL:
            return ""  # the button was pressed twice
        move(change, ticket, TicketStatus(to), reason=reason)
        return _done(ticket)

    return _act(ticket_id, take, at=f"step-{to}", sent={"reason": reason})


@pages.post("/comments")
@require(TicketPermission.READ)
def comment(ticket_id: int) -> ResponseReturnValue:
    """Adds a comment."""
    body = request.form.get("body", "")

    def write(change: Change, ticket: Ticket) -> str:
        editing.comment(change, ticket, body)
        return _("The comment was added.")

    return _act(ticket_id, write, at="comment", sent={"body": body[:20_000]})


@pages.post("/assign")
@require(TicketPermission.READ)
def assign(ticket_id: int) -> ResponseReturnValue:
    """Sends the ticket to somebody else, who is asked with a link of their own."""
    chosen = request.form.get("assigned_to_id", "")

    def send(change: Change, ticket: Ticket) -> str:
        is_number = chosen.isascii() and chosen.isdigit() and len(chosen) < 10
        if not is_number and chosen != DEFAULT_APPROVERS:
            raise InvalidTicketField(_("Choose somebody from the list."), field="assigned_to_id")
        wanted = int(chosen) if is_number else None
        if wanted == ticket.assigned_to_id:
            raise InvalidTicketField(_("The ticket is already assigned to them. Choose somebody else."), field="assigned_to_id")
        editing.reassign(change, ticket, wanted)
        return _("The request was sent.") if ticket.status == TicketStatus.PENDING_APPROVAL else _("The ticket was reassigned.")

    return _act(ticket_id, send, at="assign", sent={})


@pages.post("/archive")
@require(TicketPermission.READ)
def archive(ticket_id: int) -> ResponseReturnValue:
    """Archives the ticket, which releases what it reserves."""

    def put_away(change: Change, ticket: Ticket) -> str:
        archiving.archive(change, ticket)
        return _("Ticket %(id)s was archived.", id=ticket.id)

    return _act(ticket_id, put_away, at="archive", sent={}, shows_archived=True)


@pages.post("/restore")
@require(TicketPermission.READ)
def restore(ticket_id: int) -> ResponseReturnValue:
    """Restores an archived ticket to its former status."""

    def bring_back(change: Change, ticket: Ticket) -> str:
        archiving.restore(change, ticket)
        return _("Ticket %(id)s was restored.", id=ticket.id)

    return _act(ticket_id, bring_back, at="archive", sent={}, archived=True)


@pages.post("/purge")
@require(TicketPermission.MANAGE)
def purge(ticket_id: int) -> ResponseReturnValue:
    """Deletes an archived ticket."""
    with transaction() as session:
        asked = change(session)
        archiving.purge(asked, asked.locked(ticket_id, archived=True))
    flash(_("Ticket %(id)s was deleted. Its history and stock movements are kept.", id=ticket_id), "success")
    return redirect(url_for("cable_tickets.listed"), 303)


def _act(
    ticket_id: int,
    do: Callable[[Change, Ticket], str],
    *,
    at: str,
    sent: dict[str, str],
    archived: bool = False,
    shows_archived: bool = False,
) -> ResponseReturnValue:
    """Does something with the ticket, and shows it. Errors are shown beside the button (`at`)."""
    try:
        with transaction() as session:
            asked = change(session)
            done = do(asked, asked.locked(ticket_id, archived=archived))
    except (InvalidTicketField, NotYourStep, Conflict) as error:
        return page_with_error(ticket_id, error, at=at, sent=sent)
    if done:
        flash(done, "success")
    return redirect(url_for(".show", ticket_id=ticket_id, include_deleted="true" if shows_archived else None), 303)


def _done(ticket: Ticket) -> str:
    """What a step has done, in words."""
    return {
        TicketStatus.APPROVED: _("Ticket %(id)s was approved. %(name)s gets a message.", id=ticket.id, name=ticket.created_by),
        TicketStatus.REJECTED: _("Ticket %(id)s was rejected. %(name)s gets a message.", id=ticket.id, name=ticket.created_by),
        TicketStatus.IN_PROGRESS: _("Ticket %(id)s is in progress.", id=ticket.id),
        TicketStatus.FULFILLED: _("Ticket %(id)s was fulfilled. %(name)s gets a message.", id=ticket.id, name=ticket.created_by),
        TicketStatus.CLOSED: _("Ticket %(id)s was closed.", id=ticket.id),
        TicketStatus.PENDING_APPROVAL: _("Ticket %(id)s needs approval again.", id=ticket.id),
        TicketStatus.DELETED: "",
    }[TicketStatus(ticket.status)]


def page_with_error(ticket_id: int, error: AppError, *, at: str, sent: Mapping[str, str]) -> ResponseReturnValue:
    """The page after a form of it was refused: the error beside the form (`at`), with what was `sent`."""
    return _page(ticket_id, failed=at, error=error.message, sent=sent)[0], error.status


def _page(ticket_id: int, *, failed: str = "", error: str = "", sent: Mapping[str, str] | None = None) -> tuple[str, bool]:
    """The page, and whether the ticket is archived."""
    actor = current_actor()
    with reading() as session:
        ticket = find_ticket(session, ticket_id, archived=True)
        mine = relation(session, ticket, actor)
        asked = asked_people(session, ticket_id)
        status = TicketStatus(ticket.status)
        is_archived = status is TicketStatus.DELETED
        may_reassign = mine.may_reassign and status in HANDED_ON
        page = render_template(
            "cable_tickets/ticket.html",
            ticket=ticket,
            has_stock=status in RESERVES or any(item.fulfilled for item in ticket.items),
            mine=mine,
            open_steps=[] if is_archived else mine.open_steps(status),
            reserved={each.line: each for each in reservations_of(session, source_of(ticket))},
            asked=[name for _id, name in asked],
            unreached=unreached(session, [ticket_id]).get(ticket_id, []),
            approvers=form_choices.approver_choices(session, creator_id=ticket.created_by_id) if may_reassign else None,
            may_reassign=may_reassign,
            may_edit=mine.may_edit and status in EDITABLE,
            history=timeline(session, ticket_id),
            messages=sent_messages(session, ticket_id),
            titles={kind.name: kind.title for kind in KINDS},
            picks=pick_list.of_ticket(session, ticket) if status in RESERVES else [],
            request_key=new_key(),
            rejection_reasons=REJECTION_REASONS,
            closing_reasons=CLOSING_REASONS,
            failed=failed,
            error=error,
            sent=sent or {},
            created_key=request.args.get("created", "")[:60],
        )
    return page, is_archived
