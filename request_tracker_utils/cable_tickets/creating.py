"""New tickets: who is asked, and that a request which is sent twice creates one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from request_tracker_utils.accounts.models import User
from request_tracker_utils.cable_tickets.asking import ask
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.messages import tell
from request_tracker_utils.cable_tickets.models import Ticket, TicketItem
from request_tracker_utils.cable_tickets.states import Priority, TicketStatus
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


def create(change: Change, draft: Draft, *, for_user: User | None = None) -> Ticket:
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
    ask(change, ticket, draft.assigned_to_id)
    tell(change, ticket, "created")
    return ticket
