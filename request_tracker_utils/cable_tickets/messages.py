"""Messages about tickets: one table says which event notifies which people."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.links import Keys
from request_tracker_utils.accounts.models import User
from request_tracker_utils.cable_tickets import approval_links, approvers
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.models import Absence, Ticket, TicketApprover, TicketComment
from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.core.messages import MessageKind, Recipient, Values
from request_tracker_utils.core.translation import gettext_noop

APPROVAL_REQUEST = MessageKind(
    "ticket-approval", gettext_noop("Cable tickets to approve"), "cable_tickets/messages/approval", optional=False
)
APPROVAL_REMINDER = MessageKind("ticket-reminder", gettext_noop("Reminders of cable tickets to approve"), "cable_tickets/messages/approval")
DECISION = MessageKind("ticket-decision", gettext_noop("Decisions about your cable tickets"), "cable_tickets/messages/news")
PROGRESS = MessageKind("ticket-progress", gettext_noop("Fulfilled and closed cable tickets"), "cable_tickets/messages/news")
ARRIVAL = MessageKind("ticket-stock", gettext_noop("Cable that has arrived for your tickets"), "cable_tickets/messages/news")
ASSIGNMENT = MessageKind("ticket-assignment", gettext_noop("Cable tickets assigned to you"), "cable_tickets/messages/news")
COMMENT = MessageKind("ticket-comment", gettext_noop("Comments on your cable tickets"), "cable_tickets/messages/news")
SUBSTITUTE = MessageKind("absence-substitute", gettext_noop("Absences of people you substitute for"), "cable_tickets/messages/substitute")
REQUESTS = (APPROVAL_REQUEST, APPROVAL_REMINDER)
"""They contain links, which `current.py` adds when they are sent."""
KINDS = (*REQUESTS, DECISION, PROGRESS, ARRIVAL, COMMENT, ASSIGNMENT, SUBSTITUTE)


class Audience(StrEnum):
    APPROVERS = "approvers"
    """Everybody who may decide now, while the ticket waits; each once for each revision."""
    CREATOR = "creator"
    ASSIGNEE = "assignee"
    CREATOR_AND_ASSIGNEE = "creator and assignee"
    EVERYBODY = "everybody"
    """Creator, assignee or those who were asked, and those who have commented."""


@dataclass(frozen=True)
class Notice:
    kind: MessageKind
    audience: Audience


NOTICES: Mapping[str, Notice] = {
    "created": Notice(APPROVAL_REQUEST, Audience.APPROVERS),
    "reassigned": Notice(APPROVAL_REQUEST, Audience.APPROVERS),
    "edited": Notice(APPROVAL_REQUEST, Audience.APPROVERS),
    "restored": Notice(APPROVAL_REQUEST, Audience.APPROVERS),
    "pending_approval": Notice(APPROVAL_REQUEST, Audience.APPROVERS),
    "substituted": Notice(APPROVAL_REQUEST, Audience.APPROVERS),
    "escalated": Notice(APPROVAL_REQUEST, Audience.APPROVERS),
    "reminded": Notice(APPROVAL_REMINDER, Audience.APPROVERS),
    "approved": Notice(DECISION, Audience.CREATOR),
    "rejected": Notice(DECISION, Audience.CREATOR),
    "fulfilled": Notice(PROGRESS, Audience.CREATOR),
    "closed": Notice(PROGRESS, Audience.CREATOR),
    "stock_arrived": Notice(ARRIVAL, Audience.CREATOR_AND_ASSIGNEE),
    "commented": Notice(COMMENT, Audience.EVERYBODY),
    "handed_over": Notice(ASSIGNMENT, Audience.ASSIGNEE),
}
"""Event → message and recipients. Nobody gets a message about what they did themselves. Other events send no messages."""


def notify(change: Change, ticket: Ticket, event: str, **values: str | int) -> None:
    """Writes the messages about an event of a ticket, see NOTICES. `values` are further ones, such as `comment_id`.

    A ticket that is reassigned after its approval is handed over to somebody who works on it.
    """
    if event == "reassigned" and ticket.status != TicketStatus.PENDING_APPROVAL:
        event = "handed_over"
    notice = NOTICES.get(event)
    if notice is None or change.messenger is None:
        return
    change.session.flush()
    known = {**_values(ticket), "event": event, "actor": change.name, **values}
    if "comment_id" in values and (comment := change.session.get(TicketComment, values["comment_id"])) is not None:
        known["comment"] = comment.body
    if notice.audience is Audience.APPROVERS:
        if ticket.status == TicketStatus.PENDING_APPROVAL:
            for row in approvers.current(change.session, ticket):
                about = f"{notice.kind.name} revision {row.revision}"
                _send(change, ticket, notice.kind, [row.user_id], about, _for_approver(change.session, row, known))
        return
    users = _recipients(change.session, ticket, notice.audience) - {change.actor.user_id}
    _send(change, ticket, notice.kind, sorted(users), f"{event} at {change.now.isoformat()}", known)


def notify_substitute(change: Change, absence: Absence) -> None:
    """Writes a message to the substitute of the actor, who is absent."""
    if change.messenger is None:
        return
    days = {"begin": absence.from_date.isoformat(), "end": absence.until_date.isoformat()}
    about = f"absence of user {absence.user_id} from {days['begin']} to {days['end']}, planned at {change.now.isoformat()}"
    values = {"absent": change.actor.name, **days}
    recipients = [Recipient(user_id=absence.substitute_id)]
    change.messenger.send(change.session, SUBSTITUTE, recipients, about=about, values=values, actor=change.actor, now=change.now)


def with_links(session: Session, values: Values, *, keys: Keys, address: str, lifetime: timedelta, now: datetime) -> Values | None:
    """Completes a request with the approver's links, which are never stored; None if there is nothing left to decide for them."""
    ticket_id, user_id = int(values["ticket_id"]), int(values["approver_id"])
    row = session.get(TicketApprover, (ticket_id, user_id))
    if row is None or row.revision != values["revision"]:
        return None
    token = approval_links.token_of(row, keys)
    if approval_links.find(session, ticket_id, token, keys).state(lifetime, now) is not approval_links.LinkState.OPEN:
        return None
    links = {str(each): address + approval_links.path_of(ticket_id, each, token) for each in approval_links.Decision}
    return {**values, **links, "until": (row.asked_at + lifetime).isoformat()}


