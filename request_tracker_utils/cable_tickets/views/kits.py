"""The site's kits: what the form of a request offers with one tap."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.cable_tickets import form_choices, kits
from request_tracker_utils.cable_tickets.current import today
from request_tracker_utils.cable_tickets.errors import InvalidTicketField
from request_tracker_utils.cable_tickets.forms import ItemRow, RequestForm
from request_tracker_utils.cable_tickets.permissions import TicketPermission
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory import listing
from request_tracker_utils.web.auth import require

pages = Blueprint("cable_kits", __name__, url_prefix="/tickets/kits")


@pages.get("")
@require(TicketPermission.MANAGE)
def listed() -> str:
    """All kits, in the order of the form."""
    with reading() as session:
        found = kits.all_kits(session)
    return render_template("cable_tickets/kits.html", kits=found, most=kits.MAX_KITS)


@pages.get("/new")
@require(TicketPermission.MANAGE)
def new() -> str:
    """An empty kit."""
    return _page(None, "", RequestForm(rows=[ItemRow()]))


@pages.post("/new")
@require(TicketPermission.MANAGE)
def add() -> ResponseReturnValue:
    """Adds a kit."""
    return _save(None)


@pages.get("/<int:kit_id>")
@require(TicketPermission.MANAGE)
def edit(kit_id: int) -> str:
    """A kit's form."""
    with reading() as session:
        kit = kits.find_kit(session, kit_id)
    return _page(kit_id, kit.name, RequestForm(rows=[ItemRow.of(item) for item in kit.items]))


@pages.post("/<int:kit_id>")
@require(TicketPermission.MANAGE)
def change(kit_id: int) -> ResponseReturnValue:
    """Changes a kit. Tickets created with it do not change."""
    return _save(kit_id)


@pages.post("/<int:kit_id>/move")
@require(TicketPermission.MANAGE)
def move(kit_id: int) -> ResponseReturnValue:
    """Moves a kit one place forward or back."""
    with transaction() as session:
        kits.move_kit(session, kit_id, up=request.form.get("to") == "up")
    return redirect(url_for(".listed"), 303)


@pages.post("/<int:kit_id>/delete")
@require(TicketPermission.MANAGE)
def delete(kit_id: int) -> ResponseReturnValue:
    """Deletes a kit. Tickets created with it do not change."""
    with transaction() as session:
        name = kits.delete_kit(session, kit_id)
    flash(_("The kit %(name)s was deleted.", name=name), "success")
    return redirect(url_for(".listed"), 303)


def _save(kit_id: int | None) -> ResponseReturnValue:
    name, draft = request.form.get("name", "")[:200], RequestForm.sent(request.form)
    if request.form.get("do") == "add":
        draft.rows.append(ItemRow())
        return _page(kit_id, name, draft, new_row=True)
    if not draft.check(today=today()):
        return _page(kit_id, name, draft), 400
    try:
        with transaction() as session:
            if kit_id is None:
                kit = kits.add_kit(session, name=name, items=draft.items)
            else:
                kit = kits.change_kit(session, kit_id, name=name, items=draft.items)
    except InvalidTicketField as error:
        draft.note(error)
        return _page(kit_id, name, draft), error.status
    flash(_("The kit %(name)s was saved.", name=kit.name), "success")
    return redirect(url_for(".listed"), 303)


def _page(kit_id: int | None, name: str, draft: RequestForm, *, new_row: bool = False) -> str:
    with reading() as session:
        suggestions = {
            "types": listing.types_written(session),
            "lengths": listing.lengths_written(session),
            "gauges": form_choices.gauges(session),
        }
    return render_template("cable_tickets/kit.html", kit_id=kit_id, name=name, draft=draft, new_row=new_row, **suggestions)
