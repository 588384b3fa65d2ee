"""Approved cable tickets, and what stock rooms do with them."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from request_tracker_utils.cable_tickets import fulfillment, returns
from request_tracker_utils.cable_tickets.arrivals import notify_about_arrivals
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.fulfillment import Pieces
from request_tracker_utils.cable_tickets.models import Ticket, TicketEvent, TicketItem
from request_tracker_utils.cable_tickets.permissions import TicketPermission
from request_tracker_utils.cable_tickets.states import Priority, TicketStatus
from request_tracker_utils.cable_tickets.steps import step
from request_tracker_utils.cable_tickets.stock import source_of
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.inventory.lengths import key_of
from request_tracker_utils.inventory.models import Movement, Reservation
from request_tracker_utils.inventory.reservations import reservations_of
from tests.services.stocking import NO_ALERTS, NOW

GRACE = Actor("grace", frozenset(TicketPermission))
ROOM = "Building A"
NAMES = ("cable_type", "cable_length", "quantity")
Wanted = tuple[str, str, int]
Result = TypeVar("Result")


def change_of(session: Session, *, actor: Actor = GRACE, messenger: Messenger | None = None) -> Change:
    return Change(session, actor, NOW, NO_ALERTS, messenger)


def changed(ticket_id: int, do: Callable[[Change, Ticket], Result], *, actor: Actor = GRACE) -> Result:
    """Does something with a locked ticket in a transaction."""
    with transaction() as session:
        by = change_of(session, actor=actor)
        return do(by, by.locked(ticket_id))


def pending(*items: Wanted, priority: Priority = Priority.MEDIUM, location: str = ROOM, **columns: object) -> int:
    """A ticket that waits for approval."""
    with transaction() as session:
        ticket = Ticket(
            created_by="ada",
            status=TicketStatus.PENDING_APPROVAL,
            location=location,
            location_key=key_of(location),
            priority=priority,
            created_at=NOW,
            updated_at=NOW,
            items=[TicketItem(**dict(zip(NAMES, item, strict=True)), fulfilled=0, returned=0) for item in items],
            **columns,
        )
        session.add(ticket)
        session.flush()
        return ticket.id


def approve(ticket_id: int) -> int:
    changed(ticket_id, lambda by, ticket: step(by, ticket, TicketStatus.APPROVED))
    return ticket_id


def approved(*items: Wanted, priority: Priority = Priority.MEDIUM, location: str = ROOM, **columns: object) -> int:
    return approve(pending(*items, priority=priority, location=location, **columns))


def item_ids(ticket_id: int) -> list[int]:
    with reading() as session:
        return list(session.scalars(select(TicketItem.id).where(TicketItem.ticket_id == ticket_id).order_by(TicketItem.id)))


def fulfilled(ticket_id: int, *pieces: Pieces, cut: bool = False, key: str = "", actor: Actor = GRACE) -> bool:
    """Whether it was done before."""
    with transaction() as session:
        return fulfillment.fulfill(change_of(session, actor=actor), ticket_id, pieces, cut=cut, request_key=key)[1]


def came_back(ticket_id: int, *pieces: Pieces, notes: str = "", key: str = "", actor: Actor = GRACE) -> bool:
    with transaction() as session:
        return returns.put_back(change_of(session, actor=actor), ticket_id, pieces, notes=notes, request_key=key)[1]


def messages_sent(messenger: Messenger | None = None) -> int:
    """Runs the job that tells of arrived stock."""
    return notify_about_arrivals(transaction, reading, change=lambda session: change_of(session, messenger=messenger))


def state_of(ticket_id: int) -> tuple[str, list[tuple[int, int]]]:
    """The status, with fulfilled and returned pieces of each item."""
    with reading() as session:
        ticket = session.get_one(Ticket, ticket_id)
        return ticket.status, [(item.fulfilled, item.returned) for item in ticket.items]


def reservations_for(ticket_id: int) -> list[tuple[int, int]]:
    """Reserved and back-ordered pieces of each item that has a reservation."""
    with reading() as session:
        found = reservations_of(session, source_of(session.get_one(Ticket, ticket_id)))
        return [(each.reserved, each.backordered) for each in found]


def totals() -> tuple[int, int]:
    """Reserved and back-ordered pieces of all reservations."""
    with reading() as session:
        found = session.scalars(select(Reservation)).all()
        return sum(each.reserved for each in found), sum(each.backordered for each in found)


def events(ticket_id: int) -> list[str]:
    with reading() as session:
        return list(session.scalars(select(TicketEvent.event).where(TicketEvent.ticket_id == ticket_id).order_by(TicketEvent.id)))


def handed_out() -> tuple[int, int, int]:
    """Pieces that tickets have, pieces that the ledger has given to tickets, and tickets that say they are fulfilled."""
    with reading() as session:
        has = session.scalar(select(func.coalesce(func.sum(TicketItem.fulfilled - TicketItem.returned), 0)))
        gave = session.scalar(
            select(func.coalesce(-func.sum(Movement.quantity_delta), 0)).where(Movement.source_type == "ticket_fulfillment")
        )
        done = session.scalar(select(func.count()).where(Ticket.status == "fulfilled"))
        return int(has or 0), int(gave or 0), int(done or 0)
