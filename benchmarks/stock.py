"""What is on hand, and lists of movements and deliveries, with a hundred times as many movements; and fifty clients who take from a shelf
of five at the same moment, through two server processes, alone and beside adjustments and counts."""

import random
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

import requests
from flask import Flask
from requests.structures import CaseInsensitiveDict
from sqlalchemy import func, select, text

from benchmarks.authentication import ask, call_of
from benchmarks.databases import both
from benchmarks.report import COUNT, TIMES, Row, say
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.inventory import service
from request_tracker_utils.inventory.models import Movement, StockRow
from request_tracker_utils.inventory.stock import find_imbalances
from tests.services.apps import make_app, ready, token
from tests.services.installation import Installation
from tests.services.stocking import delivered

if TYPE_CHECKING:
    from tests.services.databases import PostgreSQL, SQLite

FEW, MANY = 10_000, 1_000_000
ROWS = 100
CALLS, ROUNDS = 40, 9
FASTER, ON_HAND, LISTS = 50.0, 1.5, 2.0
CLIENTS, PIECES = 50, 5
RECOUNTS = 50
CABLE = {"cable_type": "Cat6", "cable_length": "100 ft"}
Call = tuple[str, dict[str, object] | None]
"""Path and body; none for a count, whose body is what the client sees then."""
Installed = TypeVar("Installed")
MOVEMENTS, RECEIPTS = "/api/inventory/movements?limit=50", "/api/cable-receiving?limit=50"

_SERIES = "WITH RECURSIVE series(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM series WHERE i + 1 < {count}) "
_INSERT_ROWS = (
    "INSERT INTO stock_rows (key, type_key, length_thousandths, unit, cable_type, cable_length, on_hand, reserved, backordered, "
    "movement_id, updated_at) "
    + _SERIES
    + "SELECT 'type ' || (i % 20) || '\t' || ((i + 1) * 1000) || ' ft', 'type ' || (i % 20), (i + 1) * 1000, 'ft', 'Type ' || (i % 20), "
    "(i + 1) || ' ft', 0, 0, 0, 0, :now FROM series"
)
_INSERT_MOVEMENTS = (
    "INSERT INTO inventory_movements (id, movement_type, stock_id, cable_type, cable_length, quantity_delta, balance, source_type, "
    "source_id, actor, notes, created_at) " + _SERIES + ", numbered AS (SELECT i, i % {rows} AS stock, i / {rows} AS nth FROM series) "
    "SELECT i + 1, CASE nth % 4 WHEN 0 THEN 'receipt' WHEN 3 THEN 'adjustment' ELSE 'consumption' END, stock + 1, 'Type ' || (stock % 20), "
    "(stock + 1) || ' ft', CASE nth % 4 WHEN 0 THEN 5 WHEN 2 THEN -2 ELSE -1 END, "
    "nth / 4 + CASE nth % 4 WHEN 0 THEN 5 WHEN 1 THEN 4 WHEN 2 THEN 2 ELSE 1 END, "
    "CASE nth % 4 WHEN 0 THEN 'cable_receiving' WHEN 3 THEN 'manual' ELSE 'ticket_fulfillment' END, "
    "CASE WHEN nth % 4 = 3 THEN NULL ELSE i / 10 + 1 END, 'grace', '', :now FROM numbered"
)
_SET_BALANCES = (
    "UPDATE stock_rows SET movement_id = (SELECT max(id) FROM inventory_movements WHERE stock_id = stock_rows.id), on_hand = "
    "(SELECT balance FROM inventory_movements WHERE id = (SELECT max(id) FROM inventory_movements WHERE stock_id = stock_rows.id))"
)
_INSERT_RECEIPTS = (
    "INSERT INTO cable_receipts (vendor, vendor_key, po_number, packing_slip, packing_slip_key, notes, received_by, created_at) "
    + _SERIES
    + "SELECT 'Graybar', 'graybar', '', 'PS-' || i, 'ps-' || i, '', 'grace', :now FROM series"
)
_INSERT_ITEMS = (
    "INSERT INTO cable_receipt_items (receipt_id, stock_id, cable_type, cable_length, quantity) "
    "SELECT id, id % {rows} + 1, 'Type 1', '1 ft', 5 FROM cable_receipts"
)


