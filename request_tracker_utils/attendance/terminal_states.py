"""What state a terminal is in, and its last punch. Counts no punches: the list of terminals is as fast with millions of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import Punch, Terminal

NEARLY_FULL = 0.9
"""Of its memory."""
DRIFTING = 60
"""Seconds by which its clock is off."""


_LAST_PUNCH = (
    select(Punch.terminal_time)
    .where(Punch.terminal_id == Terminal.id, Punch.implausible.is_(None))
    .order_by(Punch.terminal_time.desc())
    .limit(1)
    .correlate(Terminal)
    .scalar_subquery()
)


class TerminalState(StrEnum):
    """The most urgent one of a terminal."""

    DISABLED = "disabled"
    REPLACED = "replaced"
    FAILING = "failing"
    NEW = "new"
    """It has not answered yet."""
    SILENT = "silent"
    NEARLY_FULL = "nearly_full"
    DRIFTING = "drifting"
    WORKING = "working"


URGENT = {TerminalState.REPLACED, TerminalState.FAILING, TerminalState.SILENT}
"""Punches are not arriving."""


@dataclass(frozen=True)
class TerminalRow:
    terminal: Terminal
    state: TerminalState
    last_punch: datetime | None
    """By the terminal's own time, of those that are believed."""

    @property
    def used_percent(self) -> int | None:
        """Of its memory for records."""
        if not self.terminal.capacity or self.terminal.record_count is None:
            return None
        return min(100, round(100 * self.terminal.record_count / self.terminal.capacity))


def state_of(terminal: Terminal, now: datetime, *, silent_after: timedelta) -> TerminalState:
    """Silent is a terminal that has neither answered nor pushed for so long."""
    checks = (
        (not terminal.enabled, TerminalState.DISABLED),
        (terminal.replaced_at is not None, TerminalState.REPLACED),
        (terminal.failures > 0, TerminalState.FAILING),
        (terminal.last_contact_at is None, TerminalState.NEW),
        (terminal.last_contact_at is not None and now - terminal.last_contact_at > silent_after, TerminalState.SILENT),
        (_is_nearly_full(terminal), TerminalState.NEARLY_FULL),
        (abs(terminal.clock_drift or 0) >= DRIFTING, TerminalState.DRIFTING),
    )
    return next((state for applies, state in checks if applies), TerminalState.WORKING)


def terminal_rows(session: Session, now: datetime, *, silent_after: timedelta) -> list[TerminalRow]:
    """All terminals, by name."""
    found = session.execute(select(Terminal, _LAST_PUNCH).order_by(Terminal.name_key, Terminal.id))
    return [TerminalRow(terminal, state_of(terminal, now, silent_after=silent_after), last_punch) for terminal, last_punch in found]


def terminal_row(session: Session, terminal: Terminal, now: datetime, *, silent_after: timedelta) -> TerminalRow:
    last_punch = session.scalar(select(_LAST_PUNCH).where(Terminal.id == terminal.id))
    return TerminalRow(terminal, state_of(terminal, now, silent_after=silent_after), last_punch)


def _is_nearly_full(terminal: Terminal) -> bool:
    return bool(terminal.capacity) and (terminal.record_count or 0) >= NEARLY_FULL * (terminal.capacity or 0)