def _values(ticket: Ticket) -> dict[str, str | int]:
    return {
        "ticket_id": ticket.id,
        "items": "\n".join(item.describe() for item in ticket.items),
        "created_by": ticket.created_by,
        "location": ticket.location,
        "notes": ticket.notes,
        "priority": ticket.priority,
        "needed_by": ticket.needed_by.isoformat() if ticket.needed_by else "",
        "reason": (ticket.rejection_reason if ticket.status == TicketStatus.REJECTED else ticket.close_reason) or "",
        "comment": "",
        "arrived": "",
        "missing": 0,
    }


def _for_approver(session: Session, row: TicketApprover, values: Values) -> Values:
    absent = session.scalar(select(User.name).where(User.id == row.for_user_id))
    return {**values, "approver_id": row.user_id, "revision": row.revision, "absent": absent or ""}


def _recipients(session: Session, ticket: Ticket, audience: Audience) -> set[int]:
    """Those of them who still have an active account."""
    creator, assignee = ticket.created_by_id, ticket.assigned_to_id or ticket.decided_by_id
    found = {creator}
    if audience is not Audience.CREATOR:
        found.add(assignee)
    if audience is Audience.ASSIGNEE:
        found = {ticket.assigned_to_id}
    if audience is Audience.EVERYBODY:
        found |= set(session.scalars(select(TicketComment.author_id).where(TicketComment.ticket_id == ticket.id)))
        if ticket.status == TicketStatus.PENDING_APPROVAL:
            found |= {row.user_id for row in approvers.current(session, ticket)}
    active = select(User.id).where(User.id.in_(found - {None}), User.active.is_(True))
    return set(session.scalars(active))


def _send(change: Change, ticket: Ticket, kind: MessageKind, user_ids: Iterable[int | None], about: str, values: Values) -> None:
    if change.messenger is None:
        return
    recipients = [Recipient(user_id=user_id) for user_id in user_ids if user_id != change.actor.user_id]
    # SQLite assigns ids of purged tickets again, and a message about the same thing is sent once.
    about = f"ticket {ticket.id} of {ticket.created_at.isoformat()}: {about}"
    change.messenger.send(
        change.session, kind, recipients, about=about, values=values, actor=change.actor, now=change.now, ticket_id=ticket.id
    )
