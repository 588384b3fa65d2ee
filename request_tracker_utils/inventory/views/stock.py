"""What is on hand, one row with its history, and what is done with it by hand: take out, cut, return, adjust."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Conflict
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.inventory import listing, reels, service
from request_tracker_utils.inventory.current import request as context
from request_tracker_utils.inventory.errors import InvalidStockField, NotEnough
from request_tracker_utils.inventory.forms import Errors, new_key, sent_key
from request_tracker_utils.inventory.lengths import Cable, parse_length, parse_quantity, parse_type
from request_tracker_utils.inventory.listing import StockFilter
from request_tracker_utils.inventory.models import Movement, StockRow
from request_tracker_utils.inventory.permissions import StockPermission
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.exports import csv_response
from request_tracker_utils.web.paging import requested_cursor, requested_page

PAGE_SIZE = 100
HISTORY_SHOWN = 20
CHART_MOVEMENTS = 60
BATCH = 200
ONLY = ("low", "reserved", "all")
CHART_HEIGHT, CHART_TOP = 40, 3

pages = Blueprint("stock", __name__, url_prefix="/stock")


@dataclass(frozen=True)
class Chart:
    """A row's balance after each of its last movements, as a line in a picture of 100 by CHART_HEIGHT."""

    points: str
    threshold: float | None
    first: int
    last: int
    most: int
    count: int


@pages.get("")
@require(StockPermission.READ)
def show() -> str:
    """The stock by type and length."""
    filters, page = _filters(), requested_page()
    with reading() as session:
        found = listing.find_rows(session, filters, size=PAGE_SIZE, after=requested_cursor(), offset=(page - 1) * PAGE_SIZE)
        types = listing.types_written(session)
    return render_template("inventory/stock.html", filters=filters, found=found, page=page, types=types)


@pages.get("/stock.csv")
@require(StockPermission.READ)
def export() -> Response:
    """The whole stock; the import takes the same columns."""
    return csv_response("stock", listing.STOCK_HEADER, listing.export_rows(reading, StockFilter(only="all")), what="stock", batch=BATCH)


@pages.get("/<int:stock_id>")
@require(StockPermission.READ)
def row(stock_id: int) -> str:
    """A row with its history."""
    return _row_page(stock_id)


@pages.post("/<int:stock_id>/take-out")
@require(StockPermission.ADJUST)
def take_out(stock_id: int) -> ResponseReturnValue:
    """Takes out whole pieces of the row."""
    sent: dict[str, Any] = {name: request.form.get(name, "") for name in ("quantity", "notes")}

    def take(session: Session, row: StockRow, key: str) -> str:
        movements, _repeated = service.take_out(session, row.cable_type, row.cable_length, **sent, **context(key))
        return describe_taken(movements)

    return _act(stock_id, "take_out", sent, take)


@pages.post("/<int:stock_id>/return")
@require(StockPermission.ADJUST)
def give_back(stock_id: int) -> ResponseReturnValue:
    """Returns pieces to the row."""
    sent: dict[str, Any] = {name: request.form.get(name, "") for name in ("quantity", "notes")}

    def put(session: Session, row: StockRow, key: str) -> str:
        movement, _repeated = service.put_back(session, row.cable_type, row.cable_length, **sent, **context(key))
        return ngettext("%(num)s piece was returned.", "%(num)s pieces were returned.", movement.quantity_delta)

    return _act(stock_id, "give_back", sent, put)


@pages.post("/<int:stock_id>/adjust")
@require(StockPermission.ADJUST)
def adjust(stock_id: int) -> ResponseReturnValue:
    """Corrects the row by some pieces, with a reason."""
    sent: dict[str, Any] = {name: request.form.get(name, "") for name in ("change", "reason")}

    def change(session: Session, row: StockRow, key: str) -> str:
        delta = sent["change"].strip().removeprefix("+")
        movement, _repeated = service.adjust(session, row.cable_type, row.cable_length, delta, reason=sent["reason"], **context(key))
        return _("The stock was adjusted by %(change)s.", change=f"{movement.quantity_delta:+,}".replace("-", "−"))

    return _act(stock_id, "adjust", sent, change)


@pages.get("/take-out")
@require(StockPermission.ADJUST)
def take_out_form() -> ResponseReturnValue:
    """Asks for a cable, and offers the pieces that suffice: exact ones, then the shortest to cut from."""
    sent = {name: request.args.get(name, "").strip()[:120] for name in ("cable_type", "cable_length", "quantity", "notes")}
    if not (sent["cable_type"] and sent["cable_length"]):
        return _take_out_page(sent, {})
    cable, pieces, errors = _asked(sent)
    if cable is None:
        return _take_out_page(sent, errors), 400
    return _take_out_page(sent, {}, cable, pieces)


