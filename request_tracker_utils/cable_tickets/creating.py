"""Creates tickets and asks their approvers. A request that is sent twice creates one ticket."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

from request_tracker_utils.accounts.models import User
from request_tracker_utils.cable_tickets import fields, search
from request_tracker_utils.cable_tickets.approvers import ask
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.errors import InvalidTicketField, NotYourStep
from request_tracker_utils.cable_tickets.fields import Item, ticket_fields
from request_tracker_utils.cable_tickets.messages import notify
from request_tracker_utils.cable_tickets.models import Ticket, TicketItem
from request_tracker_utils.cable_tickets.permissions import TicketPermission, roles_with
from request_tracker_utils.cable_tickets.states import Priority, TicketStatus
from request_tracker_utils.core.db import find_row
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.lengths import key_of
from request_tracker_utils.inventory.repeats import once


@dataclass(frozen=True)
class Draft:
    """What somebody asks for, as it was entered. Without `assigned_to_id`, DEFAULT_APPROVERS are asked."""

    items: Sequence[Item]
    assigned_to_id: int | None = None
    location: str = ""
    notes: str = ""
    priority: str = Priority.MEDIUM
    needed_by: date | None = None
    created_by_id: int | None = None
    """The creator, if an administrator creates it for somebody else."""


def create(change: Change, draft: Draft, *, request_key: str = "") -> Ticket:
    """Creates a ticket that waits for approval, and asks its approvers. A request with the same key gets the first one's ticket.

    Raises InvalidTicketField, NotYourStep, RequestKeyReused; for a repetition, TicketArchived and TicketNotFound.
    """
    content = {"do": "ticket", **asdict(draft)}
    with ticket_fields():
        ids, repeated = once(change.session, request_key, content, lambda: [_create(change, draft)], actor=change.actor, now=change.now)
    return change.locked(ids[0]) if repeated else change.session.get_one(Ticket, ids[0])


def _create(change: Change, draft: Draft) -> int:
    creator = _creator(change, draft.created_by_id)
    location = fields.parse_location(draft.location)
    ticket = Ticket(
        created_by_id=creator.id if creator else change.actor.user_id,
        created_by=creator.name if creator else change.actor.name,
        status=TicketStatus.PENDING_APPROVAL,
        location=location,
        location_key=key_of(location),
        notes=fields.parse_notes(draft.notes),
        priority=fields.parse_priority(draft.priority),
        needed_by=fields.parse_needed_by(draft.needed_by, change.today),
        revision=1,
        created_at=change.now,
        updated_at=change.now,
        items=[
            TicketItem(
                cable_type=item.cable_type,
                cable_length=item.cable_length,
                cable_gauge=item.cable_gauge,
                quantity=item.pieces,
                fulfilled=0,
                returned=0,
            )
            for item in fields.parse_items(draft.items)
        ],
    )
    change.session.add(ticket)
    change.session.flush()
    ticket.search_words = search.words_of(ticket)
    ask(change, ticket, draft.assigned_to_id)
    change.record(ticket, "created", assigned_to_id=draft.assigned_to_id)
    change.session.flush()
    notify(change, ticket, "created")
    return ticket.id


def _creator(change: Change, user_id: int | None) -> User | None:
    """The account that an administrator creates the ticket for; None for the actor. Raises InvalidTicketField, NotYourStep."""
    if user_id is None or user_id == change.actor.user_id:
        return None
    if not change.actor.may(TicketPermission.MANAGE):
        message = _("Only administrators can create tickets for others. Omit created_by_id.")
        raise NotYourStep(message, field="created_by_id")
    user = find_row(change.session, User, user_id)
    if user is None or not user.active or user.role not in roles_with(TicketPermission.CREATE):
        raise InvalidTicketField(_("No active account that can request cable has this ID."), field="created_by_id")
    return user
