"""Messages without other systems: a provider that answers what the test says, and a sender whose clock the test sets."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from threading import Lock
from zoneinfo import ZoneInfo

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import User
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.encryption import Encryption
from request_tracker_utils.core.messages import Channel, MessageKind, Recipient
from request_tracker_utils.notifications import preferences
from request_tracker_utils.notifications.attempts import Attempts
from request_tracker_utils.notifications.limits import Caps
from request_tracker_utils.notifications.models import Notification
from request_tracker_utils.notifications.providers.interface import Accepted, Provider, RenderedMessage, Silent
from request_tracker_utils.notifications.rendering import Renderer
from request_tracker_utils.notifications.sending import Sender
from request_tracker_utils.notifications.service import NotificationService
from tests.services.apps import user

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
CLERK = Actor("clerk")
ENCRYPTION = Encryption("secret of the tests", preferences.PURPOSE)
KIND = MessageKind("cable-request", "Cable request", "messages/cable")
REQUIRED = MessageKind("password-link", "Password link", "messages/cable", optional=False)
URGENT = MessageKind("alarm", "Alarm", "messages/cable", urgent=True)
EMAIL_ONLY = MessageKind("letter", "Letter", "messages/cable", channels=frozenset({Channel.EMAIL}))
TEMPLATES = {"cable.txt": "Cable for {{ name }}\nIt is ready.\n", "cable.sms.txt": "Cable for {{ name }}\n"}
NO_CAPS = Caps(per_recipient=10_000, per_sender=10_000, per_day=10_000, sms_per_day=10_000)
Answer = Callable[[RenderedMessage], Accepted]


def accept(_message: RenderedMessage) -> Accepted:
    return Accepted()


@dataclass
class FakeProvider(Provider):
    """`answer` accepts, or raises. `calls` are the keys of all attempts, `received` the messages that it has, by key: like Resend, it
    keeps one for each key; without idempotency `received` has each of them."""

    name: str = "resend"  # type: ignore[misc]
    channel: Channel = Channel.EMAIL  # type: ignore[misc]
    has_idempotency: bool = True  # type: ignore[misc]
    at_once: int = 8  # type: ignore[misc]
    answer: Answer = accept
    calls: list[str] = field(default_factory=list)
    received: list[tuple[str, RenderedMessage]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    @property
    def title(self) -> str:  # type: ignore[override]
        return self.name.title()

    def send(self, message: RenderedMessage, key: str) -> Accepted:
        with self.lock:
            self.calls.append(key)
        self.answer(message)
        return self.keep(message, key)

    def keep(self, message: RenderedMessage, key: str) -> Accepted:
        with self.lock:
            if not self.has_idempotency or key not in dict(self.received):
                self.received.append((key, message))
            return Accepted(f"{self.name}-{[each for each, _message in self.received].index(key) + 1}")


class FakeTwilio(FakeProvider):
    """Lists what it has, once it is `listed`."""

    is_listed = True

    def __init__(self) -> None:
        super().__init__(name="twilio", channel=Channel.SMS, has_idempotency=False)
        self.searches = 0

    def find(self, message: RenderedMessage, since: datetime) -> Accepted | None:
        self.searches += 1
        found = [number for number, (_key, each) in enumerate(self.received, 1) if (each.to, each.text) == (message.to, message.text)]
        return Accepted(f"twilio-{found[0]}") if found and self.is_listed else None


class Office:
    """People, kinds of messages, providers and a sender in the app, whose context must be active. `now` is the clock."""

    def __init__(self, app: Flask, folder: Path, providers: Sequence[Provider], *, caps: Caps = NO_CAPS, zone: str = "UTC") -> None:
        (folder / "messages").mkdir(exist_ok=True)
        for name, template in TEMPLATES.items():
            (folder / "messages" / name).write_text(template)
        self.app, self.now, self.providers, self.is_stopping = app, NOW, list(providers), False
        self.kinds = {kind.name: kind for kind in (KIND, REQUIRED, URGENT, EMAIL_ONLY)}
        self.service = NotificationService(self.kinds, lambda: self, ZoneInfo(zone))
        self.attempts = Attempts(
            transaction=transaction,
            reading=reading,
            providers=lambda: self,
            kinds=self.kinds,
            service=self.service,
            renderer=Renderer(address="https://rtutils.example.org", zone=ZoneInfo(zone), folder=folder),
            caps=caps,
            encryption=lambda: ENCRYPTION,
            clock=lambda: self.now,
        )
        self.sender_of_messages = self.restarted()

    def restarted(self) -> Sender:
        """The sender of another process."""
        return Sender(self.attempts, in_context=self._in_context, stopping=lambda: self.is_stopping, pace=0)

    def _in_context(self, call: Callable[..., None]) -> Callable[..., None]:
        def inside(*arguments: object) -> None:
            with self.app.app_context():
                call(*arguments)

        return inside

    # notifications.providers.interface.Providers

    def of(self, channel: Channel) -> Sequence[Provider]:
        return [each for each in self.providers if each.channel is channel]

    def sender(self, channel: Channel) -> str:
        return "it@example.org" if channel is Channel.EMAIL else ""

    # What tests do

    def writing(self) -> AbstractContextManager[Session]:
        return transaction()

    def person(self, name: str, *, email: str | None = None, phone: str | None = None, confirmed: bool = True, **columns: object) -> int:
        user(self.app, "staff", name, email=email, phone=phone, phone_confirmed_at=NOW if phone and confirmed else None, **columns)
        with reading() as session:
            return session.execute(select(User.id).where(User.name == name)).scalar_one()

    def choose(
        self,
        user_id: int,
        *channels: Channel,
        muted: Sequence[str] = (),
        quiet: tuple[time, time] | None = None,
        chat: str = "",
    ) -> None:
        begin, end = quiet or (None, None)
        with transaction() as session:
            preferences.choose(session, user_id, channels=channels, muted=muted, quiet_from=begin, quiet_until=end)
            preferences.set_chat_urls(session, user_id, chat, ENCRYPTION)

    def write(
        self, *recipients: Recipient, kind: MessageKind = KIND, about: str = "ticket 12", actor: Actor = CLERK, name: str = "Ada"
    ) -> int:
        with transaction() as session:
            return self.service.send(session, kind, recipients, about=about, values={"name": name}, actor=actor, now=self.now)

    def send_due(self, *channels: Channel) -> int:
        return sum(self.sender_of_messages.send_due(channel) for channel in channels or Channel)

    def wait(self, pause: timedelta) -> None:
        self.now += pause

    def rows(self) -> list[Notification]:
        with reading() as session:
            return list(session.scalars(select(Notification).order_by(Notification.id)))

    def row(self) -> Notification:
        (found,) = self.rows()
        return found

    def states(self) -> list[tuple[str, str]]:
        """Channel and status of each message."""
        return [(row.notification_type, row.status) for row in self.rows()]


def silent(_message: RenderedMessage) -> Accepted:
    raise Silent("No answer.")
