"""Reservations and back-orders of a locked stock row, when what is on the shelf changes."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import after_commit
from request_tracker_utils.inventory.models import WAITS, Reservation, StockRow
from request_tracker_utils.inventory.names import NOTIFY_ABOUT_ARRIVED_STOCK


def fill_backorders(session: Session, row: StockRow) -> None:
    """Reserves what has become available for back-orders: by priority, then for the oldest."""
    if not row.backordered or row.available <= 0:
        return
    waiting = select(Reservation).where(Reservation.stock_id == row.id, WAITS)
    first = waiting.order_by(Reservation.priority, Reservation.id).limit(row.available)  # each gets a piece at least
    for reservation in session.scalars(first.execution_options(populate_existing=True)):
        pieces = min(reservation.backordered, row.available)
        if pieces <= 0:
            break
        shift(row, reservation, reserved=pieces, backordered=-pieces)
        reservation.arrived += pieces
    after_commit(session, NOTIFY_ABOUT_ARRIVED_STOCK)


def give_up_reservations(session: Session, row: StockRow, pieces: int) -> None:
    """Turns as many reserved pieces into back-orders: of the lowest priority first, then of the newest reservations."""
    reserving = select(Reservation).where(Reservation.stock_id == row.id, Reservation.reserved > 0)
    last = reserving.order_by(Reservation.priority.desc(), Reservation.id.desc())
    for reservation in session.scalars(last.execution_options(populate_existing=True)):
        lost = min(reservation.reserved, pieces)
        shift(row, reservation, reserved=-lost, backordered=lost)
        pieces -= lost
        if not pieces:
            break


def shift(row: StockRow, reservation: Reservation, *, reserved: int = 0, backordered: int = 0) -> None:
    """Changes a reservation and the sums in its row."""
    reservation.reserved += reserved
    reservation.backordered += backordered
    reservation.arrived = min(reservation.arrived, reservation.reserved)
    row.reserved += reserved
    row.backordered += backordered
