"""*Edit ticket*: the form of a request, which says before what a change means."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from request_tracker_utils.cable_tickets import editing, form_choices, listing
from request_tracker_utils.cable_tickets.current import change, today
from request_tracker_utils.cable_tickets.editing import Edit
from request_tracker_utils.cable_tickets.errors import EditConflict, InvalidTicketField, NotEditable, NotYourStep
from request_tracker_utils.cable_tickets.forms import ItemRow, RequestForm
from request_tracker_utils.cable_tickets.models import Ticket
from request_tracker_utils.cable_tickets.permissions import TicketPermission
from request_tracker_utils.cable_tickets.rules import relation
from request_tracker_utils.cable_tickets.states import EDITABLE, RESERVES, TicketStatus
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.text import joined
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory import listing as stock
from request_tracker_utils.web.auth import current_actor, require

pages = Blueprint("cable_ticket_editing", __name__, url_prefix="/tickets/<int:ticket_id>/edit")


@pages.get("")
@require(TicketPermission.READ)
def form(ticket_id: int) -> str:
    """The ticket as it is, and what a change means."""
    return _page(ticket_id, None)


@pages.post("")
@require(TicketPermission.READ)
def save(ticket_id: int) -> ResponseReturnValue:
    """Edits the ticket. Other items of an approved ticket return it to its approvers."""
    draft = RequestForm.sent(request.form)
    if request.form.get("do") == "add":
        draft.rows.append(ItemRow())
        return _page(ticket_id, draft, new_row=True)
    revision = request.form.get("revision", "")
    has_items = "cable_type" in request.form  # the items of a ticket that is partly fulfilled are not in the form
    if not has_items:
        draft.rows = []
    with reading() as session:
        former_day = listing.get(session, ticket_id).needed_by
    if not draft.check(today=today(), items=has_items, former_day=former_day):
        return _page(ticket_id, draft), 400
    wanted = Edit(
        items=draft.items if has_items else None,
        location=draft.location,
        notes=draft.notes,
        priority=draft.priority,
        needed_by=draft.needed_date,
        clear_needed_by=draft.needed_date is None,
        revision=int(revision) if revision.isascii() and revision.isdigit() and len(revision) < 10 else None,
    )
    try:
        with transaction() as session:
            asked = change(session)
            ticket = asked.locked(ticket_id)
            former = ticket.status
            changed = editing.edit(asked, ticket, wanted)
            now = ticket.status
    except InvalidTicketField as error:
        draft.note(error)
        return _page(ticket_id, draft), error.status
    except (EditConflict, NotEditable) as error:
        draft.errors["form"] = error.message
        return _page(ticket_id, draft), error.status
    flash(_saved(ticket_id, bool(changed), former != now), "success")
    return redirect(url_for("cable_ticket.show", ticket_id=ticket_id), 303)


def _saved(ticket_id: int, is_changed: bool, waits_again: bool) -> str:
    if not is_changed:
        return _("Nothing was changed.")
    if waits_again:
        return _("Ticket %(id)s was saved. It needs approval again.", id=ticket_id)
    return _("Ticket %(id)s was saved.", id=ticket_id)


def _page(ticket_id: int, draft: RequestForm | None, *, new_row: bool = False) -> str:
    actor = current_actor()
    with reading() as session:
        ticket = listing.get(session, ticket_id)
        if not relation(session, ticket, actor).may_edit:
            raise NotYourStep(_("Only the person who requested ticket %(id)s, or an administrator, can edit it.", id=ticket_id))
        if TicketStatus(ticket.status) not in EDITABLE:
            message = _("Ticket %(id)s can no longer be edited. Add a comment instead.", id=ticket_id)
            raise NotEditable(message, status_now=ticket.status)
        has_items = not any(item.fulfilled for item in ticket.items)
        return render_template(
            "cable_tickets/request-form.html",
            ticket=ticket,
            revision=request.form.get("revision", ticket.revision, type=int),
            draft=draft or RequestForm.editing(ticket),
            has_items=has_items,
            new_row=new_row,
            consequence=_consequence(session, ticket, has_items),
            today=today().isoformat(),
            locations=form_choices.locations(session, actor.user_id),
            types=stock.types_written(session),
            lengths=stock.lengths_written(session),
            gauges=form_choices.gauges(session),
        )


def _consequence(session: Session, ticket: Ticket, has_items: bool) -> str:
    """What an edit of this ticket means."""
    around = listing.surroundings(session, [ticket])
    names = joined([around.names[each.user_id] for each in around.approvers.get(ticket.id, []) if each.user_id in around.names])
    if not has_items:
        return _("Part of this ticket is fulfilled, so its cable cannot be changed. Close it short, or request more in another ticket.")
    if ticket.status in RESERVES:
        return _(
            "If you change the cable, this ticket needs approval again: its reservations are released, and new links go to %(names)s.",
            names=names,
        )
    if ticket.status == TicketStatus.PENDING_APPROVAL:
        return _("If you change anything, new links go to %(names)s, and earlier links stop working.", names=names)
    return ""
