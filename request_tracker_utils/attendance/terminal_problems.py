"""Problems of terminals: when they begin and when they end. Pages, JSON and alerts all ask here, so that they agree.

Problems are derived from what is stored about a terminal. While it does not answer, its last answer counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from request_tracker_utils.attendance.models import QuarantinedRecord, Terminal, TerminalAlert
from request_tracker_utils.core.clock import is_over

INCOMPLETE = ("count_changed", "lost_tail", "trailing_bytes", "unknown_users")
"""Codes of logs that were not read completely; see `polling.PROBLEMS`."""


class Kind(StrEnum):
    """A problem of a terminal. The values are stored."""

    SILENT = "silent"
    NEARLY_FULL = "nearly_full"
    DRIFT = "drift"
    REPLACED = "replaced"
    SERIAL_TAKEN = "serial_taken"
    UNKNOWN_SIZE = "unknown_size"
    INCOMPLETE = "incomplete"
    QUARANTINED = "quarantined"
    LEFT_DISABLED = "left_disabled"
    PENDING = "pending"


Detail = dict[str, str | int]


@dataclass(frozen=True)
class Limits:
    """When silence, drift and a full memory become problems, and when they end: a little later, so that they do not come and go."""

    silent: timedelta = timedelta(hours=1)
    drift: int = 60
    """Seconds, above which the clock is wrong. It is right again at half of them."""
    nearly_full: int = 90
    """Percent of the memory."""
    nearly_full_until: int = 85


@dataclass(frozen=True)
class Problems:
    """Finds the problems of terminals at one time."""

    limits: Limits
    now: datetime
    already: Mapping[int, set[str]] = field(default_factory=dict)
    """Kinds of the open alerts of each terminal."""
    quarantined: Mapping[int, int] = field(default_factory=dict)
    """Records of each terminal that could not be decoded and that nobody has reviewed."""
    others: Mapping[int, str] = field(default_factory=dict)
    """The name of another terminal that has the serial number which answered at the address of this one."""

    @classmethod
    def load(cls, session: Session, limits: Limits, now: datetime) -> "Problems":
        already: dict[int, set[str]] = {}
        is_open = (TerminalAlert.ended_at.is_(None), TerminalAlert.terminal_id.is_not(None))
        for terminal_id, kind in session.execute(select(TerminalAlert.terminal_id, TerminalAlert.kind).where(*is_open)):
            already.setdefault(terminal_id or 0, set()).add(kind)
        records = select(QuarantinedRecord.terminal_id, func.count()).where(QuarantinedRecord.reviewed_at.is_(None))
        quarantined = dict(session.execute(records.group_by(QuarantinedRecord.terminal_id)).all())
        other = aliased(Terminal)
        same_number = (other.serial_number == Terminal.reported_serial_number) & (other.id != Terminal.id)
        others = dict(session.execute(select(Terminal.id, other.name).join(other, same_number)).all())
        return cls(limits, now, already, quarantined, others)

    def of(self, terminal: Terminal) -> Mapping[Kind, Detail]:
        """With what a message says about each. Disabled terminals have none."""
        if not terminal.enabled:
            return {}
        already = self.already.get(terminal.id, set())
        return {
            **self._without_contact(terminal),
            **self._beyond_limits(terminal, already),
            **self._serial_number(terminal),
            **self._of_last_read(terminal, already),
        }

    def _without_contact(self, terminal: Terminal) -> Mapping[Kind, Detail]:
        """One that is polled is not silent before a poll has failed, however long the interval is."""
        since = terminal.last_contact_at or terminal.created_at
        if not (is_over(since, self.limits.silent, self.now) and (terminal.address is None or terminal.failures > 0)):
            return {}
        minutes = max(int((self.now - since).total_seconds() // 60), 0)
        return {Kind.SILENT: {"minutes": minutes, "error": terminal.last_error or ""}}

    def _beyond_limits(self, terminal: Terminal, already: set[str]) -> Mapping[Kind, Detail]:
        found: dict[Kind, Detail] = {}
        limits, percent, drift = self.limits, used_percent(terminal), terminal.clock_drift or 0
        if percent is not None and percent >= (limits.nearly_full_until if Kind.NEARLY_FULL in already else limits.nearly_full):
            found[Kind.NEARLY_FULL] = {"records": terminal.record_count or 0, "capacity": terminal.capacity or 0, "percent": percent}
        if abs(drift) > (limits.drift // 2 if Kind.DRIFT in already else limits.drift):
            found[Kind.DRIFT] = {"seconds": drift}
        return found

    def _serial_number(self, terminal: Terminal) -> Mapping[Kind, Detail]:
        reported = terminal.reported_serial_number
        if reported is None:
            return {}
        if (other := self.others.get(terminal.id)) is not None:
            return {Kind.SERIAL_TAKEN: {"reported": reported, "other": other}}
        return {Kind.REPLACED: {"number": terminal.serial_number or "–", "reported": reported or "–"}}

    def _of_last_read(self, terminal: Terminal, already: set[str]) -> Mapping[Kind, Detail]:
        """They last while the terminal fails: nothing is known then."""
        found: dict[Kind, Detail] = {}
        codes = {Kind.UNKNOWN_SIZE: ("unknown_size",), Kind.LEFT_DISABLED: ("left_disabled",), Kind.INCOMPLETE: INCOMPLETE}
        for kind, its_codes in codes.items():
            if terminal.last_error_code in its_codes or (terminal.failures > 0 and kind in already):
                found[kind] = {"error": terminal.last_error or ""}
        if records := self.quarantined.get(terminal.id):
            found[Kind.QUARANTINED] = {"records": records}
        return found


def used_percent(terminal: Terminal) -> int | None:
    """How full the memory for records is, rounded down: 90 is shown from 90 % on."""
    if not terminal.capacity or terminal.record_count is None:
        return None
    return terminal.record_count * 100 // terminal.capacity
