"""The answer to a terminal that introduces itself: what to send, from where on, and its time zone.

Terminals set their clocks from the header `Date` and the offset of their zone. The offset changes twice a year, but a terminal asks for it
only when it starts; so one that was answered another offset than today's is asked to introduce itself again (`CHECK`).
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import PushStamp, Terminal
from request_tracker_utils.core.clock import is_over

ATTLOG, OPERLOG = "ATTLOG", "OPERLOG"
OFFSET = "TimeZone"
"""Where the offset that was answered last is stored among the stamps."""
COUNTS = "Counts"
"""Where the number of records that the terminal has reported last is stored among the stamps, with the time of the report."""
NOTHING = "0"
"""The stamp that makes a terminal send everything."""
NAMES_SINCE = (2, 2)
"""Older versions of the protocol expect a digit per kind of upload."""
ASK_AGAIN = timedelta(hours=1)
COUNTED_AGAIN = timedelta(days=1)
"""A terminal that reports counts does so when it introduces itself."""
HOUR = 60
_STAMP = re.compile(r"[A-Za-z0-9._:-]{1,60}")


def handshake(session: Session, terminal: Terminal, *, version: str | None, now: datetime) -> str:
    """Lines for the terminal. The offset of its zone is remembered."""
    stamps = {each: stamp.stamp if (stamp := session.get(PushStamp, (terminal.id, each))) else NOTHING for each in (ATTLOG, OPERLOG)}
    offset = zone_offset(terminal.timezone, now)
    remember(session, terminal.id, OFFSET, str(offset), now)
    return "".join(f"{line}\n" for line in _lines(terminal.serial_number or "", stamps, offset, version))


def is_outdated(session: Session, terminal: Terminal, now: datetime) -> bool:
    """Whether the terminal was answered another offset than today's, and was not asked within ASK_AGAIN to introduce itself again; or
    whether its counts are of yesterday."""
    counted = session.get(PushStamp, (terminal.id, COUNTS))
    if counted is not None and is_over(counted.received_at, COUNTED_AGAIN, now):
        return True
    answered = session.get(PushStamp, (terminal.id, OFFSET))
    if answered is None or answered.stamp == str(zone_offset(terminal.timezone, now)):
        return False
    return is_over(answered.received_at, ASK_AGAIN, now)


def check(session: Session, terminal: Terminal, now: datetime) -> str:
    """The command with which the terminal is asked to introduce itself again."""
    for content in (OFFSET, COUNTS):
        if (stamp := session.get(PushStamp, (terminal.id, content))) is not None:
            stamp.received_at = now
    return f"C:{int(now.timestamp())}:CHECK"


def remember(session: Session, terminal_id: int, content: str, stamp: str, now: datetime) -> None:
    """Stores the stamp of an upload. One that no terminal sends is ignored, since it goes back as a line of text."""
    if _STAMP.fullmatch(stamp):
        session.merge(PushStamp(terminal_id=terminal_id, content=content, stamp=stamp, received_at=now))


def forget_stamps(session: Session, terminal_id: int) -> None:
    """The terminal is asked for everything: it is another one, with a log of its own."""
    session.execute(delete(PushStamp).where(PushStamp.terminal_id == terminal_id))


def zone_offset(timezone: str, now: datetime) -> int:
    """The offset from UTC as terminals read it: hours, or minutes beyond an hour if it has a fraction or more than 12 hours."""
    minutes = round((now.astimezone(ZoneInfo(timezone)).utcoffset() or timedelta(0)) / timedelta(minutes=1))
    hours, fraction = divmod(minutes, HOUR)
    return minutes if fraction or abs(hours) > 12 else hours


def _lines(serial_number: str, stamps: Mapping[str, str], offset: int, version: str | None) -> list[str]:
    kinds = "TransData AttLog\tOpLog\tEnrollUser\tChgUser" if _parsed(version) >= NAMES_SINCE else "1100101000"
    return [
        f"GET OPTION FROM: {serial_number}",
        f"ATTLOGStamp={stamps[ATTLOG]}",
        f"OPERLOGStamp={stamps[OPERLOG]}",
        f"Stamp={stamps[ATTLOG]}",  # old models
        f"OpStamp={stamps[OPERLOG]}",
        "ErrorDelay=30",
        "Delay=10",
        "TransTimes=00:00;14:00",
        "TransInterval=1",
        f"TransFlag={kinds}",
        f"TimeZone={offset}",
        "Realtime=1",
        "Encrypt=0",
        "PushOptionsFlag=1",  # asks for the table of options, with counts
        "ServerVer=2.2.14",
    ]


def _parsed(version: str | None) -> tuple[int, ...]:
    numbers = re.match(r"(\d{1,4})\.(\d{1,4})", version or "", re.ASCII)
    return tuple(map(int, numbers.groups())) if numbers else ()
