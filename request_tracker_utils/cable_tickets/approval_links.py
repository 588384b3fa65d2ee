"""Approval links: what their tokens are made of, and when they work. `approvals.py` decides with one.

A token is not stored. It is computed from the approver's row with a key of this installation when a message is sent, and again when a link
is opened. It contains the ticket's revision, which distinguishes an old token from a wrong one: an old link shows the decision.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.links import Keys
from request_tracker_utils.accounts.models import Role, User
from request_tracker_utils.cable_tickets.change import acting_name, find_ticket
from request_tracker_utils.cable_tickets.errors import UnknownLink
from request_tracker_utils.cable_tickets.models import Ticket, TicketApprover
from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.core.clock import is_over
from request_tracker_utils.core.db import LARGEST_ID
from request_tracker_utils.core.translation import gettext as _

_REVISION_BYTES, _MAC_BYTES = 3, 18
_LENGTH = (_REVISION_BYTES + _MAC_BYTES) * 8 // 6
"""Characters of a token. Whole bytes, so that no two spellings mean the same."""


class Decision(StrEnum):
    """The values are part of addresses."""

    APPROVE = "approve"
    REJECT = "reject"

    @property
    def status(self) -> TicketStatus:
        return TicketStatus.APPROVED if self is Decision.APPROVE else TicketStatus.REJECTED


class LinkState(StrEnum):
    """Whether a link works, or why not. The values appear in JSON."""

    OPEN = "open"
    DECIDED = "decided"
    EXPIRED = "expired"
    REPLACED = "replaced"
    """The ticket was changed since: its approvers got new links."""
    REASSIGNED = "reassigned"
    """Somebody else was asked instead."""
    ARCHIVED = "archived"
    DEACTIVATED = "deactivated"
    """The account of the approver, or of the person that they represent."""


@dataclass(frozen=True)
class Link:
    """A link that was once sent, with its ticket, its approver, and the person that the approver represents."""

    ticket: Ticket
    row: TicketApprover
    revision: int
    approver: User
    absent: User | None

    @property
    def name(self) -> str:
        return acting_name(self.approver.name, self.absent.name if self.absent else "")

    def state(self, lifetime: timedelta, now: datetime) -> LinkState:
        """A deactivated person learns nothing about the ticket any more."""
        people = [self.approver, *([self.absent] if self.absent else [])]
        if not all(person.active and person.role != Role.STUDENT for person in people):
            return LinkState.DEACTIVATED
        if self.ticket.status == TicketStatus.DELETED:
            return LinkState.ARCHIVED
        if self.ticket.status != TicketStatus.PENDING_APPROVAL:
            return LinkState.DECIDED
        if self.row.ended_at is not None:
            return LinkState.REASSIGNED
        if not self.revision == self.row.revision == self.ticket.revision:
            return LinkState.REPLACED
        return LinkState.EXPIRED if is_over(self.row.asked_at, lifetime, now) else LinkState.OPEN


def token_of(row: TicketApprover, keys: Keys) -> str:
    """The token of the approver's present link."""
    return _token(row, row.revision, keys)[0]


def path_of(ticket_id: int, decision: Decision, token: str) -> str:
    """As messages carry it."""
    return f"/api/tickets/{ticket_id}/{decision}/{quote(token)}"


def find(session: Session, ticket_id: int, token: str, keys: Keys) -> Link:
    """The link with this token, also one that no longer works. Raises UnknownLink for all others, whatever is wrong with them."""
    revision = _revision(token)
    rows = _rows(session, ticket_id) if revision is not None else ()
    for row in rows:
        if any(hmac.compare_digest(token, known) for known in _token(row, revision or 0, keys)):
            people = {user.id: user for user in session.scalars(select(User).where(User.id.in_({row.user_id, row.for_user_id} - {None})))}
            ticket = session.get_one(Ticket, ticket_id)
            return Link(ticket, row, revision or 0, people[row.user_id], people.get(row.for_user_id or 0))
    raise UnknownLink(_("This link is not valid. Check that its address was copied completely, or sign in and open the ticket."))


def approver_link(session: Session, ticket_id: int, user: User, keys: Keys) -> tuple[Link, str]:
    """The present link of this approver, and its token. Raises TicketNotFound, and UnknownLink for somebody who was not asked."""
    find_ticket(session, ticket_id, archived=True)
    row = session.get(TicketApprover, (ticket_id, user.id))
    if row is None:
        raise UnknownLink(_("%(name)s was not asked to decide ticket %(id)s.", name=user.name, id=ticket_id))
    token = token_of(row, keys)
    return find(session, ticket_id, token, keys), token


def _rows(session: Session, ticket_id: int) -> Sequence[TicketApprover]:
    if not 0 < ticket_id <= LARGEST_ID:
        return ()
    return session.scalars(select(TicketApprover).where(TicketApprover.ticket_id == ticket_id).order_by(TicketApprover.user_id)).all()


def _token(row: TicketApprover, revision: int, keys: Keys) -> list[str]:
    """With the present key of this installation, and with former ones."""
    purpose = f"approval of ticket {row.ticket_id} by user {row.user_id}, revision {revision}, nonce {row.nonce}"
    start = revision.to_bytes(_REVISION_BYTES)
    return [base64.urlsafe_b64encode(start + bytes.fromhex(key)[:_MAC_BYTES]).decode() for key in keys(purpose)]


def _revision(token: str) -> int | None:
    """The revision that the token claims; None for what cannot be a token."""
    if len(token) != _LENGTH or not token.isascii():
        return None
    try:
        return int.from_bytes(base64.b64decode(token, altchars=b"-_", validate=True)[:_REVISION_BYTES])
    except binascii.Error:
        return None
