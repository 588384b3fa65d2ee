"""Health checks say that a transaction keeps others from writing, however short or many the others are."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from flask import Flask, current_app
from sqlalchemy import text

from request_tracker_utils.core import write_lock
from request_tracker_utils.core.db import db, transaction
from request_tracker_utils.core.health import Status, check_write_lock
from request_tracker_utils.core.write_lock import WriteLock
from tests.services.apps import make_app, ready
from tests.services.databases import PostgreSQL, SQLite

HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_lock, "HELD", 0.5)


@pytest.fixture
def lock(app: Flask) -> Iterator[WriteLock]:
    with app.app_context():
        yield WriteLock()


@pytest.fixture
def on_sqlite(sqlite: SQLite, tmp_path: Path) -> Iterator[WriteLock]:
    with sqlite.fresh() as url, make_app(tmp_path, database_url=url).app_context():
        yield WriteLock()
        db.engine.dispose()


@pytest.fixture
def on_postgresql(postgresql: PostgreSQL, tmp_path: Path) -> Iterator[WriteLock]:
    with postgresql.fresh() as url, ready(make_app(tmp_path, database_url=url)).app_context():
        yield WriteLock()
        db.engine.dispose()


@contextmanager
def held_by_another_process(file: str) -> Iterator[int]:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    try:
        yield holder.pid
    finally:
        holder.communicate("\n", timeout=30)


def test_a_free_lock_is_ok(lock: WriteLock) -> None:
    assert check_write_lock(lock).status is Status.OK


def test_a_process_that_holds_it_is_named_with_the_time_until_it_ends(on_sqlite: WriteLock) -> None:
    with held_by_another_process(str(db.engine.url.database)) as pid:
        first, second = check_write_lock(on_sqlite), check_write_lock(on_sqlite)
        assert (first.status, second.status) == (Status.DEGRADED, Status.DEGRADED)
        assert first.summary == second.summary, "the time changed although the holder did not"
        assert f"Process {pid} " in first.detail
        assert str(pid) not in first.summary
    assert check_write_lock(on_sqlite).status is Status.OK


def test_a_thread_of_this_process_is_noticed_as_well(on_sqlite: WriteLock) -> None:
    with closing(sqlite3.connect(str(db.engine.url.database), isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        result = check_write_lock(on_sqlite)
        assert (result.status, f"Process {os.getpid()} " in result.detail) == (Status.DEGRADED, True)
        holder.execute("ROLLBACK")


def test_many_short_transactions_are_well(lock: WriteLock, app: Flask) -> None:
    stop = threading.Event()

    def write() -> None:
        with app.app_context():
            while not stop.is_set():
                with transaction(durable=False) as session:
                    session.execute(text("UPDATE kept_values SET value = value"))

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        # On a busy machine, SQLite may give the lock to the same writer again and again for the second that a check waits.
        assert any(check_write_lock(lock).status is Status.OK for _ in range(20))
    finally:
        stop.set()
        for writer in writers:
            writer.join()


def test_statements_that_wait_for_a_row_are_noticed_on_postgresql(on_postgresql: WriteLock) -> None:
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    with db.engine.connect() as holder:
        holder.execute(text("UPDATE kept_values SET value = value"))
        pid = holder.execute(text("SELECT pg_backend_pid()")).scalar_one()

        def wait() -> None:
            with app.app_context(), transaction() as session:
                session.execute(text("UPDATE kept_values SET value = value"))

        waiting = threading.Thread(target=wait)
        waiting.start()
        assert check_write_lock(on_postgresql).status is Status.OK
        result = _when_degraded(on_postgresql)
        assert str(pid) in result
        holder.rollback()
        waiting.join()
    assert check_write_lock(on_postgresql).status is Status.OK


def _when_degraded(lock: WriteLock) -> str:
    for _ in range(200):
        result = check_write_lock(lock)
        if result.status is Status.DEGRADED:
            return result.detail
        threading.Event().wait(0.05)
    raise AssertionError("it was never degraded")
