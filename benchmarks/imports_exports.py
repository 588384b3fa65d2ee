"""Imports and exports of a school: an import against a loop over rows, its checks, its peak memory, and the first byte of an export."""

import csv
import io
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from flask import Flask, g
from sqlalchemy import select, text

from benchmarks.databases import both
from benchmarks.report import SHARE, TIMES, Row, say
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.imports import parsing, service, stored_rows
from request_tracker_utils.imports.identifiers import LeadingZeros
from request_tracker_utils.imports.models import ImportFile, ImportState
from request_tracker_utils.imports.remarks import Remarks
from request_tracker_utils.imports.uploads import inspected
from request_tracker_utils.imports.waiting import Quota
from request_tracker_utils.rosters import student_import
from request_tracker_utils.rosters.export import BATCH, LOGS, export_rows
from request_tracker_utils.rosters.student_import import StudentRows
from request_tracker_utils.students.fields import student_fields
from request_tracker_utils.students.models import Student
from request_tracker_utils.tasks.jobs import run_tasks
from request_tracker_utils.tasks.models import Task, TaskState
from request_tracker_utils.web.exports import Export
from request_tracker_utils.web.registry import settings
from tests.services.apps import make_app, ready

if TYPE_CHECKING:
    from tests.services.databases import PostgreSQL, SQLite

FEW, MANY, LOOPED, ROUNDS = 10_000, 100_000, 1_500, 3
CHECKED_ROUNDS = 9
FEW_LOGS, MANY_LOGS = 100_000, 1_000_000
MIN_SPEED, MAX_CHECKS, MAX_MEMORY, MAX_FIRST_BYTE = 15.0, 1.15, 1.3, 0.02
HEAD = ("student_id", "first_name", "last_name", "grade", "homeroom", "building", "email")
FILL = {
    "sqlite": """WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
        INSERT INTO device_logs
        (asset_tag, student_id, student_name, action, status, timestamp, notes, actor, condition, accessories, missing)
        SELECT 'W12-' || n % 120000, n % 100000, 'Grace Hopper', 'check_in', 'checked_out',
        strftime('%Y-%m-%d %H:%M:%f000', '2024-01-01', '+' || n || ' seconds'), '', 'ada', '', '[]', '[]' FROM numbers""",
    "postgresql": """INSERT INTO device_logs
        (asset_tag, student_id, student_name, action, status, timestamp, notes, actor, condition, accessories, missing)
        SELECT 'W12-' || n % 120000, n % 100000, 'Grace Hopper', 'check_in', 'checked_out',
        '2024-01-01 00:00+00'::timestamptz + n * interval '1 second', '', 'ada', '', '[]', '[]' FROM generate_series(1, :count) AS n""",
}


def measure() -> Iterator[Row]:
    for title, server in both():
        yield from _of_database(title, server)


def _of_database(title: str, server: "SQLite | PostgreSQL") -> Iterator[Row]:
    yield _speed(title, server)
    yield _checks(title, server)
    few, many = (_peak(server, "import", count) for count in (FEW, MANY))
    detail = f"peak of a new process: {many:.0f} MiB for {MANY:,} rows vs. {few:.0f} MiB for {FEW:,}"
    yield Row(f"Memory of an import of {MANY:,} students, {title}", many / few, MAX_MEMORY, TIMES, detail, at_least=False)
    yield _first(title, server)
    few, many = (_peak(server, "export", count) for count in (FEW_LOGS, MANY_LOGS))
    detail = f"peak of a new process: {many:.0f} MiB for {MANY_LOGS:,} rows vs. {few:.0f} MiB for {FEW_LOGS:,}"
    yield Row(f"Memory of an export of {MANY_LOGS:,} log rows, {title}", many / few, MAX_MEMORY, TIMES, detail, at_least=False)