def measure() -> Iterator[Row]:
    for title, server in both():
        yield from _of_database(title, server)


class Ledger:
    """An app with this many movements, and a client."""

    def __init__(self, app: Flask, movements: int) -> None:
        self.movements, self._app, self._headers = movements, app, token(app, "staff")

    def slowest(self, paths: list[str]) -> float:
        """The 95th percentile, in seconds."""
        return statistics.quantiles([self._seconds(path) for path in paths], n=20)[18]

    def median(self, path: str, *, calls: int = CALLS) -> float:
        return statistics.median(self._seconds(path) for _ in range(calls))

    def on_hand(self) -> float:
        """The service, median of several calls."""
        return self._timed(lambda session: service.on_hand(session, include_zero=True), CALLS)

    def sums(self) -> float:
        """The same from the ledger."""
        total = select(Movement.stock_id, func.sum(Movement.quantity_delta)).group_by(Movement.stock_id)
        return self._timed(lambda session: session.execute(total).all(), 5)

    def _timed(self, read: Callable[..., object], times: int) -> float:
        seconds = []
        with self._app.app_context():
            for _ in range(times + 1):
                with reading() as session:
                    started = time.perf_counter()
                    read(session)
                    seconds.append(time.perf_counter() - started)
        return statistics.median(seconds[1:])

    def _seconds(self, path: str) -> float:
        call = call_of(path, **self._headers)
        started = time.perf_counter()
        ask(self._app, call)
        return time.perf_counter() - started


ASKED: dict[str, Callable[[Ledger, random.Random], str]] = {
    "first page": lambda *_: MOVEMENTS,
    "a page in the middle": lambda it, _: f"{MOVEMENTS}&before={it.movements // 2}",
    "one type": lambda *_: f"{MOVEMENTS}&movement_type=adjustment",
    "one row": lambda _, chance: f"{MOVEMENTS}&stock_id={chance.randint(1, ROWS)}",
    "one row and type": lambda _, chance: f"{MOVEMENTS}&stock_id={chance.randint(1, ROWS)}&movement_type=receipt",
    "one row, nothing found": lambda _, chance: f"{MOVEMENTS}&stock_id={chance.randint(1, ROWS)}&movement_type=return",
    "one source type": lambda *_: f"{MOVEMENTS}&source_type=ticket_fulfillment",
    "one source type and type": lambda *_: f"{MOVEMENTS}&source_type=manual&movement_type=adjustment",
    "one source": lambda it, chance: f"{MOVEMENTS}&source_type=cable_receiving&source_id={chance.randint(1, it.movements // 10)}",
    "one source and type": lambda _, chance: f"{MOVEMENTS}&source_id={chance.randint(1, 1_000)}&movement_type=receipt",
    "one row and source type": lambda _, chance: f"{MOVEMENTS}&stock_id={chance.randint(1, ROWS)}&source_type=stock_count",
    "deliveries": lambda *_: RECEIPTS,
}


