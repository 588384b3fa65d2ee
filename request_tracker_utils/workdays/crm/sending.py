"""Sends many workdays at once: threads, attempts with growing pauses, and when a run ends early. It knows neither the database nor HTTP.

Threads take workdays that are ready; one that has to wait for its next attempt occupies no thread and holds up no other. The caller's
thread claims more before the others run out of work, and records results in groups while they send.
"""

import heapq
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Condition
from typing import Generic, TypeVar

from request_tracker_utils.core.outbox import InContext
from request_tracker_utils.workdays.crm.client import Sent
from request_tracker_utils.workdays.crm.responses import CrmDenied, CrmError, CrmFailedForNow, CrmRejected, CrmUnreachable

T = TypeVar("T")

WORKERS = 16
"""Requests at a time."""
UNREACHED_IN_ROW = 10
"""Requests without any answer, one after the other, that end a run: the CRM is down."""
AT_MOST_UNREACHED = 20
"""Requests that are made before it is certain that the CRM is down: some are running when the tenth fails."""
FAILED_IN_ROW = 100
"""Requests that the CRM has not accepted for now, one after the other, that end a run: an error page for everything, for example."""
PAUSES = (2.0, 8.0, 30.0)
"""Seconds before the second attempt, the third, and each further one."""
LONGEST_PAUSE = timedelta(minutes=1)
"""If the CRM asks for a longer one, the run ends, and what is left waits that long."""
GROUP = 100
"""Results that are recorded together."""
SOON = 0.5
"""Seconds after which fewer results are recorded."""


@dataclass
class Work(Generic[T]):
    """A workday of a run."""

    item: T
    begins_before: float
    """By `time.monotonic`: no attempt begins after it, since the claim may end before the attempt does."""
    attempts: int = 0
    last: Sent | None = None
    """How the last attempt ended."""


@dataclass
class _State(Generic[T]):
    """Shared by the threads of a run, under `changed`."""

    changed: Condition = field(default_factory=Condition)
    ready: deque[Work[T]] = field(default_factory=deque)
    waiting: list[tuple[float, int, Work[T]]] = field(default_factory=list)
    """A heap by time and number."""
    ended: list[Work[T]] = field(default_factory=list)
    """Not recorded yet."""
    running: int = 0
    unreached: int = 0
    failed: int = 0
    """In a row."""
    paused_until: float = 0.0
    stopped: CrmError | None = None
    """Why the run ends early."""
    broken: BaseException | None = None
    is_closed: bool = False
    numbered: int = 0


