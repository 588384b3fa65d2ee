"""Fifty tickets that are approved at the same moment for a shelf of five, through two server processes; then fifty fulfillments at once, of
which the processes are killed in the middle, and which are sent again. And a delivery that fills a thousand back-orders."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import requests
from requests.structures import CaseInsensitiveDict

from benchmarks.databases import both
from benchmarks.report import COUNT, MILLISECONDS, Row
from request_tracker_utils.core.db import reading
from request_tracker_utils.inventory.stock import find_imbalances
from tests.services.apps import token
from tests.services.fulfilling import approved, handed_out, messages_sent, pending, totals
from tests.services.installation import Installation
from tests.services.local_server import wait_until
from tests.services.stocking import delivered

if TYPE_CHECKING:
    from tests.services.databases import PostgreSQL, SQLite

CLIENTS, PIECES, BACKORDERS, SECOND = 50, 5, 1_000, 1_000.0
CAT6 = ("Cat6", "100 ft")
Call = tuple[str, str, dict[str, object]]
"""Method, path and body."""


def measure() -> Iterator[Row]:
    for title, server in both():
        with _installation(server) as installation:
            yield from _at_once(title, installation)
        with _installation(server) as installation:
            yield _arrival(title, installation)


def _at_once(title: str, installation: Installation) -> Iterator[Row]:
    with installation.app.app_context():
        delivered((*CAT6, PIECES))
        tickets = [pending((*CAT6, 1)) for _ in range(CLIENTS)]
        headers = token(installation.app, "admin")
        answers = _answers(installation, [("PATCH", f"/api/tickets/{each}", {"status": "approved"}) for each in tickets], headers)
        reserved, backordered = totals()
        is_right = answers == {200: CLIENTS} and backordered == CLIENTS - PIECES and not _imbalances()
        detail = f"{answers[200]} approved, {reserved} pieces reserved and {backordered} back-ordered; two server processes"
        name = f"{CLIENTS} approvals at once for a shelf of {PIECES}, {title}: pieces reserved"
        yield Row(name, reserved if is_right else 99, PIECES, COUNT, detail, at_least=False)
        calls: list[Call] = [("POST", f"/api/tickets/{each}/fulfill", {}) for each in tickets]
        with ThreadPoolExecutor(1) as pool:
            first: Future[Counter[int]] = pool.submit(_answers, installation, calls, headers)
            wait_until(lambda: handed_out()[0] > 0)
            installation.server.kill()
            unanswered = first.result()[0]
        wrong = _imbalances() + (len(set(handed_out())) > 1)
        detail = f"killed after the first of {CLIENTS}, {unanswered} got no answer; balances, and what tickets have against the ledger"
        yield Row(f"Sums that are wrong after kill -9 amid fulfillments, {title}", wrong, 0, COUNT, detail, at_least=False)
        installation.server.start()
        answers = _answers(installation, calls, headers)
        is_right = answers == {200: PIECES, 409: CLIENTS - PIECES} and handed_out() == (PIECES,) * 3 and not _imbalances()
        detail = f"all sent again with their keys: {answers[200]} succeeded and {answers[409]} got “not enough” (409)"
        name = f"{CLIENTS} fulfillments at once of {PIECES} reserved pieces, {title}: those that succeeded"
        yield Row(name, answers[200] if is_right else 99, PIECES, COUNT, detail, at_least=False)


def _arrival(title: str, installation: Installation) -> Row:
    with installation.app.app_context():
        for _ in range(BACKORDERS // 20):
            approved(*[(*CAT6, 1)] * 20)
        started = time.perf_counter()
        delivered((*CAT6, BACKORDERS))
        milliseconds = (time.perf_counter() - started) * 1e3
        filled, tickets = totals()[0], messages_sent()
        detail = f"{filled:,} filled for {tickets} tickets, with messages afterwards"
        name = f"A delivery that fills {BACKORDERS:,} back-orders, {title}"
        return Row(name, milliseconds if filled == BACKORDERS else 99_999, SECOND, MILLISECONDS, detail, at_least=False)


@contextmanager
def _installation(server: "SQLite | PostgreSQL") -> Iterator[Installation]:
    with server.fresh() as url, TemporaryDirectory() as folder:
        installation = Installation(Path(folder), url, "W12-")
        try:
            yield installation
        finally:
            installation.close()


def _answers(installation: Installation, calls: Sequence[Call], headers: dict[str, str]) -> Counter[int]:
    """How often each status was the answer; 0 without an answer. All clients have a connection before they start, and repeat a request
    while the program is busy with others of the same account."""
    barrier = threading.Barrier(len(calls))

    def call(method: str, path: str, body: dict[str, object]) -> int:
        with requests.Session() as session:
            session.trust_env = False
            session.headers = CaseInsensitiveDict({**headers, "Idempotency-Key": path})
            session.get(f"{installation.server.url}/api/health", timeout=30)
            barrier.wait(60)
            status = 429
            try:
                while status == 429:
                    status = session.request(method, installation.server.url + path, json=body, timeout=60).status_code
            except requests.RequestException:
                return 0
            return status

    with ThreadPoolExecutor(len(calls)) as pool:
        return Counter(pool.map(lambda each: call(*each), calls))


def _imbalances() -> int:
    with reading() as session:
        return len(find_imbalances(session))