@pages.post("/take-out")
@require(StockPermission.ADJUST)
def take() -> ResponseReturnValue:
    """Takes the chosen offer."""
    names = ("cable_type", "cable_length", "quantity", "notes")
    sent: dict[str, Any] = {name: request.form.get(name, "").strip() for name in names}
    chosen = request.form.get("offer", "")
    how: dict[str, Any] = {"cut": chosen == "cut"}
    if chosen.isascii() and chosen.isdigit() and len(chosen) < 10:
        how = {"cut_from": int(chosen)}
    try:
        with transaction() as session:
            movements, _repeated = service.take_out(session, **sent, **how, **context(sent_key(request.form)))
    except (InvalidStockField, Conflict) as error:
        cable, pieces, errors = _asked(sent)
        field = error.fields.get("field")
        return _take_out_page(
            sent, errors or ({field: error.message} if field in names else {"offer": error.message}), cable, pieces
        ), error.status
    flash(describe_taken(movements), "success")
    return redirect(url_for(".row", stock_id=movements[0].stock_id), 303)


def describe_taken(movements: list[Movement]) -> str:
    """What was taken and what was cut, in words."""
    parts = []
    for movement in movements:
        name = {"type": movement.cable_type, "length": movement.cable_length}
        if movement.quantity_delta < 0:
            taken = -movement.quantity_delta
            parts.append(
                ngettext(
                    "%(num)s piece of %(type)s, %(length)s was taken out.",
                    "%(num)s pieces of %(type)s, %(length)s were taken out.",
                    taken,
                    **name,
                )
            )
        else:
            parts.append(_("A remnant of %(length)s is back on the shelf.", **name))
    shown = parts[:6]
    if len(parts) > len(shown):
        shown.append(_("See the movements for all."))
    return " ".join(shown)


def _act(stock_id: int, action: str, sent: dict[str, str], do: Callable[[Session, StockRow, str], str]) -> ResponseReturnValue:
    """Does something with the row. Errors are shown beside the field."""
    try:
        with transaction() as session:
            done = do(session, service.get_row(session, stock_id), sent_key(request.form))
    except (InvalidStockField, Conflict) as error:
        field = error.fields.get("field", "")
        shown = field if field in sent else {"adjust": "change"}.get(action, "quantity")
        return _row_page(stock_id, {action: sent}, {action: {shown: error.message}}), error.status
    flash(done, "success")
    return redirect(url_for(".row", stock_id=stock_id), 303)


def _row_page(stock_id: int, sent: dict[str, dict[str, str]] | None = None, errors: dict[str, Errors] | None = None) -> str:
    with reading() as session:
        found = service.get_row(session, stock_id)
        movements = listing.history(session, stock_id, limit=CHART_MOVEMENTS)
    actions = ("take_out", "give_back", "adjust")
    own = (found.cable_type, found.cable_length)
    spellings = dict.fromkeys((each.cable_type, each.cable_length) for each in movements if (each.cable_type, each.cable_length) != own)
    return render_template(
        "inventory/row.html",
        row=found,
        history=movements[:HISTORY_SHOWN],
        spellings=[" ".join(each) for each in list(spellings)[:5]],
        chart=_chart(found, [each.balance for each in reversed(movements)]),
        sent={action: (sent or {}).get(action, {}) for action in actions},
        errors={action: (errors or {}).get(action, {}) for action in actions},
        request_key=new_key(),
    )


def _chart(row: StockRow, balances: list[int]) -> Chart | None:
    if len(balances) < 2:
        return None
    most = max(*balances, row.threshold or 0, 1)

    def height(count: int) -> float:
        return round(CHART_HEIGHT - (CHART_HEIGHT - CHART_TOP) * count / most, 2)

    step = 100 / (len(balances) - 1)
    points = " ".join(f"{round(number * step, 2)},{height(count)}" for number, count in enumerate(balances))
    threshold = None if row.threshold is None else height(row.threshold)
    return Chart(points, threshold, balances[0], balances[-1], max(balances), len(balances))


def _asked(sent: dict[str, str]) -> tuple[Cable | None, int, Errors]:
    errors: Errors = {}
    values: list[object] = []
    for parse in (
        lambda: parse_type(sent["cable_type"]),
        lambda: parse_length(sent["cable_length"]),
        lambda: parse_quantity(sent["quantity"] or "1"),
    ):
        try:
            values.append(parse())
        except InvalidStockField as error:
            errors[error.fields["field"]] = error.message
    if errors:
        return None, 0, errors
    kind, length, pieces = values
    return Cable(kind, length), pieces, errors  # type: ignore[arg-type, return-value]


def _take_out_page(sent: dict[str, str], errors: Errors, cable: Cable | None = None, pieces: int = 1) -> str:
    whole, planned, longer, shortage = 0, list[reels.Offer](), list[StockRow](), ""
    with reading() as session:
        exact = service.find_row(session, cable) if cable else None
        if cable:
            try:
                whole, planned = reels.offers(session, cable, pieces)
            except (InvalidStockField, NotEnough) as error:
                shortage = error.message
            longer = [row for row in reels.sufficient(session, cable) if row.length_thousandths and cable.length.unit]
        types, lengths = listing.types_written(session), listing.lengths_written(session)
    return render_template(
        "inventory/take-out.html",
        sent=sent,
        errors=errors,
        cable=cable,
        pieces=pieces,
        exact=exact,
        whole=whole,
        planned=planned,
        longer=longer,
        shortage=shortage,
        types=types,
        lengths=lengths,
        request_key=new_key(),
    )


def _filters() -> StockFilter:
    only = request.args.get("only", "")
    return StockFilter(request.args.get("q", "").replace("\0", "").strip()[:120], only if only in ONLY else "")
