"""Deliveries: each is a receipt with items, and one movement for each item."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session, selectinload

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import upsert_into
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.errors import InvalidStockField, PackingSlipReceived, ReceiptNotFound
from request_tracker_utils.inventory.lengths import Cable, key_of, one_line, parse_cable, parse_quantity
from request_tracker_utils.inventory.models import SLIP_COUNTS, CableReceipt, CableReceiptItem, MovementType, SourceType
from request_tracker_utils.inventory.reorder import ReorderAlerts
from request_tracker_utils.inventory.repeats import once
from request_tracker_utils.inventory.stock import Shelf, Source, clean_notes

MAX_ITEMS = 500
MAX_VENDOR = 100
MAX_NUMBER = 60


@dataclass(frozen=True)
class DeliveryItem:
    """As it was entered."""

    cable_type: str
    cable_length: str
    quantity: object


@dataclass(frozen=True)
class Delivery:
    """As it was entered. `packing_slip` is the vendor's number of it."""

    items: Sequence[DeliveryItem]
    vendor: str = ""
    po_number: str = ""
    packing_slip: str = ""
    notes: str = ""


def receive(
    session: Session, delivery: Delivery, *, actor: Actor, now: datetime, alerts: ReorderAlerts, request_key: str = ""
) -> tuple[CableReceipt, bool]:
    """Returns the receipt, and whether an earlier request with the key has created it.

    Raises InvalidStockField, PackingSlipReceived, RequestKeyReused, ShelfFull.
    """
    content = {"do": "receive", **asdict(delivery)}
    ids, repeated = once(session, request_key, content, lambda: [_receive(session, delivery, actor, now, alerts)], actor=actor, now=now)
    return get_receipt(session, ids[0]), repeated


def get_receipt(session: Session, receipt_id: int) -> CableReceipt:
    """Raises ReceiptNotFound."""
    receipt = session.get(CableReceipt, receipt_id, options=[selectinload(CableReceipt.items)])
    if receipt is None:
        raise ReceiptNotFound(_("No delivery has the number %(id)s.", id=receipt_id))
    return receipt


def list_receipts(session: Session, *, limit: int, before: int | None = None) -> Sequence[CableReceipt]:
    """Newest first; those with a smaller ID than `before`."""
    query = select(CableReceipt).options(selectinload(CableReceipt.items)).order_by(CableReceipt.id.desc()).limit(limit)
    return session.scalars(query if before is None else query.where(CableReceipt.id < before)).all()


def parse_items(items: Sequence[DeliveryItem]) -> list[tuple[Cable, int]]:
    """Raises InvalidStockField; `item` is the position of the invalid one, from 0."""
    if not items:
        raise InvalidStockField(_("Enter at least one item."), field="items")
    if len(items) > MAX_ITEMS:
        raise InvalidStockField(_("A delivery has at most %(count)s items.", count=MAX_ITEMS), field="items")
    parsed = []
    for position, item in enumerate(items):
        try:
            parsed.append((parse_cable(item.cable_type, item.cable_length), parse_quantity(item.quantity)))
        except InvalidStockField as error:
            error.fields["item"] = position
            raise
    return parsed


def _receive(session: Session, delivery: Delivery, actor: Actor, now: datetime, alerts: ReorderAlerts) -> int:
    items = parse_items(delivery.items)
    vendor = one_line(delivery.vendor, "vendor", MAX_VENDOR)
    packing_slip = one_line(delivery.packing_slip, "packing_slip", MAX_NUMBER)
    notes = clean_notes(delivery.notes)
    values = {
        "vendor": vendor,
        "vendor_key": key_of(vendor),
        "po_number": one_line(delivery.po_number, "po_number", MAX_NUMBER),
        "packing_slip": packing_slip,
        "packing_slip_key": key_of(packing_slip),
        "notes": notes,
        "received_by_id": actor.user_id,
        "received_by": actor.name,
        "created_at": now,
    }
    with Shelf(session, actor, now, alerts) as shelf:
        rows = shelf.lock(cable for cable, _quantity in items)
        receipt_id = _add_receipt(session, values)  # after the locks: two deliveries with one packing slip do not wait for each other
        source = Source(SourceType.RECEIPT, receipt_id)
        for cable, quantity in items:
            row = rows[cable.key]
            written = {"cable_type": cable.cable_type, "cable_length": cable.length.written, "quantity": quantity}
            session.add(CableReceiptItem(receipt_id=receipt_id, stock_id=row.id, **written))
            shelf.move(row, MovementType.RECEIPT, quantity, source=source, cable=cable, notes=notes)
    return receipt_id


def _add_receipt(session: Session, values: dict[str, Any]) -> int:
    """The unique index decides between two deliveries with one packing slip. Raises PackingSlipReceived."""
    insert = upsert_into(session)(CableReceipt).values(**values).returning(CableReceipt.id)
    where = text(SLIP_COUNTS)
    added: int | None = session.scalar(insert.on_conflict_do_nothing(index_elements=["vendor_key", "packing_slip_key"], index_where=where))
    if added is not None:
        return added
    same = [getattr(CableReceipt, name) == values[name] for name in ("vendor_key", "packing_slip_key")]
    found = session.scalar(select(CableReceipt.id).where(*same, where))
    message = _("Packing slip %(slip)s was already received, as delivery %(id)s.", slip=values["packing_slip"], id=found)
    raise PackingSlipReceived(message, receipt_id=found, field="packing_slip")
