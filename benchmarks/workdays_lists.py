"""Lists, reports and exports of workdays with a hundred times as many punches: the same people, for longer."""

import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time as time_of_day, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING

from flask import Flask
from sqlalchemy import bindparam, text

from benchmarks.authentication import ask, call_of
from benchmarks.databases import both
from benchmarks.report import TIMES, Row, say
from benchmarks.stock import in_turn, median_ratio
from request_tracker_utils.core.csv import csv_lines
from request_tracker_utils.core.db import Instant, db, reading, transaction
from request_tracker_utils.core.spreadsheets import write_workbook
from request_tracker_utils.web.exports import csv_cells
from request_tracker_utils.workdays.listing import WorkdayFilter
from request_tracker_utils.workdays.shown_workdays import EXPORT_HEADER, export_rows
from tests.services.apps import make_app, ready, token
from tests.services.attendance import added

if TYPE_CHECKING:
    from tests.services.databases import PostgreSQL, SQLite

PEOPLE, TERMINALS = 1_000, 10
FEW, MANY = 10_000, 1_000_000
LAST = date(2026, 3, 6)
"""A Friday."""
CALLS, MAX_RATIO, MAX_MEMORY = 40, 2.0, 1.3
WORKDAYS = "/api/processed-attendance/"
WEEK = f"start_date={LAST - timedelta(days=4)}&end_date={LAST}"

_SERIES = "WITH RECURSIVE series(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM series WHERE i < :people) "
_PEOPLE = (
    "INSERT INTO attendance_people (name, name_key, notes, created_at, updated_at) "
    + _SERIES
    + "SELECT 'Person ' || i, 'person ' || i, '', :now, :now FROM series WHERE i <= :people"
)
_DAY = (
    "INSERT INTO workdays (terminal_id, user_id, date, person_id, timezone, punches, first_at, last_at, window_ends_at, day_kind, "
    "clock_in, clock_out, worked_seconds, is_incomplete, is_outlier, outlier_reason, is_late, is_early, is_half_day, review_state, "
    "content_digest, "
    "revision, attempted_revision, accepted_revision, synced_to_crm, sync_attempts, crm_attempts, created_at, updated_at) "
    + _SERIES
    + "SELECT i % :terminals + 1, CAST(i AS varchar(50)), :day, i, 'UTC', 2, :came, :went, :ends, 'work', :came, :went, 32400, "
    "(i + :number) % 50 = 0, (i + :number) % 30 = 0, CASE WHEN (i + :number) % 30 = 0 THEN 'Clock-in at 05:00' ELSE '' END, "
    "i % 9 = 0, i % 11 = 0, i % 40 = 0, CASE WHEN (i + :number) % 30 = 0 THEN 'open' ELSE 'none' END, 'x', "
    "1, CASE WHEN i % 50 = 1 THEN 0 ELSE 1 END, CASE WHEN i % 50 = 1 THEN NULL ELSE 1 END, i % 50 <> 1, 0, 0, :now, :now FROM series"
)
LISTS: dict[str, Callable[["Attendance", Random], str]] = {
    "first page": lambda *_: WORKDAYS,
    "a page in the middle": lambda it, _: f"{WORKDAYS}?after=0.{it.workdays // 2}",
    "one terminal": lambda _, chance: f"{WORKDAYS}?device={chance.randint(1, TERMINALS)}",
    "one person": lambda _, chance: f"{WORKDAYS}?user_id={chance.randint(1, PEOPLE)}&page_size=5",
    "outliers": lambda *_: f"{WORKDAYS}outliers/",
    "others than outliers": lambda *_: f"{WORKDAYS}?is_outlier=false",
    "unsynced": lambda *_: f"{WORKDAYS}unsynced/",
    "one week": lambda *_: f"{WORKDAYS}?{WEEK}",
    "outliers of one week": lambda *_: f"{WORKDAYS}?{WEEK}&is_outlier=true",
    "since a day": lambda it, _: f"{WORKDAYS}?start_date={it.first + timedelta(days=1)}",
    "stats": lambda *_: f"{WORKDAYS}stats/",
    "page of workdays": lambda *_: "/workdays",
    "page to review": lambda *_: "/workdays?show=review",
    "page of a day": lambda *_: f"/workdays/days/{LAST}",
}
REPORTS: dict[str, Callable[["Attendance", Random], str]] = {
    "report of a week": lambda *_: f"/workdays/reports?by=week&day={LAST}",
    "report as XLSX": lambda *_: f"/workdays/reports/export.xlsx?by=week&day={LAST}",
}
EXPORTS: dict[str, Callable[["Attendance", Random], str]] = {
    "CSV of a day": lambda *_: f"/workdays/workdays.csv?from={LAST}&to={LAST}",
    "XLSX of a day": lambda *_: f"/workdays/export.xlsx?from={LAST}&to={LAST}",
}


def measure() -> Iterator[Row]:
    for title, server in both():
        yield from _of_database(title, server)


