"""Who may do what with one ticket. The table in `docs/cable-tickets.md` is a test of these functions."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from request_tracker_utils.cable_tickets import approvers
from request_tracker_utils.cable_tickets.models import Ticket, TicketApprover
from request_tracker_utils.cable_tickets.permissions import TicketPermission
from request_tracker_utils.cable_tickets.states import STEPS, Party, Step, TicketStatus, open_steps
from request_tracker_utils.core.actor import Actor


@dataclass(frozen=True)
class Relation:
    """What an actor has to do with a ticket."""

    is_creator: bool
    is_asked: bool
    """Was asked to decide: the assignee, their substitute, or one of DEFAULT_APPROVERS."""
    is_assignee: bool
    """The assignee, or their substitute."""
    is_worker: bool
    is_manager: bool

    @property
    def may_decide(self) -> bool:
        """Nobody approves their own request, except for administrators."""
        return self.is_manager or (self.is_asked and not self.is_creator)

    @property
    def may_work(self) -> bool:
        return self.is_manager or self.is_worker or (self.is_assignee and not self.is_creator)

    @property
    def may_edit(self) -> bool:
        return self.is_manager or self.is_creator

    @property
    def may_reassign(self) -> bool:
        """An approver who was asked may pass the ticket on."""
        return self.may_edit or self.is_asked

    @property
    def may_archive(self) -> bool:
        """Also restores."""
        return self.is_manager or self.is_creator

    @property
    def may_purge(self) -> bool:
        return self.is_manager

    def may_take(self, step: Step) -> bool:
        allowed = {Party.DECIDER: self.may_decide, Party.WORKER: self.may_work, Party.CREATOR: self.may_edit}
        return any(allowed[party] for party in step.parties)

    def open_steps(self, status: TicketStatus) -> list[TicketStatus]:
        """The steps that this actor may take now."""
        return [to for to in open_steps(status) if self.may_take(STEPS[status, to])]


def relation(session: Session, ticket: Ticket, actor: Actor) -> Relation:
    return relation_of(ticket, approvers.current(session, ticket), actor)


def relation_of(ticket: Ticket, approvers: Iterable[TicketApprover], actor: Actor) -> Relation:
    """The same with those who are asked at present."""
    reads = actor.user_id is not None and actor.may(TicketPermission.READ)
    mine = [each for each in approvers if reads and each.user_id == actor.user_id]
    assignee = ticket.assigned_to_id
    return Relation(
        is_creator=actor.user_id is not None and ticket.created_by_id == actor.user_id,
        is_asked=bool(mine),
        is_assignee=assignee is not None and any(assignee in (each.user_id, each.for_user_id) for each in mine),
        is_worker=actor.may(TicketPermission.WORK),
        is_manager=actor.may(TicketPermission.MANAGE),
    )
