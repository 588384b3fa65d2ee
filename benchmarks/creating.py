"""Assets created in a real Request Tracker: what our own work costs on top of its calls, and a cart of 200 beside a bare loop."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from benchmarks.progress import say
from benchmarks.row import COUNT, SHARE, Row
from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.assets.batch import start_creating
from request_tracker_utils.assets.creations import check_serials
from request_tracker_utils.assets.fields import NewAssetFields
from request_tracker_utils.assets.jobs import WORKERS
from request_tracker_utils.core import jobs
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags.models import Tag
from request_tracker_utils.tasks.models import Task, TaskState
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import make_app, ready, token
from tests.services.proxy import Proxy
from tests.services.request_tracker import NOT_INSTALLED, REAL, RequestTracker

SINGLE, CART, ROUNDS = 30, 200, 3
MOST_REQUESTS, MOST_CHECKS, OWN, RATE = 2, 4, 0.15, 0.85
CATALOG = "General assets"
_not_run = f"not run: {NOT_INSTALLED}"
_serials = (f"BENCH-{number:06d}" for number in count(1))

OWN_TIME = Row("One asset created: our own time, of that of RT's calls", None, OWN, SHARE, _not_run, at_least=False)
REQUESTS = Row("Requests to RT before a creation is answered", None, MOST_REQUESTS, COUNT, _not_run, at_least=False)
CHECKS = Row(f"Requests to RT to check a cart of {CART} serial numbers", None, MOST_CHECKS, COUNT, _not_run, at_least=False)
CARTS = Row(f"A cart of {CART} created, against a bare loop of RT creates", None, RATE, SHARE, _not_run)
NOT_RUN = [OWN_TIME, REQUESTS, CHECKS, CARTS]


def measure() -> Iterator[Row]:
    with TemporaryDirectory() as name, RequestTracker(Path(name) / "rt", workers=WORKERS, token_cost=REAL) as rt, Proxy(rt.url) as door:
        direct = ready(make_app(Path(name) / "direct", rt_url=rt.url, rt_token=rt.token, scheduler="false"))
        counted = ready(make_app(Path(name) / "counted", rt_url=door.url, rt_token=rt.token, scheduler="false", prefix="X12-"))
        for app in (direct, counted):
            _run(app, "adopt-tags")
        yield from _single(direct, counted, door)
        yield _checks(counted, door)
        yield _carts(direct, rt)


def _single(direct: Flask, counted: Flask, door: Proxy) -> Iterator[Row]:
    client, headers = direct.test_client(), token(direct, "staff")
    calls = _Timed(direct)
    own, of_rt = [], []
    for number in range(SINGLE + 3):
        calls.seconds = 0.0
        begun = time.perf_counter()
        _create(client, headers)
        whole = time.perf_counter() - begun
        if number >= 3:  # the first calls of a process ask more
            own.append(whole - calls.seconds)
            of_rt.append(calls.seconds)
    shares = [mine / theirs for mine, theirs in zip(own, of_rt, strict=True)]
    detail = (
        f"{statistics.median(own) * 1000:.0f} ms of our own on top of {statistics.median(of_rt) * 1000:.0f} ms of two calls, "
        f"POST /assets/create in the app, SQLite; median of {SINGLE} ({min(shares):.0%} to {max(shares):.0%})"
    )
    yield replace(OWN_TIME, value=statistics.median(shares), detail=detail)
    client, headers = counted.test_client(), token(counted, "staff")
    _create(client, headers)
    seen = []
    for _ in range(5):
        door.calls.clear()
        _create(client, headers)
        seen.append(len(door.calls))
    yield replace(REQUESTS, value=max(seen), detail="POST /assets/create with a new serial number, counted at RT's door")


def _create(client: FlaskClient, headers: dict[str, str]) -> None:
    laptop = {"serial_number": next(_serials), "manufacturer": "Dell", "model": "Chromebook 3100", "funding_source": "Title I"}
    answer = client.post("/assets/create", json=laptop, headers=headers)
    if answer.status_code != 201:
        raise AssertionError(f"{answer.status_code} {answer.text}")


class _Timed:
    """Seconds that the app waits for Request Tracker, from the moment it sends a request to that in which it has the whole answer."""

    def __init__(self, app: Flask) -> None:
        self.seconds = 0.0
        with app.app_context(), app.test_request_context():
            transport = asset_store()._client._transport  # type: ignore[attr-defined]
        send: Callable[..., object] = transport._exchange

        def timed(*arguments: object, **more: object) -> object:
            begun = time.perf_counter()
            try:
                return send(*arguments, **more)
            finally:
                self.seconds += time.perf_counter() - begun

        transport._exchange = timed


def _checks(counted: Flask, door: Proxy) -> Row:
    serials = [next(_serials) for _ in range(CART)]
    door.calls.clear()
    with counted.app_context():
        found = check_serials(reading, asset_store(), serials)
    if any(each.problem for each in found):
        raise AssertionError("a new serial number is held to be taken")
    return replace(CHECKS, value=len(door.calls), detail="none of them taken, counted at RT's door")


def _carts(app: Flask, rt: RequestTracker) -> Row:
    """A bare loop of half a cart before and after each cart: the machine's mood falls on both."""
    _bare(rt, 2 * WORKERS)
    shares, rates = [], []
    for _ in range(ROUNDS):
        before = _bare(rt, CART // 2)
        seconds = _cart(app)
        after = _bare(rt, CART // 2)
        shares.append((before + after) / seconds)
        rates.append((CART / seconds, CART / (before + after)))
        say(f"a cart at {rates[-1][0]:.1f} assets/s, bare {rates[-1][1]:.1f}")
    ours, plain = (statistics.median(rate[side] for rate in rates) for side in (0, 1))
    detail = (
        f"{ours:.1f} assets/s against {plain:.1f} bare creates/s, {WORKERS} workers each, the whole task, SQLite; half of the bare ones "
        f"before and half after; median of {ROUNDS} rounds ({min(shares):.0%} to {max(shares):.0%})"
    )
    return replace(CARTS, value=statistics.median(shares), detail=detail)


def _cart(app: Flask) -> float:
    with app.app_context():
        made = [NewAssetFields(next(_serials), "Dell", "Chromebook 3100", funding_source="Title I") for _ in range(CART)]
        begun = time.perf_counter()
        with transaction() as session:
            task = start_creating(session, made, title="A cart", actor=of_command(), now=utc_now())
        _run(app, "run-tasks")
        seconds = time.perf_counter() - begun
        with reading() as session:
            ended = session.get_one(Task, task.id)
            if (ended.state, ended.done) != (TaskState.DONE, CART):
                raise AssertionError(f"the task is {ended.state}: {ended.error}")
            tags = session.scalars(select(Tag.asset_id).where(Tag.asset_id.is_not(None))).all()
        if len(tags) != len(set(tags)):
            raise AssertionError("an asset has two tags")
    return seconds


def _run(app: Flask, job: str) -> None:
    with app.app_context():
        jobs.run(registry_of(app).jobs.named(job))


def _bare(rt: RequestTracker, many: int) -> float:
    """Seconds for as many creations of the same fields: one request each."""
    sessions = threading.local()

    def create(serial: str) -> None:
        if not hasattr(sessions, "one"):
            sessions.one = requests.Session()
            sessions.one.trust_env = False
            sessions.one.headers["Authorization"] = f"token {rt.token}"
        sessions.one.cookies.clear()
        fields = {"Serial Number": serial, "Manufacturer": "Dell", "Model": "Chromebook 3100", "Funding Source": "Title I"}
        asset = {"Name": serial, "Catalog": CATALOG, "CustomFields": fields}
        sessions.one.post(f"{rt.url}/REST/2.0/asset", json=asset, timeout=60).raise_for_status()

    serials = [next(_serials) for _ in range(many)]
    begun = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(create, serials))
    return time.perf_counter() - begun
