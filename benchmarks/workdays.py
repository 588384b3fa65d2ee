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
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask import Flask
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from benchmarks.attendance import timed
from benchmarks.databases import both
from benchmarks.report import MEGABYTES, TIMES, Row, say
from request_tracker_utils.attendance.models import AttendancePerson, PersonId, Punch, Source, Terminal
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.imports import bulk
from request_tracker_utils.workdays import current
from request_tracker_utils.workdays.effective import Effective, effective, stored_columns
from request_tracker_utils.workdays.models import Workday
from request_tracker_utils.workdays.processing import Summary, process_changes
from request_tracker_utils.workdays.schedule_days import Schedules
from request_tracker_utils.workdays.windows import day_of, epoch_of, to_utc, utc_datetime
from tests.services.apps import make_app, ready
from tests.services.attendance import ZONE, added

if TYPE_CHECKING:
    from tests.services.databases import PostgreSQL, SQLite

PEOPLE, WORKED = 1_000, 500
MANY = 2 * PEOPLE * WORKED
NAMES, HOURS = [str(each) for each in range(PEOPLE)], (8, 17)
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
        _store(terminal, _days()[start : start + 25], NAMES, HOURS)


def _store(terminal: Terminal, days: Sequence[date], names: Sequence[str], hours: Sequence[int]) -> None:
    """Punches in the order of time, a few seconds apart, around full hours."""
    zone = ZoneInfo(ZONE)
    rows = []
    for day in days:
        for hour in hours:
            for number, name in enumerate(names):
                at = datetime.combine(day, datetime.min.time()) + timedelta(hours=hour, minutes=number % 60, seconds=number // 60)
                rows.append((name, at, at.replace(tzinfo=zone).astimezone(ZoneInfo("UTC")), 1, False, 1, 0))
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
    """Seconds that the loop takes for SAMPLED people who have punched as the others have, over all days of two years."""
    names = [f"{each} sampled" for each in range(SAMPLED)]
    _store(terminal, _days(), names, HOURS)
    with reading() as session:
        schedules = Schedules.load(session, current.default(), {})
    started = time.perf_counter()
    with transaction() as session:
        for name in names:
            for number in range((_days()[-1] - FIRST).days + 1):
                _loop_day(session, terminal, name, FIRST + number * DAY, schedules)
    return time.perf_counter() - started


def _loop_day(session: Session, terminal: Terminal, user_id: str, day: date, schedules: Schedules) -> None:
    """What such a loop does: it reads the punches of the day and its row, applies the rules, and adds or changes the row."""
    begin = datetime.combine(day, datetime.min.time()) + 4 * HOUR
    of_day = (Punch.user_id == user_id, Punch.terminal_time >= begin, Punch.terminal_time < begin + DAY)
    punches = session.scalars(select(Punch).where(Punch.terminal_id == terminal.id, *of_day).order_by(Punch.punched_at)).all()
    if not punches:
        return
    number, now = day_of(day), utc_now()
    first, last = punches[0].punched_at, punches[-1].punched_at
    scheduled = schedules.on(None, number)
    found = effective(epoch_of(first), epoch_of(last), ZONE, scheduled)
    values = dict(zip(Effective._fields, stored_columns(found), strict=True))
    values |= {"timezone": ZONE, "punches": len(punches), "first_at": first, "last_at": last, "updated_at": now}
    values |= {"window_ends_at": utc_datetime(to_utc(ZONE, schedules.begins(None, number + 1))), "day_kind": scheduled.kind}
    values |= {"schedule_version_id": scheduled.version_id, "starts_at": scheduled.starts_at, "ends_at": scheduled.ends_at}
    key = {"terminal_id": terminal.id, "user_id": user_id, "date": day}
    row = session.scalar(select(Workday).filter_by(**key))
    if row is None:
        session.add(Workday(**key, **values, crm_due_at=values["window_ends_at"], created_at=now))
    else:
        for name, value in values.items():
            setattr(row, name, value)
    session.flush()


def _hourly(terminal: Terminal) -> list[float]:
    """Seconds of runs with NEW punches each, half of them of known workdays from the second run on."""
    day = _days()[-1] + timedelta(days=10)
    found = []
    for number in range(ROUNDS):
        _store(terminal, [day + number // 2 * DAY], NAMES[:NEW], [HOURS[number % 2]])
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