def _speed(title: str, server: "SQLite | PostgreSQL") -> Row:
    """The loop runs before and after each import, so that other load on the machine affects both."""
    ratios, ours, theirs = list[float](), list[float](), list[float]()
    for number in range(ROUNDS):
        with server.fresh() as url, _app(url):
            before = _loop(range(LOOPED))
            imported = _import(MANY)
            after = _loop(range(2_000_000, 2_000_000 + LOOPED))
        ours.append(MANY / imported)
        theirs.append(2 * LOOPED / (before + after))
        ratios.append(ours[-1] / theirs[-1])
        say(f"{title}, round {number + 1} of {ROUNDS}: {ours[-1]:,.0f} rows/s vs. {theirs[-1]:,.0f}, {ratios[-1]:.1f} ×")
    detail = (
        f"{statistics.median(ours):,.0f} rows/s of {MANY:,}, the whole task, vs. {statistics.median(theirs):,.0f} of a loop that "
        f"selects each student and inserts or updates it through the ORM, all in one transaction, half before and half after; "
        f"median of {ROUNDS} rounds ({min(ratios):.1f} to {max(ratios):.1f})"
    )
    return Row(f"An import of {MANY:,} students, vs. a loop over rows, {title}", statistics.median(ratios), MIN_SPEED, TIMES, detail)


