"""Work of many threads that one of them does for all: polls that end at the same time share a transaction, and a wait for the disk."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

from request_tracker_utils.core.errors import AppError

Item = TypeVar("Item")
Result = TypeVar("Result")
MOST = 50
"""Items of a batch: other writers wait for a transaction of this size for about a tenth of a second."""


class _Entry(Generic[Item, Result]):
    """An item that a thread waits for."""

    def __init__(self, item: Item, weight: int) -> None:
        self.item, self.weight = item, weight
        self.results: list[Result] = []
        self.error: Exception | None = None

    @property
    def is_done(self) -> bool:
        return bool(self.results) or self.error is not None

    def end(self, result: Result | AppError) -> None:
        if isinstance(result, AppError):
            self.error = result
        else:
            self.results = [result]


class Batches(Generic[Item, Result]):
    """Each thread brings an item. Items that arrive while a batch is being done are the next batch. Items of one batch weigh at most
    `heaviest` together; a heavier one is a batch of its own."""

    def __init__(self, heaviest: int = 1) -> None:
        self._heaviest = heaviest
        self._turn = threading.Lock()
        self._waiting: deque[_Entry[Item, Result]] = deque()

    def run(self, item: Item, do: Callable[[list[Item]], Sequence[Result | AppError]], *, weight: int = 0) -> Result:
        """The result of this item. `do` returns a result or an error for each item of a batch, in their order. What it raises is raised for
        an item that was alone; items of a larger batch are then done one by one, so that none spoils the others."""
        entry = _Entry[Item, Result](item, weight)
        self._waiting.append(entry)
        while not entry.is_done:
            with self._turn:
                if not entry.is_done:
                    self._run(self._next(), do)
        if entry.error is not None:
            raise entry.error
        return entry.results[0]

    @contextmanager
    def alone(self) -> Generator[None]:
        """Between two batches."""
        with self._turn:
            yield

    def _next(self) -> list[_Entry[Item, Result]]:
        batch = [self._waiting.popleft()]
        weight = batch[0].weight
        while self._waiting and len(batch) < MOST and (weight := weight + self._waiting[0].weight) <= self._heaviest:
            batch.append(self._waiting.popleft())
        return batch

    def _run(self, batch: list[_Entry[Item, Result]], do: Callable[[list[Item]], Sequence[Result | AppError]]) -> None:
        try:
            _do(batch, do)
        finally:  # if this thread ends, others do what is left
            self._waiting.extendleft(entry for entry in reversed(batch) if not entry.is_done)


def _do(batch: list[_Entry[Item, Result]], do: Callable[[list[Item]], Sequence[Result | AppError]]) -> None:
    try:
        results = do([entry.item for entry in batch])
    except Exception as error:  # noqa: BLE001 — raised in the thread that waits for the item
        if len(batch) == 1:
            batch[0].error = error
            return
        for entry in batch:
            _do([entry], do)
    else:
        for entry, result in zip(batch, results, strict=True):
            entry.end(result)
