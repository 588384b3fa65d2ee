"""Rounds: many terminals polled at the same time, in threads of their own, so that one that hangs keeps no other waiting.

A poll needs a database connection only for its short transactions, which all polls of a process share.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.errors import TerminalBusy
from request_tracker_utils.attendance.models import Outcome, Terminal
from request_tracker_utils.attendance.polling import Poller
from request_tracker_utils.attendance.reads import PollResult
from request_tracker_utils.core.clock import SKEW
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.outbox import InContext

MOST_THREADS = 200
STOP_CHECK = 0.2
"""Seconds."""
FAILURES_BEFORE_PAUSE = 3
LONGEST_PAUSE = timedelta(hours=2)
"""Between two scheduled polls of a terminal that fails again and again."""


class Status(StrEnum):
    """How the poll of a terminal ended, as the API names it."""

    SUCCESS = "success"
    FAILED = "failed"
    POLLING = "polling"
    """It has not ended, or another process polls the terminal."""


@dataclass(frozen=True)
class PollOutcome:
    """One terminal of a round. `error` is a sentence, also for a poll that was incomplete."""

    terminal_id: int
    name: str
    status: Status
    result: PollResult | None = None
    error: str | None = None
    code: str | None = None
    last_sync_at: datetime | None = None


@dataclass(frozen=True)
class RoundTerminal:
    """A terminal that a round polls."""

    id: int
    name: str
    last_sync_at: datetime | None


def polled(session: Session) -> list[RoundTerminal]:
    """Terminals that are polled: enabled, with an address. Those that have failed come last."""
    return [_of(each) for each in _polled(session)]


def due(session: Session, *, interval: timedelta, now: datetime) -> list[RoundTerminal]:
    """Terminals that the schedule has to poll now. A terminal's own last poll counts, in whichever process it was."""
    return [_of(each) for each in _polled(session) if is_due(each, interval=interval, now=now)]


def is_due(terminal: Terminal, *, interval: timedelta, now: datetime) -> bool:
    """Whether its interval, or its pause after several failures, has passed."""
    if terminal.last_polled_at is None or terminal.last_polled_at > now + SKEW:
        return True  # the clock of this server was set back
    return now >= terminal.last_polled_at + pause(terminal.failures, interval)


def pause(failures: int, interval: timedelta) -> timedelta:
    """Between two scheduled polls: twice as long with each failure, from the third one on."""
    doublings = min(max(failures - FAILURES_BEFORE_PAUSE + 1, 0), 10)
    return min(interval * (1 << doublings), max(LONGEST_PAUSE, interval))


def poll_all(
    poller: Poller,
    terminals: Sequence[RoundTerminal],
    *,
    in_context: InContext,
    within: float | None = None,
    full: bool = False,
    started_by: str = "",
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[PollOutcome]:
    """Polls them all, and returns each when it has ended. After `within` seconds, and while the process stops, the others are returned as
    `polling`; polls that have begun go on in the background."""
    waiting: queue.SimpleQueue[RoundTerminal] = queue.SimpleQueue()
    ended: queue.SimpleQueue[PollOutcome | Exception] = queue.SimpleQueue()
    for terminal in terminals:
        waiting.put(terminal)

    def work() -> None:
        while not stopping():
            try:
                terminal = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                ended.put(poll_one(poller, terminal, full=full, started_by=started_by))
            except Exception as error:  # noqa: BLE001 — raised in the thread of the round
                ended.put(error)

    run = in_context(work)
    for number in range(min(len(terminals), MOST_THREADS)):
        # A daemon: a poll may be killed at any point, and the end of this process does not wait for a terminal that hangs.
        threading.Thread(target=run, name=f"poll-{number}", daemon=True).start()
    left = {terminal.id: terminal for terminal in terminals}
    ends = None if within is None else time.monotonic() + within
    while left and not stopping() and (ends is None or time.monotonic() < ends):
        try:
            outcome = ended.get(timeout=STOP_CHECK if ends is None else max(min(STOP_CHECK, ends - time.monotonic()), 0))
        except queue.Empty:
            continue
        if isinstance(outcome, Exception):
            raise outcome
        del left[outcome.terminal_id]
        yield outcome
    for terminal in left.values():
        yield PollOutcome(terminal.id, terminal.name, Status.POLLING, last_sync_at=terminal.last_sync_at)


def poll_one(poller: Poller, terminal: RoundTerminal, *, full: bool, started_by: str) -> PollOutcome:
    """Polls one terminal in this thread."""
    try:
        result = poller.poll(terminal.id, full=full, started_by=started_by)
    except TerminalBusy as error:
        return PollOutcome(terminal.id, terminal.name, Status.POLLING, None, error.message, error.code, terminal.last_sync_at)
    except AppError as error:
        return PollOutcome(terminal.id, terminal.name, Status.FAILED, None, error.message, error.code, terminal.last_sync_at)
    status = Status.FAILED if result.outcome is Outcome.INCOMPLETE else Status.SUCCESS
    now = result.terminal
    return PollOutcome(terminal.id, terminal.name, status, result, now.last_error, result.problem, now.last_sync_at)


def _polled(session: Session) -> Sequence[Terminal]:
    wanted = select(Terminal).where(Terminal.enabled, Terminal.address.is_not(None))
    return session.scalars(wanted.order_by(Terminal.failures, Terminal.name_key, Terminal.id)).all()


def _of(terminal: Terminal) -> RoundTerminal:
    return RoundTerminal(terminal.id, terminal.name, terminal.last_sync_at)
