"""Computing workdays, compared with a loop by person and day through the ORM, and what an hourly run costs beside many known punches."""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flask import Flask
from sqlalchemy import func, insert, select

from benchmarks.attendance import timed
from benchmarks.databases import both
from benchmarks.report import MEGABYTES, TIMES, Row, say
from request_tracker_utils.attendance.models import AttendancePerson, PersonId, Punch, Source, Terminal
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.imports import bulk
from request_tracker_utils.workdays import current
from request_tracker_utils.workdays.models import Workday
from request_tracker_utils.workdays.processing import Summary, process_changes
from request_tracker_utils.workdays.rules import judge
from request_tracker_utils.workdays.schedule_days import Schedules
from request_tracker_utils.workdays.windows import day_of, epoch_of, to_local
from tests.services.apps import make_app, ready
from tests.services.attendance import ZONE, added

if TYPE_CHECKING:
    from tests.services.databases import PostgreSQL, SQLite

PEOPLE, WORKED = 1_000, 500
MANY = 2 * PEOPLE * WORKED
FIRST = date(2024, 1, 1)
SAMPLED, NEW, ROUNDS = 20, 1_000, 7
MIN_SPEED, MAX_MEMORY, MAX_HOURLY = 40.0, 150.0, 1.5
BY = Actor("bench")
COLUMNS = ("user_id", "terminal_time", "punched_at", "occurrence", "in_gap", "status", "punch_state")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def measure() -> Iterator[Row]:
    for title, server in both():
        with _app(server) as (terminal, url):
            _store_all(terminal)
            say(f"{title}: {MANY:,} punches stored")
            more, seconds = _in_a_process(url)
            detail = "of a process that computes them; its largest resident memory after it, less that before it"
            yield Row(f"More memory for the workdays of {MANY:,} punches, {title}", more, MAX_MEMORY, MEGABYTES, detail, at_least=False)
            looped = _loop(terminal) * PEOPLE / SAMPLED
            detail = (
                f"{seconds:.1f} s, vs. {looped:,.0f} s of a loop by person and day through the ORM, sampled with {SAMPLED} of {PEOPLE:,} "
                f"people over two years"
            )
            yield Row(f"Workdays of {MANY:,} punches, vs. a loop through the ORM, {title}", looped / seconds, MIN_SPEED, TIMES, detail)
            among_many = _hourly(terminal)
        with _app(server) as (terminal, _url):
            alone = _hourly(terminal)
        ratios = [many / empty for many, empty in zip(among_many, alone, strict=True)]
        detail = (
            f"{statistics.median(among_many) * 1e3:.0f} ms vs. {statistics.median(alone) * 1e3:.0f} ms in a database without other "
            f"punches; medians of {ROUNDS} runs"
        )
        ratio = statistics.median(among_many) / statistics.median(alone)
        say(f"{title}: hourly runs {min(ratios):.2f} to {max(ratios):.2f}")
        yield Row(f"The run with {NEW:,} new punches among {MANY:,}, {title}", ratio, MAX_HOURLY, TIMES, detail, at_least=False)


