"""Calls that start together, from many threads, and are repeated while the program is busy, as clients do."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Barrier
from typing import Protocol, TypeVar

import requests

BUSY = frozenset({429, 503})
"""Too many requests of the account or address, or of all; or the database is busy. Nothing was changed."""
PATIENCE = 120.0
"""Seconds for which a call is repeated."""


class HasStatus(Protocol):
    """An answer of the real server, or of a test client."""

    @property
    def status_code(self) -> int: ...


Answer = TypeVar("Answer", bound=HasStatus)


def until_free(call: Callable[[], Answer], *, busy: frozenset[int] = BUSY) -> Answer:
    """The first answer with another status, or the last one. How many requests are in progress depends on the pace of the machine, so
    a test with many of them may not expect that none is refused."""
    until = time.monotonic() + PATIENCE
    answer = call()
    while answer.status_code in busy and time.monotonic() < until:
        answer = call()
    return answer


def answers_at_once(calls: Sequence[Callable[[], Answer]]) -> list[Answer]:
    """The answers to calls that start together, in the order of the calls."""
    start = Barrier(len(calls))

    def answer(call: Callable[[], Answer]) -> Answer:
        start.wait(60)
        return until_free(call)

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(answer, calls))


def at_once(calls: Sequence[Callable[[], requests.Response]]) -> Counter[tuple[int, str]]:
    """Statuses and codes of the answers to calls that start together; 0 without an answer."""
    return Counter((each.status_code, each.code) for each in answers_at_once([partial(_outcome, call) for call in calls]))


@dataclass(frozen=True)
class _Outcome:
    status_code: int
    code: str = ""


def _outcome(call: Callable[[], requests.Response]) -> _Outcome:
    try:
        answer = call()
    except requests.RequestException:
        return _Outcome(0)
    return _Outcome(answer.status_code, answer.json().get("code", ""))
