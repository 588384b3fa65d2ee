"""Sample stock: cable types, deliveries, withdrawals, a cut from a reel, reservations, a count, and levels to reorder."""

import random
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor, of_command
from request_tracker_utils.core.db import Reading, Transaction
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory import cable_types, counting, receiving, reorder, reservations, service
from request_tracker_utils.inventory.lengths import parse_cable
from request_tracker_utils.inventory.models import StockRow
from request_tracker_utils.inventory.receiving import Delivery, DeliveryItem
from request_tracker_utils.inventory.reorder import ReorderAlerts
from request_tracker_utils.inventory.reservations import Line
from request_tracker_utils.inventory.stock import Source

NO_ALERTS = ReorderAlerts()
TYPES = {
    "Cat6": (["23 AWG", "24 AWG"], ["3 ft", "7 ft", "14 ft", "100 ft", "1,000 ft"]),
    "Cat6A": (["23 AWG"], ["7 ft", "14 ft", "1,000 ft"]),
    "OM4 LC-LC": ([], ["1 m", "3 m", "10 m"]),
    "OS2 LC-SC": ([], ["3 m", "10 m"]),
}
DELIVERIES = [
    ("Graybar", "PO-20114", [("Cat6", "3 ft", 120), ("Cat6", "7 ft", 90), ("Cat6", "14 ft", 40), ("Cat6", "1,000 ft", 6)]),
    ("Anixter", "PO-20131", [("Cat6A", "7 ft", 60), ("Cat6A", "14 ft", 24), ("Cat6A", "1,000 ft", 2), ("Cat6", "100 ft", 12)]),
    ("Graybar", "PO-20156", [("OM4 LC-LC", "1 m", 30), ("OM4 LC-LC", "3 m", 24), ("OS2 LC-SC", "10 m", 8), ("HDMI", "6 ft", 15)]),
]
LEVELS = {
    ("Cat6", "3 ft"): (30, 100),
    ("Cat6", "7 ft"): (30, 80),
    ("Cat6", "14 ft"): (20, 40),
    ("Cat6A", "7 ft"): (20, 50),
    ("Cat6A", "14 ft"): (20, 40),
    ("OM4 LC-LC", "1 m"): (10, 30),
    ("OM4 LC-LC", "3 m"): (10, 30),
}
PLACES = ("Room 12", "Library", "MDF, High School", "IDF 2, Elementary", "Gym", "Ticket 4711")
WITHDRAWALS = 90
TICKETS = Source("demo_ticket", 1)


def is_empty(reading: Reading) -> bool:
    with reading() as session:
        return not session.scalar(select(exists().select_from(StockRow)))


def fill(transaction: Transaction, *, now: datetime) -> int:
    """Returns the number of stock rows. The same stock each time."""
    ada = of_command()
    with transaction() as session:
        for name, (gauges, lengths) in TYPES.items():
            cable_types.add_type(session, name=name, gauges=gauges, lengths=lengths)
        for number, (vendor, po_number, items) in enumerate(DELIVERIES):
            delivery = Delivery([DeliveryItem(*item) for item in items], vendor, po_number, f"PS-{88_140 + number * 7}")
            receiving.receive(session, delivery, actor=ada, now=now - timedelta(days=60 - number), alerts=NO_ALERTS)
        _withdraw(session, ada, now)
        rows = {(row.cable_type, row.cable_length): row for row in service.on_hand(session, include_zero=True)}
        for cable, (threshold, target) in LEVELS.items():
            levels = {"threshold": threshold, "target": target}
            reorder.set_levels(session, rows[cable].id, **levels, actor=ada, now=now, alerts=NO_ALERTS)
        lines = [Line(parse_cable("Cat6", "7 ft"), 12, 0), Line(parse_cable("OS2 LC-SC", "10 m"), 14, 1)]
        reservations.reserve(session, TICKETS, lines, actor=ada, now=now, alerts=NO_ALERTS)
        _count(session, ada, now)
    return len(rows)


def _withdraw(session: Session, actor: Actor, now: datetime) -> None:
    rng = random.Random(11)  # noqa: S311 — the same data each time
    taken = [item for _vendor, _po, items in DELIVERIES for item in items if item[1] not in ("1,000 ft", "100 ft", "10 m")]
    for number in range(WITHDRAWALS):
        cable_type, length, _quantity = rng.choice(taken)
        row = service.find_row(session, parse_cable(cable_type, length))
        pieces = rng.randint(1, 4)
        at = now - timedelta(days=55, hours=-14 * number)
        if row is not None and row.available >= pieces:
            facts: dict[str, Any] = {"notes": rng.choice(PLACES), "actor": actor, "now": at, "alerts": NO_ALERTS}
            service.take_out(session, cable_type, length, pieces, **facts)
    how: dict[str, Any] = {"actor": actor, "now": now - timedelta(days=2), "alerts": NO_ALERTS}
    service.take_out(session, "Cat6", "150 ft", 1, cut=True, notes=_("Backbone to the gym"), **how)
    service.put_back(session, "Cat6", "14ft", 2, notes=_("Not needed in Room 12"), **how)


def _count(session: Session, actor: Actor, now: datetime) -> None:
    """Half of a count, with a difference."""
    count = counting.start(session, title=_("Shelf B"), cable_type="Cat6", actor=actor, now=now - timedelta(hours=1))
    for number, each in enumerate(counting.rows_of(session, count)[:3]):
        reason = _("Taken without a record") if number == 1 else ""
        pieces = each.row.on_hand - bool(reason)
        facts: dict[str, Any] = {"movement_id": each.row.movement_id, "reason": reason, "actor": actor, "now": now, "alerts": NO_ALERTS}
        counting.count_row(session, count.id, each.row.id, pieces, **facts)
