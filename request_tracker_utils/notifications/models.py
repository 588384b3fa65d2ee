"""Notifications with their outbox, what people prefer, and addresses that cannot be used."""

from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.outbox import Outbox

SEND_EMAIL, SEND_SMS, SEND_CHAT = "send-email", "send-sms", "send-chat"
"""Jobs, one for each channel: a slow provider of one channel does not delay the others. They run soon after a message is written."""
APPLY_REPORTS, DELETE_REPORTS = "apply-delivery-reports", "delete-delivery-reports"
SEND_JOBS = {Channel.EMAIL: SEND_EMAIL, Channel.SMS: SEND_SMS, Channel.CHAT: SEND_CHAT}
LEASE = timedelta(minutes=2)
LONGEST_WAIT = timedelta(hours=25)
"""Quiet hours end within a day, one hour longer when clocks change."""
SITE_CHAT = "NOTIFY_URLS"
"""The address of chat messages to the channels of the site, not of a person."""


class NotificationStatus(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    """Given to a provider, which may have received it."""
    SENT = "sent"
    """A provider has accepted it."""
    DELIVERED = "delivered"
    FAILED = "failed"
    """`error_message` says why, and no further attempt is made."""
    UNCERTAIN = "uncertain"
    """The provider did not answer, and cannot be asked to ignore a repetition."""
    CANCELED = "canceled"
    """It was not needed any more when it was to be sent, for example because the ticket had been decided."""


_STATUSES = ", ".join(f"'{status}'" for status in NotificationStatus)


def _partial_index(name: str, *columns: str, where: str) -> Index:
    """Requests that write messages do not write to it what is not known yet."""
    return Index(f"ix_notifications_{name}", *columns, sqlite_where=text(where), postgresql_where=text(where))


class Notification(Base):
    """A message to one recipient on one channel. The first columns are those of seed document 3."""

    __tablename__ = "notifications"
    __table_args__ = (
        CheckConstraint(f"status IN ({_STATUSES})", name="status"),
        CheckConstraint("notification_type IN ('email', 'sms', 'chat')", name="notification_type"),
        _partial_index("due_at", "notification_type", "due_at", where="due_at IS NOT NULL"),
        Index("ix_notifications_recipient", "recipient_user_id", "created_at"),
        Index("ix_notifications_address", "address", "created_at"),
        Index("ix_notifications_created_at", "created_at"),
        _partial_index("sender", "sender_user_id", "given_at", where="given_at IS NOT NULL"),
        _partial_index("given_at", "notification_type", "given_at", where="given_at IS NOT NULL"),
        _partial_index("ticket_id", "ticket_id", where="ticket_id IS NOT NULL"),
        _partial_index("provider_id", "provider", "provider_id", where="provider_id IS NOT NULL"),
        _partial_index("unfinished", "created_at", where="status NOT IN ('sent', 'delivered')"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int | None]
    """The cable ticket that it is about."""
    recipient_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    notification_type: Mapped[str] = mapped_column(String(10))
    """The channel, see `core.messages.Channel`."""
    status: Mapped[str] = mapped_column(String(10), default=NotificationStatus.QUEUED)
    error_message: Mapped[str | None] = mapped_column(String(500))
    sent_at: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)

    event: Mapped[str] = mapped_column(String(60))
    """The kind of message, see `core.messages.MessageKind`."""
    address: Mapped[str] = mapped_column(String(254), default="")
    """Where it goes; empty for the chat addresses of a person, which contain secrets, and SITE_CHAT for those of the site."""
    provider: Mapped[str | None] = mapped_column(String(20))
    """The provider to which it was or will be given. Kept after silence, so that a repetition has the same idempotency key."""
    provider_id: Mapped[str | None] = mapped_column(String(200))
    attempts: Mapped[int] = mapped_column(default=0)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    """Idempotency key: a hash of the event, what it is about, the recipient and the channel. Providers get it too."""
    about: Mapped[str] = mapped_column(String(200))
    values: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    sender_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    sender: Mapped[str] = mapped_column(String(100))
    given_at: Mapped[datetime | None] = mapped_column(Instant)
    """When it was first given to `provider`: how long its idempotency key is remembered, and since when the message may be found there."""
    due_at: Mapped[datetime | None] = mapped_column(Instant)
    """When it is sent next, or the end of the lease; see `core/outbox.py`."""


OUTBOX = Outbox(
    Notification,
    due=Notification.due_at,
    problem=Notification.error_message,
    attempts=Notification.attempts,
    key=Notification.key,
    lease=LEASE,
    longest_wait=LONGEST_WAIT,
)
"""`service.py` writes rows for all recipients at once; `sending.py` ends their claims with a status."""


class NotificationPreference(Base):
    """What a person has chosen; without a row, the defaults."""

    __tablename__ = "notification_preferences"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    email: Mapped[bool] = mapped_column(default=True)
    sms: Mapped[bool] = mapped_column(default=True)
    chat: Mapped[bool] = mapped_column(default=True)
    muted: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Optional kinds of messages that the person has turned off."""
    chat_urls: Mapped[str | None] = mapped_column(String(2000))
    """Apprise addresses, one per line, encrypted: they contain secrets, and are written but never shown."""
    quiet_from: Mapped[time | None]
    quiet_until: Mapped[time | None]
    """Local times in TIMEZONE between which only urgent messages are sent. `quiet_until` may be earlier: on the next day."""


class SuppressedAddress(Base):
    """An address that bounced, complained, or answered STOP. Nothing is sent there until somebody removes the row."""

    __tablename__ = "suppressed_addresses"

    channel: Mapped[str] = mapped_column(String(10), primary_key=True)
    address_key: Mapped[str] = mapped_column(String(254), primary_key=True)
    """The address in lowercase."""
    reason: Mapped[str] = mapped_column(String(20))
    detail: Mapped[str | None] = mapped_column(String(500))
    provider: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime] = mapped_column(Instant)


class DeliveryOutcome(StrEnum):
    """What a provider reports about a message that it has accepted."""

    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    """Not delivered; the address may work another time."""
    BOUNCED = "bounced"
    """Not delivered, and messages to this address never will be."""
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    STOPPED = "stopped"
    """The phone has answered STOP, so messages to it are refused."""
    RESUMED = "resumed"
    """The phone has answered START."""


_OUTCOMES = ", ".join(f"'{outcome}'" for outcome in DeliveryOutcome)


class DeliveryReport(Base):
    """A report of a provider about a message. Its key decides whether it is a replay, which is ignored."""

    __tablename__ = "delivery_reports"
    __table_args__ = (
        CheckConstraint(f"outcome IN ({_OUTCOMES})", name="outcome"),
        Index("ix_delivery_reports_message_id", "provider", "message_id"),
        Index("ix_delivery_reports_pending", "at", sqlite_where=text("pending"), postgresql_where=text("pending")),
    )

    provider: Mapped[str] = mapped_column(String(20), primary_key=True)
    report_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    message_id: Mapped[str] = mapped_column(String(200))
    """The provider's id of the message, as in `Notification.provider_id`."""
    outcome: Mapped[str] = mapped_column(String(20))
    detail: Mapped[str | None] = mapped_column(String(500))
    at: Mapped[datetime] = mapped_column(Instant, index=True)
    """When it was received."""
    pending: Mapped[bool]
    """No message with this id is known yet: providers may report before their answer has arrived. Applied once it is known."""


class PhoneCode(Base):
    """A code that was sent to a phone number, to find out whether it belongs to the person. Deleted after a day.

    The code is not stored: it follows from `seed` and the secret key, see `phone_confirmation.py`.
    """

    __tablename__ = "phone_codes"
    __table_args__ = (
        Index("ix_phone_codes_user_id", "user_id", "created_at"),
        Index("ix_phone_codes_number", "number", "created_at"),
        Index("ix_phone_codes_network", "network", "created_at"),
        Index("ix_phone_codes_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    number: Mapped[str] = mapped_column(String(20))
    """In the form +12025550123. It becomes the phone number of the account once it is confirmed."""
    network: Mapped[str] = mapped_column(String(60))
    """From which it was requested, see `LoginEvent.network`."""
    seed: Mapped[str] = mapped_column(String(32))
    attempts: Mapped[int] = mapped_column(default=0)
    """How often a code was entered."""
    created_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    """When it was used, or replaced by a newer one."""


class ReleasedAddress(Base):
    """A suppressed address to which messages may be sent again: who decided so, and why."""

    __tablename__ = "released_addresses"

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(10))
    address_key: Mapped[str] = mapped_column(String(254))
    suppressed_because: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(200))
    """Why it was removed, in the person's words."""
    released_by: Mapped[str] = mapped_column(String(100))
    at: Mapped[datetime] = mapped_column(Instant, index=True)