def _of_database(title: str, server: "SQLite | PostgreSQL") -> Iterator[Row]:
    with _ledger(server, FEW) as few, _ledger(server, MANY) as many:
        balances, sums = many.on_hand(), many.sums()
        detail = f"{balances * 1e3:.2f} ms vs. {sums * 1e3:.0f} ms; {MANY:,} movements of {ROWS} stock rows; median"
        yield Row(f"What is on hand, as fast as the sum of the ledger, {title}", sums / balances, FASTER, TIMES, detail)
        few_seconds, many_seconds = in_turn(few, many, lambda it, _chance: it.median("/api/inventory/on-hand"))
        ratio = median_ratio(few_seconds, many_seconds)
        detail = f"{statistics.median(many_seconds) * 1e3:.1f} ms vs. {statistics.median(few_seconds) * 1e3:.1f} ms, GET "
        detail += f"/api/inventory/on-hand; {MANY:,} movements vs. {FEW:,}; median of {ROUNDS} rounds"
        yield Row(f"What is on hand with a hundred times as many movements, {title}", ratio, ON_HAND, TIMES, detail, at_least=False)
        ratios: dict[str, tuple[float, str]] = {}
        for name, asked in ASKED.items():
            short, long = in_turn(few, many, lambda it, chance, asked=asked: it.slowest([asked(it, chance) for _ in range(CALLS)]))
            milliseconds = f"{statistics.median(long) * 1e3:.1f} ms vs. {statistics.median(short) * 1e3:.1f} ms"
            ratios[name] = median_ratio(short, long), milliseconds
            say(f"{title}, {name}: {milliseconds}, {ratios[name][0]:.2f} ×")
    worst = max(ratios, key=lambda name: ratios[name][0])
    detail = (
        f"{ratios[worst][1]} for the slowest of {len(ratios)}, {worst}; 95th percentile of {CALLS} calls in the app, {MANY:,} movements "
    )
    detail += f"and {MANY // 20:,} deliveries vs. {FEW:,} and {FEW // 20:,}; median of {ROUNDS} rounds"
    yield Row(f"Lists of the stock with a hundred times as many movements, {title}", ratios[worst][0], LISTS, TIMES, detail, at_least=False)
    yield from _at_once(title, server)


def in_turn(few: Installed, many: Installed, measured: Callable[..., float]) -> tuple[list[float], list[float]]:
    """The seconds of both in each round; the first round warms up."""
    chance, seconds = random.Random(1), list[dict[Installed, float]]()
    for number in range(ROUNDS + 1):
        order = (few, many) if number % 2 else (many, few)
        seconds.append({it: measured(it, chance) for it in order})
    return [each[few] for each in seconds[1:]], [each[many] for each in seconds[1:]]


def median_ratio(few: list[float], many: list[float]) -> float:
    return statistics.median(long / short for short, long in zip(few, many, strict=True))


@contextmanager
def _ledger(server: "SQLite | PostgreSQL", movements: int) -> Iterator[Ledger]:
    with server.fresh() as url, TemporaryDirectory() as folder:
        app = ready(make_app(Path(folder), database_url=url, scheduler="false"))
        started = time.perf_counter()
        fill(app, movements)
        say(f"{movements:,} movements created in {time.perf_counter() - started:.0f} s")
        yield Ledger(app, movements)
        with app.app_context():
            db.engine.dispose()


