"""What a provider of email, SMS or chat does, and how an attempt to send ends.

`send` returns `Accepted` or raises one of the outcomes below; which one decides what happens next, so a provider must tell them apart:

| Outcome | Was it sent? | What happens next |
|---|---|---|
| `Accepted` | yes | nothing |
| `Refused` | no | the next provider |
| `NotConnected` | no | the next provider |
| `Busy` | no | the next provider; if there is none, the same one after `retry_after` |
| `Silent` | perhaps | the same provider with the same key; without idempotency `find`, and never again automatically |
| `BadRecipient` | no | no provider; another channel of the person |
| `BadMessage` | no | no provider |

In doubt it is `Silent`. A connection that breaks after the first byte of the message was written is `Silent`, and so is a response that
cannot be understood.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Protocol

from request_tracker_utils.core.errors import UpstreamRefused
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.translation import gettext as _

DEADLINE = timedelta(seconds=25)
"""`send` and `find` end by then, whatever the other side does. Less than a quarter of the outbox's lease."""


@dataclass(frozen=True)
class RenderedMessage:
    """A message as it is sent. Attempts with the same key have the same one, so providers add nothing that changes (time, random numbers).

    Nothing of it is shown by `repr`: it contains personal data, and `to` of a chat message contains secrets.
    """

    channel: Channel
    to: str = field(repr=False)
    """An email address, or a phone number in E.164. For chat, the person's Apprise URLs, one per line; empty for those of NOTIFY_URLS."""
    sender: str = field(repr=False)
    """Email: the From address. Otherwise empty: the provider's settings say who sends."""
    subject: str = field(repr=False)
    """One line without control characters; empty for SMS."""
    text: str = field(repr=False)
    html: str = field(repr=False, default="")
    """Empty for SMS and chat, and for email without an HTML template."""
    written_at: datetime | None = None
    """When the message was decided: the Date of an email."""


@dataclass(frozen=True)
class Accepted:
    """The provider has the message. `provider_id` is its id, by which delivery reports name it; empty if the response has none, as
    when it refuses a repetition because it has accepted a message with this key already."""

    provider_id: str = ""


class ProviderError(UpstreamRefused):
    """How an attempt ended without being accepted. The message is a sentence for people that says what to do, without secrets. It is stored
    as the notification's `error_message`."""

    code = "provider_error"


class Refused(ProviderError):
    """This provider does not send it, for a reason that another provider does not share: a wrong key, an exhausted balance, a sender that
    is not verified, a sandbox that reaches its owner only. Nothing was sent."""

    code = "provider_refused"


class NotConnected(ProviderError):
    """The connection could not be established (name, TCP, TLS, sign-in of SMTP). Nothing was sent."""

    code = "provider_not_connected"


class Busy(ProviderError):
    """The provider accepts nothing at the moment (429, or 503 that says so). Nothing was sent. `retry_after` is an hour at most."""

    code = "provider_busy"

    def __init__(self, message: str, *, retry_after: timedelta = timedelta(seconds=30)) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Silent(ProviderError):
    """No response, or none that says whether the message was accepted (time-out, broken connection, 500, HTML instead of JSON)."""

    code = "provider_silent"


class BadRecipient(ProviderError):
    """No provider can send to this address: it does not exist, is not a mobile number, or refuses messages. `suppress` is set if nothing
    must be sent there any more: a value of `SuppressionReason`, such as `stopped` for Twilio's 21610."""

    code = "bad_recipient"

    def __init__(self, message: str, *, suppress: str = "") -> None:
        super().__init__(message)
        self.suppress = suppress


class BadMessage(ProviderError):
    """No provider will send this message, such as one that is too large. Our fault."""

    code = "bad_message"


class Provider(ABC):
    """Thread-safe: `send` is called by several threads at once."""

    name: ClassVar[str]
    """Stored as the notification's `provider`, at most 20 characters: `resend`, `sendgrid`, `smtp`, `twilio`, `apprise`, `folder`."""
    title: str
    """As people read it."""
    channel: ClassVar[Channel]
    has_idempotency: ClassVar[bool] = False
    """Whether a repetition with the same key reaches the person once. After silence, only then is a message sent again."""
    idempotency_lasts: ClassVar[timedelta] = timedelta(hours=24)
    """How long the provider remembers a key. Later a silent message stays uncertain."""
    at_once: ClassVar[int] = 12
    """How many messages each process gives it at the same time."""
    is_folder: ClassVar[bool] = False
    """Whether it only writes files because no provider of the channel is set up; the status page warns."""

    @abstractmethod
    def send(self, message: RenderedMessage, key: str) -> Accepted:
        """Sends a message within DEADLINE. `key` has 64 characters, `0-9a-f`. Raises a ProviderError, and nothing else."""

    def find(self, message: RenderedMessage, since: datetime) -> Accepted | None:
        """A message to the same recipient with the same text that the provider has accepted since then; None if it has none, so that
        nothing was sent. Called for providers without idempotency after silence. Raises a ProviderError where that is unknown."""
        raise Silent(_("%(provider)s cannot say which messages it has accepted.", provider=self.title))


class Providers(Protocol):
    """The providers that are set up at this moment; provided to the registry."""

    def of(self, channel: Channel) -> Sequence[Provider]:
        """In the order in which they are tried; the folder alone if none is set up."""
        ...

    def sender(self, channel: Channel) -> str:
        """The From address of email; empty for other channels."""
        ...
