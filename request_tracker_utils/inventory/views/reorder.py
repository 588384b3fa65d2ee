"""What to order, and the thresholds and targets that decide it."""

from collections.abc import Iterator, Mapping

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.inventory import listing, reorder, service
from request_tracker_utils.inventory.current import reorder_alerts
from request_tracker_utils.inventory.errors import InvalidStockField, StockRowNotFound
from request_tracker_utils.inventory.forms import Errors
from request_tracker_utils.inventory.listing import StockFilter
from request_tracker_utils.inventory.permissions import StockPermission
from request_tracker_utils.inventory.reorder import LEVELS
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.exports import csv_response
from request_tracker_utils.web.paging import requested_cursor, requested_page

PAGE_SIZE = 100
HEADER = ("cable_type", "cable_length", "order", "available", "backordered", "threshold", "target")

pages = Blueprint("stock_reorder", __name__, url_prefix="/stock/reorder")


@pages.get("")
@require(StockPermission.RECEIVE)
def show() -> str:
    """What to order, and the levels of all rows."""
    return _page({}, {})


@pages.get("/order.csv")
@require(StockPermission.RECEIVE)
def export() -> Response:
    """What to order."""
    return csv_response("order", HEADER, _order_rows(), what="cable to order")


@pages.post("")
@require(StockPermission.ADJUST)
def save() -> ResponseReturnValue:
    """Saves the levels that have changed. Rows with invalid ones stay as they are, and are shown again."""
    sent = _sent(request.form)
    problems: dict[int, Errors] = {}
    saved = 0
    for stock_id, levels in sorted(sent.items()):
        try:
            with transaction() as session:
                row = service.get_row(session, stock_id)
                if {name: _text(getattr(row, name)) for name in LEVELS} == levels:
                    continue
                values = {name: text or None for name, text in levels.items()}
                reorder.set_levels(session, stock_id, **values, actor=current_actor(), now=utc_now(), alerts=reorder_alerts())
                saved += 1
        except InvalidStockField as error:
            problems[stock_id] = {error.fields["field"]: error.message}
        except StockRowNotFound:
            continue
    if saved:
        flash(ngettext("The levels of %(num)s row were saved.", "The levels of %(num)s rows were saved.", saved), "success")
    if problems:
        return _page(problems, {stock_id: sent[stock_id] for stock_id in problems}), InvalidStockField.status
    if not saved:
        flash(_("No level was changed."), "info")
    return redirect(url_for(".show", page=request.args.get("page"), after=request.args.get("after")), 303)


def _page(problems: Mapping[int, Errors], sent: Mapping[int, Mapping[str, str]]) -> str:
    page = requested_page()
    with reading() as session:
        order = reorder.suggestions(session)
        offset = (page - 1) * PAGE_SIZE
        found = listing.find_rows(session, StockFilter(only="all"), size=PAGE_SIZE, after=requested_cursor(), offset=offset)
    after = request.args.get("after", "")
    return render_template("inventory/reorder.html", order=order, found=found, page=page, after=after, problems=problems, sent=sent)


def _sent(form: Mapping[str, str]) -> dict[int, dict[str, str]]:
    """Row → its levels. A row counts only if both were sent."""
    found: dict[int, dict[str, str]] = {}
    for name, text in form.items():
        level, _dash, number = name.partition("-")
        if level in LEVELS and number.isascii() and number.isdigit() and len(number) < 10:
            found.setdefault(int(number), {})[level] = text.strip()
    return {stock_id: levels for stock_id, levels in found.items() if len(levels) == len(LEVELS)}


def _text(level: int | None) -> str:
    return "" if level is None else str(level)


def _order_rows() -> Iterator[list[object]]:
    with reading() as session:
        order = reorder.suggestions(session)
    for each in order:
        yield [each.quantity if name == "order" else getattr(each.row, name) for name in HEADER]
