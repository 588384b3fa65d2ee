"""Work of several threads that one of them does for all."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

import pytest

from request_tracker_utils.attendance.batches import MOST, Batches
from request_tracker_utils.core.errors import AppError, Conflict


class Work:
    """Doubles numbers. It refuses 13, fails with any batch that has 99 in it, and waits for `may_end`."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.has_begun, self.may_end, self.at_once = Event(), Event(), Lock()

    def __call__(self, numbers: list[int]) -> Sequence[int | AppError]:
        assert self.at_once.acquire(blocking=False)
        try:
            self.batches.append(numbers)
            self.has_begun.set()
            assert self.may_end.wait(30)
            if 99 in numbers:
                raise ZeroDivisionError
            return [Conflict("Thirteen.") if number == 13 else 2 * number for number in numbers]
        finally:
            self.at_once.release()


def done(batches: Batches[int, int], numbers: list[int], *, weight: int = 0) -> tuple[Work, list[int | type[Exception]]]:
    """The results of the numbers after the first one, which arrive while that one is being done."""
    work = Work()

    def run(number: int) -> int | type[Exception]:
        try:
            return batches.run(number, work, weight=weight)
        except (AppError, ZeroDivisionError) as error:
            return type(error)

    with ThreadPoolExecutor(len(numbers) + 1) as pool:
        first = pool.submit(run, 0)
        assert work.has_begun.wait(30)
        others = [pool.submit(run, number) for number in numbers]
        while len(batches._waiting) < len(numbers):
            pass
        work.may_end.set()
        assert first.result() == 0
        return work, [each.result() for each in others]


def test_what_arrives_in_the_meantime_is_done_together() -> None:
    work, results = done(Batches(), [1, 13, 3])
    assert results == [2, Conflict, 6]
    assert [sorted(each) for each in work.batches] == [[0], [1, 3, 13]]


def test_one_item_spoils_no_other() -> None:
    work, results = done(Batches(), [1, 99, 3])
    assert results == [2, ZeroDivisionError, 6]
    assert sorted(map(sorted, work.batches)) == [[0], [1], [1, 3, 99], [3], [99]]


def test_a_batch_is_limited_by_number_and_weight() -> None:
    numbers = list(range(1, MOST + 3))
    assert [len(each) for each in done(Batches(), numbers)[0].batches] == [1, MOST, 2]
    assert [len(each) for each in done(Batches(10), [1, 2, 3, 4, 5], weight=5)[0].batches] == [1, 2, 2, 1]
    assert [len(each) for each in done(Batches(10), [1, 2], weight=11)[0].batches] == [1, 1, 1]


def test_a_thread_that_ends_leaves_the_others_their_work() -> None:
    class Killed(BaseException):
        """The thread ends here."""

    batches = Batches[int, int]()

    def kill(_numbers: list[int]) -> list[int]:
        raise Killed

    with pytest.raises(Killed):
        batches.run(1, kill)
    seen = list[list[int]]()
    assert batches.run(2, lambda numbers: seen.append(numbers) or [2 * number for number in numbers]) == 4  # type: ignore[func-returns-value]
    assert seen == [[1, 2]]


def test_items_of_a_thread_that_ends_halfway_are_done_once() -> None:
    class Killed(BaseException):
        """The thread ends here."""

    seen = list[list[int]]()

    def kill(numbers: list[int]) -> list[int]:
        seen.append(numbers)
        if len(numbers) > 1:
            raise ZeroDivisionError
        raise Killed

    batches = Batches[int, int]()
    for number in (1, 2):
        with pytest.raises(Killed):
            batches.run(number, kill)
    done_later = list[list[int]]()
    assert batches.run(3, lambda numbers: done_later.append(numbers) or [2 * number for number in numbers]) == 6  # type: ignore[func-returns-value]
    assert (seen, done_later) == ([[1], [1, 2], [1]], [[1, 2, 3]])
