"""How far the clocks of terminals are off."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import ClockReading, Terminal
from request_tracker_utils.attendance.zones import offsets

CHANGE = 2
"""Seconds by which the drift has to change before another reading is stored: clocks are read with every poll."""
DAILY = timedelta(days=1)
LARGEST = 2**31 - 1
"""Seconds of a drift that is stored: 68 years. A damaged clock may show the year 2100."""


@dataclass(frozen=True)
class Shown:
    """What a terminal's clock has shown, and when."""

    terminal: Terminal
    terminal_time: datetime
    read_at: datetime


def record(session: Session, clocks: Sequence[Shown]) -> None:
    """The history of a clock has each change, and a reading of each day."""
    ids = [each.terminal.id for each in clocks]
    newest = select(func.max(ClockReading.id)).where(ClockReading.terminal_id.in_(ids)).group_by(ClockReading.terminal_id)
    latest = {row.terminal_id: row for row in session.scalars(select(ClockReading).where(ClockReading.id.in_(newest)))} if ids else {}
    for each in clocks:
        terminal, now = each.terminal, drift(each.terminal_time, ZoneInfo(each.terminal.timezone), each.read_at)
        terminal.clock_drift, terminal.clock_read_at = now, each.read_at
        last = latest.get(terminal.id)
        if last is None or abs(now - last.drift) >= CHANGE or abs(each.read_at - last.read_at) >= DAILY:
            session.add(ClockReading(terminal_id=terminal.id, read_at=each.read_at, terminal_time=each.terminal_time, drift=now))


def drift(terminal_time: datetime, zone: ZoneInfo, now: datetime) -> int:
    """Seconds by which a terminal's clock is ahead. In a repeated hour, the pass that explains the clock better."""
    drifts = [(terminal_time - offset).replace(tzinfo=UTC) - now for offset in offsets(zone, terminal_time)]
    seconds = round(min(drifts, key=abs).total_seconds())
    return max(-LARGEST, min(seconds, LARGEST))
