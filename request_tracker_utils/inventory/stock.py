"""Changes of the stock: rows are locked in the order of their keys, and a movement changes its row's balance in the same transaction.

Changes of one type of cable run one after the other, since a cut changes rows that only its plan names.

Every change is made on a `Shelf`, inside `with Shelf(…) as shelf:`. Leaving it fills back-orders and sends reorder alerts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import upsert_into
from request_tracker_utils.core.locks import lock_until_commit
from request_tracker_utils.core.text import clean_identifier
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.inventory.backorders import fill_backorders, give_up_reservations
from request_tracker_utils.inventory.errors import InvalidStockField, NotEnough, ShelfFull, StockRowNotFound
from request_tracker_utils.inventory.lengths import Cable, type_of_key
from request_tracker_utils.inventory.models import MAX_ON_HAND, Movement, MovementType, Reservation, SourceType, StockRow
from request_tracker_utils.inventory.reorder import ReorderAlerts, note_level

MAX_NOTES = 1_000
_ROWS_IN_STATEMENT = 500
_TYPE_LOCKS = 7_033


@dataclass(frozen=True)
class Source:
    """What a movement or a reservation belongs to, such as `Source("ticket_fulfillment", 12)`."""

    type: str
    id: int | None = None


MANUAL = Source(SourceType.MANUAL)


@dataclass
class Shelf:
    """Changes the stock in the session's transaction. Callers lock all their rows with one call, so that nobody deadlocks."""

    session: Session
    actor: Actor
    now: datetime
    alerts: ReorderAlerts
    touched: dict[int, StockRow] = field(default_factory=dict)

    def __enter__(self) -> "Shelf":
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        if kind is None:
            for row in self.touched.values():
                fill_backorders(self.session, row)
                note_level(self.session, row, self.alerts, actor=self.actor, now=self.now)
            self.session.flush()

    def lock(self, cables: Iterable[Cable], *, also: Iterable[str] = ()) -> dict[str, StockRow]:
        """The rows by key. Missing ones are created, except those with the keys `also`."""
        by_key: dict[str, Cable] = {}
        for cable in cables:
            by_key.setdefault(cable.key, cable)  # the spelling that was written first stays
        others = set(also)
        lock_types(self.session, {type_of_key(key) for key in {*by_key, *others}})
        missing = set(by_key) - set(self.session.scalars(select(StockRow.key).where(StockRow.key.in_(by_key))))
        new = [self._new_row(by_key[key]) for key in sorted(missing)]
        for start in range(0, len(new), _ROWS_IN_STATEMENT):
            insert = upsert_into(self.session)(StockRow).values(new[start : start + _ROWS_IN_STATEMENT])
            self.session.execute(insert.on_conflict_do_nothing(index_elements=["key"]))
        return {row.key: row for row in self._locked(StockRow.key.in_({*by_key, *others}))}

    def lock_ids(self, stock_ids: Iterable[int]) -> dict[int, StockRow]:
        """The rows by ID. Raises StockRowNotFound."""
        wanted = set(stock_ids)
        lock_types(self.session, self.session.scalars(select(StockRow.type_key).where(StockRow.id.in_(wanted))).all())
        rows = {row.id: row for row in self._locked(StockRow.id.in_(wanted))}
        if missing := wanted - set(rows):
            raise StockRowNotFound(_("The stock has no row %(id)s.", id=min(missing)))
        return rows

    def _locked(self, condition: ColumnElement[bool]) -> Sequence[StockRow]:
        query = select(StockRow).where(condition).order_by(StockRow.key).with_for_update()
        return self.session.scalars(query.execution_options(populate_existing=True)).all()

    def move(
        self,
        row: StockRow,
        kind: MovementType,
        delta: int,
        *,
        source: Source = MANUAL,
        cable: Cable | None = None,
        notes: str = "",
        reverses_id: int | None = None,
        cut_from_id: int | None = None,
    ) -> Movement:
        """Writes a movement of a locked row, and its new balance. `cable` is the spelling that was written this time.

        An adjustment says what is on the shelf, so it may leave less than is reserved: the newest reservations then become back-orders.
        Raises NotEnough for other movements that take more than is available, and ShelfFull.
        """
        balance = row.on_hand + delta
        if balance > MAX_ON_HAND:
            raise ShelfFull(_("A row of the stock has at most %(count)s pieces. Check the quantity.", count=f"{MAX_ON_HAND:,}"))
        if delta < 0 and balance < row.reserved:
            if kind is not MovementType.ADJUSTMENT or balance < 0:
                raise not_enough(row, -delta)
            give_up_reservations(self.session, row, row.reserved - balance)
        movement = Movement(
            movement_type=kind,
            stock_id=row.id,
            cable_type=cable.cable_type if cable else row.cable_type,
            cable_length=cable.length.written if cable else row.cable_length,
            quantity_delta=delta,
            balance=balance,
            source_type=source.type,
            source_id=source.id,
            reverses_id=reverses_id,
            cut_from_id=cut_from_id,
            actor_user_id=self.actor.user_id,
            actor=self.actor.name,
            notes=notes,
            created_at=self.now,
        )
        self.session.add(movement)
        self.session.flush()
        row.on_hand, row.movement_id, row.updated_at = balance, movement.id, self.now
        self.touch(row)
        return movement

    def touch(self, row: StockRow) -> None:
        """The row's back-orders and its level are looked at in the end."""
        self.touched[row.id] = row

    def _new_row(self, cable: Cable) -> dict[str, object]:
        return {
            "key": cable.key,
            "type_key": cable.type_key,
            "length_thousandths": cable.length.thousandths,
            "unit": cable.length.unit,
            "cable_type": cable.cable_type,
            "cable_length": cable.length.written,
            "on_hand": 0,
            "reserved": 0,
            "backordered": 0,
            "movement_id": 0,
            "updated_at": self.now,
        }


