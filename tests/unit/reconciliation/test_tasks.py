"""Starting comparisons: one at a time, and daily."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.reconciliation.errors import ComparisonRunning
from request_tracker_utils.reconciliation.tasks import start_comparison, start_daily_comparison
from request_tracker_utils.tasks.models import Task, TaskState
from tests.unit.reconciliation.stock import ADA, DAY, MONDAY, Stock, reconciliation

STOCK = reconciliation(Stock())


def test_concurrent_starts_start_one_comparison(inside: Flask) -> None:
    def start(_: int) -> int:
        with inside.app_context():
            try:
                with transaction() as session:
                    return start_comparison(session, STOCK, actor=ADA, now=MONDAY).id
            except ComparisonRunning as error:
                return -int(error.fields["task_id"])

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(start, range(4)))
    assert answers == [-answers[-1]] * 3 + [answers[-1]]
    with reading() as session:
        assert session.scalars(select(Task.title)).all() == ["Compare stock with the shelves"]


def test_the_daily_job_waits_for_a_running_comparison_and_for_the_next_day(inside: Flask) -> None:
    def start(after: timedelta) -> bool:
        with transaction() as session:
            return start_daily_comparison(session, STOCK, actor=ADA, now=MONDAY + after)

    assert [start(timedelta(0)), start(2 * DAY)] == [True, False]
    with transaction() as session:
        session.execute(update(Task).values(state=TaskState.DONE, ended_at=MONDAY, due_at=None))
    assert [start(timedelta(hours=19)), start(timedelta(hours=23))] == [False, True]


def test_the_daily_job_does_not_wait_for_a_time_to_which_the_clock_was_ahead(inside: Flask) -> None:
    with transaction() as session:
        start_comparison(session, STOCK, actor=ADA, now=MONDAY + 365 * DAY)
    with transaction() as session:
        session.execute(update(Task).values(state=TaskState.DONE, ended_at=MONDAY + 365 * DAY, due_at=None))
    with transaction() as session:
        assert start_daily_comparison(session, STOCK, actor=ADA, now=MONDAY)


def test_the_daily_job_waits_until_there_is_something_to_compare(inside: Flask) -> None:
    def not_ready(_: object) -> None:
        raise Unavailable("Not yet.")

    waiting = STOCK.__class__(**{**vars(STOCK), "check_ready": not_ready})
    with transaction() as session:
        assert not start_daily_comparison(session, waiting, actor=ADA, now=MONDAY)
        with pytest.raises(Unavailable):
            start_comparison(session, waiting, actor=ADA, now=MONDAY)