def fill(app: Flask, movements: int) -> None:
    """Inserted in bulk, with the balances that the services would have written."""
    now = "2026-03-02 08:00:00+00"
    with app.app_context():
        with transaction() as session:
            if session.get_bind().dialect.name == "sqlite":
                now = now.removesuffix("+00") + ".000000"
            session.execute(text(_INSERT_ROWS.format(count=ROWS)), {"now": now})
            session.execute(text(_INSERT_MOVEMENTS.format(count=movements, rows=ROWS)), {"now": now})
            session.execute(text(_SET_BALANCES))
            session.execute(text(_INSERT_RECEIPTS.format(count=movements // 20)), {"now": now})
            session.execute(text(_INSERT_ITEMS.format(rows=ROWS)))
        with reading() as session:
            assert find_imbalances(session) == []
        if db.engine.dialect.name == "postgresql":  # as it does in time; an installation's SQLite is not analyzed either
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))


def _at_once(title: str, server: "SQLite | PostgreSQL") -> Iterator[Row]:
    """All clients have a connection before they start, spread over two server processes by the system."""
    with _shelf(server) as installation:
        answers = Counter(status for _path, status in _answers(installation, [_take()] * CLIENTS).elements())
        left, imbalances = _books(installation)
    succeeded = answers[201]
    is_right = answers == {201: PIECES, 409: CLIENTS - PIECES} and (left, imbalances) == (0, 0)
    detail = f"{succeeded} succeeded and {answers[409]} got “not enough” (409); {left} left; two server processes"
    name = f"{CLIENTS} who take from a shelf of {PIECES} at once, {title}: those that succeeded"
    yield Row(name, succeeded if is_right else 99, PIECES, COUNT, detail, at_least=False)
    with _shelf(server) as installation:
        counts = [_post(installation, "/api/inventory/counts", {}).json()["id"] for _ in range(10)]
        adjusted = {**CABLE, "quantity_delta": 1, "reason": "Found"}
        others: list[Call] = [
            *[("/api/inventory/adjustments", adjusted)] * 10,
            *[(f"/api/inventory/counts/{number}/rows", None) for number in counts],
        ]
        mixed = _answers(installation, [each for pair in zip([_take()] * 20, others, strict=True) for each in pair] + [_take()] * 30)
        left, imbalances = _books(installation)
    taken, adjustments, counted_rows = (
        sum(count for (path, status), count in mixed.items() if status == 201 and part in path)
        for part in ("consumptions", "adjustments", "counts")
    )
    detail = f"{taken} of {CLIENTS} took a piece, {adjustments} adjustments and {counted_rows} counts were written; {left} left"
    are_right = (
        {status for _path, status in mixed} <= {201, 409}
        and (adjustments, counted_rows, left) == (10, 10, PIECES + 20 - taken)
        and taken > 0
    )
    name = f"The same beside 10 adjustments and 10 counts, {title}: rows whose balance is not the sum of the ledger"
    yield Row(name, imbalances if are_right else 99, 0, COUNT, detail, at_least=False)


@contextmanager
def _shelf(server: "SQLite | PostgreSQL") -> Iterator[Installation]:
    with server.fresh() as url, TemporaryDirectory() as folder:
        installation = Installation(Path(folder), url, "W12-")
        try:
            with installation.app.app_context():
                delivered((*CABLE.values(), PIECES))  # type: ignore[arg-type]
            yield installation
        finally:
            installation.close()


def _take() -> Call:
    return "/api/inventory/consumptions", {**CABLE, "quantity": 1}


def _answers(installation: Installation, calls: Sequence[Call]) -> Counter[tuple[str, int]]:
    """How often each path answered with each status."""
    barrier = threading.Barrier(len(calls))

    def call(path: str, body: dict[str, object] | None) -> tuple[str, int]:
        with requests.Session() as session:
            session.trust_env, session.headers = False, CaseInsensitiveDict(installation.headers)
            session.get(f"{installation.server.url}/api/health", timeout=30)
            barrier.wait(60)
            for _ in range(RECOUNTS if body is None else 1):
                answer = session.post(installation.server.url + path, json=body or _counted(installation, session), timeout=60)
                if answer.status_code != 409:
                    break
            return path, answer.status_code

    with ThreadPoolExecutor(len(calls)) as pool:
        return Counter(pool.map(lambda each: call(*each), calls))


def _counted(installation: Installation, session: requests.Session) -> dict[str, object]:
    """One piece more than there is now. It is refused if another correction is written in between; then people count again."""
    (row,) = session.get(f"{installation.server.url}/api/inventory/on-hand?include_zero=true", timeout=60).json()
    return {"stock_id": row["stock_id"], "counted": row["on_hand"] + 1, "movement_id": row["movement_id"], "reason": "Counted"}


def _post(installation: Installation, path: str, body: dict[str, object]) -> requests.Response:
    return installation.call("POST", path, json=body)


def _books(installation: Installation) -> tuple[int, int]:
    """What is left, and how many rows are not the sum of their movements."""
    with installation.app.app_context(), reading() as session:
        return session.scalar(select(StockRow.on_hand)) or 0, len(find_imbalances(session))
