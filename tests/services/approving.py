"""Cable tickets with their approvers, as tests make them. The app's context must be active."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import User
from request_tracker_utils.cable_tickets.approval_links import Decision, path_of, token_of
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.creating import Draft, create
from request_tracker_utils.cable_tickets.current import link_keys
from request_tracker_utils.cable_tickets.fields import Item
from request_tracker_utils.cable_tickets.models import Absence, Ticket, TicketApprover, TicketEvent
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.inventory.reorder import ReorderAlerts
from request_tracker_utils.web.registry import registry

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
TODAY = NOW.date()
CABLE = Item("Cat6", "100 ft")


def id_of(name: str) -> int:
    with reading() as session:
        return session.execute(select(User.id).where(User.name == name)).scalar_one()


def name_of(user_id: int | None) -> str:
    with reading() as session:
        return session.scalar(select(User.name).where(User.id == user_id)) or ""


def actor(name: str) -> Actor:
    """With the permissions of the account's role."""
    with reading() as session:
        user = session.execute(select(User).where(User.name == name)).scalar_one()
    return Actor(user.name, registry().grants.get(user.role, frozenset()), user.id, user.role)


@contextmanager
def changing(by: str, *, now: datetime = NOW, default_approvers: tuple[str, ...] = ()) -> Iterator[Change]:
    """A change by this account, in a transaction of its own."""
    who, messenger = actor(by), registry().find(Messenger)  # type: ignore[type-abstract]
    with transaction() as session:
        yield Change(session, who, now, ReorderAlerts(), messenger, default_approvers)


def requested(
    by: str = "ada", to: str = "", *items: Item, now: datetime = NOW, default_approvers: tuple[str, ...] = (), **fields: object
) -> int:
    """A new ticket that waits for approval."""
    approver = id_of(to) if to else None
    with changing(by, now=now, default_approvers=default_approvers) as change:
        return create(change, Draft(items or [CABLE], approver, **fields)).id  # type: ignore[arg-type]


def ticket(ticket_id: int) -> Ticket:
    with reading() as session:
        return session.get_one(Ticket, ticket_id)


def asked(ticket_id: int) -> dict[str, str]:
    """Who may decide, and for whom."""
    with reading() as session:
        rows = session.scalars(select(TicketApprover).where(TicketApprover.ticket_id == ticket_id, TicketApprover.ended_at.is_(None))).all()
    return {name_of(row.user_id): name_of(row.for_user_id) for row in rows}


def events(ticket_id: int) -> list[tuple[str, str]]:
    """What has happened, and who did it."""
    with reading() as session:
        rows = session.scalars(select(TicketEvent).where(TicketEvent.ticket_id == ticket_id).order_by(TicketEvent.id))
        return [(row.event, row.actor) for row in rows]


def absent(name: str, substitute: str, begin: date = TODAY, end: date = TODAY) -> None:
    """Stores an absence without the checks of the page."""
    row = Absence(user_id=id_of(name), substitute_id=id_of(substitute), from_date=begin, until_date=end)
    with transaction() as session:
        session.add(row)


def changed(name: str, **columns: object) -> None:
    """Changes columns of the account."""

    def change(session: Session) -> None:
        user = session.execute(select(User).where(User.name == name)).scalar_one()
        for column, value in columns.items():
            setattr(user, column, value)

    with transaction() as session:
        change(session)


def path_to(ticket_id: int, name: str, decision: Decision = Decision.APPROVE) -> str:
    """The path of the link in the newest message to this approver."""
    user_id = id_of(name)
    with reading() as session:
        row = session.get_one(TicketApprover, (ticket_id, user_id))
        return path_of(ticket_id, decision, token_of(row, link_keys))
