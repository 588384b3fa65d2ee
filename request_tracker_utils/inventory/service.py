"""What is on hand, the ledger, and changes by hand: taking out, returning and adjusting."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.errors import InvalidStockField, StockRowNotFound
from request_tracker_utils.inventory.lengths import Cable, key_of, parse_cable, parse_quantity
from request_tracker_utils.inventory.models import MAX_QUANTITY, Movement, MovementType, StockRow
from request_tracker_utils.inventory.reels import Cut, take_pieces
from request_tracker_utils.inventory.reorder import ReorderAlerts
from request_tracker_utils.inventory.repeats import once
from request_tracker_utils.inventory.stock import MANUAL, Shelf, Source, clean_notes

BY_NAME = (StockRow.type_key, StockRow.unit, StockRow.length_thousandths, StockRow.key)


@dataclass(frozen=True)
class MovementFilter:
    """Which entries of the ledger; empty values do not restrict."""

    movement_type: str = ""
    source_type: str = ""
    source_id: int | None = None
    stock_id: int | None = None


def on_hand(session: Session, *, include_zero: bool = False, cable_type: str = "") -> Sequence[StockRow]:
    """The rows of the stock, by type and length; without those that are empty and not reserved, unless `include_zero`."""
    query = select(StockRow).order_by(*BY_NAME)
    if not include_zero:
        query = query.where(StockRow.on_hand > 0)
    if cable_type:
        query = query.where(StockRow.type_key == key_of(" ".join(cable_type.split())))
    return session.scalars(query).all()


def get_row(session: Session, stock_id: int) -> StockRow:
    """Raises StockRowNotFound."""
    row = session.get(StockRow, stock_id)
    if row is None:
        raise StockRowNotFound(_("The stock has no row %(id)s.", id=stock_id))
    return row


def find_row(session: Session, cable: Cable) -> StockRow | None:
    return session.scalar(select(StockRow).where(StockRow.key == cable.key))


def movements(session: Session, filters: MovementFilter, *, limit: int, before: int | None = None) -> Sequence[Movement]:
    """Newest first; those with a smaller ID than `before`."""
    query = matching(filters).order_by(Movement.id.desc()).limit(limit)
    return session.scalars(query if before is None else query.where(Movement.id < before)).all()


def matching(filters: MovementFilter) -> Select[Movement]:
    """The entries without an order. Movement IDs grow with time."""
    query = select(Movement)
    for name, value in vars(filters).items():
        if value not in ("", None):
            # A source has few movements: SQLite, which does not know this, must not choose the index of another column.
            column, is_other = getattr(Movement, name), name not in ("source_id", "source_type")
            query = query.where((func.coalesce(column, value) if is_other and filters.source_id is not None else column) == value)
    return query


def adjust(
    session: Session,
    cable_type: str,
    cable_length: str,
    quantity_delta: object,
    *,
    reason: str,
    actor: Actor,
    now: datetime,
    alerts: ReorderAlerts,
    request_key: str = "",
) -> tuple[Movement, bool]:
    """Corrects a row by `quantity_delta` pieces. Returns the movement, and whether an earlier request with the key has written it.

    Raises InvalidStockField, NotEnough, RequestKeyReused, ShelfFull.
    """
    content = {"do": "adjust", "type": cable_type, "length": cable_length, "delta": quantity_delta, "reason": reason}

    def do() -> list[int]:
        cable, delta, notes = parse_cable(cable_type, cable_length), parse_delta(quantity_delta), required_reason(reason)
        with Shelf(session, actor, now, alerts) as shelf:
            row = shelf.lock([cable])[cable.key]
            return [shelf.move(row, MovementType.ADJUSTMENT, delta, cable=cable, notes=notes).id]

    ids, repeated = once(session, request_key, content, do, actor=actor, now=now)
    return session.get_one(Movement, ids[0]), repeated


def put_back(
    session: Session,
    cable_type: str,
    cable_length: str,
    quantity: object,
    *,
    notes: str = "",
    source: Source = MANUAL,
    actor: Actor,
    now: datetime,
    alerts: ReorderAlerts,
    request_key: str = "",
) -> tuple[Movement, bool]:
    """Returns pieces to the shelf. Returns the movement, and whether an earlier request with the key has written it.

    Raises InvalidStockField, RequestKeyReused, ShelfFull.
    """
    content = {"do": "return", "type": cable_type, "length": cable_length, "quantity": quantity, "notes": notes, "source": str(source)}

    def do() -> list[int]:
        cable, pieces, written = parse_cable(cable_type, cable_length), parse_quantity(quantity), clean_notes(notes)
        with Shelf(session, actor, now, alerts) as shelf:
            row = shelf.lock([cable])[cable.key]
            return [shelf.move(row, MovementType.RETURN, pieces, source=source, cable=cable, notes=written).id]

    ids, repeated = once(session, request_key, content, do, actor=actor, now=now)
    return session.get_one(Movement, ids[0]), repeated


def take_out(
    session: Session,
    cable_type: str,
    cable_length: str,
    quantity: object,
    *,
    cut: bool = False,
    cut_from: int | None = None,
    notes: str = "",
    source: Source = MANUAL,
    actor: Actor,
    now: datetime,
    alerts: ReorderAlerts,
    request_key: str = "",
) -> tuple[list[Movement], bool]:
    """Takes available pieces from the shelf. With `cut`, what is missing is cut from longer pieces, the shortest sufficient ones first;
    with `cut_from`, all of it is cut from pieces of this stock row. Returns the movements, and whether an earlier request with the key has
    written them. See `reels.offers` for what would be cut.

    Raises InvalidStockField, NotEnough, RequestKeyReused, StockRowNotFound.
    """
    content = {"do": "take", "type": cable_type, "length": cable_length, "quantity": quantity, "notes": notes, "source": str(source)}
    content |= {"cut": cut, "cut_from": cut_from}

    def do() -> list[int]:
        cable, pieces, written = parse_cable(cable_type, cable_length), parse_quantity(quantity), clean_notes(notes)
        how = Cut(cut or cut_from is not None, cut_from)
        with Shelf(session, actor, now, alerts) as shelf:
            return [movement.id for movement in take_pieces(shelf, cable, pieces, how, source=source, notes=written)]

    ids, repeated = once(session, request_key, content, do, actor=actor, now=now)
    return [session.get_one(Movement, each) for each in ids], repeated


def parse_delta(value: object) -> int:
    """A number of pieces with its sign. Raises InvalidStockField."""
    sign, number = 1, value
    if isinstance(value, str) and value[:1] in ("-", "−"):
        sign, number = -1, value[1:].replace("+", "-")
    elif isinstance(value, int) and value < 0:
        sign, number = -1, -value
    try:
        return sign * parse_quantity(number)
    except InvalidStockField:
        message = _("Enter a whole number, but not 0, from −%(largest)s to %(largest)s.", largest=f"{MAX_QUANTITY:,}")
        raise InvalidStockField(message, field="quantity_delta") from None


def required_reason(text: str) -> str:
    """Raises InvalidStockField."""
    reason = clean_notes(text, field="reason")
    if not reason:
        raise InvalidStockField(_("Enter the reason."), field="reason")
    return reason
