"""Lists, searches, histories and the dashboard with a hundred times as many students, devices and history entries, through the app; and
fifty clients who assign one device at the same moment, to two server processes."""

import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import requests
from flask import Flask
from sqlalchemy import func, select

from benchmarks import school
from benchmarks.authentication import ask, call_of
from benchmarks.databases import both
from benchmarks.report import COUNT, TIMES, Row, say
from request_tracker_utils.core.db import db, reading
from request_tracker_utils.core.keyset import Cursor
from request_tracker_utils.students.models import DeviceLog
from request_tracker_utils.students.search import StudentFilter, find_students
from request_tracker_utils.students.visibility import EVERYBODY
from tests.services.apps import make_app, ready, token
from tests.services.installation import Installation

if TYPE_CHECKING:
    from tests.services.databases import PostgreSQL, SQLite

FEW, MANY = 1_000, 100_000
CALLS, ROUNDS = 40, 9
LISTS, DASHBOARD = 2.0, 3.0
CLIENTS = 50
Ask = Callable[["School", random.Random], str]


def measure() -> Iterator[Row]:
    for title, server in both():
        yield from _of_database(title, server)


def _of_database(title: str, server: "SQLite | PostgreSQL") -> Iterator[Row]:
    with _school(server, FEW) as few, _school(server, MANY) as many:
        ratios = {name: _ratio(few, many, ask) for name, ask in ASKED.items()}
    for name, (ratio, short, long) in ratios.items():
        say(f"{title}, {name}: {short * 1e3:.1f} ms → {long * 1e3:.1f} ms, {ratio:.2f} ×")
    how = f"95th percentile of {CALLS} calls in the app, {MANY:,} students, {int(MANY * school.DEVICES):,} devices and "
    how += f"{MANY * school.LOGS:,} history entries vs. {FEW:,}; median of {ROUNDS} rounds"
    ratio, short, long = ratios.pop("dashboard")
    detail = f"{long * 1e3:.1f} ms vs. {short * 1e3:.1f} ms, GET /students; {how}"
    yield Row(f"The dashboard with a hundred times as many students, {title}", ratio, DASHBOARD, TIMES, detail, at_least=False)
    worst = max(ratios, key=lambda name: ratios[name][0])
    ratio, short, long = ratios[worst]
    detail = f"{long * 1e3:.1f} ms vs. {short * 1e3:.1f} ms for the slowest of {len(ratios)}, {worst}; {how}"
    yield Row(f"Lists, searches and histories with a hundred times as many, {title}", ratio, LISTS, TIMES, detail, at_least=False)
    yield _at_once(title, server)


class School:
    """An app with this many students, and a client."""

    def __init__(self, app: Flask, students: int) -> None:
        self.students, self.devices = students, int(students * school.DEVICES)
        self._app, self._headers = app, token(app, "staff")
        with app.app_context(), reading() as session:
            middle = find_students(session, StudentFilter(), EVERYBODY, size=50, offset=students // 2)
        self.middle: Cursor | None = middle.next_cursor

    def slowest(self, paths: list[str]) -> float:
        """The 95th percentile, in seconds."""
        seconds = []
        for path in paths:
            call = call_of(path, **self._headers)
            started = time.perf_counter()
            ask(self._app, call)
            seconds.append(time.perf_counter() - started)
        return statistics.quantiles(seconds, n=20)[18]


def _both_names(number: int) -> str:
    return f"{school.first_name(number)}+{school.last_name(number)[:3]}"


ASKED: dict[str, Ask] = {
    "first page": lambda *_: "/api/students?page_size=50",
    "a page in the middle": lambda it, _: f"/api/students?page_size=50&page=3&after={it.middle}",
    "one grade": lambda _, chance: f"/api/students?page_size=50&grade={chance.choice(school.GRADES)}",
    "pending of three grades": lambda *_: "/api/students?page_size=50&status=pending&grade=9,10,11",
    "devices available": lambda *_: "/api/devices?page_size=50&status=available",
    "last name": lambda it, chance: f"/api/students?page_size=50&search={school.last_name(chance.randrange(it.students))[:5]}",
    "both names": lambda it, chance: f"/api/students?page_size=50&search={_both_names(chance.randrange(it.students))}",
    "number": lambda it, chance: f"/api/students?page_size=50&search={school.student_id(chance.randrange(it.students))[:5]}",
    "tag": lambda it, chance: f"/api/devices?page_size=50&search={school.tag(chance.randrange(it.devices))[:7]}",
    "serial number": lambda it, chance: f"/api/devices?page_size=50&search={school.serial(chance.randrange(it.devices))[:7]}",
    "history": lambda it, chance: f"/api/devices/{school.tag(chance.randrange(it.devices))}/history",
    "dashboard": lambda *_: "/students",
}


def _ratio(few: School, many: School, asked: Ask) -> tuple[float, float, float]:
    """The ratio, and the seconds with few and with many, measured in turn."""
    chance, seconds = random.Random(1), []
    for number in range(ROUNDS + 1):
        paths = {it: [asked(it, chance) for _ in range(CALLS)] for it in (few, many)}
        order = (few, many) if number % 2 else (many, few)
        measured = {it: it.slowest(paths[it]) for it in order}
        seconds.append((measured[few], measured[many]))
    short, long = (statistics.median(each) for each in zip(*seconds[1:], strict=True))
    return statistics.median(long / short for short, long in seconds[1:]), short, long


@contextmanager
def _school(server: "SQLite | PostgreSQL", students: int) -> Iterator[School]:
    with server.fresh() as url, TemporaryDirectory() as folder:
        app = ready(make_app(Path(folder), database_url=url, scheduler="false"))
        started = time.perf_counter()
        school.fill(app, students)
        say(f"{students:,} students created in {time.perf_counter() - started:.0f} s")
        yield School(app, students)
        with app.app_context():
            db.engine.dispose()


def _at_once(title: str, server: "SQLite | PostgreSQL") -> Row:
    """All clients have a connection before they start, spread over two server processes by the system."""
    with server.fresh() as url, TemporaryDirectory() as folder:
        installation = Installation(Path(folder), url, "W12-")
        try:
            school.fill(installation.app, CLIENTS)
            barrier = threading.Barrier(CLIENTS)

            def assign(number: int) -> tuple[int, str]:
                with requests.Session() as session:
                    session.trust_env = False
                    headers = installation.headers
                    address = f"{installation.server.url}/api/students/{school.student_id(number)}/checkin"
                    session.get(f"{installation.server.url}/api/health", timeout=30)
                    barrier.wait(30)
                    answer = session.post(address, json={"asset_tag": school.tag(5)}, headers=headers, timeout=60)
                    return answer.status_code, answer.json().get("error", "")

            with ThreadPoolExecutor(CLIENTS) as pool:
                answers = list(pool.map(assign, range(CLIENTS)))
            with installation.app.app_context(), reading() as session:
                query = select(func.count()).where(DeviceLog.asset_tag == school.tag(5), DeviceLog.notes == "", DeviceLog.origin.is_(None))
                logs = (session.scalar(query) or 0) - sum(each["asset_tag"] == school.tag(5) for each in school.history(CLIENTS))
        finally:
            installation.close()
    refused = answers.count((400, "Device is not available"))
    succeeded = [status for status, _ in answers].count(200)
    detail = f"{succeeded} succeeded and {refused} got “Device is not available” (400); {logs} history entry; two server processes"
    return Row(
        f"{CLIENTS} concurrent assignments of one device, {title}: those that succeeded",
        succeeded if (refused, logs) == (CLIENTS - 1, 1) else 99,
        1,
        COUNT,
        detail,
        at_least=False,
    )
