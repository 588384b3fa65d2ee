"""Reversals: a mistake in the ledger is undone by another entry. Each movement is reversed once, and a reversal never."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.errors import MovementNotFound, NotReversible
from request_tracker_utils.inventory.models import CableReceipt, Movement, MovementType, SourceType
from request_tracker_utils.inventory.receiving import get_receipt
from request_tracker_utils.inventory.reorder import ReorderAlerts
from request_tracker_utils.inventory.repeats import once
from request_tracker_utils.inventory.service import required_reason
from request_tracker_utils.inventory.stock import Shelf, Source


def reverse(
    session: Session, movement_id: int, *, reason: str, actor: Actor, now: datetime, alerts: ReorderAlerts, request_key: str = ""
) -> tuple[list[Movement], bool]:
    """Reverses a movement. The consumption of a piece that was cut, and the return of its remnant, are reversed together. Returns the
    reversals, and whether an earlier request with the key has written them.

    Raises InvalidStockField, MovementNotFound, NotEnough, NotReversible, RequestKeyReused, ShelfFull.
    """

    def do() -> list[int]:
        movement = session.get(Movement, movement_id)
        if movement is None:
            raise MovementNotFound(_("The ledger has no movement %(id)s.", id=movement_id))
        _refuse_tickets(movement)
        return _reverse(session, _with_its_pair(session, movement), required_reason(reason), actor, now, alerts)

    content = {"do": "reverse", "movement": movement_id, "reason": reason}
    ids, repeated = once(session, request_key, content, do, actor=actor, now=now)
    return [session.get_one(Movement, each) for each in ids], repeated


def reverse_receipt(
    session: Session, receipt_id: int, *, reason: str, actor: Actor, now: datetime, alerts: ReorderAlerts, request_key: str = ""
) -> tuple[list[Movement], bool]:
    """Reverses all movements of a receipt that are not reversed yet. Its packing slip may then be received again.

    Raises InvalidStockField, NotEnough, NotReversible, ReceiptNotFound, RequestKeyReused.
    """

    def do() -> list[int]:
        receipt = get_receipt(session, receipt_id)
        open_movements = _unreversed(session, receipt.id)
        if not open_movements:
            raise NotReversible(_("Receipt %(id)s was reversed already.", id=receipt_id))
        return _reverse(session, open_movements, required_reason(reason), actor, now, alerts)

    content = {"do": "reverse receipt", "receipt": receipt_id, "reason": reason}
    ids, repeated = once(session, request_key, content, do, actor=actor, now=now)
    return [session.get_one(Movement, each) for each in ids], repeated


def belongs_to_ticket(movement: Movement) -> bool:
    return movement.source_type == SourceType.TICKET


def reversals_of(session: Session, movements: Sequence[Movement]) -> dict[int, int]:
    """The reversal of each movement that has one, by ID."""
    found = select(Movement.reverses_id, Movement.id).where(Movement.reverses_id.in_([movement.id for movement in movements]))
    return {reversed_id: reversal_id for reversed_id, reversal_id in session.execute(found) if reversed_id is not None}


def _reverse(session: Session, movements: Sequence[Movement], reason: str, actor: Actor, now: datetime, alerts: ReorderAlerts) -> list[int]:
    """What takes pieces away comes first, so that nothing is returned if they are gone."""
    written = []
    with Shelf(session, actor, now, alerts) as shelf:
        rows = shelf.lock_ids(movement.stock_id for movement in movements)
        _refuse_reversed(session, movements)
        for movement in sorted(movements, key=lambda each: -each.quantity_delta):
            row, source = rows[movement.stock_id], Source(movement.source_type, movement.source_id)
            delta, reverses_id = -movement.quantity_delta, movement.id
            written.append(shelf.move(row, MovementType.REVERSAL, delta, source=source, notes=reason, reverses_id=reverses_id))
        for receipt_id in {each.source_id for each in movements if each.source_type == SourceType.RECEIPT and each.source_id}:
            if not _unreversed(session, receipt_id):
                session.get_one(CableReceipt, receipt_id).reversed_at = now
    return [movement.id for movement in written]


def _with_its_pair(session: Session, movement: Movement) -> list[Movement]:
    """A piece that was cut and its remnant, whichever of them is given."""
    if movement.movement_type == MovementType.REVERSAL:
        raise NotReversible(
            _("Movement %(id)s is a reversal and cannot be reversed. Record the movement again instead.", id=movement.id),
            reversal_id=movement.id,
        )
    pair = select(Movement).where(or_(Movement.id == movement.cut_from_id, Movement.cut_from_id == movement.id))
    return [movement, *session.scalars(pair)]


def _refuse_tickets(movement: Movement) -> None:
    """The ticket counts what it has received, so its pieces come back through it. Raises NotReversible."""
    if belongs_to_ticket(movement):
        values = {"id": movement.id, "ticket": movement.source_id}
        message = _("Movement %(id)s belongs to cable ticket %(ticket)s. Return its pieces there.", **values)
        raise NotReversible(message, ticket_id=movement.source_id)


def _refuse_reversed(session: Session, movements: Sequence[Movement]) -> None:
    """Called with the rows locked; the unique index decides in the end. Raises NotReversible."""
    for movement_id, reversal_id in reversals_of(session, movements).items():
        message = _("Movement %(id)s was already reversed, by movement %(reversal)s.", id=movement_id, reversal=reversal_id)
        raise NotReversible(message, reversal_id=reversal_id)


def _unreversed(session: Session, receipt_id: int) -> Sequence[Movement]:
    reversal = aliased(Movement)
    of_receipt = (Movement.source_type == SourceType.RECEIPT, Movement.source_id == receipt_id)
    query = select(Movement).where(*of_receipt, Movement.movement_type == MovementType.RECEIPT)
    return session.scalars(query.where(~select(reversal.id).where(reversal.reverses_id == Movement.id).exists())).all()
