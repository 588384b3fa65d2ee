"""Reservations: what tickets need is set aside until it is taken from the shelf. Called in the transaction that changes the ticket, whose
row the caller has locked. Each call locks its stock rows in the order of their keys."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.inventory.backorders import shift
from request_tracker_utils.inventory.errors import InvalidStockField, NotEnough
from request_tracker_utils.inventory.lengths import Cable
from request_tracker_utils.inventory.models import Movement, MovementType, Reservation, StockRow
from request_tracker_utils.inventory.reels import Cut, take_pieces
from request_tracker_utils.inventory.reorder import ReorderAlerts
from request_tracker_utils.inventory.stock import Shelf, Source, not_enough, nothing_of


@dataclass(frozen=True)
class Line:
    """`quantity` pieces of a cable, for line `line` of a ticket. Back-orders with the smallest `priority` are filled first. `cut` allows to
    cut from longer pieces what is consumed."""

    cable: Cable
    quantity: int
    line: int = 0
    priority: int = 0
    cut: bool = False


def reserve(
    session: Session,
    source: Source,
    lines: Sequence[Line],
    *,
    actor: Actor,
    now: datetime,
    alerts: ReorderAlerts,
    backorder: bool = True,
) -> list[Reservation]:
    """Reserves what is available for each line, and records the rest as back-ordered; it is reserved as soon as there is enough, by
    priority, then for the oldest first. Replaces earlier reservations of the same lines, so a repetition changes nothing.

    Raises NotEnough, and changes nothing, if `backorder` is False and a line lacks pieces.
    """
    with Shelf(session, actor, now, alerts) as shelf:
        cables = {line.cable.key: line.cable for line in lines}
        former = _stock_of(session, source)
        rows, found = _lock(shelf, source, cables, former)
        return [_set(shelf, source, found, rows, line, backorder=backorder) for line in lines]


def release(
    session: Session, source: Source, lines: Iterable[int] | None = None, *, actor: Actor, now: datetime, alerts: ReorderAlerts
) -> int:
    """Releases the reservations and back-orders of these lines, or of all; returns how many pieces are free again. Without any, it changes
    nothing."""
    wanted = None if lines is None else set(lines)
    with Shelf(session, actor, now, alerts) as shelf:
        rows, found = _lock(shelf, source, {}, _stock_of(session, source))
        by_id = {row.id: row for row in rows.values()}
        freed = 0
        for reservation in found.values():
            if wanted is None or reservation.line in wanted:
                freed += reservation.reserved
                _remove(shelf, by_id[reservation.stock_id], reservation)
        return freed


def consume(
    session: Session,
    source: Source,
    lines: Sequence[Line],
    *,
    actor: Actor,
    now: datetime,
    alerts: ReorderAlerts,
    notes: str = "",
) -> list[Movement]:
    """Takes pieces from the shelf: those that are reserved for the line first, then others that are available, and with `Line.cut` pieces
    cut from longer ones. What a line has received is no longer reserved or back-ordered for it. A line is named once.

    Raises NotEnough, with `line`; InvalidStockField if too many pieces would be cut. Then nothing is to be committed.
    """
    written: list[Movement] = []
    with Shelf(session, actor, now, alerts) as shelf:
        cables = {line.cable.key: line.cable for line in lines}
        rows, found = _lock(shelf, source, {}, [*_stock_of(session, source), *cables])
        short: list[Line] = []
        for line in lines:
            row, reservation = rows.get(line.cable.key), found.get(line.line)
            if reservation is not None and row is not None and reservation.stock_id == row.id:
                _use(shelf, row, reservation, line.quantity)
            pieces = min(line.quantity, row.available) if row else 0
            if pieces < line.quantity and not (line.cut and line.cable.length.unit):
                error = not_enough(row, line.quantity) if row else nothing_of(line.cable, line.quantity)
                error.fields["line"] = line.line
                raise error
            if row is not None and pieces:
                written.append(shelf.move(row, MovementType.CONSUMPTION, -pieces, source=source, cable=line.cable, notes=notes))
            if pieces < line.quantity:
                short.append(replace(line, quantity=line.quantity - pieces))
        for line in short:
            try:
                written += take_pieces(shelf, line.cable, line.quantity, Cut(allowed=True), source=source, notes=notes)
            except (NotEnough, InvalidStockField) as error:
                error.fields["line"] = line.line
                raise
    return written


def give_back(
    session: Session, source: Source, lines: Sequence[Line], *, actor: Actor, now: datetime, alerts: ReorderAlerts, notes: str = ""
) -> list[Movement]:
    """Returns pieces that a source has consumed to the shelf. The caller knows how many these are. Raises ShelfFull."""
    with Shelf(session, actor, now, alerts) as shelf:
        rows = shelf.lock(line.cable for line in lines)
        back = MovementType.RETURN
        return [shelf.move(rows[each.cable.key], back, each.quantity, source=source, cable=each.cable, notes=notes) for each in lines]


def reservations_of(session: Session, source: Source) -> Sequence[Reservation]:
    return session.scalars(_of(source)).all()


def _lock(
    shelf: Shelf, source: Source, cables: dict[str, Cable], keys: Iterable[str]
) -> tuple[dict[str, StockRow], dict[int, Reservation]]:
    """The rows by key, and the source's reservations by line as they are now."""
    rows = shelf.lock(cables.values(), also=set(keys))
    found = shelf.session.scalars(_of(source).execution_options(populate_existing=True))
    return rows, {reservation.line: reservation for reservation in found}


