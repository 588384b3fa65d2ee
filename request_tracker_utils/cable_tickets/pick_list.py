"""What the stock room fetches: tickets that are approved or in progress, by location, with what is reserved for each item."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from request_tracker_utils.cable_tickets import stock
from request_tracker_utils.cable_tickets.models import IS_TO_FULFILL, TICKET_SOURCE, Ticket, TicketItem
from request_tracker_utils.core.keyset import Cursor, KeysetQuery, Segment
from request_tracker_utils.inventory.lengths import Cable
from request_tracker_utils.inventory.models import Reservation, StockRow


@dataclass(frozen=True)
class Pick:
    """An item of which something is left. `row` is its cable in the stock; `cut_from` is the shortest longer piece, if pieces lack."""

    item: TicketItem
    left: int
    reserved: int
    backordered: int
    row: StockRow | None
    cut_from: StockRow | None

    @property
    def ready(self) -> int:
        """Pieces that can be fetched now."""
        return min(self.left, self.reserved + (self.row.available if self.row else 0))


@dataclass(frozen=True)
class PickedTicket:
    ticket: Ticket
    picks: Sequence[Pick]

    @property
    def is_ready(self) -> bool:
        return any(pick.ready for pick in self.picks)


@dataclass(frozen=True)
class PickList:
    tickets: Sequence[PickedTicket]
    next_cursor: Cursor | None


def find(session: Session, *, limit: int, after: Cursor | None = None) -> PickList:
    """By location, then the oldest first."""
    query = KeysetQuery(Ticket, [Segment((Ticket.location_key, Ticket.id))], [IS_TO_FULFILL])
    page = query.page(session, size=limit, after=after)
    ids = [ticket.id for ticket in page.rows]
    session.scalars(select(Ticket).where(Ticket.id.in_(ids)).options(selectinload(Ticket.items))).all()
    return PickList(_with_stock(session, page.rows), page.next_cursor)


def of_ticket(session: Session, ticket: Ticket) -> Sequence[Pick]:
    """The items of one ticket of which something is left."""
    return _with_stock(session, [ticket])[0].picks


def _with_stock(session: Session, tickets: Sequence[Ticket]) -> list[PickedTicket]:
    cables = {item.id: stock.cable_of(item) for ticket in tickets for item in ticket.items if stock.left_of(item)}
    reserved = {each.line: each for each in _reservations(session, [ticket.id for ticket in tickets])}
    keys = {cable.key for cable in cables.values()}
    rows = {row.key: row for row in session.scalars(select(StockRow).where(StockRow.key.in_(keys)))}
    longer = _longer_by_type(session, [cable for item_id, cable in cables.items() if item_id in reserved and reserved[item_id].backordered])

    def picks(ticket: Ticket) -> list[Pick]:
        return [_pick(each, cables[each.id], reserved.get(each.id), rows, longer) for each in ticket.items if each.id in cables]

    return [PickedTicket(ticket, picks(ticket)) for ticket in tickets]


def _pick(
    item: TicketItem,
    cable: Cable,
    reservation: Reservation | None,
    rows: Mapping[str, StockRow],
    longer: Mapping[tuple[str, str], Sequence[StockRow]],
) -> Pick:
    backordered = reservation.backordered if reservation else 0
    candidates = longer.get((cable.type_key, cable.length.unit), ()) if backordered else ()
    sufficient = (row for row in candidates if (row.length_thousandths or 0) > (cable.length.thousandths or 0))
    reserved = reservation.reserved if reservation else 0
    return Pick(item, stock.left_of(item), reserved, backordered, rows.get(cable.key), next(sufficient, None))


def _reservations(session: Session, ticket_ids: Sequence[int]) -> Sequence[Reservation]:
    of_tickets = (Reservation.source_type == TICKET_SOURCE, Reservation.source_id.in_(ticket_ids))
    return session.scalars(select(Reservation).where(*of_tickets)).all()


def _longer_by_type(session: Session, cables: Iterable[Cable]) -> Mapping[tuple[str, str], Sequence[StockRow]]:
    """Rows with available pieces of these types and units, shortest first."""
    types = {cable.type_key for cable in cables if cable.length.unit}
    available = (StockRow.type_key.in_(types), StockRow.unit != "", StockRow.on_hand > StockRow.reserved)
    found: dict[tuple[str, str], list[StockRow]] = {}
    for row in session.scalars(select(StockRow).where(*available).order_by(StockRow.length_thousandths)):
        found.setdefault((row.type_key, row.unit), []).append(row)
    return found
