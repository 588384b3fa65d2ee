"""Stock that arrived for back-orders: the ticket's history says so, and its creator and assignee get a message.

The delivery only counts the pieces (`Reservation.arrived`), so it stays short however many tickets wait. This runs soon after it.
"""

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.cable_tickets import stock
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.messages import notify
from request_tracker_utils.cable_tickets.models import TICKET_SOURCE, Ticket
from request_tracker_utils.core.db import Reading, Transaction
from request_tracker_utils.inventory.models import HAS_ARRIVED, Reservation
from request_tracker_utils.inventory.reservations import reservations_of

CHUNK = 200
_ARRIVED = (HAS_ARRIVED, Reservation.source_type == TICKET_SOURCE)


def notify_about_arrivals(
    transaction: Transaction, reading: Reading, *, change: Callable[[Session], Change], stopping: Callable[[], bool] = lambda: False
) -> int:
    """Each ticket in a transaction of its own. Returns how many tickets there were."""
    count, after = 0, 0
    while True:
        with reading() as session:
            query = select(Reservation.source_id).where(*_ARRIVED, Reservation.source_id > after).distinct()
            ticket_ids = session.scalars(query.order_by(Reservation.source_id).limit(CHUNK)).all()
        for ticket_id in ticket_ids:
            if stopping():
                return count
            with transaction(durable=False) as session:  # what a power failure loses is repeated
                count += _notify(change(session), ticket_id)
        if len(ticket_ids) < CHUNK:
            return count
        after = ticket_ids[-1]


def _notify(change: Change, ticket_id: int) -> int:
    """Locks no row of the stock: who changes it may wait for these reservations."""
    ticket = change.session.get(Ticket, ticket_id, with_for_update=True)
    waited = select(Reservation).where(*_ARRIVED, Reservation.source_id == ticket_id).with_for_update()
    arrived = {each.line: each for each in change.session.scalars(waited)}
    if not arrived:
        return 0
    pieces = {line: each.arrived for line, each in arrived.items()}
    for each in arrived.values():
        each.arrived = 0
    if ticket is None:
        return 0
    items = [item for item in ticket.items if item.id in pieces]
    change.record(ticket, "stock_arrived", items=stock.describe(ticket, pieces))
    words = "\n".join(item.describe(pieces[item.id]) for item in items)
    missing = sum(each.backordered for each in reservations_of(change.session, stock.source_of(ticket)))
    notify(change, ticket, "stock_arrived", arrived=words, missing=missing)
    return 1
