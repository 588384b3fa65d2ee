"""Messages that were sent about a ticket, and whether they arrived."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import User
from request_tracker_utils.cable_tickets.approvers import asked_people
from request_tracker_utils.cable_tickets.messages import REQUESTS
from request_tracker_utils.cable_tickets.models import Ticket, TicketApprover
from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.text import joined
from request_tracker_utils.core.translation import gettext as _, gettext_noop, ngettext
from request_tracker_utils.notifications.models import Notification, NotificationStatus

SHOWN = 100
CHANNELS = {Channel.EMAIL: gettext_noop("email"), Channel.SMS: gettext_noop("text message"), Channel.CHAT: gettext_noop("chat")}
FAILED = frozenset({NotificationStatus.FAILED, NotificationStatus.UNCERTAIN})


@dataclass(frozen=True)
class SentMessage:
    """A message about a ticket, without its address."""

    event: str
    recipient: str
    """Empty if it went to channels of the site, or to an account that was deleted."""
    recipient_id: int | None
    channel: Channel
    status: NotificationStatus
    problem: str
    at: datetime


def sent_messages(session: Session, ticket_id: int) -> list[SentMessage]:
    """The last SHOWN messages about the ticket, newest first."""
    query = (
        select(Notification, User.name)
        .outerjoin(User, User.id == Notification.recipient_user_id)
        .where(Notification.ticket_id == ticket_id, Notification.ticket_id.is_not(None))
        .order_by(Notification.id.desc())
        .limit(SHOWN)
    )
    return [
        SentMessage(
            event=message.event,
            recipient=name or "",
            recipient_id=message.recipient_user_id,
            channel=Channel(message.notification_type),
            status=NotificationStatus(message.status),
            problem=message.error_message or "",
            at=message.sent_at or message.created_at,
        )
        for message, name in session.execute(query).all()
    ]


def describe_asked(session: Session, ticket_id: int) -> list[str]:
    """Sentences: the approvers that were asked on each channel, and those that did not get a message."""
    reached: dict[str, list[str]] = {}
    silent: list[str] = []
    sent = sent_messages(session, ticket_id)
    for user_id, name in asked_people(session, ticket_id):
        channels = {each.channel for each in sent if each.recipient_id == user_id and each.status not in FAILED}
        if channels:
            reached.setdefault(joined([_(CHANNELS[each]) for each in sorted(channels, key=list(Channel).index)]), []).append(name)
        else:
            silent.append(name)
    sentences = [
        ngettext(
            "%(names)s was asked by %(channels)s.",
            "%(names)s were asked by %(channels)s.",
            len(names),
            names=joined(names),
            channels=channels,
        )
        for channels, names in reached.items()
    ]
    if silent:
        sentences.append(_("%(names)s did not get a message, but can find the request in this program.", names=joined(silent)))
    return sentences


@dataclass(frozen=True)
class Unreached:
    """An approver that no message about the present request has reached."""

    recipient: str
    problem: str


def unreached(session: Session, ticket_ids: Collection[int]) -> dict[int, list[Unreached]]:
    """By ticket that waits for approval, the approvers for whom every message about the present request has failed. A message that waits to
    be sent, or was sent by another channel instead, has not failed."""
    asked = and_(TicketApprover.ticket_id == Notification.ticket_id, TicketApprover.user_id == Notification.recipient_user_id)
    query = (
        select(TicketApprover.ticket_id, User.name, Notification.status, Notification.error_message)
        .join(TicketApprover, asked)
        .join(User, User.id == TicketApprover.user_id)
        .join(Ticket, Ticket.id == TicketApprover.ticket_id)
        .where(
            Notification.ticket_id.in_(ticket_ids),
            Notification.ticket_id.is_not(None),  # so that the partial index is used
            Notification.event.in_([kind.name for kind in REQUESTS]),
            Notification.created_at >= TicketApprover.asked_at,
            TicketApprover.ended_at.is_(None),
            Ticket.status == TicketStatus.PENDING_APPROVAL,
        )
        .order_by(User.name_key, Notification.id)
    )
    found: dict[tuple[int, str], str | None] = {}
    for ticket_id, name, status, problem in session.execute(query).all():
        failed = status in FAILED and found.get((ticket_id, name), "") is not None
        found[ticket_id, name] = (problem or "") if failed else None
    by_ticket: dict[int, list[Unreached]] = {}
    for (ticket_id, name), problem in found.items():
        if problem is not None:
            by_ticket.setdefault(ticket_id, []).append(Unreached(name, problem))
    return by_ticket
