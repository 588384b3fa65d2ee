"""Reading a terminal: what it says about itself, its clock, its users, and its log, and whether the log is complete."""

import hashlib
import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import Any

from request_tracker_utils.attendance.decoding import (
    BY_UID,
    Layout,
    Record,
    TerminalUser,
    Undecodable,
    count_days,
    decode_log,
    decode_time,
    decode_users,
    fitting_layouts,
    record_size,
)
from request_tracker_utils.attendance.job_processes import JobProcesses

__all__ = [
    "DeviceInfo",
    "KnownLog",
    "Layout",
    "Log",
    "Reading",
    "Record",
    "Target",
    "TerminalReader",
    "TerminalUser",
    "Transport",
    "Undecodable",
]

TRUSTED_FOR = timedelta(hours=24)  # how long an unchanged number of records is enough to skip the download
LONGEST_TEXTS = {"serial_number": 64, "firmware": 100, "platform": 100, "device_name": 100}
REMEMBERED_LOGS = 300  # a few hundred days each


class Transport(StrEnum):
    """How a terminal is reached."""

    TCP = "tcp"
    UDP = "udp"


@dataclass(frozen=True)
class Target:
    """How to reach one terminal. `address` is the checked IP address; `timeout` is in seconds, for each answer."""

    address: str
    port: int = 4370
    transport: Transport = Transport.TCP
    comm_key: int = field(default=0, repr=False)
    timeout: float = 10
    layout: Layout = Layout.AUTO


@dataclass(frozen=True)
class KnownLog:
    """What the last complete read of this terminal saw: `digest` is the SHA-256 of the log's bytes."""

    records: int
    length: int
    digest: bytes
    verified_at: datetime


@dataclass(frozen=True)
class DeviceInfo:
    """What a terminal says about itself."""

    serial_number: str | None
    firmware: str | None
    platform: str | None
    device_name: str | None
    users: int
    records: int
    capacity: int


@dataclass(frozen=True)
class Log:
    """The records of a terminal in the order of its log: all, or only the new ones (`tail_only`) if the beginning was unchanged.

    `complete` means: the terminal counted the same before and after, and sent exactly that many records. Otherwise `problem` says why not:
    `count_changed`, `lost_tail`, `trailing_bytes`, `unknown_size` (then `raw` is the log as it came), `unknown_users` (the table of users,
    without which these records have no user IDs, did not fit its own count). `by_day` counts the records of the whole log.
    `layout` is how it was decoded: once a log was complete, it can be set for the terminal, so that nothing is derived from counts again.
    """

    records: Sequence[Record]
    undecodable: list[Undecodable]
    complete: bool
    problem: str | None
    tail_only: bool
    total: int
    known: KnownLog | None
    raw: bytes | None
    by_day: dict[date, int]
    layout: Layout | None = None


@dataclass(frozen=True)
class Reading:
    """One read of a terminal. `log` is None if the number of records was unchanged, so that nothing was downloaded."""

    info: DeviceInfo
    clock: datetime | None
    clock_read_at: datetime
    users: tuple[TerminalUser, ...] | None
    log: Log | None
    left_disabled: bool = False


