"""The audit log with a hundred times as many rows: its first page and each of its searches, through the app."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from flask import Flask
from sqlalchemy import text

from benchmarks.authentication import ask, call_of
from benchmarks.databases import both
from benchmarks.report import TIMES, Row, say
from request_tracker_utils.core.db import db
from tests.services.apps import make_app, ready, token

if TYPE_CHECKING:
    from tests.services.databases import PostgreSQL, SQLite

FEW, MANY = 10_000, 1_000_000
ROUNDS, CALLS = 9, 20
TARGET = 2.0
PAGE = "/admin/asset-tags/audit"
SEARCHES = {
    "first page": "",
    "tag": "?q=W12-1777",
    "asset": "?q=%23777",
    "person": "?q=person+7",
    "old name": "?q=laptop+777",
    "action": "?action=confirmed",
}
NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)",
    "postgresql": "WITH numbers AS (SELECT n FROM generate_series(1, :count) AS n)",
}
BEGINNING = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', '2024-01-01', '+' || n || ' seconds')",
    "postgresql": "'2024-01-01 00:00+00'::timestamptz + n * interval '1 second'",
}
# Four rows per tag, forty people, ten assets per old name: only the results of the first page, a person and an action grow.
FILL = """{numbers} INSERT INTO tag_events (at, actor, action, tag, asset_id, old_name, new_name)
    SELECT {at}, 'person ' || (n % 40), CASE n % 4 WHEN 0 THEN 'reserved' WHEN 1 THEN 'assigned' WHEN 2 THEN 'confirmed' ELSE 'renamed' END,
    'W12-' || (1000 + n / 4), n / 4, 'laptop ' || (n / 10), 'x'
    FROM numbers"""


def measure() -> Iterator[Row]:
    for title, server in both():
        yield _of_database(title, server)


def _of_database(title: str, server: "SQLite | PostgreSQL") -> Row:
    with _audit_log(server, FEW) as few, _audit_log(server, MANY) as many:
        ratios = {name: _ratio(few, many, PAGE + query) for name, query in SEARCHES.items()}
    for name, (ratio, short, long) in ratios.items():
        say(f"{title}, {name}: {short * 1e3:.1f} ms → {long * 1e3:.1f} ms, {ratio:.2f} ×")
    worst = max(ratios, key=lambda name: ratios[name][0])
    ratio, short, long = ratios[worst]
    detail = (
        f"{long * 1e3:.1f} ms vs. {short * 1e3:.1f} ms for the slowest of {len(SEARCHES)}, {worst}; "
        f"GET {PAGE} in the app, {MANY:,} rows vs. {FEW:,}; medians of {ROUNDS} rounds of {CALLS} calls"
    )
    return Row(f"The audit log with a hundred times as many rows, {title}", ratio, TARGET, TIMES, detail, at_least=False)


def _ratio(few: "AuditLog", many: "AuditLog", path: str) -> tuple[float, float, float]:
    """The ratio, and the seconds of a call with few and with many rows. Both are measured in turn."""
    for audit_log in (few, many):
        audit_log.seconds(path)
    seconds = [(few.seconds(path), many.seconds(path)) for _ in range(ROUNDS)]
    short, long = (statistics.median(each) for each in zip(*seconds, strict=True))
    return statistics.median(long / short for short, long in seconds), short, long


class AuditLog:
    """An app with an audit log, and a user who may read it."""

    def __init__(self, app: Flask) -> None:
        self._app, self._headers = app, token(app, "staff")

    def seconds(self, path: str) -> float:
        call: dict[str, Any] = call_of(path, **self._headers)
        started = time.perf_counter()
        for _ in range(CALLS):
            ask(self._app, call)
        return (time.perf_counter() - started) / CALLS


@contextmanager
def _audit_log(server: "SQLite | PostgreSQL", count: int) -> Iterator[AuditLog]:
    with server.fresh() as url, TemporaryDirectory() as folder:
        app = ready(make_app(Path(folder), database_url=url, scheduler="false"))
        with app.app_context():
            kind = db.engine.dialect.name
            with db.engine.begin() as connection:
                connection.execute(text(FILL.format(numbers=NUMBERS[kind], at=BEGINNING[kind])), {"count": count})
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("ANALYZE"))
        yield AuditLog(app)
        with app.app_context():
            db.engine.dispose()
