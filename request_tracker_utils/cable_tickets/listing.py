"""Lists of tickets, and what is shown with each: who was asked, what is reserved, names of people."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, exists, select
from sqlalchemy.orm import Session, selectinload

from request_tracker_utils.accounts.models import User
from request_tracker_utils.cable_tickets import search
from request_tracker_utils.cable_tickets.change import find_ticket
from request_tracker_utils.cable_tickets.models import TICKET_SOURCE, Ticket, TicketApprover, TicketComment, TicketEvent
from request_tracker_utils.cable_tickets.sent_messages import Unreached, unreached
from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.core.db import LARGEST_ID
from request_tracker_utils.inventory.models import Reservation

IS_LISTED = Ticket.status != TicketStatus.DELETED


class Mine(StrEnum):
    CREATED = "created"
    ASSIGNED = "assigned"
    """Was asked to decide, as the assignee, their substitute, or one of DEFAULT_APPROVERS, unless somebody else has approved it;
    or works on it.
    `dashboard.py` counts the same."""


@dataclass(frozen=True)
class TicketFilter:
    """Empty fields do not filter. Archived tickets are only listed with `include_deleted`, or by their status."""

    mine: str = ""
    status: str = ""
    priority: str = ""
    text: str = ""
    include_deleted: bool = False


@dataclass(frozen=True)
class Surroundings:
    """What belongs to several tickets, read at once."""

    reservations: dict[tuple[int, int], Reservation] = field(default_factory=dict)
    """By ticket and item."""
    approvers: dict[int, list[TicketApprover]] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    """Names of assignees and approvers."""
    unreached: dict[int, list[Unreached]] = field(default_factory=dict)
    """Approvers that no message has reached, by ticket."""


def find(
    session: Session,
    filters: TicketFilter,
    *,
    user_id: int | None,
    limit: int,
    before_id: int | None = None,
    within: Sequence[ColumnElement[bool]] = (),
) -> Sequence[Ticket]:
    """Newest first; those with a smaller ID than `before_id`. `user_id` is who `mine` means; `within` are further conditions."""
    query, order = _matching(session, filters, user_id)
    if before_id is not None:
        query = query.where(order < before_id)
    return session.scalars(query.where(*within).order_by(order.desc()).limit(limit).options(selectinload(Ticket.items))).all()


def get(session: Session, ticket_id: int, *, include_deleted: bool = False) -> Ticket:
    """Raises TicketNotFound, TicketArchived."""
    return find_ticket(session, ticket_id, archived=include_deleted, options=[selectinload(Ticket.items)])


def surroundings(session: Session, tickets: Iterable[Ticket]) -> Surroundings:
    by_id = {ticket.id: ticket for ticket in tickets}
    if not by_id:
        return Surroundings()
    of_tickets = (Reservation.source_type == TICKET_SOURCE, Reservation.source_id.in_(by_id))
    reservations = {(each.source_id, each.line): each for each in session.scalars(select(Reservation).where(*of_tickets))}
    approvers: dict[int, list[TicketApprover]] = {}
    asked = (
        select(TicketApprover)
        .where(TicketApprover.ticket_id.in_(by_id), TicketApprover.ended_at.is_(None))
        .order_by(TicketApprover.user_id)
    )
    for approver in session.scalars(asked):
        approvers.setdefault(approver.ticket_id, []).append(approver)
    people = {ticket.assigned_to_id for ticket in by_id.values()} | {each.user_id for several in approvers.values() for each in several}
    names = dict(session.execute(select(User.id, User.name).where(User.id.in_(people - {None}))).all())
    waiting = [ticket.id for ticket in by_id.values() if ticket.status == TicketStatus.PENDING_APPROVAL]
    return Surroundings(reservations, approvers, names, unreached(session, waiting) if waiting else {})


def comments(session: Session, ticket_id: int, *, limit: int) -> Sequence[TicketComment]:
    """The last ones, the oldest first."""
    query = select(TicketComment).where(TicketComment.ticket_id == ticket_id).order_by(TicketComment.id.desc()).limit(limit)
    return session.scalars(query).all()[::-1]


def is_purged(session: Session, ticket_id: int) -> bool:
    """Whether only the events of a ticket exist."""
    if not 0 < ticket_id <= LARGEST_ID or session.get(Ticket, ticket_id) is not None:
        return False
    return session.scalar(select(TicketEvent.id).where(TicketEvent.ticket_id == ticket_id).limit(1)) is not None


def events(session: Session, ticket_id: int, *, limit: int, before_id: int | None = None) -> Sequence[TicketEvent]:
    """Newest first. Also those of a purged ticket."""
    query = select(TicketEvent).where(TicketEvent.ticket_id == ticket_id).order_by(TicketEvent.id.desc()).limit(limit)
    return session.scalars(query if before_id is None else query.where(TicketEvent.id < before_id)).all()


def _matching(session: Session, filters: TicketFilter, user_id: int | None) -> tuple[Select[Ticket], SQLColumnExpression[int]]:
    """The tickets, and the column by which they are ordered: that of the index which finds them."""
    query: Select[Ticket]
    order: SQLColumnExpression[int]
    asked = (TicketApprover.user_id == user_id, TicketApprover.ended_at.is_(None))
    if filters.text:
        query, order = search.query(session, filters.text)
        if filters.mine == Mine.ASSIGNED:
            query = query.where(exists().where(TicketApprover.ticket_id == Ticket.id, *asked))
    elif filters.mine == Mine.ASSIGNED:
        query = select(Ticket).join(TicketApprover, TicketApprover.ticket_id == Ticket.id).where(*asked)
        order = TicketApprover.ticket_id
    else:
        query, order = select(Ticket), Ticket.id
    # Without their indexes: SQLite would run the search for each ticket that one of them finds.
    alone = bool(filters.text) and session.get_bind().dialect.name == "sqlite"
    if filters.mine == Mine.CREATED:
        query = query.where((Ticket.created_by_id + 0 if alone else Ticket.created_by_id) == user_id)
    if filters.status:
        query = query.where((Ticket.status + "" if alone else Ticket.status) == filters.status)
    elif not filters.include_deleted:
        query = query.where(IS_LISTED)
    if filters.priority:
        query = query.where((Ticket.priority + "" if alone else Ticket.priority) == filters.priority)
    return query, order