class TerminalReader:
    """Reads terminals, any number of them at the same time; one instance per process."""

    def __init__(self) -> None:
        self._processes = JobProcesses()
        # Days of complete logs by digest, so that the records before a tail need not be counted each time.
        self._days: dict[bytes, dict[date, int]] = {}

    def read(
        self, target: Target, *, deadline: float, known: KnownLog | None = None, full: bool = False, with_users: bool = True
    ) -> Reading:
        """Read a terminal within `deadline` seconds. The log is skipped if it has as many records as the `known` one, unless `full`."""
        now = datetime.now(UTC)
        trusted = known is not None and not full and known.verified_at <= now < known.verified_at + TRUSTED_FOR
        job = _job(target, "read") | {"known_records": known.records if known and trusted else None, "with_users": with_users}
        answer = self._processes.run(job, deadline)
        values, (user_table, log_table) = answer.values, answer.tables
        read_at = datetime.fromtimestamp(values["clock_read_at"], UTC)
        users = decode_users(user_table, values["users"]) if "users" in values else None
        return Reading(
            info=_info(values),
            clock=None if values["clock"] is None else decode_time(values["clock"]),
            clock_read_at=read_at,
            users=users,
            log=self._log(target.layout, values, log_table, users, known, full=full, read_at=read_at) if "after" in values else None,
            left_disabled=values.get("left_disabled", False),
        )

    def info(self, target: Target, *, deadline: float) -> DeviceInfo:
        """What the terminal says about itself."""
        return _info(self._processes.run(_job(target, "info"), deadline).values)

    def set_clock(self, target: Target, *, deadline: float, local_time: datetime) -> None:
        """Set the clock of the terminal to this time of its own zone."""
        months = (local_time.year - 2000) * 12 + local_time.month - 1
        seconds = (local_time.hour * 60 + local_time.minute) * 60 + local_time.second
        encoded = (months * 31 + local_time.day - 1) * 24 * 60 * 60 + seconds
        self._processes.run(_job(target, "set_clock") | {"time": encoded}, deadline)

    def close(self) -> None:
        """End the process that reads; reads that have begun go on there, so that they enable their terminals."""
        self._processes.close()

    def _log(
        self,
        layout: Layout,
        values: dict[str, Any],
        table: bytearray,
        users: tuple[TerminalUser, ...] | None,
        known: KnownLog | None,
        *,
        full: bool,
        read_at: datetime,
    ) -> Log:
        before, after = values["before"]["records"], values["after"]["records"]
        announced = struct.unpack_from("<I", table)[0] if len(table) >= 4 else 0
        log = memoryview(table)[4:]
        if before == after == 0 and not log:
            return Log([], [], True, None, False, 0, KnownLog(0, 0, hashlib.sha256().digest(), read_at), None, {})
        problem = _problem(before, after, announced, len(log))
        fitting = fitting_layouts(layout, announced, min(before, after), max(before, after))
        if len(fitting) != 1:
            # Guessing a layout would invent people and times.
            raw = None if problem == "count_changed" else bytes(log)
            return Log([], [], False, problem or "unknown_size", False, after, None, raw, {})
        fits = fitting[0]
        if fits in BY_UID and users is None:
            return Log([], [], False, problem or "unknown_users", False, after, None, None, {})
        size = record_size(fits)
        log = log[: min(len(log), announced) // size * size]
        prefix = known.length if known and not full and known.length <= len(log) and known.length == known.records * size else 0
        digest = hashlib.sha256(log[:prefix])
        if known is None or digest.digest() != known.digest:
            prefix, digest = 0, hashlib.sha256()
        decoded = decode_log(log[prefix:], fits, users or (), prefix // size)
        digest.update(log[prefix:])
        days_before = self._days.get(known.digest) if known else None
        by_day = Counter(decoded.by_day)
        if prefix:
            by_day.update(count_days(log[:prefix], fits) if days_before is None else days_before)
        verified = None if problem else KnownLog(len(log) // size, len(log), digest.digest(), read_at)
        if verified:
            self._days[verified.digest] = by_day
            for oldest in list(self._days)[:-REMEMBERED_LOGS]:
                self._days.pop(oldest, None)
        return Log(decoded.records, decoded.undecodable, not problem, problem, prefix > 0, len(log) // size, verified, None, by_day, fits)


def _job(target: Target, action: str) -> dict[str, Any]:
    return {
        "action": action,
        "address": str(ip_address(target.address)),  # never a name, which might lead elsewhere than it did when it was checked
        "port": target.port,
        "udp": target.transport is Transport.UDP,
        "comm_key": target.comm_key,
        "timeout": target.timeout,
    }


def _info(values: dict[str, Any]) -> DeviceInfo:
    """Whatever answers: what is longer than in any terminal is cut, so that it can be stored."""
    texts = {name: values[name] and values[name][:length] for name, length in LONGEST_TEXTS.items()}
    return DeviceInfo(**texts, **(values.get("after") or values["before"]))


def _problem(before: int, after: int, announced: int, received: int) -> str | None:
    if before != after:
        return "count_changed"
    if received < announced or not announced:
        return "lost_tail"
    return "trailing_bytes" if received > announced else None
