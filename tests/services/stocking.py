"""Changes of the stock, as tests make them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.messages import MessageKind, Recipient, Values
from request_tracker_utils.inventory import reservations, service
from request_tracker_utils.inventory.current import Change
from request_tracker_utils.inventory.lengths import parse_cable
from request_tracker_utils.inventory.models import CableReceipt, Movement, Reservation, StockRow
from request_tracker_utils.inventory.receiving import Delivery, DeliveryItem, receive
from request_tracker_utils.inventory.reorder import ReorderAlerts
from request_tracker_utils.inventory.reservations import Line
from request_tracker_utils.inventory.stock import Source, find_imbalances

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
ADA, GRACE = Actor("ada", user_id=1), Actor("grace", user_id=2)
NO_ALERTS = ReorderAlerts()
HOW: Change = {"actor": ADA, "now": NOW, "alerts": NO_ALERTS}


@dataclass
class Sent:
    """A messenger that keeps what it was to send."""

    messages: list[tuple[str, Sequence[Recipient], Values]] = field(default_factory=list)

    def send(
        self, _session: Session, _kind: MessageKind, recipients: Sequence[Recipient], *, about: str, values: Values, **_: object
    ) -> int:
        self.messages.append((about, recipients, values))
        return len(recipients)

    def can_reach(self, _session: Session, _user_id: int, _kind: MessageKind) -> bool:
        return True


def delivered(*items: tuple[str, str, object], alerts: ReorderAlerts = NO_ALERTS, request_key: str = "", **values: str) -> CableReceipt:
    delivery = Delivery([DeliveryItem(*item) for item in items], **values)
    with transaction() as session:
        return receive(session, delivery, actor=ADA, now=NOW, alerts=alerts, request_key=request_key)[0]


def taken(cable_type: str, length: str, quantity: object, *, alerts: ReorderAlerts = NO_ALERTS, **values: object) -> list[Movement]:
    with transaction() as session:
        return service.take_out(session, cable_type, length, quantity, actor=ADA, now=NOW, alerts=alerts, **values)[0]  # type: ignore[arg-type]


def adjusted(cable_type: str, length: str, delta: object, *, reason: str = "Found", **values: object) -> Movement:
    with transaction() as session:
        return service.adjust(session, cable_type, length, delta, reason=reason, **(HOW | values))[0]  # type: ignore[arg-type]


def returned(cable_type: str, length: str, quantity: object, **values: object) -> Movement:
    with transaction() as session:
        return service.put_back(session, cable_type, length, quantity, **(HOW | values))[0]  # type: ignore[arg-type]


def line(length: str, quantity: int, number: int = 0) -> Line:
    return Line(parse_cable("Cat6", length), quantity, number)


def reserved(ticket: int, *lines: Line, alerts: ReorderAlerts = NO_ALERTS, backorder: bool = True) -> list[tuple[int, int]]:
    """Reserved and back-ordered pieces of each line."""
    with transaction() as session:
        source, how = Source("ticket", ticket), {"actor": ADA, "now": NOW, "alerts": alerts}
        found = reservations.reserve(session, source, lines, backorder=backorder, **how)  # type: ignore[arg-type]
        session.flush()
        return [(each.reserved, each.backordered) for each in found]


def on_hand(*, include_zero: bool = True) -> dict[str, int]:
    with reading() as session:
        return {f"{row.cable_type} {row.cable_length}": row.on_hand for row in service.on_hand(session, include_zero=include_zero)}


def row_of(cable_type: str, length: str) -> StockRow:
    with reading() as session:
        row = service.find_row(session, parse_cable(cable_type, length))
        assert row is not None
        return row


def check_books() -> None:
    """Balances are the sums of their movements, each movement continues the former one, and reserved pieces belong to reservations."""
    with reading() as session:
        assert find_imbalances(session) == []
        balances: dict[int, int] = {}
        for movement in session.scalars(select(Movement).order_by(Movement.id)):
            balances[movement.stock_id] = balances.get(movement.stock_id, 0) + movement.quantity_delta
            assert movement.balance == balances[movement.stock_id], f"movement {movement.id}"
        sums = {column: _sums(session, column) for column in ("reserved", "backordered")}
        for row in session.scalars(select(StockRow)):
            assert row.on_hand == balances.get(row.id, 0)
            assert (row.reserved, row.backordered) == (sums["reserved"].get(row.id, 0), sums["backordered"].get(row.id, 0))
            assert 0 <= row.reserved <= row.on_hand


def _sums(session: Session, column: str) -> Mapping[int, int]:
    query = select(Reservation.stock_id, func.sum(getattr(Reservation, column))).group_by(Reservation.stock_id)
    return {stock_id: int(total) for stock_id, total in session.execute(query)}
