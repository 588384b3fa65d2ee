"""Tags given by many processes at once, against the barest write that the same database does through the same door."""

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

from benchmarks.row import Row
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.tags import service
from request_tracker_utils.tags.models import Tag
from tests.services.house import make_app, ready

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

    from tests.services.databases import PostgreSQL, SQLite

PROCESSES, EACH, ROUNDS = 8, 500, 5


def allocate() -> None:
    with transaction() as session:
        service.reserve(session, "W12-", actor=Actor("bench"), now=utc_now())


def update_one_row() -> None:
    with transaction() as session:
        session.execute(text("UPDATE bench_counter SET value = value + 1"))


WORK: dict[str, Callable[[], None]] = {"allocate": allocate, "update": update_one_row}


def measure() -> Iterator[Row]:
    from tests.services.databases import PostgreSQL, SQLite  # not for the workers, which import this module again

    with TemporaryDirectory() as folder:
        yield _of_database("SQLite", SQLite(Path(folder)))
    with TemporaryDirectory() as folder:
        server = PostgreSQL(Path(folder))
        yield _of_database("PostgreSQL", server)
        server.stop()


def _of_database(title: str, server: "SQLite | PostgreSQL") -> Row:
    with _database(server) as app:
        seconds = _rounds(app.config["SQLALCHEMY_DATABASE_URI"])
        with app.app_context(), reading() as session:
            numbers = sorted(session.scalars(select(Tag.number)))
        if numbers != list(range(1, PROCESSES * EACH * ROUNDS + 1)):
            raise AssertionError("a tag was given twice or a number was left out")
    update, allocation = (statistics.median(seconds[name]) for name in ("update", "allocate"))
    detail = f"{PROCESSES} processes × {EACH}, {ROUNDS} rounds of both in turn, medians; no duplicate, no gap"
    return Row(f"Tags a second against bare row updates, {title}", update / allocation, 0.40, "of the rate", detail)


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
    """Seconds of each round, from the common start until the last process has done its part."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(PROCESSES + 1, timeout=120)
    workers = [context.Process(target=_work, args=(url, barrier), daemon=True) for _ in range(PROCESSES)]
    for worker in workers:
        worker.start()
    seconds: dict[str, list[float]] = {name: [] for name in WORK}
    for name in ROUNDS * list(WORK):
        barrier.wait()
        begun = time.perf_counter()
        barrier.wait()
        seconds[name].append(time.perf_counter() - begun)
    for worker in workers:
        worker.join()
    return seconds


def _work(url: str, barrier: "Barrier") -> None:
    with TemporaryDirectory() as folder:
        app = make_app(Path(folder), database_url=url)
        with app.app_context():
            for work in ROUNDS * list(WORK.values()):
                with reading() as session:
                    session.execute(text("SELECT 1"))
                barrier.wait()
                for _ in range(EACH):
                    work()
                barrier.wait()
            db.engine.dispose()
