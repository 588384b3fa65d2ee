"""Terminals for tests, and what they answer."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from request_tracker_utils.attendance import service
from request_tracker_utils.attendance.leases import find_terminal
from request_tracker_utils.attendance.models import Punch, Terminal
from request_tracker_utils.attendance.polling import Poller
from request_tracker_utils.attendance.reading import DeviceInfo, KnownLog, Log, Reading, Record, Target, TerminalUser
from request_tracker_utils.attendance.service import NewTerminal
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction

NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)
"""12:00 in ZONE."""
ZONE = "America/Chicago"
ADA = Actor("ada", user_id=1)
INFO = DeviceInfo("OIN1", "Ver 6.60", "ZMM220", "iFace702", users=2, records=0, capacity=100_000)


def added(name: str = "Main entrance", address: str | None = "10.0.0.50", **values: object) -> Terminal:
    """A terminal in ZONE."""
    new = NewTerminal(name, **{"timezone": ZONE, "address": address, **values})  # type: ignore[arg-type]
    with transaction() as session:
        return service.add(session, new, encrypt=lambda text: f"encrypted {text}", allow_loopback=True, actor=ADA, now=NOW)


def terminal(terminal_id: int) -> Terminal:
    """As it is stored."""
    with reading() as session:
        return find_terminal(session, terminal_id)


def record(user_id: str, time: str, **values: object) -> Record:
    """A record of the terminal's log, with the time as the terminal shows it."""
    return Record(user_id, **{"uid": None, "time": datetime.fromisoformat(time), "status": 1, "punch": 0, **values})  # type: ignore[arg-type]


def log_of(records: Sequence[Record], *, known: KnownLog | None = None, read_at: datetime = NOW) -> Log:
    """A complete log. After `known`, only its tail."""
    encoded = [repr(tuple(each)).encode() for each in records]
    tail = known is not None and 0 < known.records <= len(records) and digest(encoded[: known.records]) == known.digest
    seen = KnownLog(len(records), sum(map(len, encoded)), digest(encoded), read_at)
    by_day = dict(Counter(each.time.date() for each in records))
    new = records[known.records :] if known and tail else records
    return Log(list(new), [], True, None, tail, len(records), seen, None, by_day)


def digest(encoded: Iterable[bytes]) -> bytes:
    return hashlib.sha256(b"".join(encoded)).digest()


@dataclass
class HandMade:
    """A terminal without a network: what a poll reads is set by the test. Instead of an answer, `error` is raised."""

    log: list[Record] = field(default_factory=list)
    info: DeviceInfo = INFO
    users: tuple[TerminalUser, ...] = (TerminalUser(1, "17", "Ada"), TerminalUser(2, "18", "Grace"))
    clock: datetime | None = None
    now: datetime = NOW
    error: Exception | None = None
    left_disabled: bool = False
    changes: dict[str, object] = field(default_factory=dict)
    """Of the log that it answers, such as `complete`."""
    asked: list[tuple[Target, KnownLog | None, bool, bool]] = field(default_factory=list)

    def read(self, target: Target, *, deadline: float, known: KnownLog | None, full: bool, with_users: bool) -> Reading:
        self.asked.append((target, known, full, with_users))
        if self.error is not None:
            raise self.error
        skip = known is not None and not full and known.records == len(self.log)
        log = None if skip else log_of(self.log, known=None if full else known, read_at=self.now)
        log = log and replace(log, **self.changes)  # type: ignore[arg-type]
        info = replace(self.info, records=len(self.log))
        return Reading(info, self.clock, self.now, self.users if with_users else None, log, self.left_disabled)

    def poller(self) -> Poller:
        return Poller(self, lambda _terminal: 0, transaction, lambda: self.now, timeout=10, deadline=120, allow_loopback=True)

    def pass_time(self, **span: int) -> None:
        self.now += timedelta(**span)


def punches(terminal_id: int | None = None) -> list[Punch]:
    """Stored punches, in the order in which they were stored."""
    with reading() as session:
        query = select(Punch).order_by(Punch.id)
        return list(session.scalars(query if terminal_id is None else query.where(Punch.terminal_id == terminal_id)))


def shown(found: Iterable[Punch]) -> list[tuple[str, str, int]]:
    """Who punched when, by the terminal's own time, and in which pass."""
    return [(each.user_id, each.terminal_time.isoformat(" "), each.occurrence) for each in found]
