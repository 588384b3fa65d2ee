"""Sends messages: each provider has threads in this process, which claim what is due for it and end when nothing is.

So a provider that does not answer occupies only its own threads: neither the jobs, which only wake them, nor other providers.

A message goes through three short transactions, and between them through steps that may take long:

1. **Claim**: it is leased to this process, and still `queued`. Then it is rendered.
2. **Give**: it is `sending`, with its provider. From now on the provider may have it. Then it is sent.
3. **Record**: it is `sent`, `failed`, due again later, or due for the next provider. The next message is claimed in the same transaction.

A process that is killed before 2 has sent nothing. After 2, the same provider gets the message again with the same key if it recognizes
repetitions; otherwise the message is `uncertain`, is looked up at the provider, and is never sent again automatically.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Condition, Thread

import structlog
from sqlalchemy import and_, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from request_tracker_utils.core.clock import column_is_due
from request_tracker_utils.core.disk import disk_problem
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.outbox import Claim, InContext
from request_tracker_utils.notifications.attempts import Attempts, Result, not_tried
from request_tracker_utils.notifications.limits import Breaker
from request_tracker_utils.notifications.models import LONGEST_WAIT, OUTBOX, Notification, NotificationStatus
from request_tracker_utils.notifications.providers.interface import Provider

log = structlog.get_logger(__name__)

PACE = 0.25
"""Seconds from one message to the next of the same thread."""
BUSY_PACE = 32
"""How many times as long a thread waits as long as requests are running in this process: sending a message takes as much processor time as
several requests, and nobody waits for it."""


@dataclass
class _Lane:
    """One provider's threads in this process. `woken`: something became due while all of them were running."""

    breaker: Breaker = field(default_factory=Breaker)
    threads: int = 0
    woken: bool = False


class Sender:
    """One for each process; thread-safe. `in_context` wraps what runs in another thread; `stopping` says whether this process is shutting
    down, and `is_busy` whether it is answering requests."""

    def __init__(
        self,
        attempts: Attempts,
        *,
        in_context: InContext,
        stopping: Callable[[], bool],
        is_busy: Callable[[], bool] = lambda: False,
        pace: float = PACE,
    ) -> None:
        self._attempts, self._in_context, self._stopping, self._pace = attempts, in_context, stopping, pace
        self._is_busy = is_busy
        self._lanes: dict[tuple[Channel, str], _Lane] = {}
        self._sent = dict.fromkeys(Channel, 0)
        self._running = dict.fromkeys(Channel, 0)
        self._changed = Condition()
        """Protects all of these."""

    def wake(self, channel: Channel) -> int:
        """Starts the threads of a channel's providers if something is due, and returns at once: how many messages were sent since the last
        call."""
        is_due = column_is_due(Notification.due_at, LONGEST_WAIT, self._attempts.clock())
        with self._attempts.reading() as session:
            found = session.scalar(select(Notification.id).where(Notification.notification_type == channel, is_due).limit(1))
        for provider in self._attempts.providers().of(channel) if found is not None else ():
            self._start_thread(provider)
        with self._changed:
            sent, self._sent[channel] = self._sent[channel], 0
        return sent

    def send_due(self, channel: Channel) -> int:
        """Sends what is due and waits for it: for commands. Returns how many messages were sent."""
        sent = self.wake(channel)
        with self._changed:
            self._changed.wait_for(lambda: self._running[channel] == 0)
            more, self._sent[channel] = self._sent[channel], 0
        return sent + more

    def paused(self, channel: Channel) -> list[str]:
        """Titles of the providers that get no messages at the moment, since several attempts in a row have failed."""
        return [each.title for each in self._attempts.providers().of(channel) if self._lane(each).breaker.is_open]

    def _lane(self, provider: Provider) -> _Lane:
        with self._changed:
            return self._lanes.setdefault((provider.channel, provider.name), _Lane())

    def _start_thread(self, provider: Provider) -> None:
        lane = self._lane(provider)
        with self._changed:
            if lane.breaker.is_open or self._stopping():
                return
            if lane.threads >= provider.at_once:
                lane.woken = True
                return
            lane.threads += 1
            self._running[provider.channel] += 1
        Thread(target=self._in_context(self._work), args=(provider, lane), name=f"send-{provider.name}").start()

    def _work(self, provider: Provider, lane: _Lane) -> None:
        began = time.monotonic() - self._pace  # the first message waits only while requests are running
        ended: Result | None = None
        has_left = False
        try:
            while True:
                claim, ended = self._record_and_claim(provider, lane, ended), None
                if claim is None:
                    has_left = self._leave(provider, lane)
                    if has_left:
                        return
                    continue
                self._start_thread(provider)  # there may be more
                self._wait(began)
                began = time.monotonic()
                if self._stopping():
                    ended = not_tried(claim, self._attempts.clock())
                else:
                    ended = self._attempts.process(claim, provider, lane.breaker)
        except SQLAlchemyError as error:  # the message is claimed again after its lease
            problem = disk_problem(error)
            log.warning("message not recorded", provider=provider.name, error=problem.message if problem else type(error).__name__)
        finally:
            if not has_left:
                self._leave(provider, lane, in_any_case=True)

    def _wait(self, began: float) -> None:
        """Until the next message of a thread may be sent, whose last one began then."""
        while (now := time.monotonic()) < began + self._pace * (BUSY_PACE if self._is_busy() else 1) and not self._stopping():
            time.sleep(max(0.0, began + self._pace - now) or self._pace)

    def _leave(self, provider: Provider, lane: _Lane, *, in_any_case: bool = False) -> bool:
        """Counts a thread that ends. False if something has become due for it since it looked."""
        with self._changed:
            woken, lane.woken = lane.woken, False
            if woken and not in_any_case and not lane.breaker.is_open and not self._stopping():
                return False
            lane.threads -= 1
            self._running[provider.channel] -= 1
            self._changed.notify_all()
            return True

    def _record_and_claim(self, provider: Provider, lane: _Lane, ended: Result | None) -> Claim[Notification] | None:
        providers = self._attempts.providers().of(provider.channel)
        with self._attempts.transaction() as session:
            if ended is not None:
                ended.write(session)
            claim = None if lane.breaker.is_open or self._stopping() else self._claim(session, provider, providers)
        if ended is not None and ended.is_sent:
            with self._changed:
                self._sent[provider.channel] += 1
        if ended is not None and ended.next_provider is not None:
            self._start_thread(ended.next_provider)
        return claim

    def _claim(self, session: Session, provider: Provider, providers: Sequence[Provider]) -> Claim[Notification] | None:
        """A message that was or will be given to this provider; a new one only if this is the first provider that is ready."""
        is_new = Notification.status == NotificationStatus.QUEUED
        is_free = or_(Notification.provider.is_(None), Notification.provider.not_in([each.name for each in providers]))
        fitting = [Notification.provider == provider.name, and_(is_free, is_new.is_(False))]
        if self._first_ready(providers) == provider.name:
            fitting.append(and_(is_free, is_new))
        of_channel = Notification.notification_type == provider.channel
        claims = OUTBOX.claim(session, of_channel, or_(*fitting), now=self._attempts.clock(), limit=1)
        return claims[0] if claims else None

    def _first_ready(self, providers: Sequence[Provider]) -> str:
        """Its name; empty if none is ready. A slow one is only chosen if no other one is ready."""
        ready = [each for each in providers if not self._lane(each).breaker.is_open]
        quick = [each for each in ready if not self._lane(each).breaker.is_slow]
        return next((each.name for each in (*quick, *ready)), "")