def _days() -> list[date]:
    """Working days from FIRST on."""
    return [FIRST + timedelta(days=7 * (number // 5) + number % 5) for number in range(WORKED)]


def _store_all(terminal: Terminal) -> None:
    for start in range(0, WORKED, 25):
        _store(terminal, _days()[start : start + 25], range(PEOPLE), (8, 17))


def _store(terminal: Terminal, days: Sequence[date], people: Sequence[int], hours: Sequence[int]) -> None:
    """Punches in the order of time, a few seconds apart, around full hours."""
    zone = ZoneInfo(ZONE)
    rows = []
    for day in days:
        for hour in hours:
            for person in people:
                at = datetime(day.year, day.month, day.day, hour, person % 60, person // 60 % 60)  # noqa: DTZ001 — a terminal's time
                rows.append((str(person), at, at.replace(tzinfo=zone).astimezone(ZoneInfo("UTC")), 1, False, 1, 0))
    shared = {"terminal_id": terminal.id, "timezone": ZONE, "source": Source.POLL, "received_at": utc_now()}
    with transaction() as session:
        bulk.insert_new(session, Punch.__table__, COLUMNS, rows, shared)  # type: ignore[arg-type]


def _in_a_process(url: str) -> tuple[float, float]:
    """Megabytes and seconds that a process of its own takes to compute all workdays."""
    command = [sys.executable, "-m", "benchmarks.workdays", url]
    more, seconds, days = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    if int(days) != PEOPLE * WORKED:
        raise AssertionError(f"{days} workdays were computed")
    return float(more), float(seconds)


def _loop(terminal: Terminal) -> float:
    """Seconds that the loop takes for SAMPLED people, over all days of two years."""
    with reading() as session:
        schedules = Schedules.load(session, current.default(), {})
        last = session.scalar(select(func.max(Workday.date)))
    if last is None:
        raise AssertionError("no workdays were computed")
    started = time.perf_counter()
    with transaction() as session:
        for person in range(SAMPLED):
            for number in range((last - FIRST).days + 1):
                _loop_day(session, terminal, str(person), FIRST + number * DAY, schedules)
    return time.perf_counter() - started


def _loop_day(session: Any, terminal: Terminal, user_id: str, day: date, schedules: Schedules) -> None:
    """What such a loop does: the punches of the day, its row, and its rules."""
    begin = datetime.combine(day, datetime.min.time()) + 4 * HOUR
    of_day = (Punch.user_id == user_id, Punch.terminal_time >= begin, Punch.terminal_time < begin + DAY)
    punches = session.scalars(select(Punch).where(Punch.terminal_id == terminal.id, *of_day).order_by(Punch.punched_at)).all()
    if not punches:
        return
    same = (Workday.terminal_id == terminal.id, Workday.user_id == user_id, Workday.date == day)
    row = session.scalars(select(Workday).where(*same)).one()
    times = [to_local(ZONE, epoch_of(each.punched_at)) for each in (punches[0], punches[-1])]
    found = judge(schedules.on(None, day_of(day)), *times)
    row.first_at, row.last_at = punches[0].punched_at, punches[-1].punched_at
    row.punches, row.outlier_reason, row.is_outlier = len(punches), found.reason, bool(found.reason)
    row.updated_at = utc_now()
    session.flush()


def _hourly(terminal: Terminal) -> list[float]:
    """Seconds of runs with NEW punches each, half of them of known workdays from the second run on."""
    day = _days()[-1] + timedelta(days=10)
    found = []
    for number in range(ROUNDS):
        _store(terminal, [day + number // 2 * DAY], range(NEW), [8 + 9 * (number % 2)])
        found.append(timed(lambda: _expect(process_changes(current.processor(BY)))))
    return found


def _expect(done: Summary) -> None:
    if done.written != NEW or done.failed:
        raise AssertionError(f"{done.written:,} workdays were written")


@contextmanager
def _app(server: "SQLite | PostgreSQL") -> Iterator[tuple[Terminal, str]]:
    """With people who have a user ID each."""
    with server.fresh() as url, TemporaryDirectory() as folder, _opened(Path(folder), url):
        terminal, now = added(), utc_now()
        people = [
            {"id": each + 1, "name": f"P{each}", "name_key": f"p{each}", "notes": "", "created_at": now, "updated_at": now}
            for each in range(PEOPLE)
        ]
        ids = [
            {"person_id": each + 1, "site": "", "site_key": "", "user_id": str(each), "created_by": "bench", "created_at": now}
            for each in range(PEOPLE)
        ]
        with transaction() as session:
            session.execute(insert(AttendancePerson), people)
            session.execute(insert(PersonId), ids)
        yield terminal, url


@contextmanager
def _opened(folder: Path, url: str) -> Iterator[Flask]:
    app = ready(make_app(folder, database_url=url, scheduler="false"))
    with app.app_context():
        yield app
        db.engine.dispose()


def _largest_memory() -> float:
    """Of this process so far, in megabytes."""
    (line,) = [each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def _alone(url: str) -> None:
    with TemporaryDirectory() as folder, _opened(Path(folder), url):
        before, started = _largest_memory(), time.perf_counter()
        done = process_changes(current.processor(BY))
        sys.stdout.write(f"{_largest_memory() - before} {time.perf_counter() - started} {done.written}\n")


if __name__ == "__main__":
    _alone(sys.argv[1])
