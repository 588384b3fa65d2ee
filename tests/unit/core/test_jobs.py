"""Jobs, the record of their runs, shared locks, and who leads."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from request_tracker_utils.core import jobs
from request_tracker_utils.core.db import db, reading
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.core.jobs import Job, JobNotFound, JobRun, Jobs
from request_tracker_utils.core.locks import SharedLock, holding
from request_tracker_utils.core.scheduler import Scheduler
from request_tracker_utils.core.settings import Settings
from tests.services.apps import make_app

SETTINGS = Settings()


def job(work: object = lambda: 0, name: str = "sweep", every: float = 3600) -> Job:
    return Job(name, "A sweep", timedelta(seconds=every), work)  # type: ignore[arg-type]


def runs() -> list[JobRun]:
    with reading() as session:
        return list(session.scalars(select(JobRun).order_by(JobRun.id)))


def eventually(condition: object, seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def test_a_run_is_recorded_with_its_rows_or_its_error(inside: Flask) -> None:
    assert jobs.run(job(lambda: 3)) == 3
    (run,) = runs()
    assert (run.job, run.rows, run.error) == ("sweep", 3, None)
    assert run.ended_at is not None
    assert run.ended_at >= run.started_at

    def fail() -> int:
        raise Unavailable("Request Tracker does not answer.")

    with pytest.raises(Unavailable):
        jobs.run(job(fail))
    with pytest.raises(ZeroDivisionError):
        jobs.run(job(lambda: 1 // 0))
    assert [run.error for run in runs()] == [
        None,
        "Request Tracker does not answer.",
        "ZeroDivisionError: integer division or modulo by zero",
    ]


def test_runs_without_rows_and_old_runs_are_deleted(inside: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    for rows in (0, 2, 0, 0, 0):
        jobs.run(job(lambda rows=rows: rows))
    assert [run.rows for run in runs()] == [2, 0]
    monkeypatch.setattr(jobs, "MAX_RUNS", 3)
    for _ in range(6):
        jobs.run(job(lambda: 1))
        jobs.run(job(lambda: 1, "other"))
    assert [run.job for run in runs()].count("sweep") == 3


def test_jobs_are_found_by_unique_names() -> None:
    known = Jobs([job(name="b"), job(name="a")])
    assert [each.name for each in known] == ["a", "b"]
    assert known.named("a").name == "a"
    with pytest.raises(JobNotFound, match="job c does not exist"):
        known.named("c")
    with pytest.raises(ValueError, match="same name"):
        Jobs([job(), job()])


def test_a_lock_has_one_owner_at_a_time(inside: Flask) -> None:
    first, second = SharedLock(db.engine, "test"), SharedLock(db.engine, "test")
    assert first.acquire(wait=False)
    assert not second.acquire(wait=False)
    assert first.still_held()
    first.release()
    assert second.acquire(wait=False)
    second.release()
    order: list[str] = []
    entered = threading.Event()

    def wait_for_it() -> None:
        with inside.app_context(), holding(db.engine, "test"):
            entered.set()
            order.append("second")

    with holding(db.engine, "test"):
        thread = threading.Thread(target=wait_for_it)
        thread.start()
        assert not entered.wait(0.3)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_one_of_two_processes_runs_the_schedule_and_the_other_takes_over(
    inside: Flask, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("request_tracker_utils.core.scheduler.LEADER_CHECK", timedelta(seconds=0.1))
    done: list[str] = []
    other = make_app(tmp_path / "other", database_url=database_url)
    first = Scheduler(inside.app_context, Jobs([job(lambda: done.append("first") or 1, every=0.1)]), SETTINGS)
    second = Scheduler(other.app_context, Jobs([job(lambda: done.append("second") or 1, every=0.1)]), SETTINGS)
    first.start()
    eventually(lambda: done.count("first") >= 2)
    second.start()
    eventually(lambda: done.count("first") >= 6)  # the second one has asked for leadership by then
    assert "second" not in done
    first.stop()
    eventually(lambda: "second" in done)
    second.stop()
    with other.app_context():
        db.engine.dispose()


class Gate:
    """A job whose runs wait until they are let through."""

    def __init__(self) -> None:
        self.started, self.ended = 0, 0
        self._open = threading.Semaphore(0)

    def work(self) -> int:
        self.started += 1
        assert self._open.acquire(timeout=60)
        self.ended += 1
        return 1

    def let(self, runs: int) -> None:
        self._open.release(runs)


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.WARNING)
    return lambda: [record.getMessage() for record in caplog.records]


def test_requests_to_run_a_job_soon_that_one_run_can_answer_are_answered_by_one(inside: Flask) -> None:
    done: list[int] = []
    scheduler = Scheduler(inside.app_context, Jobs([job(lambda: done.append(1) or 1)]), SETTINGS)
    scheduler._background.start(paused=True)  # without a schedule, and nothing runs before everything is queued
    for after in (0.3, 0, 0.2, 0, 0.1, 0, 0):
        scheduler.run_soon("sweep", timedelta(seconds=after))
    scheduler._background.resume()
    eventually(lambda: len(done) == 2)  # at once, and when the last one is due
    assert not scheduler.stopping()
    scheduler.stop()
    assert (done, scheduler.stopping()) == ([1, 1], True)
    with pytest.raises(JobNotFound):
        scheduler.run_soon("unknown", timedelta(0))


def test_many_requests_for_a_run_set_one_timer(inside: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = Scheduler(inside.app_context, Jobs([job(lambda: 1)]), SETTINGS)
    scheduler._background.start(paused=True)
    timers: list[str] = []
    add = scheduler._background.add_job
    monkeypatch.setattr(scheduler._background, "add_job", lambda *args, **options: (timers.append(options["id"]), add(*args, **options)))
    for after in (30, 40, 50, 20, 60):
        scheduler.run_soon("sweep", timedelta(seconds=after))
    assert timers == ["sweep soon"] * 2  # for the first one, and for the earlier one
    scheduler.stop()


def test_a_run_that_is_requested_during_another_one_follows_it(inside: Flask, warnings: Callable[[], list[str]]) -> None:
    gate = Gate()
    scheduler = Scheduler(inside.app_context, Jobs([job(gate.work), job(name="other")]), SETTINGS)
    scheduler._background.start()
    for expected in (1, 2, 3):
        for _ in range(5):
            scheduler.run_soon("sweep", timedelta(0))
        eventually(lambda expected=expected: gate.started == expected)
        for _ in range(5):
            scheduler.run_soon("sweep", timedelta(0))
        gate.let(1)
    eventually(lambda: gate.started == 4)
    assert gate.ended == 3
    gate.let(1)
    scheduler.stop()
    assert (gate.started, gate.ended, warnings()) == (4, 4, [])


def test_a_schedule_skips_runs_during_a_longer_run_without_a_warning(inside: Flask, warnings: Callable[[], list[str]]) -> None:
    gate, others = Gate(), []
    known = Jobs([job(gate.work, every=0.05), job(lambda: others.append(1) or 0, name="other", every=0.05)])
    scheduler = Scheduler(inside.app_context, known, SETTINGS)
    scheduler.start()
    eventually(lambda: gate.started == 1)
    seen = len(others)
    eventually(lambda: len(others) > seen + 4)  # the other one's schedule goes on
    assert gate.started == 1
    gate.let(1)
    eventually(lambda: gate.started == 2)
    gate.let(1_000)
    scheduler.stop()
    assert warnings() == []


def test_a_job_that_requests_runs_during_the_shutdown_does_not_block_it(inside: Flask) -> None:
    def work() -> int:
        started.set()
        eventually(scheduler.stopping)
        scheduler.run_soon("sweep", timedelta(0))
        return 1

    started, scheduler = threading.Event(), Scheduler(inside.app_context, Jobs([job(lambda: work())]), SETTINGS)
    scheduler._background.start()
    scheduler.run_soon("sweep", timedelta(0))
    assert started.wait(15)
    stopping = threading.Thread(target=scheduler.stop, daemon=True)
    stopping.start()
    stopping.join(30)
    assert not stopping.is_alive()
    assert len(runs()) == 1
