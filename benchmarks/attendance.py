"""Reading terminals, compared with pyzk's own client, and storing what they have recorded, compared with a loop through the ORM.

The terminal is a simulated one on loopback. What a poll costs beyond its download is compared with the bare download of our own child
process, which asks for the same commands and decodes nothing: pyzk's is slower, so that a poll would always seem fast beside it.
"""

import hashlib
import json
import re
import statistics
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from flask import Flask
from sqlalchemy import func, select

from benchmarks.databases import both
from benchmarks.report import COUNT, SHARE, TIMES, Row, say
from request_tracker_utils.attendance.job_processes import JobProcesses
from request_tracker_utils.attendance.models import Outcome, Punch, Source, Terminal
from request_tracker_utils.attendance.polling import Poller, Reader
from request_tracker_utils.attendance.reading import DeviceInfo, KnownLog, Layout, Log, Reading, Record, Target, TerminalReader
from request_tracker_utils.attendance.storing import COLUMNS, Receipt, prepare
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, reading, transaction
from tests.services.apps import make_app, ready
from tests.services.attendance import added
from tests.services.attendance_logs import expected, punches, target, terminal_with
from tests.services.attendance_network import AttendanceNetwork, attendance_network
from tests.services.attendance_terminal import SimulatedTerminal

if TYPE_CHECKING:
    from tests.services.databases import PostgreSQL, SQLite

MANY, MOST, NEW, LOOPED = 100_000, 500_000, 1_000, 1_000
READS, POLLS, ROUNDS = 9, 15, 3
SIZE = 40  # bytes of a record
MAX_OF_PYZK, MAX_GROWTH, MAX_MEMORY = 0.06, 5.5, 4.0
MAX_COMMANDS, MAX_OF_DOWNLOAD, MIN_SPEED, MAX_KNOWN = 10, 1.3, 25.0, 1.0
SAMPLED_EVERY = 0.005
DELAYS = (0.0, 0.02)
"""Seconds that a terminal takes for each command."""
INFO = DeviceInfo("BENCH", None, None, None, users=39, records=MANY, capacity=2 * MANY)


def measure() -> Iterator[Row]:
    with attendance_network() as network:
        yield from _reads(network)
        yield _memory(network)
        for title, server in both():
            with _app(server):
                yield from _polls(title, network)
            yield from _storing(title, server)


def _reads(network: AttendanceNetwork) -> Iterator[Row]:
    many, most = (network.add(terminal_with(count, capacity=2 * MOST)) for count in (MANY, MOST))
    reader = TerminalReader()
    try:
        _read(reader, many, MANY)
        ours = [(_read(reader, many, MANY), _read(reader, most, MOST)) for _ in range(READS)]
    finally:
        reader.close()
    by_pyzk = _read_by_pyzk(many)
    fastest, slowest = statistics.median(each[0] for each in ours), statistics.median(each[1] for each in ours)
    detail = f"{fastest:.2f} s, from connecting to the last record, vs. {by_pyzk:.1f} s of get_attendance; median of {READS} reads vs. one"
    yield Row(f"{MANY:,} records read and decoded, vs. pyzk", fastest / by_pyzk, MAX_OF_PYZK, SHARE, detail, at_least=False)
    growth = statistics.median(longer / shorter for shorter, longer in ours)
    detail = f"{slowest:.2f} s vs. {fastest:.2f} s; median of {READS} pairs"
    yield Row(f"{MOST:,} records read and decoded, vs. {MANY:,}", growth, MAX_GROWTH, TIMES, detail, at_least=False)


def _read(reader: TerminalReader, terminal: SimulatedTerminal, count: int) -> float:
    """Seconds until every record is decoded: they are when they are iterated."""
    started = time.perf_counter()
    log = reader.read(target(terminal), deadline=120, full=True, with_users=False).log
    if log is None or not log.complete or len(log.records) != count:
        raise AssertionError(f"not {count:,} records were read")
    deque(log.records, maxlen=0)
    return time.perf_counter() - started


def _read_by_pyzk(terminal: SimulatedTerminal) -> float:
    from zk import ZK

    connection = ZK(terminal.address, terminal.port, timeout=60, ommit_ping=True).connect()
    started = time.perf_counter()
    count = len(connection.get_attendance())
    seconds = time.perf_counter() - started
    connection.disconnect()
    if count != MANY:
        raise AssertionError(f"pyzk read {count:,} records")
    return seconds


def _memory(network: AttendanceNetwork) -> Row:
    few, most = (_peak(network.add(terminal_with(count, capacity=2 * MOST)), count) for count in (1, MOST))
    log = MOST * SIZE / 2**20
    detail = (
        f"{most - few:.0f} MiB more for {MOST:,} records, {log:.0f} MiB, than for one; proportional memory of a new process and of "
        f"those that it starts, sampled every {SAMPLED_EVERY * 1e3:.0f} ms"
    )
    return Row("Memory of reading a log, vs. the log", (most - few) / log, MAX_MEMORY, TIMES, detail, at_least=False)


def _peak(terminal: SimulatedTerminal, count: int) -> float:
    """In MiB, of a process that reads this terminal."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.attendance", json.dumps([terminal.address, terminal.port, count])])
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(map(_proportional, _with_children(process.pid))))
        time.sleep(SAMPLED_EVERY)
    if process.returncode:
        raise AssertionError("the process that reads has failed")
    return peak / 1024


def _with_children(pid: int) -> list[int]:
    with suppress(OSError):
        children = [int(each) for task in Path(f"/proc/{pid}/task").iterdir() for each in (task / "children").read_text().split()]
        return [pid, *(each for child in children for each in _with_children(child))]
    return []


def _proportional(pid: int) -> int:
    with suppress(OSError):
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
        return int(found.group(1)) if found else 0
    return 0


def _polls(title: str, network: AttendanceNetwork) -> Iterator[Row]:
    """A terminal of which everything is known, and then polls with new records, each beside a bare download of the same log."""
    terminal = network.add(terminal_with(MANY, capacity=2 * MANY, serial_number=f"BENCH{title}"))
    found, reader, downloads = added(title, terminal.address, port=terminal.port), TerminalReader(), JobProcesses()
    poller = _poller(reader)
    try:
        _expect(poller, found, Outcome.STORED, MANY)
        terminal.commands.clear()
        before = terminal.downloads
        _expect(poller, found, Outcome.UNCHANGED, 0)
        if terminal.downloads != before:
            raise AssertionError("a poll with nothing new has downloaded something")
        commands = len(terminal.commands)
        detail = f"{MANY:,} known records, no download"
        yield Row(f"Commands of a poll with nothing new, {title}", commands, MAX_COMMANDS, COUNT, detail, at_least=False)
        for terminal.delay in DELAYS:
            first = terminal.records
            ours, bare = list[float](), list[float]()
            for number in range(POLLS):
                terminal.punch(*punches(NEW, first + number * NEW))
                bare.append(timed(lambda: downloads.run(_job(target(terminal)), 60)))
                ours.append(timed(lambda: _expect(poller, found, Outcome.STORED, NEW)))
            yield _beyond_download(title, terminal.delay, ours, bare)
    finally:
        reader.close()
        downloads.close()


def _beyond_download(title: str, delay: float, ours: list[float], bare: list[float]) -> Row:
    ratios = [poll / download for poll, download in zip(ours, bare, strict=True)]
    speed = f"that takes {delay * 1e3:.0f} ms for each command" if delay else "that answers at once"
    detail = (
        f"{statistics.median(ours) * 1e3:.0f} ms, the whole poll, vs. {statistics.median(bare) * 1e3:.0f} ms of a bare download by our "
        f"own child process; median of {len(ours)} polls ({min(ratios):.2f} to {max(ratios):.2f})"
    )
    name = f"A poll with {NEW:,} new records behind {MANY:,} known, of a terminal {speed}, vs. the bare download, {title}"
    return Row(name, statistics.median(ratios), MAX_OF_DOWNLOAD, TIMES, detail, at_least=False)


def _job(found: Target) -> dict[str, Any]:
    where = {"address": found.address, "port": found.port, "udp": False, "comm_key": found.comm_key, "timeout": found.timeout}
    return {"action": "read", **where, "known_records": None, "with_users": False}


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _poller(reader: Reader) -> Poller:
    return Poller(reader, lambda _terminal: 0, transaction, utc_now, timeout=20, deadline=120, allow_loopback=True)


def _expect(poller: Poller, terminal: Terminal, outcome: Outcome, new: int, *, full: bool = False) -> None:
    result = poller.poll(terminal.id, full=full)
    if (result.outcome, result.new_punches) != (outcome, new):
        raise AssertionError(f"the poll has stored {result.new_punches:,} punches: {result.outcome}")


@dataclass(frozen=True)
class Prepared:
    """What a terminal would say, without one."""

    found: Reading

    def read(self, *_args: object, **_options: object) -> Reading:
        return self.found


def _storing(title: str, server: "SQLite | PostgreSQL") -> Iterator[Row]:
    """The loop runs before and after each poll, so that other load on the machine affects both."""
    records = expected(punches(MANY), Layout.BYTES_40)
    ratios, ours, loops, known = list[float](), list[float](), list[float](), list[float]()
    for number in range(ROUNDS):
        with _app(server):
            device, other = added("Device", "10.0.0.1"), added("Other", "10.0.0.2")
            poller = _poller(Prepared(_reading(records)))
            looped = _loop(other, records[:LOOPED])
            ours.append(timed(lambda: _expect(poller, device, Outcome.STORED, MANY)))  # noqa: B023 — called at once
            looped += _loop(other, records[LOOPED : 2 * LOOPED])
            known.append(timed(lambda: _expect(poller, device, Outcome.STORED, 0, full=True)))  # noqa: B023 — likewise
            _check(device)
        loops.append(looped / (2 * LOOPED))
        ratios.append(loops[-1] * MANY / ours[-1])
        say(f"{title}, round {number + 1} of {ROUNDS}: {ours[-1]:.2f} s, {ratios[-1]:.1f} ×, known again {known[-1]:.2f} s")
    detail = (
        f"{MANY / statistics.median(ours):,.0f} punches/s, the whole poll without its reading, vs. {1 / statistics.median(loops):,.0f} "
        f"of a loop that looks each up and inserts it through the ORM, all in one transaction, {2 * LOOPED:,} sampled, half before and "
        f"half after; "
        f"median of {ROUNDS} rounds ({min(ratios):.1f} to {max(ratios):.1f})"
    )
    yield Row(f"{MANY:,} new punches stored, vs. a loop through the ORM, {title}", statistics.median(ratios), MIN_SPEED, TIMES, detail)
    again = statistics.median(after / before for before, after in zip(ours, known, strict=True))
    detail = f"{statistics.median(known):.2f} s vs. {statistics.median(ours):.2f} s; median of {ROUNDS} rounds"
    yield Row(f"{MANY:,} known punches offered again, vs. new ones, {title}", again, MAX_KNOWN, TIMES, detail, at_least=False)


def _reading(records: Sequence[Record]) -> Reading:
    now, by_day = utc_now(), dict(Counter(each.time.date() for each in records))
    known = KnownLog(len(records), len(records) * SIZE, hashlib.sha256().digest(), now)
    log = Log(records, [], True, None, False, len(records), known, None, by_day, Layout.BYTES_40)
    return Reading(INFO, None, now, None, log)


def _loop(terminal: Terminal, records: Sequence[Record]) -> float:
    """Seconds that a loop takes to store these records."""
    receipt = Receipt.of(terminal, Source.POLL, utc_now())
    shared = {
        "terminal_id": receipt.terminal_id,
        "timezone": receipt.timezone,
        "source": receipt.source,
        "received_at": receipt.received_at,
    }
    days = {each.time.date() for each in records}
    started = time.perf_counter()
    with transaction() as session:
        for row in prepare(session, receipt, records, days=days, follows=False).rows(records):
            values = dict(zip(COLUMNS, row, strict=True))
            unique = ("user_id", "terminal_time", "occurrence")
            same = select(Punch).where(Punch.terminal_id == terminal.id, *(getattr(Punch, name) == values[name] for name in unique))
            if session.scalar(same) is None:
                session.add(Punch(**values, **shared))
    return time.perf_counter() - started


def _check(terminal: Terminal) -> None:
    with reading() as session:
        stored = session.scalar(select(func.count()).where(Punch.terminal_id == terminal.id))
    if stored != MANY:
        raise AssertionError(f"{stored:,} punches are stored")


@contextmanager
def _app(server: "SQLite | PostgreSQL") -> Iterator[Flask]:
    with server.fresh() as url, TemporaryDirectory() as folder:
        app = ready(make_app(Path(folder), database_url=url, scheduler="false"))
        with app.app_context():
            yield app
            db.engine.dispose()


def _alone(address: str, port: int, count: int) -> None:
    reader = TerminalReader()
    log = reader.read(Target(address, port, timeout=20), deadline=120, full=True, with_users=False).log
    if log is None or sum(1 for _ in log.records) != count:
        raise AssertionError(f"not {count:,} records were read")
    time.sleep(5 * SAMPLED_EVERY)  # what is kept afterwards is sampled too
    reader.close()


if __name__ == "__main__":
    _alone(*json.loads(sys.argv[1]))
