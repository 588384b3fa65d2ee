"""Messages to people: the kinds that domains send, and the interface that sends them. `notifications` implements it; a domain below it
gets the implementation from the registry.

A message is decided in a transaction and sent afterwards (`core/outbox.py`), so nobody waits for a mail server.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor

Values = Mapping[str, str | int]
"""What a message says, by the names that its template uses. Stored with the message, so it contains no secrets."""


class Channel(StrEnum):
    """How a message reaches a person. The values are stored."""

    EMAIL = "email"
    SMS = "sms"
    CHAT = "chat"


@dataclass(frozen=True)
class MessageKind:
    """One kind of message. `template` is the path of its templates without their endings: `.txt` (the first line is the subject), `.html`
    (optional), and `.sms.txt` for SMS and chat."""

    name: str
    """Stored as the notification's `event`, such as `password-link`."""
    title: str
    """What people read where they choose their channels; marked with `gettext_noop`."""
    template: str
    channels: frozenset[Channel] = frozenset(Channel)
    optional: bool = True
    """Whether people may turn it off."""
    urgent: bool = False
    """Whether it is sent during quiet hours too."""
    complete: Callable[[Session, Values], Values | None] | None = None
    """Called when the message is sent: returns the values for the template, also those that must not be stored; None if the message is no
    longer needed. Returns the same for the same values each time, since a repetition must be the same message."""


@dataclass(frozen=True)
class Recipient:
    """A person with an account, or an address without one on one channel."""

    user_id: int | None = None
    address: str = ""
    channel: Channel | None = None


class Messenger(Protocol):
    """Sends messages. `send` writes rows in the caller's transaction; they are sent within seconds after the commit."""

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
        """Returns how many messages were written; a person who cannot be reached on any channel gets one that failed and says why.

        `about` identifies what the message is about, such as `ticket 12 approved`. The same kind about the same thing is written once for
        each recipient and channel, however often this is called.
        """

    def can_reach(self, session: Session, user_id: int, kind: MessageKind) -> bool:
        """Whether a channel is set up on which this person would receive such a message."""
