"""The lists of tickets that a person works with: what waits for them, their own, and all."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.cable_tickets import listing
from request_tracker_utils.cable_tickets.dashboard import count_to_decide
from request_tracker_utils.cable_tickets.listing import TicketFilter
from request_tracker_utils.cable_tickets.models import IS_TO_FULFILL, Ticket, TicketApprover
from request_tracker_utils.cable_tickets.permissions import TicketPermission
from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.core.actor import Actor

COUNTED = 100
"""Tickets that a tab counts at most."""


class Tab(StrEnum):
    """The values are part of addresses."""

    DECIDE = "decide"
    """Waits for approval by this person, who was asked."""
    MINE = "mine"
    FULFILL = "fulfill"
    """Approved and not fulfilled: all for staff, for others those that they approve."""
    ALL = "all"


@dataclass(frozen=True)
class Counts:
    """COUNTED means at least so many."""

    decide: int
    fulfill: int


def find(session: Session, tab: Tab, filters: TicketFilter, actor: Actor, *, limit: int, before_id: int | None = None) -> Sequence[Ticket]:
    """Newest first."""
    return listing.find(session, filters, user_id=actor.user_id, limit=limit, before_id=before_id, within=_conditions(tab, actor))


def counts(session: Session, actor: Actor) -> Counts:
    return Counts(min(count_to_decide(session, actor.user_id), COUNTED), _count(session, Tab.FULFILL, actor))


def first_tab(found: Counts, actor: Actor) -> Tab:
    """What a person probably comes for."""
    if found.decide:
        return Tab.DECIDE
    return Tab.FULFILL if found.fulfill and actor.may(TicketPermission.WORK) else Tab.MINE


def _count(session: Session, tab: Tab, actor: Actor) -> int:
    some = select(Ticket.id).where(*_conditions(tab, actor)).limit(COUNTED).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _conditions(tab: Tab, actor: Actor) -> list[ColumnElement[bool]]:
    if tab is Tab.DECIDE:
        is_asked = exists().where(
            TicketApprover.ticket_id == Ticket.id, TicketApprover.user_id == actor.user_id, TicketApprover.ended_at.is_(None)
        )
        return [Ticket.status == TicketStatus.PENDING_APPROVAL, is_asked]
    if tab is Tab.MINE:
        return [Ticket.created_by_id == actor.user_id]
    if tab is Tab.FULFILL:
        return [IS_TO_FULFILL] if actor.may(TicketPermission.WORK) else [IS_TO_FULFILL, Ticket.assigned_to_id == actor.user_id]
    return []
