"""The pick list, and a ticket's pieces: fulfilling them and taking them back."""

from collections.abc import Callable, Sequence

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.cable_tickets import fulfillment, pick_list, returns
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.current import change
from request_tracker_utils.cable_tickets.errors import InvalidTicketField, NotYourStep
from request_tracker_utils.cable_tickets.fulfillment import Pieces
from request_tracker_utils.cable_tickets.permissions import TicketPermission
from request_tracker_utils.cable_tickets.tasks import start_fulfilling
from request_tracker_utils.cable_tickets.views.ticket import page_with_error
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Conflict
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.forms import new_key, sent_key
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.paging import requested_cursor

PAGE_SIZE = 100
FIELD, CUT = "pieces-", "cut-"

lists = Blueprint("cable_pick_list", __name__, url_prefix="/tickets/pick-list")
pages = Blueprint("cable_fulfillment", __name__, url_prefix="/tickets/<int:ticket_id>")


@lists.get("")
@require(TicketPermission.WORK)
def show() -> str:
    """Tickets that are approved or in progress, by location."""
    return _page()


@lists.post("")
@require(TicketPermission.WORK)
def fulfill_chosen() -> ResponseReturnValue:
    """Starts a task that fulfills the entered pieces of all tickets. The same form sent twice starts one."""
    wanted: dict[int, list[Pieces]] = {}
    for name, quantity in request.form.items():
        numbers = name.removeprefix(FIELD).split("-") if name.startswith(FIELD) else []
        if len(numbers) == 2 and quantity.strip() not in ("", "0"):
            ticket_id, item_id = (_number(each) for each in numbers)
            wanted.setdefault(ticket_id, []).append(Pieces(item_id, quantity.strip()[:20], f"{CUT}{item_id}" in request.form))
    if not wanted:
        return _page(_("Enter the number of pieces for at least one ticket.")), 400
    try:
        with transaction() as session:
            task_id = start_fulfilling(session, wanted, actor=current_actor(), now=utc_now(), request_key=sent_key(request.form))
    except Conflict as error:
        return _page(error.message), error.status
    return redirect(url_for("tasks.show", task_id=task_id), 303)


@pages.post("/fulfill")
@require(TicketPermission.READ)
def fulfill(ticket_id: int) -> ResponseReturnValue:
    """Takes the entered pieces from the shelf."""

    def do(by: Change, pieces: Sequence[Pieces]) -> str:
        ticket, _repeated = fulfillment.fulfill(by, ticket_id, pieces, request_key=sent_key(request.form))
        return (
            _("Ticket %(id)s is fulfilled.", id=ticket.id) if ticket.status == "fulfilled" else _("The pieces were taken from the shelf.")
        )

    return _act(ticket_id, do, at="fulfill")


@pages.post("/returns")
@require(TicketPermission.READ)
def put_back(ticket_id: int) -> ResponseReturnValue:
    """Returns the entered pieces to the shelf."""

    def do(by: Change, pieces: Sequence[Pieces]) -> str:
        returns.put_back(by, ticket_id, pieces, notes=request.form.get("notes", ""), request_key=sent_key(request.form))
        return _("The pieces are back on the shelf.")

    return _act(ticket_id, do, at="return")


def _act(ticket_id: int, do: Callable[[Change, Sequence[Pieces]], str], *, at: str) -> ResponseReturnValue:
    entered = ((name.removeprefix(FIELD), text.strip()) for name, text in request.form.items() if name.startswith(FIELD))
    pieces = [Pieces(_number(name), text[:20], f"{CUT}{name}" in request.form) for name, text in entered if text not in ("", "0")]
    try:
        if not pieces:
            raise InvalidTicketField(_("Enter the number of pieces for at least one item."), field="items")
        with transaction() as session:
            flash(do(change(session), pieces), "success")
    except (InvalidTicketField, NotYourStep, Conflict) as error:
        return page_with_error(ticket_id, error, at=at, sent=request.form)
    return redirect(url_for("cable_ticket.show", ticket_id=ticket_id, _anchor=at), 303)


def _page(error: str = "") -> str:
    with reading() as session:
        found = pick_list.find(session, limit=PAGE_SIZE, after=requested_cursor())
        return render_template(
            "cable_tickets/pick_list.html", found=found, error=error, sent=request.form if error else {}, request_key=new_key()
        )


def _number(text: str) -> int:
    """0, which no row has, for what is not a row's ID."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
