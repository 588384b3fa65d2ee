"""Jobs, the record of their runs, and who leads."""

import threading
import time
from collections.abc import Iterator
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
from tests.services.apps import make_app


@pytest.fixture
def inside(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


def job(work: object = lambda: 0, name: str = "sweep", every: float = 3600) -> Job:
    return Job(name, "A sweep", timedelta(seconds=every), work)  # type: ignore[arg-type]


def runs() -> list[JobRun]:
    with reading() as session:
        return list(session.scalars(select(JobRun).order_by(JobRun.id)))


def eventually(condition: object, seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def test_a_run_is_recorded_with_its_rows(inside: Flask) -> None:
    assert jobs.run(job(lambda: 3)) == 3
    (run,) = runs()
    assert (run.job, run.rows, run.error) == ("sweep", 3, None)
    assert run.ended_at is not None
    assert run.ended_at >= run.started_at


def test_a_run_that_fails_is_recorded_with_the_reason_and_fails(inside: Flask) -> None:
    def fail() -> int:
        raise Unavailable("Request Tracker does not answer.")

    with pytest.raises(Unavailable):
        jobs.run(job(fail))
    assert runs()[0].error == "Request Tracker does not answer."


def test_of_runs_without_work_only_the_newest_is_kept(inside: Flask) -> None:
    for rows in (0, 2, 0, 0, 0):
        jobs.run(job(lambda rows=rows: rows))
    assert [run.rows for run in runs()] == [2, 0]


def test_old_runs_are_forgotten(inside: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "RUNS_KEPT", 3)
    for _ in range(6):
        jobs.run(job(lambda: 1))
        jobs.run(job(lambda: 1, "other"))
    assert [run.job for run in runs()].count("sweep") == 3


def test_an_unknown_job_is_named_with_those_that_are_known() -> None:
    with pytest.raises(JobNotFound, match="a, b"):
        Jobs([job(name="a"), job(name="b")]).named("c")


def test_a_lock_is_held_by_one_at_a_time_and_free_again_afterwards(inside: Flask) -> None:
    first, second = SharedLock(db.engine, "test"), SharedLock(db.engine, "test")
    assert first.acquire(wait=False)
    assert not second.acquire(wait=False)
    assert first.still_held()
    first.release()
    assert second.acquire(wait=False)
    second.release()


def test_waiting_for_a_lock_is_waiting_for_its_holder(inside: Flask) -> None:
    order = []

    def hold() -> None:
        with inside.app_context(), holding(db.engine, "test"):
            order.append("in")
            time.sleep(0.05)
            order.append("out")

    threads = [threading.Thread(target=hold) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert order == ["in", "out"] * 4


def test_of_two_processes_one_runs_the_schedule_and_the_other_takes_over(
    inside: Flask, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("request_tracker_utils.core.scheduler.LEADER_CHECK", timedelta(seconds=0.2))
    done: list[str] = []
    other = make_app(tmp_path / "other", database_url=database_url)
    first = Scheduler(inside.app_context, Jobs([job(lambda: done.append("first") or 1, every=0.3)]))
    second = Scheduler(other.app_context, Jobs([job(lambda: done.append("second") or 1, every=0.3)]))
    first.start()
    eventually(lambda: done.count("first") >= 2)
    second.start()
    time.sleep(0.8)
    assert "second" not in done
    first.stop()
    eventually(lambda: "second" in done)
    second.stop()
    with other.app_context():
        db.engine.dispose()


def test_a_nudge_runs_a_job_soon_and_of_many_the_first_and_the_last_are_served(inside: Flask) -> None:
    done: list[int] = []
    scheduler = Scheduler(inside.app_context, Jobs([job(lambda: done.append(1) or 1)]))
    with inside.app_context():
        held = SharedLock(db.engine, "scheduler")
        held.acquire(wait=False)  # so that this one leads not: what runs was nudged
    scheduler.start()
    for _ in range(20):
        scheduler.run_soon("sweep", timedelta(seconds=0.3))
    eventually(lambda: len(done) == 2)
    time.sleep(0.4)
    assert done == [1, 1]
    scheduler.stop()
    held.release()
