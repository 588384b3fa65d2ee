"""When to reorder: a threshold and a target for each row, one alert when a row falls to its threshold, and what to order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.contact import alert_recipients
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.messages import MessageKind, Messenger
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.inventory.errors import InvalidStockField, StockRowNotFound
from request_tracker_utils.inventory.lengths import parse_quantity
from request_tracker_utils.inventory.models import StockRow

LEVELS = ("threshold", "target")
REORDER_ALERT = MessageKind("reorder-alert", gettext_noop("Cable to reorder"), "inventory/messages/reorder-alert")


@dataclass(frozen=True)
class ReorderAlerts:
    """Sends an alert when a row falls to its threshold: to `addresses`, or to all administrators if there are none."""

    messenger: Messenger | None = None
    """None if the app sends no messages."""
    addresses: tuple[str, ...] = ()

    def send(self, session: Session, row: StockRow, *, actor: Actor, now: datetime) -> None:
        if self.messenger is None:
            return
        values: dict[str, str | int] = {
            "cable_type": row.cable_type,
            "cable_length": row.cable_length,
            "on_hand": row.on_hand,
            "reserved": row.reserved,
            "available": row.available,
            "backordered": row.backordered,
            "threshold": row.threshold or 0,
            "suggested": suggested(row),
        }
        about = f"stock row {row.id} fell to its threshold at {now.isoformat()}"
        recipients = alert_recipients(session, self.addresses)
        self.messenger.send(session, REORDER_ALERT, recipients, about=about, values=values, actor=actor, now=now)


@dataclass(frozen=True)
class Suggestion:
    """Order `quantity` pieces of a row."""

    row: StockRow
    quantity: int


def note_level(session: Session, row: StockRow, alerts: ReorderAlerts, *, actor: Actor, now: datetime) -> None:
    """Sends an alert if the row has fallen to its threshold, once until it has risen above it. The row is locked."""
    is_low = row.threshold is not None and row.available <= row.threshold
    if is_low and row.alerted_at is None:
        row.alerted_at = now
        alerts.send(session, row, actor=actor, now=now)
    elif not is_low:
        row.alerted_at = None


def set_levels(
    session: Session, stock_id: int, *, threshold: object, target: object, actor: Actor, now: datetime, alerts: ReorderAlerts
) -> StockRow:
    """Sets when to reorder and how many there should be then; None for a row that is not reordered. Raises InvalidStockField,
    StockRowNotFound."""
    given = zip(LEVELS, (threshold, target), strict=True)
    low, full = (None if value is None else parse_quantity(value, field=field, minimum=0) for field, value in given)
    check_levels(low, full)
    row = session.get(StockRow, stock_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise StockRowNotFound(_("The stock has no row %(id)s.", id=stock_id))
    row.threshold, row.target, row.updated_at = low, full, now
    note_level(session, row, alerts, actor=actor, now=now)
    return row


def check_levels(threshold: int | None, target: int | None) -> None:
    """Raises InvalidStockField unless both or neither are given, and the target is not the lower one."""
    if (threshold is None) != (target is None):
        message = _("Enter both the threshold and the target, or neither.")
        raise InvalidStockField(message, field="threshold" if threshold is None else "target")
    if threshold is not None and target is not None and target < threshold:
        raise InvalidStockField(_("The target cannot be less than the threshold."), field="target")


def suggestions(session: Session) -> Sequence[Suggestion]:
    """Rows at or below their threshold, and rows with back-orders that nothing on the shelf covers."""
    available = StockRow.on_hand - StockRow.reserved
    is_low = available - StockRow.backordered <= StockRow.threshold
    query = select(StockRow).where(or_(is_low, StockRow.backordered > func.coalesce(available, 0)))
    rows = session.scalars(query.order_by(StockRow.type_key, StockRow.unit, StockRow.length_thousandths, StockRow.key))
    return [Suggestion(row, quantity) for row in rows if (quantity := suggested(row))]


def suggested(row: StockRow) -> int:
    """As many as reach the target after all back-orders are filled."""
    return max(0, (row.target or 0) + row.backordered - row.available)
