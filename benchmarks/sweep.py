"""A thousand assets without a tag in a real Request Tracker: the number of searches, and the speed compared with bare renames."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask

from benchmarks.bare_requests import BareRequests
from benchmarks.report import COUNT, TIMES, Row, say
from request_tracker_utils.asset_store.request_tracker import WORKERS
from request_tracker_utils.core import jobs, metrics
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.tags import tagging
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import make_app, ready
from tests.services.request_tracker import NOT_INSTALLED, REAL, RequestTracker

ASSETS, BARE, PROCESSES = 1_000, 160, 4
"""Assets that the sweep tags, and assets for bare renames, half of them before the sweep and half after it, and processes of Request
Tracker."""
MOST_SEARCHES, TARGET = 12, 6.0
CATALOG, OTHER = "Cables", "General assets"

SEARCHES = Row(
    f"Searches in RT to sweep {ASSETS:,} untagged assets", None, MOST_SEARCHES, COUNT, f"not run: {NOT_INSTALLED}", at_least=False
)
RATE = Row("The sweep's rate, vs. bare token-authenticated renames in RT", None, TARGET, TIMES, f"not run: {NOT_INSTALLED}")
NOT_RUN = [SEARCHES, RATE]


def measure() -> Iterator[Row]:
    with TemporaryDirectory() as name, RequestTracker(Path(name) / "rt", workers=PROCESSES, token_cost=REAL) as rt:
        say("filling Request Tracker")
        bare = rt.fill(BARE + WORKERS, "bare ", catalog=OTHER)
        untagged_ids = rt.fill(ASSETS, "laptop ", catalog=CATALOG)
        app = ready(make_app(Path(name) / "ours", rt_url=rt.url, rt_token=rt.token))
        _rename(rt, bare[BARE:])  # the first requests with a token take longer
        before = _rename(rt, bare[: BARE // 2])
        seconds, searches = _sweep(app)
        after = _rename(rt, bare[BARE // 2 : BARE])
        _check(rt, untagged_ids)
    yield replace(SEARCHES, value=searches, detail="job and task together, counted at the client")
    plain, ours = BARE / (before + after), ASSETS / seconds
    detail = (
        f"{ours:.1f} assets/s found, tagged and renamed vs. {plain:.1f} bare renames/s, each with the token; {WORKERS} workers; "
        "half of the bare renames before and half after"
    )
    yield replace(RATE, value=ours / plain, detail=detail)


def _sweep(app: Flask) -> tuple[float, int]:
    """Seconds from the first search to the last tag, and the number of searches."""
    known = registry_of(app).jobs
    with app.app_context():
        jobs.run(known.named("adopt-tags"))
        with transaction() as session:
            tagging.set_sweep_catalogs(session, [CATALOG], actor=of_command(), now=utc_now())
            tagging.record_scan(session, found=0, missing=[], catalogs=[CATALOG], now=utc_now(), is_preview=True)
            tagging.turn_sweep(session, on=True, actor=of_command(), now=utc_now())
        already, started = _searches(), time.perf_counter()
        for name in ("sweep-untagged", "run-tasks"):
            jobs.run(known.named(name))
        return time.perf_counter() - started, _searches() - already


def _searches() -> int:
    found = metrics.instruments().registry.get_sample_value(
        "rtutils_rt_requests_total", {"method": "POST", "kind": "assets", "outcome": "ok"}
    )
    return int(found or 0)


def _rename(rt: RequestTracker, ids: Sequence[int]) -> float:
    """Seconds for bare renames, with one request each. The responses are ignored."""
    bare = BareRequests(rt)

    def rename(asset_id: int) -> None:
        bare.send("PUT", f"asset/{asset_id}", {"Name": f"renamed {asset_id}"})

    started = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(rename, ids))
    seconds = time.perf_counter() - started
    say(f"{len(ids)} bare renames in {seconds:.1f} s")
    return seconds


def _check(rt: RequestTracker, ids: Sequence[int]) -> None:
    names = rt.all_assets()
    tags = sorted(names[asset_id] for asset_id in ids)
    if tags != [f"W12-{number:04d}" for number in range(1, ASSETS + 1)]:
        raise AssertionError("an asset was skipped, or a tag assigned twice")