def _checks(title: str, server: "SQLite | PostgreSQL") -> Row:
    """Previews, which write nothing: their time is the smallest of which the checks can be a share."""
    with server.fresh() as url, _app(url):
        _work_through(_numbered(range(MANY * 9 // 10), zeros=MANY), dry_run=False)
        file = _stored(_numbered(range(MANY), zeros=MANY * 9 // 10))
        ours, theirs = list[float](), list[float]()
        for number in range(CHECKED_ROUNDS):
            for is_checked in (True, False) if number % 2 else (False, True):
                with ExitStack() if is_checked else _without_checks():
                    (ours if is_checked else theirs).append(_work_through(file, dry_run=True))
    ratio = min(ours) / min(theirs)
    say(f"{title}: a preview takes {ratio:.2f} × the time without checks")
    detail = (
        f"{min(ours):.2f} s vs. {min(theirs):.2f} s for the preview of {MANY:,} rows, a tenth of them with accents and a tenth new, where "
        f"existing numbers have leading zeros; the fastest of {CHECKED_ROUNDS} alternating rounds each"
    )
    name = f"A list of {MANY:,} students with its checks, vs. without them, {title}"
    return Row(name, ratio, MAX_CHECKS, TIMES, detail, at_least=False)


@contextmanager
def _without_checks() -> Iterator[None]:
    """Without those of text, totals, spoiled numbers and leading zeros."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(parsing, "clean", lambda text: text))
        stack.enter_context(patch.object(stored_rows, "is_footer", lambda _cells: False))
        stack.enter_context(patch.object(Remarks, "look_at", lambda *_: None))
        stack.enter_context(patch.object(LeadingZeros, "plan", lambda zeros, session, chunk: zeros.row_type.plan(session, chunk)))
        stack.enter_context(patch.object(student_import, "check_identifiers", lambda *_: None))
        yield


def _export_of_logs() -> Export:
    """The lines as the app yields them. The access is recorded, so it needs an actor."""
    g.actor = of_command()
    return Export(LOGS.header, export_rows(reading, LOGS, settings().zone), what=LOGS.title, batch=BATCH)


def _first(title: str, server: "SQLite | PostgreSQL") -> Row:
    with server.fresh() as url, _app(url) as app:
        _fill(MANY_LOGS)
        with app.test_request_context():
            shares = []
            for _ in range(ROUNDS):
                started = time.perf_counter()
                parts = iter(_export_of_logs())
                next(parts)
                first = time.perf_counter() - started
                count = sum(part.count("\n") for part in parts)
                whole = time.perf_counter() - started
                shares.append((first / whole, first, whole))
                if count < MANY_LOGS * 0.99:
                    raise AssertionError(f"{count:,} lines of {MANY_LOGS:,} were exported")
    share, first, whole = sorted(shares)[ROUNDS // 2]
    detail = f"{first * 1e3:.0f} ms of {whole:.1f} s, GET /devices/logs.csv as the app yields it; median of {ROUNDS} rounds"
    return Row(f"First byte of an export of {MANY_LOGS:,} log rows, {title}", share, MAX_FIRST_BYTE, SHARE, detail, at_least=False)


def _peak(server: "SQLite | PostgreSQL", what: str, count: int) -> float:
    """Peak physical memory in MiB of a process that does nothing else."""
    with server.fresh() as url:
        if what == "export":
            with _app(url):
                _fill(count)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.imports_exports", what, url, str(count)],
            capture_output=True,
            text=True,
            check=True,
            timeout=1_200,
        )
    say(f"{what} of {count:,} rows: {float(done.stdout):.0f} MiB")
    return float(done.stdout)


@contextmanager
def _app(url: str) -> Iterator[Flask]:
    with TemporaryDirectory() as folder:
        app = ready(make_app(Path(folder), database_url=url, scheduler="false"))
        with app.app_context():
            yield app
            db.engine.dispose()


def _fill(count: int) -> None:
    with db.engine.begin() as connection:
        connection.execute(text(FILL[connection.dialect.name]), {"count": count})


def _file(numbers: range) -> Iterator[bytes]:
    """A thousand lines per chunk, so that the file is never in memory."""
    yield (",".join(HEAD) + "\n").encode()
    for begin in range(numbers.start, numbers.stop, 1_000):
        part = range(begin, min(begin + 1_000, numbers.stop))
        yield "".join(
            f"{1_000_000 + n},First{n % 977},Last{n * 7919 % 10007},{n % 12 + 1},H{n % 40},North High,u{n}@example.org\n" for n in part
        ).encode()


def _numbered(numbers: range, *, zeros: int) -> Iterator[bytes]:
    """A list whose numbers below `zeros` have leading zeros, and a tenth of whose names have accents."""
    yield (",".join(HEAD) + "\n").encode()
    for begin in range(numbers.start, numbers.stop, 1_000):
        yield "".join(
            f"{n:0{8 if n < zeros else 0}d},First{n % 977}{'' if n % 10 else 'é'},Last{n * 7919 % 10007},{n % 12 + 1},H{n % 40},North High,"
            f"u{n}@example.org\n"
            for n in range(begin, min(begin + 1_000, numbers.stop))
        ).encode()


def _stored(data: Iterator[bytes]) -> ImportFile:
    rows, quota = StudentRows(), Quota(1 << 40, 1 << 40)
    with inspected(data, rows.aliases) as upload:
        facts: dict[str, Any] = {"source": "bench.csv", "actor": of_command(), "now": utc_now(), "quota": quota}
        return service.store(transaction, upload, rows, upload.layout.columns, **facts)


def _work_through(data: Iterator[bytes] | ImportFile, *, dry_run: bool) -> float:
    """Seconds."""
    file = data if isinstance(data, ImportFile) else _stored(data)
    started = time.perf_counter()
    report = service.work_through(
        transaction, reading, file.id, StudentRows(), lambda _: None, actor=of_command(), clock=utc_now, dry_run=dry_run
    )
    if report.invalid or report.warnings:
        raise AssertionError(f"{report.problems[:3]} {report.warnings}")
    return time.perf_counter() - started


def _import(count: int) -> float:
    """Seconds that the task takes to import this many new students."""
    numbers = range(10_000, 10_000 + count)
    students = StudentRows()
    file = _stored(_file(numbers))
    with transaction() as session:
        session.get_one(type(file), file.id).state = ImportState.PREVIEWED
    with transaction() as session:
        task = service.start_import(session, file.id, students, actor=of_command(), now=utc_now())
    started = time.perf_counter()
    run_tasks()
    seconds = time.perf_counter() - started
    with reading() as session:
        ended = session.get_one(Task, task.id)
        new = service.get(session, file.id).report.get("new")
    if (ended.state, new) != (TaskState.DONE, count):
        raise AssertionError(f"the task is {ended.state}, {new} are new: {ended.error}")
    return seconds


def _loop(numbers: range) -> float:
    """Seconds that a loop takes to do the same for each row."""
    rows = list(csv.DictReader(io.StringIO(b"".join(_file(numbers)).decode())))
    started = time.perf_counter()
    with transaction() as session:
        for row in rows:
            columns = student_fields(row)
            student = session.scalar(select(Student).where(Student.id_key == columns["id_key"]))
            if student is None:
                session.add(Student(**columns, created_at=utc_now(), updated_at=utc_now()))
                continue
            for column, value in columns.items():
                setattr(student, column, value)
    return time.perf_counter() - started


def _alone(what: str, url: str, count: int) -> None:
    with _app(url) as app:
        if what == "import":
            _import(count)
        else:
            with app.test_request_context():
                for _ in _export_of_logs():
                    pass
    # Not getrusage: it includes the memory of the process before it executed this program.
    highest = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    if highest is None:
        raise AssertionError("Linux does not report the peak memory")
    sys.stdout.write(f"{int(highest.group(1)) / 1024}\n")


if __name__ == "__main__":
    _alone(sys.argv[1], sys.argv[2], int(sys.argv[3]))
