"""The lease of a terminal: two pollers at once would corrupt each other's reads, so one poll at a time, in any process.

A poll that dies leaves its lease, which ends after a while. A poll that outlives its lease stores nothing more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.errors import PollTakenOver, TerminalBusy, TerminalNotFound, TerminalNotPolled
from request_tracker_utils.attendance.models import Terminal, TerminalPoll
from request_tracker_utils.core.clock import SKEW
from request_tracker_utils.core.db import LARGEST_ID, find_row
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.translation import gettext as _

STORING = timedelta(minutes=2)
"""How long a lease lasts beyond the read. It is renewed with each chunk that is stored."""


@dataclass(frozen=True)
class Lease:
    """A poll of a terminal by this process. `terminal` is detached, as it was at the beginning."""

    id: str
    terminal: Terminal
    poll_id: int
    duration: timedelta

    def poll(self, session: Session) -> TerminalPoll | None:
        """The row of this poll; None if the history was deleted."""
        return session.get(TerminalPoll, self.poll_id)


def renewed(session: Session, leases: Sequence[Lease], now: datetime) -> list[Terminal | None]:
    """The terminals' rows, locked; None where the poll took so long that another one has begun."""
    ids = sorted({each.terminal.id for each in leases})
    locked = select(Terminal).where(Terminal.id.in_(ids), Terminal.lease_id.is_not(None)).order_by(Terminal.id).with_for_update()
    by_lease = {row.lease_id: row for row in session.scalars(locked)}
    rows = [by_lease.get(each.id) for each in leases]
    for lease, row in zip(leases, rows, strict=True):
        if row is not None:
            row.leased_until = now + lease.duration
    return rows


def taken_over() -> PollTakenOver:
    return PollTakenOver(_("The poll took too long. Another one has begun."))


def find_terminal(session: Session, terminal_id: int, **options: Any) -> Terminal:
    """Raises TerminalNotFound. `options` are those of `Session.get`."""
    terminal = find_row(session, Terminal, terminal_id, **options)
    if terminal is None:
        raise _not_found(terminal_id)
    return terminal


def _not_found(terminal_id: int) -> TerminalNotFound:
    return TerminalNotFound(_("Terminal %(id)s was not found.", id=terminal_id))


@dataclass(frozen=True)
class Wanted:
    """A poll that somebody wants to begin."""

    terminal_id: int
    full: bool
    started_by: str


def begin(session: Session, wanted: Sequence[Wanted], *, longest_read: timedelta, now: datetime) -> list[Lease | AppError]:
    """A lease for each, or TerminalNotFound, TerminalNotPolled or TerminalBusy."""
    ids = sorted({each.terminal_id for each in wanted if 0 < each.terminal_id <= LARGEST_ID})
    locked = select(Terminal).where(Terminal.id.in_(ids)).order_by(Terminal.id).with_for_update()
    terminals = {row.id: row for row in session.scalars(locked)}
    duration = longest_read + STORING
    begun: list[tuple[Terminal, str, TerminalPoll] | AppError] = []
    for each in wanted:
        try:
            terminal = _polled(terminals.get(each.terminal_id), each.terminal_id)
            lease_id = claim(terminal, duration, now)
        except AppError as error:
            begun.append(error)
            continue
        terminal.last_polled_at = now
        poll = TerminalPoll(terminal_id=terminal.id, started_by=each.started_by, started_at=now, full=each.full)
        session.add(poll)
        begun.append((terminal, lease_id, poll))
    session.flush()
    return [each if isinstance(each, AppError) else Lease(each[1], each[0], each[2].id, duration) for each in begun]


def _polled(terminal: Terminal | None, terminal_id: int) -> Terminal:
    if terminal is None:
        raise _not_found(terminal_id)
    if not terminal.enabled:
        raise TerminalNotPolled(_("The terminal %(name)s is disabled. Enable it first.", name=terminal.name))
    if terminal.address is None:
        raise TerminalNotPolled(_("The terminal %(name)s has no address: it pushes its records.", name=terminal.name))
    return terminal


def claim(terminal: Terminal, duration: timedelta, now: datetime) -> str:
    """Nobody else talks to the terminal until the lease ends. `terminal` is locked. Raises TerminalBusy."""
    check_free(terminal, duration, now)
    revoke(terminal)  # a poll that died may have left the terminal disabled: see polling._needs_full_read
    terminal.lease_id, terminal.leased_until = token_hex(16), now + duration
    return terminal.lease_id


def check_free(terminal: Terminal, duration: timedelta, now: datetime) -> None:
    """Raises TerminalBusy. A lease that ends later than any could comes from a clock that was wrong."""
    if terminal.leased_until is not None and now < terminal.leased_until <= now + duration + SKEW:
        raise TerminalBusy(_("The terminal %(name)s is being polled. Try again in a minute.", name=terminal.name))


def revoke(terminal: Terminal) -> None:
    """A poll that has lost its time stores nothing any more, and the next one reads everything. `terminal` is free; see `check_free`."""
    if terminal.lease_id is not None:
        terminal.fully_read_at = None
        end(terminal)


def end(terminal: Terminal) -> None:
    """The next poll may begin."""
    terminal.lease_id = terminal.leased_until = None
