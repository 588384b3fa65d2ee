"""Commits that share one sync of the disk, and syncs that fail."""

import errno
import os
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from request_tracker_utils.core.db import StoredValue, db, reading, run_after_commit, transaction
from request_tracker_utils.core.durability import NotOnDisk, WriteAheadLog
from tests.services.apps import WEBHOOK_TOKEN, make_app, ready

SYNC = "request_tracker_utils.core.durability._sync_file"


class Syncs:
    """Stands for the sync: counts, waits or fails as the test wants."""

    def __init__(self) -> None:
        self.count, self.error = 0, None
        self.began, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    error: OSError | None

    def __call__(self, descriptor: int) -> None:
        self.count += 1
        self.began.set()
        assert self.go_on.wait(20)
        if self.error:
            raise self.error
        os.fdatasync(descriptor)


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> Syncs:
    counted = Syncs()
    monkeypatch.setattr(SYNC, counted)
    return counted


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database with one row, in WAL mode."""
    with closing(sqlite3.connect(tmp_path / "x.sqlite")) as connection:
        connection.executescript("PRAGMA journal_mode=WAL; CREATE TABLE t (value); INSERT INTO t VALUES (1);")
    return tmp_path / "x.sqlite"


@pytest.fixture
def writer(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("UPDATE t SET value = 2")
        yield connection


@pytest.fixture
def log(file: Path) -> Iterator[WriteAheadLog]:
    made = WriteAheadLog(file)
    yield made
    made.close()


@pytest.fixture
def sqlite_app(sqlite: object, tmp_path: Path) -> Iterator[Flask]:
    """With a database of its own, whose connections end with the test."""
    app = ready(make_app(tmp_path, database_url=sqlite.copy_to(tmp_path / "own.sqlite")))  # type: ignore[attr-defined]
    with app.app_context():
        yield app
        db.engine.dispose()


def test_those_who_commit_during_a_sync_share_the_next_one(log: WriteAheadLog, writer: sqlite3.Connection, syncs: Syncs) -> None:
    syncs.go_on.clear()
    with ThreadPoolExecutor(21) as threads:
        first = threads.submit(log.wait_until_stored)
        assert syncs.began.wait(20)
        others = [threads.submit(log.wait_until_stored) for _ in range(20)]
        while sum(waiter.running() for waiter in others) < 20 or len(log._changed._waiters) < 20:  # type: ignore[attr-defined]
            threading.Event().wait(0.001)
        assert not any(waiter.done() for waiter in [first, *others])
        syncs.go_on.set()
        for waiter in [first, *others]:
            waiter.result(20)
    assert syncs.count == 2


def test_a_sync_that_fails_is_an_error_for_all_who_waited_for_it(log: WriteAheadLog, writer: sqlite3.Connection, syncs: Syncs) -> None:
    for number in (errno.EIO, errno.ENOSPC):
        syncs.error = OSError(number, os.strerror(number))
        with pytest.raises(NotOnDisk) as error:
            log.wait_until_stored()
        assert error.value.errno == number
        log._incomplete = False


def test_after_a_failed_sync_nothing_is_stored_until_the_log_begins_again(
    file: Path, log: WriteAheadLog, writer: sqlite3.Connection, syncs: Syncs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("request_tracker_utils.core.durability.REPAIR_TIMEOUT", 0)
    syncs.error = OSError(errno.EIO, "I/O error")
    with pytest.raises(NotOnDisk):
        log.wait_until_stored()
    syncs.error = None
    with closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM t").fetchall()
        with pytest.raises(NotOnDisk, match="busy"):  # Linux would report success, although the log on the disk has a hole
            log.wait_until_stored()
    log.wait_until_stored()
    assert syncs.count == 1
    with closing(sqlite3.connect(f"file:{file}?immutable=1", uri=True)) as without_log:
        assert without_log.execute("SELECT value FROM t").fetchall() == [(2,)]
    writer.execute("UPDATE t SET value = 3")
    log.wait_until_stored()
    assert syncs.count == 2


def test_a_log_that_was_deleted_and_created_again_is_opened_again(
    file: Path, log: WriteAheadLog, syncs: Syncs, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(SYNC, lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    present = []
    for value in (5, 6):
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("UPDATE t SET value = ?", [value])
            log.wait_until_stored()
            present.append(os.stat(f"{file}-wal").st_ino)
        log.wait_until_stored()  # the last connection has deleted it
    assert synced == present


def test_transactions_are_durable_unless_they_say_otherwise(sqlite_app: Flask, syncs: Syncs) -> None:
    with transaction() as session:
        session.add(StoredValue(name="promised", value="x"))
    assert syncs.count == 1
    with transaction(durable=False) as session:
        session.add(StoredValue(name="done again", value="x"))
    with reading() as session:
        session.get(StoredValue, "promised")
    assert syncs.count == 1


def test_only_repeatable_work_does_not_wait_for_postgresql(app: Flask) -> None:
    def setting(*, durable: bool) -> tuple[str, str]:
        with transaction(durable=durable) as session:
            row = session.execute(text("SELECT setting, source FROM pg_settings WHERE name = 'synchronous_commit'")).one()
        return row.setting, row.source

    with app.app_context():
        if db.engine.dialect.name == "postgresql":
            assert setting(durable=False) == ("off", "session")
            assert setting(durable=True)[1] != "session"


def test_a_request_whose_commit_the_disk_cannot_store_is_not_answered_with_success(sqlite_app: Flask, syncs: Syncs) -> None:
    client: FlaskClient = sqlite_app.test_client()
    jobs: list[str] = []
    run_after_commit(db.engine, lambda job, _after: jobs.append(job))
    headers = {"Authorization": f"Bearer {WEBHOOK_TOKEN}"}

    def ask(asset_id: int) -> tuple[int, str]:
        answer = client.post("/webhook/asset-created", json={"asset_id": asset_id}, headers=headers)
        return answer.status_code, answer.json.get("asset_tag")

    syncs.error = OSError(errno.EIO, "I/O error")
    assert ask(900)[0] == 503
    assert not jobs
    syncs.error = None
    assert ask(901)[0] == 200
    status, tag = ask(900)
    assert (status, bool(tag)) == (200, True)
    assert jobs
