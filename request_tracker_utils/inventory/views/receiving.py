"""Recording deliveries: rows from a scanner, a preview of the resulting balances, and undo."""

from dataclasses import dataclass, replace

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Conflict
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.inventory import listing, receiving, reversals
from request_tracker_utils.inventory.current import request as context
from request_tracker_utils.inventory.errors import InvalidStockField, PackingSlipReceived
from request_tracker_utils.inventory.forms import BLANK_ROWS, HEAD, DeliveryDraft, Errors, Line, new_key, sent_key
from request_tracker_utils.inventory.permissions import StockPermission
from request_tracker_utils.web.auth import require

RECENT = 5

pages = Blueprint("stock_receiving", __name__, url_prefix="/stock/receive")


@dataclass(frozen=True)
class Balance:
    """What a delivery would change in one stock row; `rows` of the form are of this cable."""

    cable_type: str
    cable_length: str
    before: int
    quantity: int
    rows: int
    is_new: bool
    is_text: bool


@pages.get("")
@require(StockPermission.RECEIVE)
def form() -> str:
    """The form of a delivery. `cable_type` and `cable_length` in the address begin its first row."""
    first = Line(request.args.get("cable_type", "")[:60], request.args.get("cable_length", "")[:60])
    return _page(DeliveryDraft(new_key(), lines=[first]).with_blank_rows(BLANK_ROWS if first.is_blank else 1))


@pages.post("")
@require(StockPermission.RECEIVE)
def receive() -> ResponseReturnValue:
    """Adds a row to the form, previews the balances, or records the delivery. The same form sent twice is recorded once."""
    draft, action = DeliveryDraft.of(request.form), request.form.get("do", "record")
    if action == "add":
        return _page(draft.with_blank_rows(), sent=True)
    if not draft.check():
        return _page(draft.with_blank_rows(), sent=True), 400
    if action == "preview":
        return _page(draft.with_blank_rows(), sent=True, preview=_balances(draft))
    try:
        with transaction() as session:
            receipt, repeated = receiving.receive(session, draft.delivery(), **context(draft.request_key))
    except (InvalidStockField, Conflict) as error:
        return _refused(draft, error)
    pieces = sum(item.quantity for item in receipt.items)
    said = (
        _("This delivery was already recorded.")
        if repeated
        else ngettext("%(num)s piece was received.", "%(num)s pieces were received.", pieces)
    )
    flash(said, "success")
    return redirect(url_for(".show", receipt_id=receipt.id, key=draft.request_key), 303)


@pages.get("/<int:receipt_id>")
@require(StockPermission.RECEIVE)
def show(receipt_id: int) -> str:
    """A delivery with the balances now. `key` is that of the form that has recorded it."""
    with reading() as session:
        receipt = receiving.get_receipt(session, receipt_id)
        balances = listing.balances(session, [item.stock_id for item in receipt.items])
    return render_template(
        "inventory/receipt.html", receipt=receipt, items=receipt.items, balances=balances, key=request.args.get("key", "")[:60]
    )


@pages.post("/<int:receipt_id>/undo")
@require(StockPermission.ADJUST)
def undo(receipt_id: int) -> ResponseReturnValue:
    """Reverses the movements of a delivery, all or none."""
    reason = request.form.get("reason", "")
    try:
        with transaction() as session:
            reversals.reverse_receipt(session, receipt_id, reason=reason, **context(sent_key(request.form)))
        flash(_("The delivery was undone."), "success")
    except (InvalidStockField, Conflict) as error:
        flash(error.message, "danger")
    return redirect(url_for(".show", receipt_id=receipt_id), 303)


def _refused(draft: DeliveryDraft, error: InvalidStockField | Conflict) -> ResponseReturnValue:
    """The form with the error beside the field that it names."""
    field, position = error.fields.get("field", ""), error.fields.get("item")
    if isinstance(error, PackingSlipReceived):
        return _page(
            draft.with_blank_rows(), sent=True, errors={"packing_slip": error.message}, other=error.fields["receipt_id"]
        ), error.status
    if position is not None:
        draft.filled[position].errors[field] = error.message
        return _page(draft.with_blank_rows(), sent=True), error.status
    if field in HEAD:
        return _page(draft.with_blank_rows(), sent=True, errors={field: error.message}), error.status
    return _page(draft.with_blank_rows(), sent=True, error=error.message), error.status


def _balances(draft: DeliveryDraft) -> list[Balance]:
    """Rows of one cable are added up."""
    found: dict[str, Balance] = {}
    with reading() as session:
        existing = listing.by_keys(session, [line.cable.key for line in draft.filled if line.cable])
    for line in draft.filled:
        cable = line.cable
        if cable is None:
            continue
        row, known = existing.get(cable.key), found.get(cable.key)
        if known:
            found[cable.key] = replace(known, quantity=known.quantity + line.pieces, rows=known.rows + 1)
        else:
            before, is_text = row.on_hand if row else 0, not cable.length.unit
            found[cable.key] = Balance(cable.cable_type, cable.length.written, before, line.pieces, 1, row is None, is_text)
    return list(found.values())


def _page(
    draft: DeliveryDraft,
    *,
    sent: bool = False,
    preview: list[Balance] | None = None,
    errors: Errors | None = None,
    error: str = "",
    other: int | None = None,
) -> str:
    """`other` is a delivery with the same packing slip."""
    with reading() as session:
        known = {"types": listing.types_written(session), "lengths": listing.lengths_written(session)}
        known |= {"vendors": listing.vendors_written(session)}
        recent = receiving.list_receipts(session, limit=RECENT)
    focus = next((number for number, line in enumerate(draft.lines, 1) if line.errors or line.is_blank), 1)
    if preview:
        focus = 0  # the preview has it
    values = {"preview": preview, "errors": errors or {}, "error": error, "other_receipt": other, "sent": sent, "focus": focus, **known}
    return render_template("inventory/receive.html", draft=draft, recent=recent, **values)
