"""Counting the shelf with a phone: one row after another. What was expected is shown only after a row was counted."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Conflict
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory import counting, listing, service
from request_tracker_utils.inventory.counting import RowToCount
from request_tracker_utils.inventory.current import request as context
from request_tracker_utils.inventory.errors import CorrectedMeanwhile, CountedAlready, InvalidStockField
from request_tracker_utils.inventory.forms import new_key, sent_key
from request_tracker_utils.inventory.permissions import StockPermission
from request_tracker_utils.inventory.service import MovementFilter
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.paging import row_id

RECENT = 10
MOVEMENTS_SHOWN = 10

pages = Blueprint("stock_counts", __name__, url_prefix="/stock/count")


@pages.get("")
@require(StockPermission.ADJUST)
def overview() -> str:
    """Open and former counts, and a form that starts one."""
    return _overview()


@pages.post("")
@require(StockPermission.ADJUST)
def start() -> ResponseReturnValue:
    """Starts a count of one type, or of all."""
    sent = {name: request.form.get(name, "") for name in ("title", "cable_type")}
    try:
        with transaction() as session:
            count = counting.start(session, **sent, actor=current_actor(), now=utc_now())
    except InvalidStockField as error:
        return _overview(sent, {error.fields["field"]: error.message}), error.status
    return redirect(url_for(".show", count_id=count.id), 303)


@pages.get("/<int:count_id>")
@require(StockPermission.ADJUST)
def show(count_id: int) -> str:
    """The next row to count, or the one that the address names, and all rows of the count."""
    return _count_page(count_id, request.args.get("row", type=row_id))


@pages.post("/<int:count_id>/rows/<int:stock_id>")
@require(StockPermission.ADJUST)
def count_row(count_id: int, stock_id: int) -> ResponseReturnValue:
    """Records the number of a row. `seen` is the row's last movement when its page was shown. If it has moved since, the page asks which
    came first, and `moment` is the last movement before the person counted. For a difference, it asks for the reason."""
    form = request.form
    sent = {name: form.get(name, "").strip() for name in ("counted", "reason", "seen", "moment")}
    if not _is_number(sent["seen"]):
        return redirect(url_for(".show", count_id=count_id, row=stock_id), 303)
    seen, recount = int(sent["seen"]), "recount" in form
    with reading() as session:
        moved = service.movements(session, MovementFilter(stock_id=stock_id), limit=MOVEMENTS_SHOWN)
    since = [each for each in moved if each.id > seen]
    if since and not sent["moment"] and _is_number(sent["counted"]) and not _was_recorded(count_id, stock_id):
        return _count_page(count_id, stock_id, sent=sent, since=since, recount=recount)
    moment = int(sent["moment"]) if _is_number(sent["moment"]) else seen
    given: dict[str, Any] = {"movement_id": moment, "reason": sent["reason"], "recount": recount}
    try:
        with transaction() as session:
            counting.count_row(session, count_id, stock_id, sent["counted"], **given, **context(sent_key(form)))
    except InvalidStockField as error:
        errors = {error.fields.get("field", "counted"): error.message}
        page = _count_page(count_id, stock_id, sent=sent, errors=errors, expected=error.fields.get("expected"), recount=recount)
        return page, error.status
    except CountedAlready as error:
        return _count_page(count_id, stock_id, sent=sent, error=error.message, recount=True), error.status
    except CorrectedMeanwhile as error:
        return _count_page(count_id, stock_id, error=error.message, recount=recount), error.status
    except Conflict as error:
        flash(error.message, "danger")
    return redirect(url_for(".show", count_id=count_id, after=stock_id), 303)


@pages.post("/<int:count_id>/finish")
@require(StockPermission.ADJUST)
def finish(count_id: int) -> ResponseReturnValue:
    """Ends the count. Rows that were not counted stay as they are."""
    try:
        with transaction() as session:
            counting.finish(session, count_id, now=utc_now())
        flash(_("The count is finished."), "success")
    except Conflict as error:
        flash(error.message, "danger")
    return redirect(url_for(".show", count_id=count_id), 303)


def _overview(sent: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None) -> str:
    with reading() as session:
        counts = counting.list_counts(session, limit=RECENT)
        progress = listing.count_progress(session, [count.id for count in counts])
        types = listing.types_on_shelf(session)
    return render_template("inventory/counts.html", counts=counts, progress=progress, types=types, sent=sent or {}, errors=errors or {})


def _count_page(
    count_id: int,
    stock_id: int | None = None,
    *,
    sent: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    error: str = "",
    **values: Any,
) -> str:
    """`since` are movements while the row was counted, `expected` is shown after a difference, `recount` allows another count of a row."""
    with reading() as session:
        count = counting.get_count(session, count_id)
        rows = counting.rows_of(session, count)
    chosen = next((each for each in rows if each.row.id == stock_id), None)
    current = None if count.finished_at else chosen or _next(rows, request.args.get("after", type=row_id))
    done, differences = _progress(rows)
    seen = (sent or {}).get("seen") if "expected" in values or "since" in values or errors else None
    shown = {"since": [], "expected": None, "recount": bool(chosen and chosen.counted), **values}
    return render_template(
        "inventory/count.html",
        count=count,
        rows=rows,
        current=current,
        done=done,
        differences=differences,
        seen=seen or (current.row.movement_id if current else 0),
        sent=sent or {},
        errors=errors or {},
        error=error,
        request_key=new_key(),
        **shown,
    )


def _next(rows: Sequence[RowToCount], after: int | None) -> RowToCount | None:
    """The first row behind `after` that nobody has counted, or else the first of all."""
    start = next((number for number, each in enumerate(rows, 1) if each.row.id == after), 0)
    return next((each for each in [*rows[start:], *rows[:start]] if each.counted is None), None)


def _progress(rows: Sequence[RowToCount]) -> tuple[int, int]:
    """How many rows are counted, and how many differ."""
    counted = [each.counted for each in rows if each.counted is not None]
    return len(counted), sum(each.counted != each.expected for each in counted)


def _was_recorded(count_id: int, stock_id: int) -> bool:
    """Whether the row is counted: then its own adjustment is among its movements."""
    with reading() as session:
        return counting.is_counted(session, count_id, stock_id) and "recount" not in request.form


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10
