"""A sender of messages that keeps what it is given, and renders it as the real one does."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import User
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.messages import Channel, MessageKind, Messenger, Recipient, Values
from request_tracker_utils.notifications.providers.interface import RenderedMessage
from request_tracker_utils.notifications.rendering import Renderer
from request_tracker_utils.web.registry import registry_of


class Written(NamedTuple):
    """A message that was written in somebody's transaction."""

    kind: MessageKind
    to: str
    about: str
    values: Values
    actor: Actor


@dataclass
class RecordingMessenger:
    """Each message about the same thing once for each address."""

    app: Flask
    written: list[Written] = field(default_factory=list)
    reachable: bool = True

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
        before = len(self.written)
        for each in recipients:
            to = each.address if each.user_id is None else session.get_one(User, each.user_id).email or ""
            if (kind, to, about) not in [(known.kind, known.to, known.about) for known in self.written]:
                self.written.append(Written(kind, to, about, dict(values), actor))
        return len(self.written) - before

    def can_reach(self, session: Session, user_id: int, kind: MessageKind) -> bool:
        return self.reachable

    def rendered(self, number: int = -1) -> RenderedMessage | None:
        """One of the messages as it is sent now; None if it is no longer needed."""
        message = self.written[number]
        with self.app.app_context(), reading() as session:
            values = message.kind.complete(session, message.values) if message.kind.complete else message.values
        address = registry_of(self.app).settings.public_address()
        renderer = Renderer(address=address, zone=ZoneInfo("UTC"))
        return None if values is None else renderer.render(message.kind, Channel.EMAIL, values, to=message.to)

    def link(self, number: int = -1) -> str:
        """The address in one of the messages."""
        message = self.rendered(number)
        assert message is not None, "the message is no longer needed"
        return next(word for word in message.text.split() if (word.startswith("http") and "/password/" in word) or "/register/" in word)


@pytest.fixture
def mailbox(app: Flask) -> RecordingMessenger:
    """What the app sends."""
    messenger = RecordingMessenger(app)
    registry_of(app).provide(Messenger, messenger)  # type: ignore[type-abstract]
    return messenger
