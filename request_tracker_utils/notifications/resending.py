"""Sending a message again because a person decided so: a new message, with a new idempotency key, and the first one stays as it is."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.errors import Conflict
from request_tracker_utils.core.messages import Channel, MessageKind, Messenger, Recipient
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.notifications import history
from request_tracker_utils.notifications.models import Notification, NotificationStatus
from request_tracker_utils.notifications.service import LONGEST_ABOUT

CAN_BE_SENT_AGAIN = frozenset({NotificationStatus.FAILED, NotificationStatus.UNCERTAIN})
"""An uncertain one may arrive twice."""
_AGAIN = " again after "


def send_again(
    session: Session, messenger: Messenger, kinds: Mapping[str, MessageKind], message_id: int, *, actor: Actor, now: datetime
) -> Notification:
    """Writes the same message to the same person on the same channel once more, to the person's address as it is now.

    Raises NotFound; Conflict for a message that is on its way or has arrived, that was sent again already, or whose kind does not exist.
    """
    found = history.message(session, message_id)
    if found.status not in CAN_BE_SENT_AGAIN:
        raise Conflict(_("Message %(id)s was not sent again: only failed and uncertain messages can be.", id=found.id))
    earlier = sent_again(session, found)
    if earlier is not None:
        raise Conflict(_("Message %(id)s was already sent again, as message %(again)s.", id=found.id, again=earlier.id))
    kind = kinds.get(found.event)
    if kind is None:
        raise Conflict(_("Message %(id)s cannot be sent again: this version of the program has no such messages.", id=found.id))
    address = "" if found.recipient_user_id else found.address
    messenger.send(
        session,
        kind,
        [Recipient(found.recipient_user_id, address, Channel(found.notification_type))],
        about=_about(found),
        values=found.values,
        actor=actor,
        now=now,
        ticket_id=found.ticket_id,
    )
    session.flush()
    repeat = sent_again(session, found)
    if repeat is None:
        raise Conflict(_("Message %(id)s cannot be sent again: its recipient receives no such messages on this channel.", id=found.id))
    return repeat


def sent_again(session: Session, found: Notification) -> Notification | None:
    """The message with which this one was sent again."""
    same = Notification.recipient_user_id == found.recipient_user_id if found.recipient_user_id else Notification.address == found.address
    later = select(Notification).where(same, Notification.created_at >= found.created_at)  # an index has both
    again = later.where(Notification.event == found.event, Notification.about == _about(found))
    return session.scalar(again.order_by(Notification.id.desc()).limit(1))


def _about(found: Notification) -> str:
    """What the repetition is about. It contains the message that it repeats, so that each is repeated once, also by two people at once."""
    suffix = f"{_AGAIN}{found.id}"
    return found.about.split(_AGAIN)[0][: LONGEST_ABOUT - len(suffix)] + suffix