def lock_types(session: Session, type_keys: Iterable[str]) -> None:
    """All changes of a type run one after the other, until the transaction ends: what is planned here is still true when it is written.
    Called before rows are locked."""
    lock_until_commit(session, _TYPE_LOCKS, type_keys)


def not_enough(row: StockRow, requested: int) -> NotEnough:
    """Says how many there are."""
    values = {"type": row.cable_type, "length": row.cable_length, "requested": requested}
    message = ngettext(
        "%(num)s piece of %(type)s %(length)s is available, and %(requested)s are needed.",
        "%(num)s pieces of %(type)s %(length)s are available, and %(requested)s are needed.",
        row.available,
        **values,
    )
    return NotEnough(message, available=row.available, on_hand=row.on_hand, requested=requested, stock_id=row.id)


def nothing_of(cable: Cable, requested: int) -> NotEnough:
    """The same of a cable that the stock never had."""
    message = _("The stock has no %(type)s %(length)s.", type=cable.cable_type, length=cable.length.written)
    return NotEnough(message, available=0, on_hand=0, requested=requested)


def clean_notes(text: str, *, field: str = "notes", longest: int = MAX_NOTES) -> str:
    """Without characters that cannot be stored. Raises InvalidStockField."""
    written = text.replace("\0", "\ufffd").strip()
    if not clean_identifier(written).strip():
        return ""  # a reason that nobody can see is none
    if len(written) > longest:
        raise InvalidStockField(_("Enter at most %(count)s characters.", count=f"{longest:,}"), field=field)
    return written


@dataclass(frozen=True)
class Imbalance:
    """A number of a row that is not the sum it should be; `what` is `on_hand`, `reserved` or `backordered`."""

    stock_id: int
    name: str
    what: str
    stored: int
    computed: int


def find_imbalances(session: Session) -> list[Imbalance]:
    """Recomputes every balance from the ledger, and every sum of reservations. Each number is read in one statement,
    so it is right while others move stock too."""
    found = []
    for what, quantity in (
        ("on_hand", Movement.quantity_delta),
        ("reserved", Reservation.reserved),
        ("backordered", Reservation.backordered),
    ):
        source = quantity.class_
        sums = select(source.stock_id, func.sum(quantity).label("total")).group_by(source.stock_id).subquery()
        total, column = func.coalesce(sums.c.total, 0), getattr(StockRow, what)
        query = select(StockRow, total).outerjoin(sums, sums.c.stock_id == StockRow.id).where(column != total).order_by(StockRow.id)
        for row, computed in session.execute(query):
            found.append(Imbalance(row.id, f"{row.cable_type} {row.cable_length}", what, getattr(row, what), int(computed)))
    return found
