"""A thousand labels of assets in a real Request Tracker: how many requests, and how much faster than a request an asset."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from benchmarks import labels, servers
from benchmarks.progress import say
from benchmarks.proxy import CountingProxy
from benchmarks.row import COUNT, TIMES, Row
from request_tracker_utils.directory.request_tracker import RequestTrackerDirectory
from request_tracker_utils.integrations.rt import RtClient
from request_tracker_utils.labels.page import LabelContent
from tests.services.request_tracker import NOT_INSTALLED, REAL, RequestTracker

LABELS, SAMPLE, ROUNDS = 1_000, 100, 2
TARGET, MOST_REQUESTS = 25.0, 11
WORKERS = 4

REQUESTS = Row(f"Requests to RT for {LABELS:,} labels", None, MOST_REQUESTS, COUNT, f"not run: {NOT_INSTALLED}", at_least=False)
SPEED = Row(f"{LABELS:,} labels from RT, against a request an asset", None, TARGET, TIMES, f"not run: {NOT_INSTALLED}")
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
    single, batch, counts = 0.0, 0.0, set[int]()
    _one_by_one(rt, ids[:WORKERS])  # each worker of Request Tracker remembers the token after it
    _batch(ours, ids[:WORKERS])
    for number in range(ROUNDS):
        # The sample is taken in parts, before and after the batches.
        part = SAMPLE // (ROUNDS + 1)
        single += _one_by_one(rt, ids[number * part : (number + 1) * part])
        proxy.count = 0
        batch += _batch(ours, ids)
        counts.add(proxy.count)
        say(f"round {number + 1} of {ROUNDS}: {LABELS} labels with {proxy.count} requests")
    single += _one_by_one(rt, ids[ROUNDS * part : SAMPLE])
    each, ours_each = single / SAMPLE, batch / ROUNDS / LABELS
    yield replace(REQUESTS, value=max(counts), detail="POST /labels/batch, counted at RT's door")
    detail = (
        f"{ours_each * LABELS:.1f} s for {LABELS:,} labels, {ours_each * 1000:.1f} ms a label, "
        f"against {each * 1000:.0f} ms with a request an asset (sample of {SAMPLE})"
    )
    yield replace(SPEED, value=each / ours_each, detail=detail)


def _one_by_one(rt: RequestTracker, ids: list[int]) -> float:
    """Seconds of the plain way, to which nothing is added: no server of ours, no proxy."""
    with RtClient(rt.url, rt.token, read_timeout=60) as client:
        directory = RequestTrackerDirectory(client, default_catalog="General assets")
        begun = time.perf_counter()
        assets = [directory.get(asset_id) for asset_id in ids]
        labels.ours([LabelContent.from_asset(asset, directory.page_address(asset.id)) for asset in assets])
        return time.perf_counter() - begun


def _batch(ours: servers.Served, ids: list[int]) -> float:
    with requests.Session() as session:
        session.trust_env = False
        begun = time.perf_counter()
        answer = session.post(f"{ours.url}/labels/batch", json={"asset_ids": ids, "size": "small"}, headers=ours.headers, timeout=300)
        seconds = time.perf_counter() - begun
    found = answer.text.count('class="label')
    if answer.status_code != 200 or found < len(ids):
        raise AssertionError(f"{answer.status_code}: {found} labels of {len(ids)}: {answer.text[:500]}")
    return seconds
