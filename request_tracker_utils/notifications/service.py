"""Decides who gets a message on which channels, and writes it in the caller's transaction. `sending.py` sends it after the commit."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import affected, after_commit, upsert_into
from request_tracker_utils.core.messages import Channel, MessageKind, Recipient, Values
from request_tracker_utils.notifications.models import SEND_JOBS, SITE_CHAT, Notification, NotificationStatus
from request_tracker_utils.notifications.preferences import Person, people
from request_tracker_utils.notifications.providers.interface import Providers
from request_tracker_utils.notifications.rendering import LONGEST_VALUE
from request_tracker_utils.notifications.suppression import address_key

COALESCED = timedelta(milliseconds=500)
"""Commits within this time share one run of the job, which costs as much as a request. So messages wait this long at least."""
LONGEST_ABOUT, LONGEST_NAME = 200, 100


class NotificationService:
    """Implements `core.messages.Messenger`. `kinds` are all kinds of messages by name; `providers` those that are set up now."""

    def __init__(self, kinds: Mapping[str, MessageKind], providers: Callable[[], Providers], zone: ZoneInfo) -> None:
        self._kinds, self._providers, self._zone = kinds, providers, zone

    def send(
        self,
        session: Session,
        kind: MessageKind,
        recipients: Sequence[Recipient],
        *,
        about: str,
        values: Values,
        actor: Actor,
        now: datetime,
        ticket_id: int | None = None,
    ) -> int:
        """See `Messenger.send`. One query and one INSERT, however many recipients there are."""
        found = people(session, [recipient.user_id for recipient in recipients if recipient.user_id is not None])
        draft = _Draft(kind, about, _storable(values), actor.user_id, actor.name, ticket_id, now)
        rows = [row for recipient in recipients for row in self._rows(draft, recipient, found)]
        return _insert(session, rows)

    def can_reach(self, session: Session, user_id: int, kind: MessageKind) -> bool:
        """Whether a provider (not only the outbox folder) is set up for a channel on which this person would receive such a message."""
        person = people(session, [user_id]).get(user_id)
        if person is None or person.has_turned_off(kind):
            return False
        providers = self._providers()
        return any(any(not each.is_folder for each in providers.of(channel)) for channel in person.channels(kind))

    def fall_back(self, session: Session, message: Notification, *, now: datetime) -> bool:
        """Sends what the message says on another channel of the same person, unless one has it already. Called when it has failed
        because of its address. Returns whether another message was written.

        A channel that the person has not chosen is used only for messages that cannot be turned off.
        """
        kind = self._kinds.get(message.event)
        person = people(session, [message.recipient_user_id]).get(message.recipient_user_id) if message.recipient_user_id else None
        if kind is None or person is None or (kind.optional and kind.name in person.muted):
            return False
        same = select(Notification.notification_type, Notification.status).where(
            Notification.recipient_user_id == person.user_id,
            Notification.created_at >= message.created_at,
            Notification.event == message.event,
            Notification.about == message.about,
        )
        states = {Channel(channel): status for channel, status in session.execute(same).all()}
        states.pop(Channel(message.notification_type), None)
        if any(status != NotificationStatus.FAILED for status in states.values()):
            return False
        draft = _Draft(kind, message.about, message.values, message.sender_user_id, message.sender, message.ticket_id, now)
        for channel in self._others(kind, person, Channel(message.notification_type)):
            if channel not in states:
                return bool(_insert(session, [self._row(draft, person, channel)]))
        return False

    def fall_back_from(self, session: Session, channel: Channel, address: str, reason: str, *, now: datetime) -> int:
        """Nothing can be sent to this address any more: what waits for it fails for this reason, and goes by another channel. Returns how
        many other messages were written. What a provider may have received already stays as it is."""
        spelled = or_(Notification.address == address, func.lower(func.trim(Notification.address)) == address_key(address))
        waiting = select(Notification).where(
            Notification.notification_type == channel,
            Notification.due_at.is_not(None),
            Notification.status == NotificationStatus.QUEUED,
            spelled,
        )
        rows = list(session.scalars(waiting.order_by(Notification.id).with_for_update()))
        if not rows:
            return 0
        failed = {"status": NotificationStatus.FAILED, "error_message": reason[:500], "due_at": None}
        session.execute(update(Notification).where(Notification.id.in_([row.id for row in rows])).values(failed))
        return sum(self.fall_back(session, row, now=now) for row in rows)

    @staticmethod
    def _others(kind: MessageKind, person: Person, tried: Channel) -> list[Channel]:
        possible = [each for each in Channel if each in kind.channels and each is not tried and person.can_be_reached_by(each)]
        chosen = [each for each in possible if each in person.chosen]
        return chosen if kind.optional else [*chosen, *(each for each in possible if each not in chosen)]

    def _rows(self, draft: "_Draft", recipient: Recipient, found: Mapping[int, Person]) -> list[dict[str, Any]]:
        if recipient.user_id is None:
            if recipient.channel is None or (not recipient.address and recipient.channel is not Channel.CHAT):
                raise ValueError("a recipient without an account needs an address and a channel")
            return [draft.row(recipient.channel, address=SITE_CHAT if recipient.channel is Channel.CHAT else recipient.address)]
        person = found.get(recipient.user_id)
        if person is None:
            return []  # the account was deleted
        if recipient.channel is not None:
            obstacle = person.obstacle(recipient.channel)
            return [self._row(draft, person, recipient.channel, obstacle)]
        if person.has_turned_off(draft.kind):
            return []
        if channels := person.channels(draft.kind):
            return [self._row(draft, person, channel) for channel in channels]
        possible = [channel for channel in Channel if channel in draft.kind.channels]
        channel = next((channel for channel in possible if channel in person.chosen), possible[0])
        tried = [each for each in possible if each in person.chosen or not draft.kind.optional]
        return [self._row(draft, person, channel, person.obstacles(tried))]

    def _row(self, draft: "_Draft", person: Person, channel: Channel, obstacle: str = "") -> dict[str, Any]:
        due = None if draft.kind.urgent else person.quiet_until_after(draft.now, self._zone)
        return draft.row(channel, user_id=person.user_id, address=person.address(channel), due=due, problem=obstacle)


def delete_old(session: Session, *, before: datetime) -> int:
    """Deletes older messages with what they said, unless they are still to be sent. Returns how many."""
    return affected(session.execute(delete(Notification).where(Notification.created_at < before, Notification.due_at.is_(None))))


class _Draft:
    """What all rows of one message have in common."""

    def __init__(
        self,
        kind: MessageKind,
        about: str,
        values: Values,
        sender_user_id: int | None,
        sender: str,
        ticket_id: int | None,
        now: datetime,
    ) -> None:
        self.kind, self.now, self._about = kind, now, _fitting(about)
        self._common = {
            "event": kind.name,
            "about": self._about,
            "values": values,
            "sender_user_id": sender_user_id,
            "sender": sender[:LONGEST_NAME],
            "ticket_id": ticket_id,
            "created_at": now,
            "attempts": 0,
        }

    def row(
        self, channel: Channel, *, user_id: int | None = None, address: str = "", due: datetime | None = None, problem: str = ""
    ) -> dict[str, Any]:
        recipient = f"address {address_key(address)}" if user_id is None else f"user {user_id}"
        return {
            **self._common,
            "recipient_user_id": user_id,
            "notification_type": channel.value,
            "address": address[:254],
            "key": message_key(self.kind.name, self._about, recipient, channel),
            "status": (NotificationStatus.FAILED if problem else NotificationStatus.QUEUED).value,
            "error_message": problem[:500] or None,
            "due_at": None if problem else due or self.now,
        }


def message_key(event: str, about: str, recipient: str, channel: Channel) -> str:
    """The idempotency key of a message."""
    return hashlib.sha256("\x1f".join((event, about, recipient, channel)).encode("utf-8", "surrogatepass")).hexdigest()


def _fitting(about: str) -> str:
    """Two long texts that differ only at their end are about different things."""
    if len(about) <= LONGEST_ABOUT:
        return about
    return f"{about[:150]} {hashlib.sha256(about.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"


def _insert(session: Session, rows: Sequence[dict[str, Any]]) -> int:
    """The driver sends the rows together. The unique key decides which of them exist already."""
    if not rows:
        return 0
    result = session.connection().execute(_insertion(upsert_into(session)), list(rows))
    for channel in {row["notification_type"] for row in rows if row["due_at"] is not None}:
        after_commit(session, SEND_JOBS[Channel(channel)], after=COALESCED)
    return affected(result)


@cache
def _insertion(insert: Any) -> Any:
    statement = insert(Notification.__table__).on_conflict_do_nothing(index_elements=["key"])
    return statement.execution_options(preserve_rowcount=True)  # SQLAlchemy does not count the rows of several INSERTs otherwise


def _storable(values: Values) -> dict[str, str | int]:
    """Raises ValueError for anything but text and numbers, which would not be rendered the same way after it was stored."""
    for name, value in values.items():
        if not isinstance(value, (str, int)):
            raise ValueError(f"{name} is neither text nor a number")
    return {name: value[:LONGEST_VALUE] if isinstance(value, str) else value for name, value in values.items()}
