"""What comparing the directory with the tags holds in memory, against merely holding all names."""

import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import insert

from benchmarks.row import SHARE, Row
from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.tags import comparison
from request_tracker_utils.tags.models import Tag, TagState
from tests.services.apps import make_app, ready

COUNT, CHUNK = 30_000, 100
TARGET = 0.75


class Names(EmbeddedAssetStore):
    """A directory that makes its names up as it is asked for them, as one does that sends them by hundreds."""

    def __init__(self) -> None:
        super().__init__(transaction, reading, "http://bench.example", "General assets")

    def names_beginning_with(self, prefix: str, *, any_case: bool = False) -> Iterator[list[tuple[int, str]]]:
        for begin in range(1, COUNT + 1, CHUNK):
            yield [(number, f"{prefix}{number:04d}") for number in range(begin, begin + CHUNK)]

    def get_many(self, asset_ids: Iterable[int]) -> Iterator[list[Asset]]:
        raise AssertionError("every tag's asset was among the names")


class Nobody:
    """Watches, and says nothing."""

    def expect(self, total: int) -> None:
        """Nothing."""

    def advance(self, steps: int) -> None:
        """Nothing."""


def measure() -> Iterator[Row]:
    with TemporaryDirectory() as folder:
        app = ready(make_app(Path(folder)))
        with app.app_context():
            now = utc_now()
            given = {"prefix": "W12-", "state": TagState.ASSIGNED, "changed_at": now, "confirmed_at": now}
            with transaction() as session:
                rows = [{"tag": f"W12-{number:04d}", "number": number, "asset_id": number, **given} for number in range(1, COUNT + 1)]
                session.execute(insert(Tag), rows)
                del rows
            held, compared = _peak(_hold_all), _peak(_compare)
            db.engine.dispose()
    detail = f"{COUNT:,} names: {compared / 1e6:.1f} MB at most while comparing, {held / 1e6:.1f} MB for the names alone"
    yield Row("Memory of comparing, against all names", compared / held, TARGET, SHARE, detail, at_least=False)


def _hold_all() -> None:
    kept = [name for names in Names().names_beginning_with("W12-") for name in names]
    if len(kept) != COUNT:
        raise AssertionError("names are missing")


def _compare() -> None:
    count = comparison.compare(transaction, Names(), prefixes=["W12-"], actor=Actor("bench"), clock=utc_now, progress=Nobody())
    if count:
        raise AssertionError("a difference was invented")


def _peak(work: Callable[[], None]) -> int:
    """Bytes that Python held at most for the work; a first run fills what is kept anyway."""
    work()
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak
