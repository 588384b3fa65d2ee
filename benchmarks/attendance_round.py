"""A round of 200 terminals of which 20 hang: half of them when they are asked for a session, and half while they are disabled.

The terminals run in a process of their own. Those that answer take 200 ms for each command.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from benchmarks.databases import both
from benchmarks.report import MILLISECONDS, TIMES, Row, say
from request_tracker_utils.attendance import rounds
from request_tracker_utils.attendance.models import Punch
from request_tracker_utils.attendance.polling import Poller
from request_tracker_utils.attendance.reading import TerminalReader
from request_tracker_utils.attendance.rounds import Status
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.tasks.jobs import in_context_of_app
from tests.services.apps import make_app, ready
from tests.services.attendance import added
from tests.services.attendance_logs import terminal_with
from tests.services.attendance_network import attendance_network
from tests.services.attendance_terminal import CONNECT, PREPARE_BUFFER, Faults

if TYPE_CHECKING:
    from tests.services.databases import PostgreSQL, SQLite

TERMINALS, HANGING, RECORDS = 200, 20, 50
DELAY, TIMEOUT, DEADLINE = 0.2, 5.0, 120
MAX_ANSWERING, MAX_ROUND = 5.0, 1.5
ROUNDS = 3


def measure() -> Iterator[Row]:
    for title, server in both():
        found = []
        for number in range(ROUNDS):
            found.append(_round(server))
            say(f"{title}, round {number + 1} of {ROUNDS}: stored within {found[-1][0]:.2f} s, ended after {found[-1][1]:.2f} s")
        stored, ended = (statistics.median(each) for each in zip(*found, strict=True))
        detail = (
            f"{TERMINALS} terminals of which {HANGING} hang, half of them while they are disabled; others take {DELAY * 1e3:.0f} ms for "
            f"each command and have {RECORDS} new records each; median of {ROUNDS} rounds"
        )
        name = f"Until {TERMINALS - HANGING} terminals are stored while {HANGING} hang, {title}"
        yield Row(name, stored * 1e3, MAX_ANSWERING * 1e3, MILLISECONDS, detail, at_least=False)
        detail = f"{ended:.1f} s with a timeout of {TIMEOUT:g} s, the same rounds"
        yield Row(f"The end of this round, vs. the timeout, {title}", ended / TIMEOUT, MAX_ROUND, TIMES, detail, at_least=False)


def _round(server: "SQLite | PostgreSQL") -> tuple[float, float]:
    """Seconds until the last terminal that answers is stored, and until the round ends."""
    with server.fresh() as url, TemporaryDirectory() as folder, _fleet() as ports:
        app = ready(make_app(Path(folder), database_url=url, scheduler="false"))
        reader = TerminalReader()
        with app.app_context():
            for number, port in enumerate(ports):
                added(f"Terminal {number:03}", "127.0.0.1", port=port)
            with reading() as session:
                terminals = rounds.polled(session)
            poller = Poller(reader, lambda _terminal: 0, transaction, utc_now, timeout=TIMEOUT, deadline=DEADLINE, allow_loopback=True)
            started, stored, failed = time.perf_counter(), 0.0, 0
            for outcome in rounds.poll_all(poller, terminals, in_context=in_context_of_app()):
                if outcome.status is Status.SUCCESS:
                    stored = time.perf_counter() - started
                failed += outcome.status is Status.FAILED
            ended = time.perf_counter() - started
            reader.close()
            with reading() as session:
                count = session.scalar(select(func.count()).select_from(Punch))
            db.engine.dispose()
    if (failed, count) != (HANGING, (TERMINALS - HANGING) * RECORDS):
        raise AssertionError(f"{failed} terminals failed, and {count} punches are stored")
    return stored, ended


@contextmanager
def _fleet() -> Iterator[list[int]]:
    """The ports of the terminals."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.attendance_round"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    if process.stdin is None or process.stdout is None:
        raise AssertionError("the terminals have not started")
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(30)


def _serve() -> None:
    """Until standard input ends."""
    with attendance_network() as network:
        ports = []
        for number in range(TERMINALS):
            place = None if number >= HANGING else (CONNECT, PREPARE_BUFFER)[number % 2]
            delay = DELAY if place is None else 0
            terminal = terminal_with(RECORDS, serial_number=f"BENCH{number}", delay=delay, faults=Faults(hang_at=place))
            ports.append(network.add(terminal).port)
        print(json.dumps(ports), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    _serve()
