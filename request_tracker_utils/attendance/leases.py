"""The lease of a terminal: two pollers at once would corrupt each other's reads, so one poll at a time, in any process.

A poll that dies leaves its lease, which ends after a while. A poll that outlives its lease stores nothing any more.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.errors import PollTakenOver, TerminalBusy, TerminalNotFound, TerminalNotPolled
from request_tracker_utils.attendance.models import Terminal, TerminalPoll
from request_tracker_utils.core.clock import SKEW
from request_tracker_utils.core.db import find_row
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

    def renewed(self, session: Session, now: datetime) -> Terminal:
        """The terminal's row, locked. Raises PollTakenOver."""
        own = select(Terminal).where(Terminal.id == self.terminal.id, Terminal.lease_id == self.id).with_for_update()
        terminal = session.scalar(own)
        if terminal is None:
            raise PollTakenOver(_("The poll took too long. Another one has begun."))
        terminal.leased_until = now + self.duration
        return terminal

    def poll(self, session: Session) -> TerminalPoll | None:
        """The row of this poll; None if the history was deleted."""
        return session.get(TerminalPoll, self.poll_id)


def find_terminal(session: Session, terminal_id: int, **options: Any) -> Terminal:
    """Raises TerminalNotFound. `options` are those of `Session.get`."""
    terminal = find_row(session, Terminal, terminal_id, **options)
    if terminal is None:
        raise TerminalNotFound(_("Terminal %(id)s was not found.", id=terminal_id))
    return terminal


def begin(session: Session, terminal_id: int, *, longest_read: timedelta, full: bool, started_by: str, now: datetime) -> Lease:
    """Raises TerminalNotFound, TerminalNotPolled and TerminalBusy."""
    terminal = find_terminal(session, terminal_id, with_for_update=True)
    if not terminal.enabled:
        raise TerminalNotPolled(_("The terminal %(name)s is disabled. Enable it first.", name=terminal.name))
    if terminal.address is None:
        raise TerminalNotPolled(_("The terminal %(name)s has no address: it pushes its records.", name=terminal.name))
    duration = longest_read + STORING
    lease_id = claim(terminal, duration, now)
    poll = TerminalPoll(terminal_id=terminal_id, started_by=started_by, started_at=now, full=full)
    session.add(poll)
    session.flush()
    terminal.last_polled_at = now
    return Lease(lease_id, terminal, poll.id, duration)


def claim(terminal: Terminal, duration: timedelta, now: datetime) -> str:
    """Nobody else talks to the terminal until the lease ends. `terminal` is locked. Raises TerminalBusy."""
    check_free(terminal, duration, now)
    if terminal.lease_id is not None:
        terminal.fully_read_at = None  # a poll that died may have left the terminal disabled: see polling._needs_full_read
    terminal.lease_id, terminal.leased_until = token_hex(16), now + duration
    return terminal.lease_id


def check_free(terminal: Terminal, duration: timedelta, now: datetime) -> None:
    """Raises TerminalBusy. A lease that ends later than any could comes from a clock that was wrong."""
    if terminal.leased_until is not None and now < terminal.leased_until <= now + duration + SKEW:
        raise TerminalBusy(_("The terminal %(name)s is being polled. Try again in a minute.", name=terminal.name))


def end(terminal: Terminal) -> None:
    """The next poll may begin."""
    terminal.lease_id = terminal.leased_until = None