class Sending(Generic[T]):
    """One run. `send` is called by several threads at once; `attempts` is how many each workday has. `in_context` wraps what runs in
    another thread; `stopping` says whether the run has to end, since the process is shutting down or its time is up."""

    def __init__(
        self,
        send: Callable[[T], Sent],
        *,
        attempts: int,
        in_context: InContext = lambda call: call,
        stopping: Callable[[], bool] = lambda: False,
        workers: int = WORKERS,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._send, self._attempts, self._in_context, self._stopping = send, attempts, in_context, stopping
        self._workers, self._pauses = workers, pauses
        self._state = _State[T]()

    @property
    def stopped(self) -> CrmError | None:
        """Why the run has ended early."""
        return self._state.stopped

    def run(self, claim: Callable[[], Sequence[Work[T]]], record: Callable[[Sequence[Work[T]]], None]) -> None:
        """Until `claim` returns nothing and everything is recorded, or the run ends early. `record` also gets what was not tried."""
        state, has_more = self._state, True
        with ThreadPoolExecutor(self._workers, thread_name_prefix="crm") as pool:
            threads = [pool.submit(self._in_context(self._work)) for _ in range(self._workers)]
            try:
                while True:
                    if has_more and self._wants_more():
                        claimed = claim()
                        has_more = bool(claimed)
                        self._add(claimed)
                    if ended := self._take_ended(has_more):
                        record(ended)
                    elif not has_more and self._is_idle():
                        break
                    if self._stopping() or state.stopped or state.broken:
                        has_more = False
                        self._give_up()
            finally:
                with state.changed:
                    state.is_closed = True
                    state.changed.notify_all()
        for thread in threads:
            thread.result()
        if state.broken is not None:
            raise state.broken

    # The caller's thread

    def _wants_more(self) -> bool:
        state = self._state
        with state.changed:
            return len(state.ready) < 2 * self._workers and state.stopped is None and state.broken is None and not self._stopping()

    def _add(self, claimed: Sequence[Work[T]]) -> None:
        with self._state.changed:
            self._state.ready.extend(claimed)
            self._state.changed.notify_all()

    def _take_ended(self, has_more: bool) -> list[Work[T]]:
        """Waits for a group of results, or for less if little is left; returns at once if more has to be claimed."""
        state = self._state
        with state.changed:

            def enough() -> bool:
                starving = has_more and len(state.ready) < 2 * self._workers
                return (
                    len(state.ended) >= GROUP or starving or self._nothing_left() or state.stopped is not None or state.broken is not None
                )

            state.changed.wait_for(enough, timeout=SOON)
            ended, state.ended = state.ended, []
            return ended

    def _is_idle(self) -> bool:
        with self._state.changed:
            return self._nothing_left() and not self._state.ended

    def _nothing_left(self) -> bool:
        state = self._state
        return not (state.ready or state.waiting or state.running)

    def _give_up(self) -> None:
        """Begins nothing more. Attempts that are running end by themselves."""
        state = self._state
        with state.changed:
            state.ended += [*state.ready, *(work for _at, _number, work in state.waiting)]
            state.ready.clear()
            state.waiting.clear()
            state.changed.notify_all()

    # The other threads

    def _work(self) -> None:
        while (work := self._next()) is not None:
            try:
                sent = self._send(work.item)
            except BaseException as error:  # noqa: BLE001 — raised in the caller's thread
                with self._state.changed:
                    self._state.broken = self._state.broken or error
                    self._state.running -= 1
                    self._state.changed.notify_all()
                return
            with self._state.changed:
                self._state.running -= 1
                self._note(work, sent)
                self._state.changed.notify_all()

    def _next(self) -> Work[T] | None:
        state = self._state
        with state.changed:
            while not state.is_closed and state.broken is None:
                now = time.monotonic()
                while state.waiting and state.waiting[0][0] <= now:
                    state.ready.append(heapq.heappop(state.waiting)[2])
                may_begin = state.stopped is None and now >= state.paused_until and state.unreached + state.running < AT_MOST_UNREACHED
                while may_begin and state.ready:
                    work = state.ready.popleft()
                    if now < work.begins_before and not self._stopping():
                        state.running += 1
                        return work
                    state.ended.append(work)
                    state.changed.notify_all()
                state.changed.wait(self._until_next(now))
            return None

    def _until_next(self, now: float) -> float | None:
        """Seconds until this thread has to look again without being notified."""
        state = self._state
        times = [state.paused_until] if state.ready and state.paused_until > now else []
        if state.waiting:
            times.append(max(state.waiting[0][0], state.paused_until))
        return max(min(times) - now, 0.001) if times else None

    def _note(self, work: Work[T], sent: Sent) -> None:
        """What an attempt means for the workday, and for the run."""
        state, error = self._state, sent.error
        work.attempts += 1
        work.last = sent
        silent = isinstance(error, CrmUnreachable) or (isinstance(error, CrmFailedForNow) and not error.answered)
        temporary = silent or isinstance(error, CrmFailedForNow)
        state.unreached = state.unreached + 1 if silent else 0
        state.failed = state.failed + 1 if temporary else 0
        pause = self._pauses[min(work.attempts, len(self._pauses)) - 1]
        if isinstance(error, CrmFailedForNow) and error.retry_after is not None:
            wanted = error.retry_after.total_seconds()
            if error.retry_after > LONGEST_PAUSE:
                state.stopped = state.stopped or error
            else:
                state.paused_until = max(state.paused_until, time.monotonic() + wanted)
                pause = max(pause, wanted)
        if isinstance(error, CrmDenied) or state.unreached >= UNREACHED_IN_ROW or state.failed >= FAILED_IN_ROW:
            state.stopped = state.stopped or error
        is_final = error is None or isinstance(error, CrmDenied | CrmRejected)
        if is_final or state.stopped or work.attempts >= self._attempts:
            state.ended.append(work)
        else:
            state.numbered += 1
            heapq.heappush(state.waiting, (time.monotonic() + pause, state.numbered, work))