def _stock_of(session: Session, source: Source) -> Sequence[str]:
    """Keys of the rows in which the source has reservations."""
    ids = _of(source).with_only_columns(Reservation.stock_id).order_by(None)
    return session.scalars(select(StockRow.key).where(StockRow.id.in_(ids))).all()


def _of(source: Source) -> Select[Reservation]:
    return select(Reservation).where(Reservation.source_type == source.type, Reservation.source_id == source.id).order_by(Reservation.line)


def _set(
    shelf: Shelf, source: Source, found: dict[int, Reservation], rows: dict[str, StockRow], line: Line, *, backorder: bool
) -> Reservation:
    row, reservation = rows[line.cable.key], found.get(line.line)
    if reservation is not None and reservation.stock_id != row.id:
        _remove(shelf, next(each for each in rows.values() if each.id == reservation.stock_id), reservation)
        reservation = None
    if reservation is None:
        key = {"source_type": source.type, "source_id": source.id, "line": line.line}
        reservation = Reservation(**key, stock_id=row.id, reserved=0, backordered=0, arrived=0, created_at=shelf.now)
        shelf.session.add(reservation)
        found[line.line] = reservation
    reservation.priority = line.priority
    more = line.quantity - reservation.reserved - reservation.backordered
    if more < 0:
        freed = min(-more, reservation.backordered)
        shift(row, reservation, backordered=-freed, reserved=more + freed)
    else:
        ready = min(more + reservation.backordered, row.available)
        shift(row, reservation, reserved=ready, backordered=more - ready)
    if not backorder and reservation.backordered:
        raise not_enough(row, line.quantity)
    shelf.touch(row)
    return reservation


def _use(shelf: Shelf, row: StockRow, reservation: Reservation, quantity: int) -> None:
    """Frees what the line has reserved, to be taken at once; back-orders go only after that."""
    taken = min(reservation.reserved, quantity)
    shift(row, reservation, reserved=-taken, backordered=-min(reservation.backordered, quantity - taken))
    if not reservation.reserved and not reservation.backordered:
        shelf.session.delete(reservation)
    shelf.touch(row)


def _remove(shelf: Shelf, row: StockRow, reservation: Reservation) -> None:
    shift(row, reservation, reserved=-reservation.reserved, backordered=-reservation.backordered)
    shelf.session.delete(reservation)
    shelf.session.flush()  # the unique index of lines is free
    shelf.touch(row)
