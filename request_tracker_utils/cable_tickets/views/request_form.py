"""*Request cable*: a form that is filled with one tap from kits and earlier requests."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from request_tracker_utils.cable_tickets import form_choices, kits
from request_tracker_utils.cable_tickets.creating import Draft, create
from request_tracker_utils.cable_tickets.current import change, today
from request_tracker_utils.cable_tickets.errors import InvalidTicketField, TicketArchived, TicketNotFound
from request_tracker_utils.cable_tickets.forms import ItemRow, RequestForm
from request_tracker_utils.cable_tickets.models import Ticket
from request_tracker_utils.cable_tickets.permissions import TicketPermission
from request_tracker_utils.cable_tickets.sent_messages import describe_asked
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.text import joined
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory import listing
from request_tracker_utils.inventory.errors import RequestKeyReused
from request_tracker_utils.inventory.forms import new_key
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.registry import settings

pages = Blueprint("request_cable", __name__, url_prefix="/tickets/new")


@pages.get("")
@require(TicketPermission.CREATE)
def form() -> str:
    """An empty request, or one like an earlier ticket (`again`), a kit (`kit`), or a cable."""
    draft = RequestForm(location=request.args.get("location", "").strip()[:200])
    kind, length = (request.args.get(name, "").strip()[:200] for name in ("cable_type", "cable_length"))
    draft.rows = [ItemRow(kind, length)]
    for name, kind in (("again", "ticket"), ("kit", "kit")):
        if name in request.args:
            _fill(draft, f"{kind}-{request.args[name]}")
    return _page(draft)


@pages.post("")
@require(TicketPermission.CREATE)
def send() -> ResponseReturnValue:
    """Creates the ticket; or, in browsers without scripts, adds a row or what a chip stands for."""
    draft = RequestForm.sent(request.form)
    if chosen := request.form.get("fill"):
        _fill(draft, chosen)
        return _page(draft)
    if request.form.get("do") == "add":
        draft.rows.append(ItemRow())
        return _page(draft, new_row=True)
    if not draft.check(today=today()):
        return _page(draft), 400
    try:
        with transaction() as session:
            ticket = create(change(session), draft_of(draft), request_key=draft.request_key)
    except InvalidTicketField as error:
        draft.note(error)
        return _page(draft), error.status
    except (RequestKeyReused, TicketArchived, TicketNotFound) as error:  # shown again by the back button
        draft.request_key = new_key()
        draft.errors["form"] = _("This form has already created a ticket. Check the request; “Send request” creates another ticket.")
        return _page(draft), error.status
    with reading() as session:
        flash(_created(session, ticket), "success")
    return redirect(url_for("cable_ticket.show", ticket_id=ticket.id, created=draft.request_key), 303)


def draft_of(form: RequestForm) -> Draft:
    """What a checked form asks for."""
    return Draft(
        items=form.items,
        assigned_to_id=form.approver_id,
        location=form.location,
        notes=form.notes,
        priority=form.priority,
        needed_by=form.needed_date,
    )


def _fill(draft: RequestForm, key: str) -> None:
    actor = current_actor()
    with reading() as session:
        chip = kits.chip(session, key, actor.user_id)
    if chip is not None:
        draft.add(chip.items, location=chip.location)


def _created(session: Session, ticket: Ticket) -> str:
    """Who was asked, and how."""
    return " ".join([_("Ticket %(id)s was created.", id=ticket.id), *describe_asked(session, ticket.id)])


def _page(draft: RequestForm, *, new_row: bool = False) -> str:
    actor = current_actor()
    with reading() as session:
        return render_template(
            "cable_tickets/request-form.html",
            draft=draft,
            new_row=new_row,
            has_items=True,
            given=bool(request.args),
            today=today().isoformat(),
            chips=kits.chips(session, actor.user_id),
            approvers=form_choices.approver_choices(session, creator_id=actor.user_id, chosen_id=draft.approver_id),
            default_names=joined(form_choices.default_names(session, settings().default_approvers, creator_id=actor.user_id)),
            locations=form_choices.locations(session, actor.user_id),
            types=listing.types_written(session),
            lengths=listing.lengths_written(session),
            gauges=form_choices.gauges(session),
        )
