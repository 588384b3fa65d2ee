"""New tickets: who is asked, and that a request which is sent twice creates one."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from request_tracker_utils.accounts.models import Role, User
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.errors import InvalidTicketField
from request_tracker_utils.cable_tickets.messages import tell
from request_tracker_utils.cable_tickets.models import Ticket, TicketApprover, TicketItem
from request_tracker_utils.cable_tickets.states import Priority, TicketStatus
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.lengths import key_of


@dataclass(frozen=True)
class Item:
    """One type of cable in one length, as it was checked."""

    cable_type: str
    cable_length: str
    cable_gauge: str = ""
    quantity: int = 1


@dataclass(frozen=True)
class Draft:
    """What somebody asks for. Without `assigned_to_id`, DEFAULT_APPROVERS are asked."""

    items: Sequence[Item]
    assigned_to_id: int | None = None
    location: str = ""
    notes: str = ""
    priority: Priority = Priority.MEDIUM
    needed_by: date | None = None
    request_key: str | None = None


def create(change: Change, draft: Draft, *, default_approvers: Sequence[str] = (), for_user: User | None = None) -> Ticket:
    """Creates a ticket that waits for approval, and asks its approvers. `for_user`: on whose behalf an administrator creates it.

    Raises InvalidTicketField.
    """
    ticket = Ticket(
        created_by_id=for_user.id if for_user else change.actor.user_id,
        created_by=for_user.name if for_user else change.actor.name,
        status=TicketStatus.PENDING_APPROVAL,
        location=draft.location,
        location_key=key_of(draft.location),
        notes=draft.notes,
        priority=draft.priority,
        needed_by=draft.needed_by,
        revision=1,
        request_key=draft.request_key,
        created_at=change.now,
        updated_at=change.now,
        items=[TicketItem(**vars(item), fulfilled=0, returned=0) for item in draft.items],
    )
    change.session.add(ticket)
    change.session.flush()
    change.record(ticket, "created")
    ask(change, ticket, draft.assigned_to_id, default_approvers)
    tell(change, ticket, "created")
    return ticket


def ask(change: Change, ticket: Ticket, assigned_to_id: int | None, default_approvers: Sequence[str]) -> None:
    """Makes this person, or DEFAULT_APPROVERS, the ticket's approvers. Links of those who were asked before are no longer valid."""
    if assigned_to_id is not None and assigned_to_id == ticket.created_by_id:
        raise InvalidTicketField(_("Choose somebody else: nobody approves their own request."), field="assigned_to_id")
    ticket.assigned_to_id = assigned_to_id
    for former in change.session.scalars(select(TicketApprover).where(TicketApprover.ticket_id == ticket.id)):
        change.session.delete(former)
    change.session.flush()
    for user_id in [assigned_to_id] if assigned_to_id is not None else _defaults(change, ticket, default_approvers):
        nonce = secrets.token_hex(16)
        asked = TicketApprover(ticket_id=ticket.id, user_id=user_id, nonce=nonce, revision=ticket.revision, asked_at=change.now)
        change.session.add(asked)


def _defaults(change: Change, ticket: Ticket, names: Sequence[str]) -> Sequence[int]:
    which = User.name.in_(names) if names else User.role == Role.ADMIN
    query = select(User.id).where(which, User.active, User.id.is_distinct_from(ticket.created_by_id))
    return change.session.scalars(query.order_by(User.id)).all()
