"""Tags reserved by concurrent processes, compared with the simplest write to the same database through the same transactions: both wait
until the commit is on the disk."""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from flask import Flask
from sqlalchemy import select, text

from benchmarks.databases import both
from benchmarks.report import SHARE, Row
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.tags import service
from request_tracker_utils.tags.models import Tag
from tests.services.apps import make_app, ready

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

    from tests.services.databases import PostgreSQL, SQLite

PROCESSES, EACH, ROUNDS = 8, 500, 5
WARM = 25
"""Runs of each in every process before the measurement: opens connections and fills caches of statements and pages."""
TARGETS = {"SQLite": 0.40, "PostgreSQL": 0.55}


def allocate() -> None:
    with transaction() as session:
        service.reserve(session, "W12-", actor=Actor("bench"), now=utc_now())


def update_one_row() -> None:
    with transaction() as session:
        session.execute(text("UPDATE bench_counter SET value = value + 1"))


WORK: dict[str, Callable[[], None]] = {"allocate": allocate, "update": update_one_row}
# Each round runs both, in alternating order, so that a growing load on the machine affects both.
PLAN = [name for number in range(ROUNDS) for name in (list(WORK) if number % 2 else reversed(WORK))]


def measure() -> Iterator[Row]:
    for title, server in both():
        yield _of_database(title, server)


def _of_database(title: str, server: "SQLite | PostgreSQL") -> Row:
    with _database(server) as app:
        seconds = _rounds(app.config["SQLALCHEMY_DATABASE_URI"])
        with app.app_context(), reading() as session:
            numbers = sorted(session.scalars(select(Tag.number)))
        if numbers != list(range(1, PROCESSES * (WARM + EACH * ROUNDS) + 1)):
            raise AssertionError("a tag was assigned twice or a number was skipped")
    ratios = [update / allocation for update, allocation in zip(seconds["update"], seconds["allocate"], strict=True)]
    tags, updates = (PROCESSES * EACH / statistics.median(seconds[name]) for name in ("allocate", "update"))
    detail = (
        f"{tags:,.0f} tags/s vs. {updates:,.0f} updates/s; {PROCESSES} processes × {EACH}, no duplicate, no gap; "
        f"median of {ROUNDS} rounds ({min(ratios):.0%} to {max(ratios):.0%})"
    )
    return Row(f"Tags reserved by {PROCESSES} concurrent processes, {title}", statistics.median(ratios), TARGETS[title], SHARE, detail)


@contextmanager
def _database(server: "SQLite | PostgreSQL") -> Iterator[Flask]:
    with server.fresh() as url, TemporaryDirectory() as folder:
        app = ready(make_app(Path(folder), database_url=url))
        with app.app_context():
            with db.engine.begin() as connection:
                connection.execute(text("CREATE TABLE bench_counter (id INTEGER PRIMARY KEY, value INTEGER)"))
                connection.execute(text("INSERT INTO bench_counter VALUES (1, 0)"))
            yield app
            db.engine.dispose()


def _rounds(url: str) -> dict[str, list[float]]:
    """Seconds of each round, from the common start until the last process has finished."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(PROCESSES + 1, timeout=120)
    workers = [context.Process(target=_work, args=(url, barrier), daemon=True) for _ in range(PROCESSES)]
    for worker in workers:
        worker.start()
    seconds: dict[str, list[float]] = {name: [] for name in WORK}
    try:
        for name in PLAN:
            barrier.wait()
            started = time.perf_counter()
            barrier.wait()
            seconds[name].append(time.perf_counter() - started)
    except BaseException:
        barrier.abort()  # also ends processes that are waiting
        raise
    finally:
        for worker in workers:
            worker.join()
    return seconds


def _work(url: str, barrier: "Barrier") -> None:
    with TemporaryDirectory() as folder:
        app = make_app(Path(folder), database_url=url)
        with app.app_context():
            for work in WORK.values():
                for _ in range(WARM):
                    work()
            for name in PLAN:
                barrier.wait()
                for _ in range(EACH):
                    WORK[name]()
                barrier.wait()
            db.engine.dispose()
