"""Tickets that wait for a decision: their approvers are reminded once, then DEFAULT_APPROVERS are asked too; and the substitutes of
approvers who are absent by now.

Each step is taken once: `Ticket.reminders` and `waiting_since` are changed in the transaction that writes the messages.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from request_tracker_utils.accounts.models import User
from request_tracker_utils.cable_tickets import approvers
from request_tracker_utils.cable_tickets.absences import able
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.errors import InvalidTicketField
from request_tracker_utils.cable_tickets.messages import notify
from request_tracker_utils.cable_tickets.models import Absence, Ticket, TicketApprover
from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.core.clock import column_is_over, is_over

BATCH = 500
_UNDECIDED = select(Ticket.id).where(Ticket.status == TicketStatus.PENDING_APPROVAL)


def due(session: Session, *, pause: timedelta, now: datetime) -> Sequence[int]:
    """The tickets that have waited long enough for a reminder, at most BATCH. `remind` leaves none of them due."""
    waits_long = (Ticket.waiting_since.is_not(None), column_is_over(Ticket.waiting_since, pause, now))
    return session.scalars(_UNDECIDED.where(*waits_long).order_by(Ticket.waiting_since).limit(BATCH)).all()


def without_substitute(session: Session, *, today: date, after_id: int = 0, limit: int = BATCH) -> Sequence[int]:
    """The tickets of absent approvers without a substitute, in the order of their ids. Perhaps nobody can be one, so they are read to the
    end, part by part."""
    own, other = aliased(TicketApprover), aliased(TicketApprover)
    away = aliased(Absence)
    is_away = exists().where(away.user_id == other.user_id, away.from_date <= today, away.until_date >= today)
    can_decide = exists().where(User.id == other.user_id, *able())
    represents = (other.ticket_id == own.ticket_id, other.for_user_id == own.user_id, other.ended_at.is_(None))
    is_represented = exists().where(*represents, can_decide, ~is_away)
    is_absent = exists().where(
        own.ticket_id == Ticket.id,
        own.ended_at.is_(None),
        own.for_user_id.is_(None),
        Absence.user_id == own.user_id,
        Absence.from_date <= today,
        Absence.until_date >= today,
        ~is_represented,
    )
    return session.scalars(_UNDECIDED.where(Ticket.id > after_id, is_absent).order_by(Ticket.id).limit(limit)).all()


def remind(change: Change, ticket_id: int, *, pause: timedelta) -> bool:
    """Does what is due for one ticket, and returns whether that was anything."""
    ticket = change.session.get(Ticket, ticket_id, with_for_update=True, populate_existing=True)
    if ticket is None or ticket.status != TicketStatus.PENDING_APPROVAL:
        return False
    substitutes = approvers.add_substitutes(change, ticket)
    if substitutes:
        change.record(ticket, "substituted", user_ids=substitutes)
        notify(change, ticket, "substituted")
    if ticket.waiting_since is None or not is_over(ticket.waiting_since, pause, change.now):
        return bool(substitutes)
    ticket.reminders += 1
    if ticket.reminders == 1:
        ticket.waiting_since = change.now
        change.record(ticket, "reminded")
        notify(change, ticket, "reminded")
        return True
    ticket.waiting_since = None
    added = _escalated(change, ticket)
    if added:
        change.record(ticket, "escalated", user_ids=added)
        notify(change, ticket, "escalated")
    return True


def _escalated(change: Change, ticket: Ticket) -> list[int]:
    """Nobody if there are no other approvers: then the ticket goes on waiting for those who were asked."""
    try:
        return approvers.escalate(change, ticket)
    except InvalidTicketField:
        return []
