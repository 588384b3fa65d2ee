"""Who is asked to decide a ticket."""

import secrets
from collections.abc import Sequence

from sqlalchemy import ColumnElement, select

from request_tracker_utils.accounts.models import User
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.errors import InvalidTicketField
from request_tracker_utils.cable_tickets.models import Ticket, TicketApprover
from request_tracker_utils.cable_tickets.permissions import TicketPermission, roles_with
from request_tracker_utils.core.translation import gettext as _


def ask(change: Change, ticket: Ticket, assigned_to_id: int | None) -> None:
    """Makes this person, or DEFAULT_APPROVERS, the ticket's approvers. Links of those who were asked before are no longer valid.

    Raises InvalidTicketField for a person who cannot decide this ticket, and if nobody can.
    """
    asked = _defaults(change, ticket) if assigned_to_id is None else [_chosen(change, ticket, assigned_to_id)]
    ticket.assigned_to_id = assigned_to_id
    for former in change.session.scalars(select(TicketApprover).where(TicketApprover.ticket_id == ticket.id)):
        change.session.delete(former)
    change.session.flush()
    for user_id in asked:
        nonce = secrets.token_hex(16)
        approver = TicketApprover(ticket_id=ticket.id, user_id=user_id, nonce=nonce, revision=ticket.revision, asked_at=change.now)
        change.session.add(approver)
    change.session.flush()


def ask_again(change: Change, ticket: Ticket) -> None:
    """Asks the same person, or DEFAULT_APPROVERS if they cannot decide any more. Raises InvalidTicketField if nobody can."""
    assignee = ticket.assigned_to_id
    if assignee is not None and assignee != ticket.created_by_id:
        able = change.session.scalar(select(User.id).where(User.id == assignee, *_able()))
        assignee = able
    ask(change, ticket, assignee)


def _able() -> tuple[ColumnElement[bool], ...]:
    """Conditions of people who can decide a ticket."""
    return (User.active.is_(True), User.role.in_(roles_with(TicketPermission.READ)))


def _chosen(change: Change, ticket: Ticket, user_id: int) -> int:
    chosen = change.session.scalars(select(User).where(User.id == user_id, *_able())).one_or_none() if 0 < user_id < 2**31 else None
    if chosen is None:
        raise InvalidTicketField(_("No active account that can approve has this ID. Choose somebody else."), field="assigned_to_id")
    if user_id == ticket.created_by_id and chosen.role not in roles_with(TicketPermission.MANAGE):
        raise InvalidTicketField(_("Choose somebody else: nobody approves their own request."), field="assigned_to_id")
    return user_id


def _defaults(change: Change, ticket: Ticket) -> Sequence[int]:
    """The creator is asked only as an administrator, and only if there is nobody else."""
    names = [name.lower() for name in change.default_approvers]
    administrators = User.role.in_(roles_with(TicketPermission.MANAGE))
    others = User.id.is_distinct_from(ticket.created_by_id)
    for choice in ([User.name_key.in_(names), others], [administrators, others], [administrators]):
        found = change.session.scalars(select(User.id).where(*choice, *_able()).order_by(User.id)).all()
        if found:
            return found
    raise InvalidTicketField(_("Nobody can approve this. Choose who is asked, or add an administrator."), field="assigned_to_id")
