"""Counting the shelf while work goes on. A person who counts a row sends the number, and the row's last movement at that moment. The
adjustment is the difference to the balance at that moment; what has moved since stays true. Several people may count different rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.errors import CorrectedMeanwhile, CountedAlready, CountFinished, CountNotFound, InvalidStockField
from request_tracker_utils.inventory.lengths import key_of, one_line, parse_quantity, parse_type
from request_tracker_utils.inventory.models import Movement, MovementType, SourceType, StockCount, StockCountRow, StockRow
from request_tracker_utils.inventory.reorder import ReorderAlerts
from request_tracker_utils.inventory.repeats import once
from request_tracker_utils.inventory.service import BY_NAME
from request_tracker_utils.inventory.stock import Shelf, Source, clean_notes

MAX_TITLE = 100
CORRECTIONS = (MovementType.ADJUSTMENT, MovementType.REVERSAL)


@dataclass(frozen=True)
class RowToCount:
    """A row of a count. `counted` is None until somebody has counted it; only then is `row.on_hand` to be shown."""

    row: StockRow
    counted: StockCountRow | None


def start(session: Session, *, title: str = "", cable_type: str = "", actor: Actor, now: datetime) -> StockCount:
    """Starts a count of all rows, or of one type. Raises InvalidStockField."""
    written = parse_type(cable_type) if cable_type.strip() else ""
    count = StockCount(
        title=one_line(title, "title", MAX_TITLE), cable_type=written, type_key=key_of(written), started_by=actor.name, started_at=now
    )
    session.add(count)
    session.flush()
    return count


def get_count(session: Session, count_id: int) -> StockCount:
    """Raises CountNotFound."""
    count = session.get(StockCount, count_id)
    if count is None:
        raise CountNotFound(_("Count %(id)s was not found.", id=count_id))
    return count


def list_counts(session: Session, *, limit: int) -> Sequence[StockCount]:
    """Newest first."""
    return session.scalars(select(StockCount).order_by(StockCount.id.desc()).limit(limit)).all()


def rows_of(session: Session, count: StockCount) -> list[RowToCount]:
    """All rows of the count, by type and length. Rows with a type that nobody ever had on the shelf are not among them."""
    joined = (StockCountRow.stock_id == StockRow.id) & (StockCountRow.count_id == count.id)
    query = select(StockRow, StockCountRow).outerjoin(StockCountRow, joined).where(_in_scope(count)).order_by(*BY_NAME)
    return [RowToCount(row, counted) for row, counted in session.execute(query)]


def is_counted(session: Session, count_id: int, stock_id: int) -> bool:
    counted = select(StockCountRow.id).where(StockCountRow.count_id == count_id, StockCountRow.stock_id == stock_id)
    return session.scalar(counted) is not None


def count_row(
    session: Session,
    count_id: int,
    stock_id: int,
    counted: object,
    *,
    movement_id: int,
    reason: str = "",
    recount: bool = False,
    actor: Actor,
    now: datetime,
    alerts: ReorderAlerts,
    request_key: str = "",
) -> tuple[StockCountRow, bool]:
    """Records what was counted when `movement_id` was the row's last movement (0: it had none). Returns the counted row, and whether an
    earlier request with the key has written it.

    Raises InvalidStockField, also without a reason for a difference; CountNotFound, CountFinished, StockRowNotFound; CountedAlready unless
    `recount`; CorrectedMeanwhile if the row was corrected after `movement_id`, since that person may have seen the same difference.
    """
    content = {"do": "count", "count": count_id, "stock": stock_id, "counted": counted, "seen": movement_id, "reason": reason}
    content["recount"] = recount

    def do() -> list[int]:
        pieces, written = parse_quantity(counted, field="counted", minimum=0), clean_notes(reason, field="reason")
        with Shelf(session, actor, now, alerts) as shelf:
            row = shelf.lock_ids([stock_id])[stock_id]
            return [_count(shelf, _open_count(session, count_id), row, pieces, movement_id, written, recount=recount).id]

    ids, repeated = once(session, request_key, content, do, actor=actor, now=now)
    return session.get_one(StockCountRow, ids[0]), repeated


def finish(session: Session, count_id: int, *, now: datetime) -> StockCount:
    """Rows that nobody has counted stay as they are. Raises CountNotFound, CountFinished."""
    count = _open_count(session, count_id)
    count.finished_at = now
    session.flush()
    return count


def _count(shelf: Shelf, count: StockCount, row: StockRow, pieces: int, seen: int, reason: str, *, recount: bool) -> StockCountRow:
    session = shelf.session
    if count.type_key and row.type_key != count.type_key:
        raise InvalidStockField(_("This count is only about %(type)s.", type=count.cable_type), field="stock_id")
    former = session.scalar(select(StockCountRow).where(StockCountRow.count_id == count.id, StockCountRow.stock_id == row.id))
    if former is not None and not recount:
        message = _("%(name)s already counted this row: %(counted)s.", name=former.counted_by, counted=former.counted)
        raise CountedAlready(message, counted=former.counted, counted_by=former.counted_by)
    expected = _balance_at(session, row, seen)
    difference = pieces - expected
    if difference and not reason:
        message = _("%(expected)s were expected. Count again, or enter the reason for the difference.", expected=expected)
        raise InvalidStockField(message, field="reason", expected=expected)
    if row.on_hand + difference < 0:  # more was taken since than was there
        raise _count_again(row)
    result = former or StockCountRow(count_id=count.id, stock_id=row.id)
    if difference:
        source = Source(SourceType.COUNT, count.id)
        result.movement_id = shelf.move(row, MovementType.ADJUSTMENT, difference, source=source, notes=reason).id
    else:
        result.movement_id = None
    result.counted, result.expected, result.seen_movement_id, result.reason = pieces, expected, seen, reason
    result.counted_by, result.counted_at = shelf.actor.name, shelf.now
    session.add(result)
    session.flush()
    return result


def _balance_at(session: Session, row: StockRow, movement_id: int) -> int:
    """The row's balance after this movement. Raises InvalidStockField, CorrectedMeanwhile."""
    since = (Movement.stock_id == row.id, Movement.id > movement_id, Movement.movement_type.in_(CORRECTIONS))
    if session.scalar(select(Movement.id).where(*since).limit(1)) is not None:
        raise _count_again(row)
    if not movement_id:
        return 0
    seen = session.get(Movement, movement_id)
    if seen is None or seen.stock_id != row.id:
        raise InvalidStockField(_("This is not a movement of this row."), field="movement_id")
    return seen.balance


def _open_count(session: Session, count_id: int) -> StockCount:
    count = session.get(StockCount, count_id, with_for_update=True, populate_existing=True)
    if count is None:
        raise CountNotFound(_("Count %(id)s was not found.", id=count_id))
    if count.finished_at is not None:
        raise CountFinished(_("This count is finished. Start another one."))
    return count


def _in_scope(count: StockCount) -> ColumnElement[bool]:
    return StockRow.type_key == count.type_key if count.type_key else true()


def _count_again(row: StockRow) -> CorrectedMeanwhile:
    message = _(
        "The number of %(type)s %(length)s was corrected after you counted. Count it again.", type=row.cable_type, length=row.cable_length
    )
    return CorrectedMeanwhile(message, movement_id=row.movement_id)
