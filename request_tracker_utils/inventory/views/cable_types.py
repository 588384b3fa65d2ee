"""The cable types that forms offer."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory import cable_types
from request_tracker_utils.inventory.errors import CableTypeExists, InvalidStockField
from request_tracker_utils.inventory.forms import Errors
from request_tracker_utils.inventory.permissions import StockPermission
from request_tracker_utils.web.auth import require

FIELDS = ("name", "gauges", "lengths")

pages = Blueprint("cable_types", __name__, url_prefix="/stock/cable-types")


@pages.get("")
@require(StockPermission.ADJUST)
def listed() -> str:
    """All types, and a form for another one."""
    return _page()


@pages.post("")
@require(StockPermission.ADJUST)
def add() -> ResponseReturnValue:
    """Adds a type."""
    sent = _sent()
    try:
        with transaction() as session:
            added = cable_types.add_type(session, name=sent["name"], gauges=_list(sent["gauges"]), lengths=_list(sent["lengths"]))
    except (InvalidStockField, CableTypeExists) as error:
        return _page(0, sent, _beside(error)), error.status
    flash(_("%(name)s was added.", name=added.name), "success")
    return redirect(url_for(".listed"), 303)


@pages.post("/<int:type_id>")
@require(StockPermission.ADJUST)
def change(type_id: int) -> ResponseReturnValue:
    """Changes a type. Stock rows stay as they are."""
    sent = _sent()
    values = {"name": sent["name"], "gauges": _list(sent["gauges"]), "lengths": _list(sent["lengths"]), "active": "active" in request.form}
    try:
        with transaction() as session:
            changed = cable_types.change_type(session, type_id, **values)
    except (InvalidStockField, CableTypeExists) as error:
        return _page(type_id, sent, _beside(error)), error.status
    flash(_("%(name)s was saved.", name=changed.name), "success")
    return redirect(url_for(".listed"), 303)


def _page(type_id: int | None = None, sent: dict[str, str] | None = None, errors: Errors | None = None) -> str:
    """`type_id` is the one whose form had errors; 0 for a new one."""
    with reading() as session:
        types = cable_types.list_types(session, include_inactive=True)
    values = {"failed": type_id, "sent": sent or {}, "errors": errors or {}}
    return render_template("inventory/cable-types.html", types=types, **values)


def _beside(error: InvalidStockField | CableTypeExists) -> Errors:
    """One of several lengths is checked like that of a stock row."""
    field = error.fields["field"]
    return {"lengths" if field == "cable_length" else field: error.message}


def _sent() -> dict[str, str]:
    return {name: request.form.get(name, "")[:4_000] for name in FIELDS}


def _list(text: str) -> list[str]:
    """Separated by semicolons or lines: a comma may be part of a length, such as 1,000 ft."""
    return [part for part in (each.strip() for line in text.splitlines() for each in line.split(";")) if part]
