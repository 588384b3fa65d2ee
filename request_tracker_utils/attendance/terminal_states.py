"""What state a terminal is in, and its last punch. Counts no punches: the list of terminals is as fast with millions of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import Punch, Terminal
from request_tracker_utils.attendance.terminal_problems import Detail, Kind, Limits, Problems, used_percent

_LAST_PUNCH = (
    select(Punch.terminal_time)
    .where(Punch.terminal_id == Terminal.id, Punch.implausible.is_(None))
    .order_by(Punch.terminal_time.desc())
    .limit(1)
    .correlate(Terminal)
    .scalar_subquery()
)


class TerminalState(StrEnum):
    """The most urgent one of a terminal, in this order."""

    DISABLED = "disabled"
    SERIAL_TAKEN = "serial_taken"
    """Another terminal has the serial number that answers at its address."""
    REPLACED = "replaced"
    LEFT_DISABLED = "left_disabled"
    """Nobody may be able to punch."""
    SILENT = "silent"
    FAILING = "failing"
    NEW = "new"
    """It has not answered yet."""
    UNKNOWN_SIZE = "unknown_size"
    INCOMPLETE = "incomplete"
    QUARANTINED = "quarantined"
    NEARLY_FULL = "nearly_full"
    DRIFTING = "drifting"
    WORKING = "working"


URGENT = {
    TerminalState.SERIAL_TAKEN,
    TerminalState.REPLACED,
    TerminalState.LEFT_DISABLED,
    TerminalState.SILENT,
    TerminalState.FAILING,
    TerminalState.UNKNOWN_SIZE,
}
"""Punches are not arriving."""


@dataclass(frozen=True)
class TerminalRow:
    terminal: Terminal
    state: TerminalState
    last_punch: datetime | None
    """By the terminal's own time, without implausible ones."""
    problems: Mapping[Kind, Detail] = field(default_factory=dict)

    @property
    def used_percent(self) -> int | None:
        """How full its memory for records is."""
        percent = used_percent(self.terminal)
        return None if percent is None else min(100, percent)

    @property
    def is_nearly_full(self) -> bool:
        return Kind.NEARLY_FULL in self.problems

    @property
    def other(self) -> str:
        """The name of the terminal that has the serial number which answers at the address of this one."""
        return str(self.problems.get(Kind.SERIAL_TAKEN, {}).get("other", ""))


def state_of(terminal: Terminal, problems: Mapping[Kind, Detail]) -> TerminalState:
    """`problems` are those of this terminal."""
    states = {
        TerminalState.DISABLED: not terminal.enabled,
        TerminalState.SERIAL_TAKEN: Kind.SERIAL_TAKEN in problems,
        TerminalState.REPLACED: Kind.REPLACED in problems,
        TerminalState.LEFT_DISABLED: Kind.LEFT_DISABLED in problems,
        TerminalState.SILENT: Kind.SILENT in problems,
        TerminalState.FAILING: terminal.failures > 0,
        TerminalState.NEW: terminal.last_contact_at is None,
        TerminalState.UNKNOWN_SIZE: Kind.UNKNOWN_SIZE in problems,
        TerminalState.INCOMPLETE: Kind.INCOMPLETE in problems,
        TerminalState.QUARANTINED: Kind.QUARANTINED in problems,
        TerminalState.NEARLY_FULL: Kind.NEARLY_FULL in problems,
        TerminalState.DRIFTING: Kind.DRIFT in problems,
    }
    return next((state for state, applies in states.items() if applies), TerminalState.WORKING)


def terminal_rows(session: Session, now: datetime, limits: Limits) -> list[TerminalRow]:
    """All terminals, by name."""
    problems = Problems.load(session, limits, now)
    found = session.execute(select(Terminal, _LAST_PUNCH).order_by(Terminal.name_key, Terminal.id))
    return [_row(terminal, last_punch, problems) for terminal, last_punch in found]


def terminal_row(session: Session, terminal: Terminal, now: datetime, limits: Limits) -> TerminalRow:
    session.flush()
    last_punch = session.scalar(select(_LAST_PUNCH).where(Terminal.id == terminal.id))
    return _row(terminal, last_punch, Problems.load(session, limits, now))


def _row(terminal: Terminal, last_punch: datetime | None, problems: Problems) -> TerminalRow:
    found = problems.of(terminal)
    return TerminalRow(terminal, state_of(terminal, found), last_punch, found)
