"""How far the clocks of terminals are off."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import ClockReading, Terminal
from request_tracker_utils.attendance.zones import offsets

CHANGE = 2
"""Seconds by which the drift has to change before another reading is stored: clocks are read with every poll."""
DAILY = timedelta(days=1)


def record(session: Session, terminal: Terminal, terminal_time: datetime, read_at: datetime) -> None:
    """What the terminal's clock has shown. Its history has each change, and a reading of each day."""
    terminal.clock_drift, terminal.clock_read_at = drift(terminal_time, ZoneInfo(terminal.timezone), read_at), read_at
    newest = select(ClockReading).where(ClockReading.terminal_id == terminal.id).order_by(ClockReading.id.desc()).limit(1)
    last = session.scalar(newest)
    if last is None or abs(terminal.clock_drift - last.drift) >= CHANGE or abs(read_at - last.read_at) >= DAILY:
        reading = ClockReading(terminal_id=terminal.id, read_at=read_at, terminal_time=terminal_time, drift=terminal.clock_drift)
        session.add(reading)


def drift(terminal_time: datetime, zone: ZoneInfo, now: datetime) -> int:
    """Seconds by which a terminal's clock is ahead. In a repeated hour, the pass that explains the clock better."""
    drifts = [(terminal_time - offset).replace(tzinfo=UTC) - now for offset in offsets(zone, terminal_time)]
    return round(min(drifts, key=abs).total_seconds())
