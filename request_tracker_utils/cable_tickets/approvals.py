"""Deciding a ticket with an approval link, and what a link says that no longer works."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from request_tracker_utils.accounts.links import Keys
from request_tracker_utils.cable_tickets.approval_links import Decision, Link, LinkState, find
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.errors import LinkClosed
from request_tracker_utils.cable_tickets.models import Ticket
from request_tracker_utils.cable_tickets.steps import move
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.translation import gettext as _


def decide(change: Change, ticket_id: int, token: str, decision: Decision, *, reason: str = "", keys: Keys, lifetime: timedelta) -> Link:
    """Decides the ticket as the approver of the link, who is the actor of `change`; see `actor_of`. Of several calls one succeeds.

    Raises UnknownLink, LinkClosed with what was decided, NotYourStep, and InvalidTicketField for a rejection without a reason.
    """
    change.session.get(Ticket, ticket_id, with_for_update=True, populate_existing=True)
    link = find(change.session, ticket_id, token, keys)
    require_open(link, change, lifetime)
    move(change, link.ticket, decision.status, reason=reason if decision is Decision.REJECT else "")
    return link


def require_open(link: Link, change: Change, lifetime: timedelta) -> None:
    """Raises LinkClosed, with the decision of the ticket."""
    state = link.state(lifetime, change.now)
    if state is not LinkState.OPEN:
        raise LinkClosed(
            what_happened(link, state, lambda at: f"{at.astimezone(change.zone):%Y-%m-%d %H:%M}"), **closed_fields(link, state)
        )


def what_happened(link: Link, state: LinkState, when: Callable[[datetime], str]) -> str:
    """Why the link does not work, for its owner."""
    ticket = link.ticket
    if state is LinkState.DECIDED and ticket.decided_at is not None:
        values = {"id": ticket.id, "name": ticket.decided_by or "?", "at": when(ticket.decided_at)}
        if ticket.rejection_reason:
            return _("Ticket %(id)s was rejected by %(name)s on %(at)s. Reason: %(reason)s", **values, reason=ticket.rejection_reason)
        return _("Ticket %(id)s was approved by %(name)s on %(at)s.", **values)
    sentences = {
        LinkState.DECIDED: _("Ticket %(id)s is no longer waiting for a decision.", id=ticket.id),
        LinkState.EXPIRED: _("This link has expired. Sign in and open ticket %(id)s to decide it.", id=ticket.id),
        LinkState.REPLACED: _("Ticket %(id)s was changed after this link was sent. Use the link in the newest message.", id=ticket.id),
        LinkState.REASSIGNED: _("Ticket %(id)s was reassigned to somebody else, who has not decided yet.", id=ticket.id),
        LinkState.ARCHIVED: _("Ticket %(id)s was archived. There is nothing to decide.", id=ticket.id),
        LinkState.DEACTIVATED: _("This link no longer works because the account that it was sent to was deactivated."),
    }
    return sentences[state]


def closed_fields(link: Link, state: LinkState) -> dict[str, object]:
    """What LinkClosed adds to its sentence, for programs."""
    ticket = link.ticket
    if state is LinkState.DEACTIVATED:
        return {"link_state": state}
    decided_at = None if ticket.decided_at is None else ticket.decided_at.isoformat()
    return {"link_state": state, "status_now": ticket.status, "decided_by": ticket.decided_by, "decided_at": decided_at}


def actor_of(link: Link, grants: Mapping[str, Collection[StrEnum]]) -> Actor:
    """The approver, with the permissions of their role."""
    user = link.approver
    return Actor(user.name, frozenset(grants.get(user.role, ())), user.id, user.role)
