"""A thousand labels of assets in a real Request Tracker: the number of requests, and the speed compared with one token-authenticated
request per asset."""

import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from benchmarks import labels, servers
from benchmarks.proxy import CountingProxy
from benchmarks.report import COUNT, TIMES, Row, say
from request_tracker_utils.asset_store.request_tracker import RequestTrackerAssetStore
from request_tracker_utils.integrations.rt import RtClient
from request_tracker_utils.labels.renderer import LabelContent
from tests.services.request_tracker import NOT_INSTALLED, REAL, RequestTracker

LABELS, SAMPLE, ROUNDS = 1_000, 100, 3
TARGET, MOST_REQUESTS = 50.0, 11
WORKERS = 4

REQUESTS = Row(f"Requests to RT for {LABELS:,} labels", None, MOST_REQUESTS, COUNT, f"not run: {NOT_INSTALLED}", at_least=False)
SPEED = Row(f"{LABELS:,} labels from RT, vs. one token-authenticated request per asset", None, TARGET, TIMES, f"not run: {NOT_INSTALLED}")
NOT_RUN = [REQUESTS, SPEED]


def measure() -> Iterator[Row]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        with RequestTracker(folder / "rt", workers=WORKERS, token_cost=REAL) as rt:
            say("filling Request Tracker")
            ids = list(rt.fill(LABELS, "bench"))
            with CountingProxy(rt.url) as proxy:
                settings = {"rt_url": proxy.url, "rt_token": rt.token, "scheduler": "false"}
                with servers.program(folder / "ours", settings) as ours:
                    yield from _of(rt, proxy, ours, ids)


def _of(rt: RequestTracker, proxy: CountingProxy, ours: servers.Served, ids: list[int]) -> Iterator[Row]:
    _one_by_one(rt, ids[:WORKERS])  # the first requests with a token take longer
    _batch(ours, ids[:WORKERS])
    single, batch, counts = list[float](), list[float](), set[int]()
    for number in range(ROUNDS):
        sample = ids[:SAMPLE][number::ROUNDS]
        single.append(_one_by_one(rt, sample) / len(sample))
        proxy.count = 0
        batch.append(_batch(ours, ids) / len(ids))
        counts.add(proxy.count)
        say(f"round {number + 1} of {ROUNDS}: {LABELS} labels with {proxy.count} requests, {single[-1] / batch[-1]:.0f} times as fast")
    ratios = [slow / fast for slow, fast in zip(single, batch, strict=True)]
    yield replace(REQUESTS, value=max(counts), detail="POST /labels/batch, counted by a proxy")
    each, ours_each = statistics.median(single), statistics.median(batch)
    detail = (
        f"{ours_each * LABELS:.1f} s for {LABELS:,} labels, {ours_each * 1000:.1f} ms per label, "
        f"vs. {each * 1000:.0f} ms with one request per asset, each with the token (sample of {SAMPLE}); "
        f"median of {ROUNDS} rounds ({min(ratios):.0f} to {max(ratios):.0f} ×)"
    )
    yield replace(SPEED, value=statistics.median(ratios), detail=detail)


def _one_by_one(rt: RequestTracker, ids: list[int]) -> float:
    """Seconds with one request per asset that carries the token only, without our server and the proxy."""
    with RtClient(rt.url, rt.token, read_timeout=60, use_session=False) as client:
        asset_store = RequestTrackerAssetStore(client, default_catalog="General assets")
        started = time.perf_counter()
        assets = [asset_store.get(asset_id) for asset_id in ids]
        labels.ours([LabelContent.from_asset(asset, asset_store.page_address(asset.id)) for asset in assets])
        return time.perf_counter() - started


def _batch(ours: servers.Served, ids: list[int]) -> float:
    with requests.Session() as session:
        session.trust_env = False
        started = time.perf_counter()
        answer = session.post(f"{ours.url}/labels/batch", json={"asset_ids": ids, "size": "small"}, headers=ours.headers, timeout=300)
        seconds = time.perf_counter() - started
    found = answer.text.count('class="label"')
    if answer.status_code != 200 or found != len(ids):
        raise AssertionError(f"{answer.status_code}: {found} labels of {len(ids)}: {answer.text[:500]}")
    return seconds