class Attendance:
    """An app with this many workdays, and a client."""

    def __init__(self, app: Flask, url: str, workdays: int) -> None:
        self.workdays: int = workdays
        self.first: date = _days(workdays // PEOPLE)[0]
        self.url, self._app, self._headers = url, app, token(app, "staff")

    def slowest(self, paths: list[str]) -> float:
        """The 95th percentile, in seconds."""
        return statistics.quantiles([self._seconds(path) for path in paths], n=20)[18]

    def _seconds(self, path: str) -> float:
        call = call_of(path, **self._headers)
        started = time.perf_counter()
        ask(self._app, call)
        return time.perf_counter() - started


def _of_database(title: str, server: "SQLite | PostgreSQL") -> Iterator[Row]:
    with _filled(server, FEW // 2) as few, _filled(server, MANY // 2) as many:
        yield _compared("Lists", title, few, many, LISTS, CALLS)
        yield _compared("Reports", title, few, many, REPORTS, CALLS // 2)
        yield _compared("Exports", title, few, many, EXPORTS, CALLS // 4)
        for kind in ("csv", "xlsx"):
            less, more = (_peak(kind, each.url) for each in (few, many))
            detail = f"peak of a new process: {more:.0f} MiB for {MANY // 2:,} workdays vs. {less:.0f} MiB for {FEW // 2:,}"
            name = f"Memory of an export of all workdays as {kind.upper()}, {title}"
            yield Row(name, more / less, MAX_MEMORY, TIMES, detail, at_least=False)


def _compared(
    what: str, title: str, few: Attendance, many: Attendance, asked: dict[str, Callable[[Attendance, Random], str]], calls: int
) -> Row:
    ratios: dict[str, tuple[float, str]] = {}
    for name, path in asked.items():
        short, long = in_turn(few, many, lambda it, chance, path=path: it.slowest([path(it, chance) for _ in range(calls)]))
        milliseconds = f"{statistics.median(long) * 1e3:.1f} ms vs. {statistics.median(short) * 1e3:.1f} ms"
        ratios[name] = median_ratio(short, long), milliseconds
        say(f"{title}, {name}: {milliseconds}, {ratios[name][0]:.2f} ×")
    worst = max(ratios, key=lambda name: ratios[name][0])
    detail = (
        f"{ratios[worst][1]} for the slowest of {len(ratios)}, {worst}; 95th percentile of {calls} calls in the app, workdays of {MANY:,} "
        f"punches vs. {FEW:,} of the same {PEOPLE:,} people; median of several rounds"
    )
    name = f"{what} of workdays with a hundred times as many punches, {title}"
    return Row(name, ratios[worst][0], MAX_RATIO, TIMES, detail, at_least=False)


@contextmanager
def _filled(server: "SQLite | PostgreSQL", workdays: int) -> Iterator[Attendance]:
    with server.fresh() as url, _app(url) as app:
        started = time.perf_counter()
        with app.app_context():
            _fill(workdays)
        say(f"{workdays:,} workdays created in {time.perf_counter() - started:.0f} s")
        yield Attendance(app, url, workdays)


@contextmanager
def _app(url: str) -> Iterator[Flask]:
    with TemporaryDirectory() as folder:
        app = ready(make_app(Path(folder), database_url=url, scheduler="false"))
        yield app
        with app.app_context():
            db.engine.dispose()


def _days(count: int) -> list[date]:
    """So many working days, the last one of which is LAST."""
    return [LAST - timedelta(days=number // 5 * 7 + number % 5) for number in reversed(range(count))]


def _fill(workdays: int) -> None:
    for number in range(TERMINALS):
        added(f"Terminal {number}", f"10.0.0.{number + 1}", timezone="UTC")
    times = [bindparam(name, type_=Instant) for name in ("came", "went", "ends", "now")]
    statement, now = text(_DAY).bindparams(*times), datetime(2026, 3, 7, tzinfo=UTC)
    with transaction() as session:
        session.execute(text(_PEOPLE).bindparams(bindparam("now", type_=Instant)), {"people": PEOPLE, "now": now})
        for number, day in enumerate(_days(workdays // PEOPLE)):
            midnight = datetime.combine(day, time_of_day(), UTC)
            values = {"came": midnight + timedelta(hours=8), "went": midnight + timedelta(hours=17), "ends": midnight + timedelta(hours=28)}
            shown = day.isoformat() if session.get_bind().dialect.name == "sqlite" else day
            session.execute(statement, {**values, "now": now, "people": PEOPLE, "terminals": TERMINALS, "day": shown, "number": number})
    if db.engine.dialect.name == "postgresql":  # as autovacuum does; nothing does it for SQLite
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def _peak(kind: str, url: str) -> float:
    """In MiB, of a process that exports all workdays."""
    command = [sys.executable, "-m", "benchmarks.workdays_lists", kind, url]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def _alone(kind: str, url: str) -> None:
    with _app(url) as app, app.app_context(), TemporaryFile() as file:
        rows = export_rows(reading, WorkdayFilter(), datetime(2026, 3, 8, tzinfo=UTC))
        if kind == "xlsx":
            write_workbook(file, "Workdays", EXPORT_HEADER, rows)
        else:
            for line in csv_lines(EXPORT_HEADER, csv_cells(rows)):
                file.write(line.encode())
    # Not getrusage: it includes the memory of the process before it executed this program.
    highest = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    if highest is None:
        raise AssertionError("Linux does not report the peak memory")
    sys.stdout.write(f"{int(highest.group(1)) / 1024}\n")


if __name__ == "__main__":
    _alone(sys.argv[1], sys.argv[2])
