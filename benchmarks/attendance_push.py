"""Fifty terminals push 10,000 punches a minute while four clients read lists: how long the page of terminals takes meanwhile.

It is compared with the same four clients while nothing is pushed. The terminals run in a process of their own.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TYPE_CHECKING

import requests
from flask import Flask
from sqlalchemy import func, select

from benchmarks.databases import both
from benchmarks.report import TIMES, Row, say
from benchmarks.servers import Served, program
from request_tracker_utils.attendance.models import Punch, Terminal
from request_tracker_utils.core.db import db, reading, transaction
from tests.services.apps import make_app
from tests.services.attendance import added
from tests.services.attendance_push import PushingTerminal, by_http, lines

if TYPE_CHECKING:
    from tests.services.databases import PostgreSQL, SQLite

TERMINALS, PER_MINUTE, BATCH = 50, 10_000, 10
SECONDS, ROUNDS, CLIENTS, PAUSE = 15, 5, 4, 0.1
PAGE = "/terminals"
LISTS = (PAGE, "/punches", "/api/raw-attendance/")
MAX_RATIO = 2.0


@dataclass
class Answers:
    """What the clients got in one round: seconds that the page took, and how many lists were read."""

    page: list[float] = field(default_factory=list)
    lists: int = 0

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.page, n=20)[-1]


def measure() -> Iterator[Row]:
    for title, server in both():
        yield _of_database(title, server)


def _of_database(title: str, server: "SQLite | PostgreSQL") -> Row:
    with server.fresh() as url, TemporaryDirectory() as folder:
        settings = {"database_url": url, "terminal_push": "true", "scheduler": "false"}
        app = make_app(Path(folder), **settings)
        with program(Path(folder), settings) as served:
            _add_terminals(app)
            _during(served, 3)
            idle, busy, pushed = list[Answers](), list[Answers](), 0
            for number in range(ROUNDS):
                idle.append(_during(served, SECONDS))
                with subprocess.Popen(
                    [sys.executable, "-m", "benchmarks.attendance_push", json.dumps([served.url, number])],
                    stdout=subprocess.PIPE,
                    text=True,
                ) as terminals:
                    busy.append(_during(served, SECONDS))
                    out, _error = terminals.communicate(timeout=120)
                if terminals.returncode:
                    raise AssertionError("a terminal was not answered correctly")
                pushed += int(out)
                say(f"{title}, round {number + 1} of {ROUNDS}: 95 % within {busy[-1].p95 * 1e3:.0f} ms vs. {idle[-1].p95 * 1e3:.0f} ms")
            _check(app, pushed)
    ratios = [after.p95 / before.p95 for before, after in zip(idle, busy, strict=True)]
    quiet, loaded = (statistics.median(each.p95 for each in rounds) for rounds in (idle, busy))
    rate, lists = pushed / SECONDS / ROUNDS * 60, sum(each.lists for each in busy)
    detail = (
        f"95 % within {loaded * 1e3:.0f} ms vs. {quiet * 1e3:.0f} ms while nothing is pushed; {rate:,.0f} punches a minute "
        f"from {TERMINALS} terminals, {BATCH} in each upload, all stored; {CLIENTS} clients read {lists} lists, all "
        f"answered with 200; median of {ROUNDS} rounds ({min(ratios):.2f} to {max(ratios):.2f})"
    )
    return Row(
        f"The page of terminals while punches are pushed, vs. idle, {title}", statistics.median(ratios), MAX_RATIO, TIMES, detail, False
    )


def _add_terminals(app: Flask) -> None:
    with app.app_context():
        for number in range(TERMINALS):
            found = added(f"Terminal {number:02}", f"10.0.0.{number + 1}")
            with transaction() as session:
                terminal = session.get_one(Terminal, found.id)
                terminal.serial_number, terminal.push_enabled = f"BENCH{number}", True


def _during(served: Served, seconds: float) -> Answers:
    """What four clients get that read lists for this long, with a short pause after each."""
    found, is_over = Answers(), Event()

    def read(first: int) -> None:
        number = first
        with requests.Session() as session:
            session.trust_env = False
            while not is_over.is_set():
                path = LISTS[number % len(LISTS)]
                started = time.perf_counter()
                answer = session.get(served.url + path, headers=served.headers, timeout=30)
                if answer.status_code != 200:
                    raise AssertionError(f"{path} was answered with {answer.status_code}")
                found.lists += 1
                if path == PAGE:
                    found.page.append(time.perf_counter() - started)
                number += 1
                is_over.wait(PAUSE)

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(read, number) for number in range(CLIENTS)]
        time.sleep(seconds)
        is_over.set()
        for each in clients:
            each.result()
    return found


def _check(app: Flask, pushed: int) -> None:
    with app.app_context():
        with reading() as session:
            stored = session.scalar(select(func.count()).select_from(Punch))
        db.engine.dispose()
    if stored != pushed:
        raise AssertionError(f"{pushed:,} punches were pushed and {stored:,} stored")


def _push(url: str, number: int) -> int:
    """How many punches all terminals have pushed, at their pace and not sooner."""
    each = PER_MINUTE * SECONDS // 60 // TERMINALS
    batches = each // BATCH
    pause = SECONDS / batches

    def push(place: int) -> int:
        terminal = PushingTerminal(by_http(url), f"BENCH{place}", batch=BATCH)
        started = time.monotonic() + pause * place / TERMINALS
        for batch in range(batches):
            time.sleep(max(started + batch * pause - time.monotonic(), 0))
            new = [line.encode() for line in lines(BATCH, first=number * each + batch * BATCH)]
            if not terminal.upload("ATTLOG", new, stamp=str(number * each + (batch + 1) * BATCH)):
                raise AssertionError(f"an upload was answered with {terminal.answers[-1]}")
        return batches * BATCH

    with ThreadPoolExecutor(TERMINALS) as pool:
        return sum(pool.map(push, range(TERMINALS)))


if __name__ == "__main__":
    print(_push(*json.loads(sys.argv[1])))
