"""Cutting from longer pieces: one piece is consumed and its remnant is returned, in one transaction. The shortest sufficient piece goes
first, so that remnants are used up before a new box is opened."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.errors import InvalidStockField, NotEnough, StockRowNotFound
from request_tracker_utils.inventory.lengths import Cable, Length, length_of
from request_tracker_utils.inventory.models import THOUSAND, Movement, MovementType, StockRow
from request_tracker_utils.inventory.stock import Shelf, Source, lock_types, not_enough, nothing_of

MAX_CUTS = 200
"""Longer pieces that one request may cut."""


@dataclass(frozen=True)
class Cut:
    """Whether longer pieces may be cut; with `stock_id`, only those of that stock row."""

    allowed: bool = False
    stock_id: int | None = None


@dataclass(frozen=True)
class Offer:
    """Taking `pieces` pieces from one longer piece of `row`, which leaves `remnant`; None if nothing is left."""

    row: StockRow
    pieces: int
    remnant: Length | None


def offers(session: Session, cable: Cable, quantity: int, *, cut: Cut = Cut(allowed=True)) -> tuple[int, list[Offer]]:
    """How many pieces are there in this length, and which longer pieces to cut for the rest, in order. Raises NotEnough;
    InvalidStockField for a row from which this cannot be cut."""
    exact = session.scalar(select(StockRow).where(StockRow.key == cable.key).execution_options(populate_existing=True))
    whole = 0 if cut.stock_id is not None or exact is None else min(quantity, exact.available)
    if whole == quantity:
        return whole, []
    planned = _plan(_longer(session, cable, cut), cable, quantity - whole) if cut.allowed and cable.length.unit else None
    if planned is None:
        if cut.stock_id is not None:
            raise _cannot_cut(session, cable, quantity, cut.stock_id)
        raise not_enough(exact, quantity) if exact else nothing_of(cable, quantity)
    return whole, planned


def sufficient(session: Session, cable: Cable) -> Sequence[StockRow]:
    """Rows with pieces that are long enough to cut one from, shortest first."""
    return _longer(session, cable, Cut(allowed=True))


def take_pieces(shelf: Shelf, cable: Cable, quantity: int, cut: Cut, *, source: Source, notes: str) -> list[Movement]:
    """Consumes pieces of a cable, cutting longer ones if it is allowed. Raises NotEnough, StockRowNotFound for an unknown row to cut."""
    lock_types(shelf.session, [cable.type_key])  # the plan stays true
    if cut.stock_id is not None and shelf.session.get(StockRow, cut.stock_id) is None:
        raise StockRowNotFound(_("The stock has no row %(id)s.", id=cut.stock_id))
    whole, planned = offers(shelf.session, cable, quantity, cut=cut)
    remnants = [Cable(offer.row.cable_type, offer.remnant) for offer in planned if offer.remnant]
    rows = shelf.lock([*([cable] if whole else []), *remnants], also={offer.row.key for offer in planned})
    written = []
    if whole:
        written.append(shelf.move(rows[cable.key], MovementType.CONSUMPTION, -whole, source=source, cable=cable, notes=notes))
    for offer in planned:
        said = notes or _("Cut %(pieces)s × %(length)s.", pieces=offer.pieces, length=cable.length.written)
        taken = shelf.move(rows[offer.row.key], MovementType.CONSUMPTION, -1, source=source, notes=said)
        written.append(taken)
        if offer.remnant:
            remnant = Cable(offer.row.cable_type, offer.remnant)
            row = rows[remnant.key]
            written.append(shelf.move(row, MovementType.RETURN, 1, source=source, cable=remnant, notes=said, cut_from_id=taken.id))
    return written


def _cannot_cut(session: Session, cable: Cable, quantity: int, stock_id: int) -> InvalidStockField | NotEnough:
    row, length = session.get_one(StockRow, stock_id), cable.length.thousandths or 0
    if row.type_key != cable.type_key or not row.unit or row.unit != cable.length.unit or (row.length_thousandths or 0) <= length:
        names = {"type": cable.cable_type, "length": cable.length.written, "from_type": row.cable_type, "from_length": row.cable_length}
        message = _(
            "%(type)s %(length)s cannot be cut from %(from_type)s %(from_length)s. Choose a longer length of the same type.", **names
        )
        return InvalidStockField(message, field="cut_from")
    return not_enough(row, -(-quantity // ((row.length_thousandths or 0) // length)))


def _longer(session: Session, cable: Cable, cut: Cut) -> Sequence[StockRow]:
    """Rows of the type with available pieces that are longer, shortest first."""
    query = select(StockRow).where(
        StockRow.type_key == cable.type_key,
        StockRow.unit == cable.length.unit,
        StockRow.unit != "",
        StockRow.length_thousandths > (cable.length.thousandths or 0),
        StockRow.on_hand > StockRow.reserved,
    )
    if cut.stock_id is not None:
        query = query.where(StockRow.id == cut.stock_id)
    return session.scalars(query.order_by(StockRow.length_thousandths).execution_options(populate_existing=True)).all()


def _plan(rows: Iterable[StockRow], cable: Cable, needed: int) -> list[Offer] | None:
    """Which pieces to cut, shortest first; None if they do not suffice."""
    length = cable.length.thousandths or 1
    planned: list[Offer] = []
    for row in rows:
        for _piece in range(row.available):
            if not needed:
                return planned
            if len(planned) == MAX_CUTS:
                message = _("This cuts more than %(count)s pieces. Take out fewer at once.", count=MAX_CUTS)
                raise InvalidStockField(message, field="quantity")
            pieces = min(needed, (row.length_thousandths or 0) // length)
            left = (row.length_thousandths or 0) - pieces * length
            planned.append(Offer(row, pieces, length_of(Decimal(left) / THOUSAND, row.unit) if left else None))
            needed -= pieces
    return None if needed else planned
