"""Points in time, and writers that take turns."""

import threading
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from flask import Flask
from sqlalchemy.exc import StatementError

from request_tracker_utils.core.db import StoredValue, reading, store_once, stored_value, transaction
from request_tracker_utils.core.jobs import JobRun


def test_times_are_returned_in_utc(app: Flask) -> None:
    moment = datetime(2026, 10, 25, 2, 30, 1, 123456, tzinfo=timezone(timedelta(hours=2)))
    with app.app_context():
        with transaction() as session:
            session.add(JobRun(job="x", process="p", started_at=moment))
        with reading() as session:
            stored = session.query(JobRun).one().started_at
    assert stored == moment
    assert stored.tzinfo == UTC


def test_a_time_without_a_zone_is_rejected(app: Flask) -> None:
    def add() -> None:
        with app.app_context(), transaction() as session:
            session.add(JobRun(job="x", process="p", started_at=datetime(2026, 1, 1)))  # noqa: DTZ001 — the point of the test

    with pytest.raises(StatementError, match="without a zone"):
        add()


def test_the_first_stored_value_wins(app: Flask) -> None:
    with app.app_context():
        values = []

        def propose(value: str) -> None:
            with app.app_context(), transaction() as session:
                values.append(store_once(session, "secret", value))

        threads = [threading.Thread(target=propose, args=(str(number),)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with reading() as session:
            assert {stored_value(session, "secret")} == set(values)


def test_a_reader_waits_for_no_writer(app: Flask) -> None:
    with app.app_context(), transaction() as writer:
        writer.add(StoredValue(name="x", value="y"))
        writer.flush()
        begun = time.monotonic()
        with reading() as session:
            assert stored_value(session, "x") is None
        assert time.monotonic() - begun < 2


def test_two_that_read_first_and_write_later_both_succeed(app: Flask) -> None:
    def add_one(_: int) -> None:
        with app.app_context(), transaction() as session:
            row = session.get(StoredValue, "counter", with_for_update=True)
            time.sleep(0.02)
            row.value = str(int(row.value) + 1)

    with app.app_context(), transaction() as session:
        session.add(StoredValue(name="counter", value="0"))
    threads = [threading.Thread(target=add_one, args=(n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with app.app_context(), reading() as session:
        assert stored_value(session, "counter") == "10"
