"""Reservations and back-orders of a locked stock row, when what is on the shelf changes."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.inventory.models import Reservation, StockRow


def fill_backorders(session: Session, row: StockRow) -> None:
    """Reserves what has become available for the oldest back-orders."""
    if not row.backordered or row.available <= 0:
        return
    waiting = select(Reservation).where(Reservation.stock_id == row.id, Reservation.backordered > 0).order_by(Reservation.id)
    for reservation in session.scalars(waiting.execution_options(populate_existing=True)):
        pieces = min(reservation.backordered, row.available)
        if pieces <= 0:
            break
        shift(row, reservation, reserved=pieces, backordered=-pieces)


def give_up_reservations(session: Session, row: StockRow, pieces: int) -> None:
    """Turns as many reserved pieces into back-orders, of the newest reservations first."""
    reserving = select(Reservation).where(Reservation.stock_id == row.id, Reservation.reserved > 0).order_by(Reservation.id.desc())
    for reservation in session.scalars(reserving.execution_options(populate_existing=True)):
        lost = min(reservation.reserved, pieces)
        shift(row, reservation, reserved=-lost, backordered=lost)
        pieces -= lost
        if not pieces:
            break


def shift(row: StockRow, reservation: Reservation, *, reserved: int = 0, backordered: int = 0) -> None:
    """Changes a reservation and the sums in its row."""
    reservation.reserved += reserved
    reservation.backordered += backordered
    row.reserved += reserved
    row.backordered += backordered
