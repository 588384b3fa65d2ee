"""The approvers of a ticket: the chosen person or DEFAULT_APPROVERS, and the substitutes of those who are absent."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import User
from request_tracker_utils.cable_tickets.absences import able, substitutes
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.errors import InvalidTicketField
from request_tracker_utils.cable_tickets.models import Ticket, TicketApprover
from request_tracker_utils.cable_tickets.permissions import TicketPermission, roles_with
from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.core.db import LARGEST_ID
from request_tracker_utils.core.translation import gettext as _


def ask(change: Change, ticket: Ticket, assigned_to_id: int | None) -> None:
    """Makes this person, or DEFAULT_APPROVERS, the approvers of the ticket's present revision. Unless the ticket is new, increase
    `ticket.revision` first, which ends all earlier links. The caller sends the messages (`messages.notify`).

    Raises InvalidTicketField for a person who cannot decide this ticket, and if nobody can.
    """
    asked = default_approvers(change, ticket) if assigned_to_id is None else [_chosen(change.session, ticket, assigned_to_id)]
    ticket.assigned_to_id, ticket.reminders = assigned_to_id, 0
    _ask_all(change, ticket, asked)


def ask_again(change: Change, ticket: Ticket) -> None:
    """Asks the person who was chosen before, or DEFAULT_APPROVERS if they cannot decide any more. Raises InvalidTicketField."""
    ask(change, ticket, change.session.scalar(select(User.id).where(User.id == ticket.assigned_to_id, *able())))


def escalate(change: Change, ticket: Ticket) -> list[int]:
    """Asks DEFAULT_APPROVERS too. Returns those who were not asked before."""
    known = {row.user_id for row in current(change.session, ticket)}
    added = [user_id for user_id in default_approvers(change, ticket) if user_id not in known]
    _add(change, ticket, added, {})
    return added


def add_substitutes(change: Change, ticket: Ticket) -> list[int]:
    """Asks the substitutes of those who are absent by now. Returns those who were not asked before."""
    rows = current(change.session, ticket)
    own = [row.user_id for row in rows if row.for_user_id is None]
    known = {row.user_id for row in rows}
    added = {user: absent for user, absent in _substitutes(change, ticket, own).items() if user not in known}
    _add(change, ticket, added, added)
    return list(added)


def leave_to_decider(change: Change, ticket: Ticket) -> None:
    """After the approval, only the person who approved the ticket, the assignee and their substitute remain its approvers."""
    for row in current(change.session, ticket):
        theirs = {row.user_id, row.for_user_id} & ({ticket.assigned_to_id} - {None})
        if not theirs and row.user_id != change.actor.user_id:
            row.ended_at = change.now


def current(session: Session, ticket: Ticket) -> Sequence[TicketApprover]:
    """The people who may decide it at present, besides administrators. After the approval: the people who approved it or work on it."""
    rows = select(TicketApprover).where(TicketApprover.ticket_id == ticket.id, TicketApprover.ended_at.is_(None))
    return session.scalars(rows.order_by(TicketApprover.asked_at, TicketApprover.user_id)).all()


def asked_people(session: Session, ticket_id: int) -> list[tuple[int, str]]:
    """IDs and names of the accounts of `current`, in the order of their names."""
    query = select(User.id, User.name).join(TicketApprover, TicketApprover.user_id == User.id)
    query = query.where(TicketApprover.ticket_id == ticket_id, TicketApprover.ended_at.is_(None))
    return [(user_id, name) for user_id, name in session.execute(query.order_by(User.name_key))]


def on_behalf(change: Change, ticket: Ticket) -> Change:
    """The same change, by `B for A` if the actor was asked as the substitute of somebody who is absent."""
    absent = select(User.name).join(TicketApprover, TicketApprover.for_user_id == User.id)
    is_theirs = (TicketApprover.ticket_id == ticket.id, TicketApprover.user_id == change.actor.user_id, TicketApprover.ended_at.is_(None))
    name = change.session.scalar(absent.where(*is_theirs)) if change.actor.user_id is not None else None
    return replace(change, substitute_for=name) if name else change


def usual_approvers(session: Session, names: Sequence[str], *, creator_id: int | None) -> Sequence[User]:
    """Those of DEFAULT_APPROVERS (`names`) who can decide a request of this person, otherwise the administrators. Administrators are asked
    about their own request only if there is nobody else. Empty if there is nobody at all."""
    keys = [name.lower() for name in names]
    administrators = User.role.in_(roles_with(TicketPermission.MANAGE))
    others = User.id.is_distinct_from(creator_id)
    for choice in ([User.name_key.in_(keys), others], [administrators, others], [administrators]):
        found = session.scalars(select(User).where(*choice, *able()).order_by(User.name_key)).all()
        if found:
            return found
    return ()


def default_approvers(change: Change, ticket: Ticket) -> Sequence[int]:
    """The IDs of `usual_approvers`. Raises InvalidTicketField if there is nobody."""
    found = usual_approvers(change.session, change.default_approvers, creator_id=ticket.created_by_id)
    if found:
        return [user.id for user in found]
    raise InvalidTicketField(_("Nobody can approve this request. Choose an approver, or add an administrator."), field="assigned_to_id")


def _chosen(session: Session, ticket: Ticket, user_id: int) -> int:
    chosen = session.scalars(select(User).where(User.id == user_id, *able())).one_or_none() if 0 < user_id <= LARGEST_ID else None
    if chosen is None:
        raise InvalidTicketField(_("No active account that can approve has this ID. Choose somebody else."), field="assigned_to_id")
    if user_id == ticket.created_by_id and chosen.role not in roles_with(TicketPermission.MANAGE):
        raise InvalidTicketField(_("Choose somebody else: people cannot approve their own requests."), field="assigned_to_id")
    return user_id


def _ask_all(change: Change, ticket: Ticket, asked: Sequence[int]) -> None:
    """Asks these people and their substitutes, and nobody else any longer."""
    change.session.flush()
    for_others = _substitutes(change, ticket, asked)
    everybody = dict.fromkeys([*asked, *for_others])
    for former in current(change.session, ticket):
        if former.user_id not in everybody:
            former.ended_at = change.now
    _add(change, ticket, everybody, for_others)
    ticket.waiting_since = change.now if ticket.status == TicketStatus.PENDING_APPROVAL else None


def _add(change: Change, ticket: Ticket, user_ids: Iterable[int], for_others: Mapping[int, int]) -> None:
    known = {row.user_id: row for row in change.session.scalars(select(TicketApprover).where(TicketApprover.ticket_id == ticket.id))}
    for user_id in user_ids:
        row = known.get(user_id)
        if row is None:
            # Stored as long as the ticket, so that earlier links of the same person are recognized. Their revision ends them.
            row = TicketApprover(ticket_id=ticket.id, user_id=user_id, nonce=secrets.token_hex(16))
            change.session.add(row)
        row.revision, row.asked_at, row.ended_at = ticket.revision, change.now, None
        row.for_user_id = for_others.get(user_id)
    change.session.flush()


def _substitutes(change: Change, ticket: Ticket, asked: Sequence[int]) -> dict[int, int]:
    """Substitute → the absent person that they represent. People who are asked themselves represent nobody."""
    found = substitutes(change.session, asked, today=change.today)
    return {substitute: absent for absent, substitute in found.items() if substitute not in asked and substitute != ticket.created_by_id}
