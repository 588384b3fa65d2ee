"""What every service that changes a ticket needs: session, actor, time, settings, and where messages go."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from request_tracker_utils.cable_tickets.errors import TicketArchived, TicketNotFound
from request_tracker_utils.cable_tickets.models import Ticket, TicketEvent
from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import find_row
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.reorder import ReorderAlerts


def acting_name(name: str, absent: str) -> str:
    """`B for A` if B acts as the substitute of A, otherwise the name. Stored in this form."""
    return f"{name} for {absent}" if absent else name


def find_ticket(session: Session, ticket_id: int, *, archived: bool = False, **options: Any) -> Ticket:
    """Raises TicketNotFound, and TicketArchived unless `archived`. `options` are those of `Session.get`."""
    ticket = find_row(session, Ticket, ticket_id, **options)
    if ticket is None:
        raise TicketNotFound(_("Ticket %(id)s was not found.", id=ticket_id))
    if ticket.status == TicketStatus.DELETED and not archived:
        raise TicketArchived(_("Ticket %(id)s is archived. Restore it first.", id=ticket_id))
    return ticket


@dataclass(frozen=True)
class Change:
    """One change in the transaction of `session`, by `actor`."""

    session: Session
    actor: Actor
    now: datetime
    alerts: ReorderAlerts
    messenger: Messenger | None = None
    """None if the app sends no messages."""
    default_approvers: tuple[str, ...] = ()
    """DEFAULT_APPROVERS: who is asked if nobody was chosen; empty for the administrators."""
    zone: ZoneInfo | None = None
    """TIMEZONE, in which absences begin and end; UTC if it is not given."""
    substitute_for: str = ""
    """The name of the absent person that the actor represents. `steps.step` sets it for decisions."""

    @property
    def name(self) -> str:
        """As events and decisions record it: `B for A`."""
        return acting_name(self.actor.name, self.substitute_for)

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone or UTC).date()

    def locked(self, ticket_id: int, *, archived: bool = False) -> Ticket:
        """The ticket, locked until the transaction ends. Its row is locked before rows of the stock, so that nobody deadlocks.

        Raises TicketNotFound, and TicketArchived unless `archived`.
        """
        return find_ticket(self.session, ticket_id, archived=archived, with_for_update=True, populate_existing=True)

    def record(self, ticket: Ticket, event: str, *, status_from: str | None = None, **detail: object) -> TicketEvent:
        """Adds an event to the ticket's history. `status_from` is the former status if the status has changed."""
        recorded = TicketEvent(
            ticket_id=ticket.id,
            event=event,
            status_from=status_from,
            status_to=None if status_from is None else ticket.status,
            actor_user_id=self.actor.user_id,
            actor=self.name,
            detail=detail,
            created_at=self.now,
        )
        self.session.add(recorded)
        ticket.updated_at = self.now
        return recorded
