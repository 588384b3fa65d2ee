"""What a terminal that only pushes says about itself: how many records and users it has, how many records fit, and its model.

It says so in the parameter `INFO` when it asks for commands, and in the table `options` after it has introduced itself. A terminal that is
polled as well is asked directly, so what it pushes about itself is ignored.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import Terminal
from request_tracker_utils.attendance.push import options

OPTIONS = "OPTIONS"
"""The table of an upload, compared without case."""
CAPACITY_UNIT = 10_000
"""Terminals count the records that fit in ten thousands."""
MAX_TEXT = 100
_NUMBER = re.compile(r"\d{1,8}", re.ASCII)
_INFO_FIELDS = 4
"""Firmware, users, fingerprints, records; what follows is about addresses and templates."""


@dataclass(frozen=True)
class Counts:
    """What the terminal has left out is None."""

    records: int | None = None
    capacity: int | None = None
    users: int | None = None
    device_name: str | None = None
    firmware: str | None = None

    def news_for(self, terminal: Terminal) -> dict[str, int | str]:
        """Columns of the terminal that change."""
        if terminal.address is not None:
            return {}
        values = {
            "record_count": self.records,
            "capacity": self.capacity,
            "user_count": self.users,
            "device_name": self.device_name,
            "firmware": self.firmware,
        }
        return {name: value for name, value in values.items() if value is not None and value != getattr(terminal, name)}


def from_info(text: str) -> Counts:
    """The counts in the parameter `INFO`, such as `Ver 8.0.1,143,1,8128,192.168.1.201,10,7`."""
    fields = text.split(",")
    if len(fields) < _INFO_FIELDS:
        return Counts()
    return Counts(_number(fields[3]), None, _number(fields[1]), None, _text(fields[0]))


def from_options(body: bytes) -> Counts:
    """The counts in lines or a list such as `~DeviceName=MB360,TransactionCount=128,~MaxAttLogCount=10,UserCount=143`."""
    given = dict(_pairs(body))
    capacity = _number(given.get("maxattlogcount", ""))
    return Counts(
        records=_number(given.get("transactioncount", "")),
        capacity=capacity * CAPACITY_UNIT if capacity and capacity < CAPACITY_UNIT else capacity or None,
        users=_number(given.get("usercount", "")),
        device_name=_text(given.get("devicename", "")),
        firmware=_text(given.get("fwversion", "")),
    )


def record(session: Session, terminal: Terminal, counts: Counts, now: datetime) -> None:
    """`terminal` is locked. It is asked again after a day."""
    for name, value in counts.news_for(terminal).items():
        setattr(terminal, name, value)
    if terminal.address is None and counts.records is not None:
        options.remember(session, terminal.id, options.COUNTS, str(counts.records), now)


def _pairs(body: bytes) -> Iterator[tuple[str, str]]:
    for pair in re.split(r"[,\t\r\n]", body.decode(errors="replace")):
        name, separator, value = pair.partition("=")
        if separator:
            yield name.strip(" ~\0").lower(), value.strip(" \0")


def _number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text := text.strip()) else None


def _text(text: str) -> str | None:
    text = text.strip()
    return text[:MAX_TEXT] if text and text.isascii() and text.isprintable() else None
