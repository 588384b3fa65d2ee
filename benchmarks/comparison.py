"""Memory for comparing asset names with tags, compared with a list of all names."""

import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import insert

from benchmarks.report import SHARE, Row
from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.reconciliation import service
from request_tracker_utils.tags.comparison import DISCREPANCIES
from request_tracker_utils.tags.models import Tag, TagState
from request_tracker_utils.tags.resolution import TagReconciler
from tests.services.apps import make_app, ready

COUNT, CHUNK = 30_000, 100
TARGET = 0.75


class Names(EmbeddedAssetStore):
    """An asset store that generates names while they are read, in pages of a hundred like Request Tracker."""

    def __init__(self) -> None:
        super().__init__(transaction, reading, "http://bench.example", "General assets")

    def names_beginning_with(self, prefix: str, *, any_case: bool = False) -> Iterator[list[tuple[int, str]]]:
        for begin in range(1, COUNT + 1, CHUNK):
            yield [(number, f"{prefix}{number:04d}") for number in range(begin, begin + CHUNK)]

    def get_many(self, asset_ids: Iterable[int]) -> Iterator[list[Asset]]:
        raise AssertionError("the name of every tagged asset was listed")


class NoProgress:
    """Ignores progress."""

    def expect(self, total: int) -> None: ...
    def advance(self, steps: int) -> None: ...


def measure() -> Iterator[Row]:
    with TemporaryDirectory() as folder:
        app = ready(make_app(Path(folder)))
        with app.app_context():
            now = utc_now()
            columns = {"prefix": "W12-", "state": TagState.ASSIGNED, "changed_at": now, "confirmed_at": now}
            with transaction() as session:
                rows = [{"tag": f"W12-{number:04d}", "number": number, "asset_id": number, **columns} for number in range(1, COUNT + 1)]
                session.execute(insert(Tag), rows)
                del rows
            listed, compared = _peak(_list_all), _peak(_compare)
            db.engine.dispose()
    detail = f"{COUNT:,} names: {compared / 1e6:.1f} MB peak for the comparison, {listed / 1e6:.1f} MB for the names alone"
    yield Row("Memory for comparing names with tags, vs. a list of all names", compared / listed, TARGET, SHARE, detail, at_least=False)


def _list_all() -> None:
    listed = [name for names in Names().names_beginning_with("W12-") for name in names]
    if len(listed) != COUNT:
        raise AssertionError("names are missing")


def _compare() -> None:
    reconciler = TagReconciler(transaction, Names(), "", utc_now)
    count = service.compare(transaction, DISCREPANCIES, reconciler, actor=Actor("bench"), clock=utc_now, progress=NoProgress())
    if count:
        raise AssertionError("the comparison found a discrepancy, but there are none")


def _peak(work: Callable[[], None]) -> int:
    """Peak memory allocated by Python, in bytes, after a first run that fills caches."""
    work()
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak
