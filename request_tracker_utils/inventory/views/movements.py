"""The ledger: its entries, newest first, their export, and reversals."""

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Conflict
from request_tracker_utils.core.translation import gettext_noop, ngettext
from request_tracker_utils.inventory import listing, reversals, service
from request_tracker_utils.inventory.current import request as context
from request_tracker_utils.inventory.errors import InvalidStockField
from request_tracker_utils.inventory.forms import new_key, sent_key
from request_tracker_utils.inventory.listing import StockFilter
from request_tracker_utils.inventory.models import Movement, MovementType, SourceType
from request_tracker_utils.inventory.permissions import StockPermission
from request_tracker_utils.inventory.service import MovementFilter
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.exports import csv_response
from request_tracker_utils.web.paging import row_id
from request_tracker_utils.web.registry import settings

PAGE_SIZE = 50
MAX_CHOICES = 500
FIRST_CHUNK, CHUNK, BATCH = 200, 2_000, 200
SOURCES = {
    SourceType.RECEIPT: gettext_noop("Deliveries"),
    SourceType.COUNT: gettext_noop("Counts"),
    SourceType.IMPORT: gettext_noop("Imports"),
    SourceType.MANUAL: gettext_noop("By hand"),
    SourceType.TICKET: gettext_noop("Cable tickets"),
}
HEADER = (
    *("id", "time", "movement_type", "cable_type", "cable_length", "quantity_delta", "balance", "source_type", "source_id"),
    *("reverses_id", "by", "notes"),
)

pages = Blueprint("stock_movements", __name__, url_prefix="/stock/movements")


@pages.get("")
@require(StockPermission.READ)
def listed() -> str:
    """The newest entries with these filters."""
    return _page()


@pages.get("/movements.csv")
@require(StockPermission.READ)
def export() -> Response:
    """All entries with these filters, the newest first."""
    return csv_response("movements", HEADER, _export_rows(_filters()), what="movements of the stock", batch=BATCH)


@pages.post("/<int:movement_id>/reverse")
@require(StockPermission.ADJUST)
def reverse(movement_id: int) -> ResponseReturnValue:
    """Reverses an entry, with its remnant if a piece was cut."""
    reason = request.form.get("reason", "")
    try:
        with transaction() as session:
            written, _repeated = reversals.reverse(session, movement_id, reason=reason, **context(sent_key(request.form)))
    except InvalidStockField as error:
        return _page(failed=movement_id, sent=reason, field_error=error.message), error.status
    except Conflict as error:
        return _page(error=error.message), error.status
    flash(ngettext("The movement was reversed.", "The movement was reversed together with its remnant.", len(written)), "success")
    return redirect(url_for(".listed", **_address(_filters())), 303)


def _page(**problem: Any) -> str:
    filters, before = _filters(), request.args.get("before", type=row_id)
    with reading() as session:
        found = service.movements(session, filters, limit=PAGE_SIZE + 1, before=before)
        shown, more = found[:PAGE_SIZE], len(found) > PAGE_SIZE
        done = reversals.reversals_of(session, shown)
        rows = listing.find_rows(session, StockFilter(only="all"), size=MAX_CHOICES).rows
    values = {"failed": None, "sent": "", "field_error": "", "error": "", **problem}
    return render_template(
        "inventory/movements.html",
        filters=filters,
        address=_address(filters),
        found=shown,
        more=more,
        before=before,
        reversed=done,
        belongs_to_ticket=reversals.belongs_to_ticket,
        rows=rows,
        kinds=list(MovementType),
        sources=SOURCES,
        request_key=new_key(),
        **values,
    )


def _filters() -> MovementFilter:
    kind, source = request.args.get("movement_type", ""), request.args.get("source_type", "")
    return MovementFilter(
        movement_type=kind if kind in list(MovementType) else "",
        source_type=source if source in SOURCES else "",
        source_id=request.args.get("source_id", type=row_id),
        stock_id=request.args.get("stock_id", type=row_id),
    )


def _address(filters: MovementFilter) -> dict[str, Any]:
    """The filters as arguments of an address."""
    return {name: value for name, value in vars(filters).items() if value}


def _export_rows(filters: MovementFilter) -> Iterator[list[object]]:
    """In chunks with a short session each."""
    zone, before, size = settings().zone, None, FIRST_CHUNK
    while True:
        with reading() as session:
            found = service.movements(session, filters, limit=size, before=before)
        for each in found:
            yield [_cell(each, name, zone) for name in HEADER]
        if len(found) < size:
            return
        before, size = found[-1].id, CHUNK


def _cell(movement: Movement, name: str, zone: Any) -> object:
    if name == "time":
        return movement.created_at.astimezone(zone).isoformat(timespec="seconds")
    return getattr(movement, "actor" if name == "by" else name)
