"""One attempt to send one message: whether it may be sent now, giving it to a provider, and what follows from the provider's answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from request_tracker_utils.core.clock import SKEW, is_over
from request_tracker_utils.core.db import Reading, Transaction
from request_tracker_utils.core.encryption import Encryption
from request_tracker_utils.core.messages import Channel, MessageKind
from request_tracker_utils.core.outbox import UNREACHABLE, Claim
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.http.exchange import LONGEST_PAUSE
from request_tracker_utils.notifications.limits import Breaker, Caps
from request_tracker_utils.notifications.models import OUTBOX, SITE_CHAT, Notification, NotificationStatus
from request_tracker_utils.notifications.preferences import Person, chat_urls, people
from request_tracker_utils.notifications.providers.interface import (
    Accepted,
    BadMessage,
    BadRecipient,
    Busy,
    NotConnected,
    Provider,
    ProviderError,
    Providers,
    RenderedMessage,
    Silent,
)
from request_tracker_utils.notifications.rendering import NotRendered, Renderer
from request_tracker_utils.notifications.service import NotificationService
from request_tracker_utils.notifications.suppression import SuppressionReason, is_suppressed, suppress

T = TypeVar("T")

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 10
"""Rounds through all providers. With the pauses of the outbox they take three and a half hours."""
EXPIRES = timedelta(days=2)
"""After this time a message is given up, though no provider could be reached. Longer than quiet hours."""
LOOKED_UP_FOR = timedelta(hours=1)
"""How long an uncertain message is looked up at its provider, which may be late to list it."""


@dataclass(frozen=True)
class Result:
    """How an attempt ended. `write` records it in a transaction; then `next_provider` is woken."""

    write: Callable[[Session], object]
    next_provider: Provider | None = None
    is_sent: bool = False


class _NotNeeded(Exception):
    """What the message says is no longer useful, such as a link that has been used."""


@dataclass(frozen=True)
class _Hold:
    """Why a message is not given to a provider: it failed, or waits. `address_failed`: it may go by another channel."""

    reason: str
    until: datetime | None = None
    address_failed: bool = False


@dataclass(frozen=True)
class _Attempt:
    """A message that was claimed for a provider. `number` is that of the breaker; `was_given`: the provider may have it already."""

    claim: Claim[Notification]
    provider: Provider
    breaker: Breaker
    number: int
    was_given: bool

    @property
    def row(self) -> Notification:
        return self.claim.row

    def ask(self, call: Callable[[], T]) -> T:
        """Calls the provider, and tells the breaker how that ended. Raises ProviderError only: after another error, the provider may have
        the message."""
        try:
            result = call()
        except (BadRecipient, BadMessage):
            self.breaker.succeed(self.number)
            raise
        except Busy as error:
            self.breaker.fail(self.number, pause=error.retry_after)
            raise
        except ProviderError:
            self.breaker.fail(self.number)
            raise
        except Exception:
            self.breaker.fail(self.number)
            log.exception("provider failed", provider=self.provider.name, notification=self.claim.id)
            raise Silent(_("An internal error occurred; the log has the details.")) from None
        self.breaker.succeed(self.number)
        return result


@dataclass(frozen=True)
class Attempts:
    """Thread-safe."""

    transaction: Transaction
    reading: Reading
    providers: Callable[[], Providers]
    kinds: Mapping[str, MessageKind]
    service: NotificationService
    renderer: Renderer
    caps: Caps
    encryption: Callable[[], Encryption]
    clock: Callable[[], datetime]

    def process(self, claim: Claim[Notification], provider: Provider, breaker: Breaker) -> Result:
        """Raises SQLAlchemyError only; the message is then claimed again after its lease."""
        number = breaker.begin()
        if number is None:
            return not_tried(claim, self.clock())
        attempt = _Attempt(claim, provider, breaker, number, claim.row.status != NotificationStatus.QUEUED)
        in_doubt = NotificationStatus.UNCERTAIN if attempt.was_given else NotificationStatus.FAILED
        try:
            return self._send_again(attempt) if attempt.was_given else self._send_first(attempt)
        except ProviderError as error:
            return self._after(error, attempt)
        except _NotNeeded:
            canceled = NotificationStatus.UNCERTAIN if attempt.was_given else NotificationStatus.CANCELED
            return _end(claim, canceled, _("The message was no longer needed when it was to be sent."))
        except NotRendered as error:
            log.error("message not rendered", notification=claim.id, error=error.message)
            return _end(claim, in_doubt, error.message)
        except SQLAlchemyError:
            raise
        except Exception:  # of the domain whose message it is; other messages must go on
            log.exception("message failed", notification=claim.id)
            return self._postpone(attempt, _("An internal error occurred; the log has the details."), claim.row.status)
        finally:
            breaker.cancel(number)  # if the provider was not called

    def _send_first(self, attempt: _Attempt) -> Result:
        row, provider, now = attempt.row, attempt.provider, self.clock()
        with self.reading() as session:
            person = _person(session, row)
            hold = self._hold(session, row, person, now)
            if hold is not None:
                return self._held(attempt.claim, hold, now)
            address = row.address if person is None else person.address(provider.channel)
            message = self._render(session, row, person, address)
        with self.transaction() as session:
            given = {"status": NotificationStatus.SENDING, "provider": provider.name, "given_at": now, "address": address}
            if not OUTBOX.update(session, attempt.claim, **given):
                return Result(lambda _session: None)
        return _accepted(attempt, attempt.ask(lambda: provider.send(message, row.key)), self.clock())

    def _send_again(self, attempt: _Attempt) -> Result:
        """The provider may have it. So it gets the same message with the same key, or is asked for it; no other provider gets it."""
        row, provider, now = attempt.row, attempt.provider, self.clock()
        if row.provider != provider.name:
            message = _("It was given to %(provider)s, which is no longer set up; it may have arrived.", provider=row.provider)
            return _end(attempt.claim, NotificationStatus.UNCERTAIN, message)
        is_forgotten = row.given_at is None or now - row.given_at >= provider.idempotency_lasts
        if row.status == NotificationStatus.UNCERTAIN or not provider.has_idempotency or is_forgotten:
            return self._look_up(attempt, now)
        with self.reading() as session:
            repetition = self._render(session, row, _person(session, row), row.address)
        return _accepted(attempt, attempt.ask(lambda: provider.send(repetition, row.key)), self.clock())

    def _look_up(self, attempt: _Attempt, now: datetime) -> Result:
        """Searches the provider for the message. If it is not found it is not sent again: the provider may only be late to list it."""
        row, provider = attempt.row, attempt.provider
        doubt = _(
            "%(provider)s did not say whether it has accepted the message. Send it again if it has not arrived.", provider=provider.title
        )
        if not _can_find(provider):
            return _end(attempt.claim, NotificationStatus.UNCERTAIN, doubt)
        with self.reading() as session:
            message = self._render(session, row, _person(session, row), row.address)
        given_at = row.given_at or row.created_at
        try:
            found = attempt.ask(lambda: provider.find(message, given_at - SKEW))
        except ProviderError as error:
            found, doubt = None, f"{doubt} {error.message}"
        if found is not None and not self._is_of_another(row, found):
            return _accepted(attempt, found, now)
        if is_over(given_at, LOOKED_UP_FOR, now):
            return _end(attempt.claim, NotificationStatus.UNCERTAIN, doubt)
        return self._postpone(attempt, doubt, NotificationStatus.UNCERTAIN)

    def _is_of_another(self, row: Notification, found: Accepted) -> bool:
        """Whether the provider has found an earlier message with the same text."""
        same = (Notification.provider == row.provider, Notification.provider_id == found.provider_id, Notification.id != row.id)
        with self.reading() as session:
            return session.scalar(select(Notification.id).where(*same).limit(1)) is not None

    def _hold(self, session: Session, row: Notification, person: Person | None, now: datetime) -> _Hold | None:
        kind = self.kinds.get(row.event)
        if kind is None:
            return _Hold(_("This version of the program cannot send “%(kind)s” messages.", kind=row.event))
        if now - row.created_at >= EXPIRES:
            return _Hold(row.error_message or _("It could not be sent within two days."))
        if obstacle := _obstacle(session, row, person):
            return _Hold(obstacle, address_failed=True)
        if person is not None and kind.optional and kind.name in person.muted:
            return _Hold(_("%(name)s has turned off such messages since it was written.", name=person.name))
        if person is not None and not kind.urgent and (until := person.quiet_until_after(now, self.renderer.zone)):
            return _Hold("", until=until)
        cap = self.caps.exceeded(session, row, is_required=not kind.optional, now=now)
        return _Hold(cap) if cap else None

    def _held(self, claim: Claim[Notification], hold: _Hold, now: datetime) -> Result:
        if hold.until is not None:
            return put_back(claim, now, pause=hold.until - now)
        if not hold.address_failed:
            return _end(claim, NotificationStatus.FAILED, hold.reason)

        def write(session: Session) -> None:
            if OUTBOX.fail(session, claim, hold.reason, status=NotificationStatus.FAILED):
                self.service.fall_back(session, claim.row, now=now)

        return Result(write)

    def _render(self, session: Session, row: Notification, person: Person | None, address: str) -> RenderedMessage:
        kind, channel = self.kinds.get(row.event), Channel(row.notification_type)
        values = row.values if kind is None or kind.complete is None else kind.complete(session, row.values)
        if kind is None or values is None:
            raise _NotNeeded
        to = address
        if channel is Channel.CHAT:
            to = "" if address == SITE_CHAT else self._chat_urls(person)
        return self.renderer.render(kind, channel, values, to=to, sender=self.providers().sender(channel), written_at=row.created_at)

    def _chat_urls(self, person: Person | None) -> str:
        urls = chat_urls(person, self.encryption()) if person else ""
        if not urls:
            raise BadRecipient(_("The chat address cannot be read, since SECRET_KEY has changed. The person must enter it again."))
        return urls

    def _after(self, error: ProviderError, attempt: _Attempt) -> Result:
        """What follows from an outcome other than Accepted; see `providers/interface.py`."""
        if isinstance(error, BadRecipient):
            return Result(lambda session: self._record_bad_recipient(session, attempt, error))
        if isinstance(error, BadMessage):
            return _end(attempt.claim, NotificationStatus.FAILED, error.message)
        if attempt.was_given or isinstance(error, Silent):
            return self._after_silence(error, attempt)
        following = self._following(attempt.provider)
        if following is not None:
            return put_back(attempt.claim, self.clock(), provider=following.name, problem=error.message, next_provider=following)
        if isinstance(error, (NotConnected, Busy)):
            pause = min(error.retry_after, LONGEST_PAUSE) if isinstance(error, Busy) else UNREACHABLE
            return put_back(attempt.claim, self.clock(), pause=pause, problem=error.message)
        return self._postpone(attempt, error.message, NotificationStatus.QUEUED)

    def _after_silence(self, error: ProviderError, attempt: _Attempt) -> Result:
        """The provider may have the message, from this attempt or an earlier one."""
        if attempt.provider.has_idempotency:
            return self._postpone(attempt, error.message, NotificationStatus.SENDING)
        if _can_find(attempt.provider):
            return self._postpone(attempt, error.message, NotificationStatus.UNCERTAIN)
        return _end(attempt.claim, NotificationStatus.UNCERTAIN, error.message)

    def _following(self, provider: Provider) -> Provider | None:
        """The provider after this one; None if it is the last."""
        providers = list(self.providers().of(provider.channel))
        names = [each.name for each in providers]
        position = names.index(provider.name) + 1 if provider.name in names else len(names)
        return providers[position] if position < len(providers) else None

    def _record_bad_recipient(self, session: Session, attempt: _Attempt, error: BadRecipient) -> None:
        row, channel, now = attempt.row, attempt.provider.channel, self.clock()
        if not OUTBOX.fail(session, attempt.claim, error.message, status=NotificationStatus.FAILED):
            return
        if error.suppress and row.address:
            reason = SuppressionReason(error.suppress)
            suppress(session, channel, row.address, reason, provider=attempt.provider.name, now=now, detail=error.message)
            self.service.fall_back_from(session, channel, row.address, error.message, now=now)
        self.service.fall_back(session, row, now=now)

    def _postpone(self, attempt: _Attempt, problem: str, status: str) -> Result:
        """The next attempt is after a pause that grows, unless this was the last."""
        claim, now = attempt.claim, self.clock()
        if claim.attempts >= MAX_ATTEMPTS and status != NotificationStatus.UNCERTAIN:
            final = NotificationStatus.FAILED if status == NotificationStatus.QUEUED else NotificationStatus.UNCERTAIN
            return _end(claim, final, problem)
        provider = None if status == NotificationStatus.QUEUED else attempt.provider.name
        return Result(lambda session: OUTBOX.postpone(session, claim, problem, now=now, status=status, provider=provider))


def put_back(
    claim: Claim[Notification],
    now: datetime,
    *,
    pause: timedelta = timedelta(0),
    provider: str | None = None,
    problem: str | None = None,
    next_provider: Provider | None = None,
) -> Result:
    """No provider has the message. This was no attempt: it is due again after the pause, for `provider` if that is given."""
    values = {"status": NotificationStatus.QUEUED, "provider": provider, "error_message": problem and problem[:500]}
    return Result(lambda session: OUTBOX.put_back(session, claim, now=now, pause=pause, **values), next_provider)


def not_tried(claim: Claim[Notification], now: datetime) -> Result:
    """It is due as it was before it was claimed."""
    return Result(lambda session: OUTBOX.put_back(session, claim, now=now, pause=timedelta(0)))


def _accepted(attempt: _Attempt, accepted: Accepted, now: datetime) -> Result:
    values = {"status": NotificationStatus.SENT, "sent_at": now, "attempts": attempt.claim.attempts}
    values |= {"provider": attempt.provider.name, "provider_id": accepted.provider_id[:200] or None}
    return Result(lambda session: OUTBOX.settle(session, attempt.claim, **values), is_sent=True)


def _end(claim: Claim[Notification], status: NotificationStatus, problem: str) -> Result:
    return Result(lambda session: OUTBOX.fail(session, claim, problem, status=status))


def _can_find(provider: Provider) -> bool:
    return type(provider).find is not Provider.find


def _obstacle(session: Session, row: Notification, person: Person | None) -> str:
    """Why nothing can be sent to the recipient; empty if it can."""
    channel = Channel(row.notification_type)
    if person is not None:
        return person.obstacle(channel)
    if not row.address:
        return _("The account of the recipient was deleted.")
    if is_suppressed(session, channel, row.address):
        return _("Nothing is sent to %(address)s: see the suppressed addresses.", address=row.address)
    return ""


def _person(session: Session, row: Notification) -> Person | None:
    return people(session, [row.recipient_user_id]).get(row.recipient_user_id) if row.recipient_user_id else None
