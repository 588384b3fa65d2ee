"""Runs without a database: what is sent in parallel, tried again, and given up."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import pytest

from request_tracker_utils.workdays.crm.client import Sent
from request_tracker_utils.workdays.crm.responses import CrmDenied, CrmError, CrmFailedForNow, CrmRejected, CrmUnreachable
from request_tracker_utils.workdays.crm.sending import FAILED_IN_ROW, Sending, Work
from tests.services.local_server import wait_until
from tests.services.tables import check_all

Answers = Callable[[int, int], CrmError | None]
"""By number and attempt."""
FOREVER = 1e12
DOWN, SILENT = CrmUnreachable("down"), CrmFailedForNow("silent", answered=False)
BUSY, DENIED, REJECTED = CrmFailedForNow("busy"), CrmDenied("denied"), CrmRejected("rejected")


class Run:
    """Sends numbers, a batch at a time, without pauses."""

    def __init__(self, answers: Answers, *, batch: int = 25, pauses: Sequence[float] = (0.0,), **options: object) -> None:
        self.attempts = Counter[int]()
        self.records: list[list[Work[int]]] = []
        self._answers, self._batch, self._lock = answers, batch, threading.Lock()
        self.sending = Sending[int](self._send, attempts=3, pauses=pauses, **options)  # type: ignore[arg-type]

    def _send(self, number: int) -> Sent:
        with self._lock:
            self.attempts[number] += 1
            attempt = self.attempts[number]
        return Sent(error=self._answers(number, attempt))

    def __call__(self, count: int, *, begins_before: float = FOREVER) -> dict[int, Work[int]]:
        batches = self._batches(count, begins_before)
        self.sending.run(lambda: next(batches, []), lambda ended: self.records.append(list(ended)))
        return {work.item: work for group in self.records for work in group}

    def _batches(self, count: int, begins_before: float) -> Iterator[list[Work[int]]]:
        for start in range(0, count, self._batch):
            yield [Work(number, begins_before) for number in range(start, min(start + self._batch, count))]

    @property
    def requests(self) -> int:
        return self.attempts.total()


def test_everything_is_sent_once_and_recorded_in_groups() -> None:
    run = Run(lambda _number, _attempt: None)
    ended = run(500)
    assert set(ended) == set(range(500)) == set(run.attempts)
    assert run.requests == sum(map(len, run.records)) == 500
    assert run.sending.stopped is None


def test_several_are_sent_at_the_same_time() -> None:
    meeting = threading.Barrier(16, timeout=30)

    def answers(_number: int, _attempt: int) -> None:
        meeting.wait()

    assert len(Run(answers)(32)) == 32


def test_temporary_failures_are_tried_again_and_others_are_not() -> None:
    def check(error: CrmError, attempts: int) -> None:
        run = Run(lambda number, _attempt: error if number == 7 else None)
        ended = run(50)
        assert (run.attempts[7], run.requests, len(ended)) == (attempts, 49 + attempts, 50)
        assert ended[7].last == Sent(error=error)

    check_all([(BUSY, 3), (SILENT, 3), (DOWN, 3), (REJECTED, 1)], check)
    second = Run(lambda number, attempt: BUSY if number == 7 and attempt == 1 else None)
    assert second(50)[7].last == Sent()


def test_a_pause_holds_up_no_other_workday() -> None:
    """Many wait for a second attempt that never comes, in one thread."""
    stop = threading.Event()
    run = Run(lambda number, _attempt: BUSY if number < 40 else None, pauses=(3_600.0,), workers=1, stopping=stop.is_set)
    ended: dict[int, Work[int]] = {}
    thread = threading.Thread(target=lambda: ended.update(run(400)))
    thread.start()
    wait_until(lambda: len(run.attempts) == 400)
    stop.set()
    thread.join(30)
    assert (len(ended), run.requests) == (400, 400)
    assert {number for number, work in ended.items() if work.last == Sent(error=BUSY)} == set(range(40))


def test_a_crm_that_is_down_gets_few_requests() -> None:
    def check(error: CrmError) -> None:
        run = Run(lambda _number, _attempt: error)
        run(10_000)
        assert 10 <= run.requests <= 20
        assert run.sending.stopped is error

    check_all([(DOWN,), (SILENT,)], check)


def test_connections_that_fail_now_and_then_end_no_run() -> None:
    run = Run(lambda number, attempt: DOWN if number % 3 and attempt == 1 else None, workers=1)
    ended = run(200)
    assert len(ended) == 200
    assert all(work.last == Sent() for work in ended.values())
    assert run.sending.stopped is None


def test_an_error_page_for_everything_ends_the_run() -> None:
    run = Run(lambda _number, _attempt: BUSY)
    ended = run(10_000)
    assert FAILED_IN_ROW <= run.requests < FAILED_IN_ROW + 16
    assert run.sending.stopped is BUSY
    assert set(ended) >= set(run.attempts)


def test_a_wrong_token_ends_the_run_at_once() -> None:
    run = Run(lambda _number, _attempt: DENIED)
    ended = run(10_000)
    assert run.requests <= 16
    assert run.sending.stopped is DENIED
    assert all(work.last is None or work.last.error is DENIED for work in ended.values())


def test_the_crm_decides_how_long_everything_waits() -> None:
    pause = CrmFailedForNow("busy", retry_after=timedelta(seconds=0.2))
    began = time.monotonic()
    times: list[float] = []

    def answers(number: int, attempt: int) -> CrmError | None:
        times.append(time.monotonic() - began)
        return pause if (number, attempt) == (0, 1) else None

    ended = Run(answers, workers=1)(3)
    assert all(work.last == Sent() for work in ended.values())
    assert times[1] - times[0] >= 0.2

    long = CrmFailedForNow("busy", retry_after=timedelta(minutes=30))
    run = Run(lambda _number, _attempt: long, workers=1)
    assert (set(run(100)), run.requests, run.sending.stopped) == (set(range(25)), 1, long)


def test_nothing_begins_after_its_claim_may_have_ended() -> None:
    run = Run(lambda _number, _attempt: None)
    ended = run(100, begins_before=0.0)
    assert (len(ended), run.requests) == (100, 0)
    assert all(work.last is None for work in ended.values())


def test_a_process_that_shuts_down_begins_nothing() -> None:
    run = Run(lambda _number, _attempt: None, stopping=lambda: True)
    assert (run(100), run.requests) == ({}, 0)


def test_an_unexpected_error_is_raised() -> None:
    def answers(_number: int, _attempt: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Run(answers)(100)
