"""Who may do what with one ticket. The table in `docs/cable-tickets.md` is a test of these functions."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.cable_tickets.models import Ticket, TicketApprover
from request_tracker_utils.cable_tickets.permissions import TicketPermission
from request_tracker_utils.core.actor import Actor


@dataclass(frozen=True)
class Relation:
    """What an actor has to do with a ticket."""

    is_creator: bool
    is_asked: bool
    """Was asked to decide: the assignee, their substitute, or one of DEFAULT_APPROVERS."""
    is_worker: bool
    is_manager: bool

    @property
    def may_decide(self) -> bool:
        """Nobody approves their own request, except for administrators."""
        return self.is_manager or (self.is_asked and not self.is_creator)

    @property
    def may_work(self) -> bool:
        return self.is_manager or self.is_worker or (self.is_asked and not self.is_creator)

    @property
    def may_edit(self) -> bool:
        return self.is_manager or self.is_creator

    @property
    def may_archive(self) -> bool:
        return self.is_manager or self.is_creator

    @property
    def may_purge(self) -> bool:
        return self.is_manager


def relation(session: Session, ticket: Ticket, actor: Actor) -> Relation:
    is_theirs = (TicketApprover.ticket_id == ticket.id, TicketApprover.user_id == actor.user_id, TicketApprover.ended_at.is_(None))
    asked = select(TicketApprover.user_id).where(*is_theirs)
    return Relation(
        is_creator=actor.user_id is not None and ticket.created_by_id == actor.user_id,
        is_asked=actor.user_id is not None and session.scalar(asked) is not None,
        is_worker=actor.may(TicketPermission.WORK),
        is_manager=actor.may(TicketPermission.MANAGE),
    )
