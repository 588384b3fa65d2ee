"""Creating assets in a real Request Tracker: its time and ours, compared with calls that carry the token only, and the rate of a cart of
200 compared with a bare loop."""

import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from benchmarks.bare_requests import BareRequests
from benchmarks.report import COUNT, MILLISECONDS, TIMES, Row, say
from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.request_tracker import WORKERS
from request_tracker_utils.assets.batch import start_creating
from request_tracker_utils.assets.creations import check_serials
from request_tracker_utils.assets.fields import NewAssetFields
from request_tracker_utils.core import jobs
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.integrations.rt import RtClient
from request_tracker_utils.tags.models import Tag
from request_tracker_utils.tasks.models import Task, TaskState
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import make_app, ready, token
from tests.services.proxy import Proxy
from tests.services.request_tracker import NOT_INSTALLED, REAL, RequestTracker

SINGLE, CART, BARE, ROUNDS, PROCESSES = 30, 200, 40, 3, 4
"""`BARE`: assets that the bare loop creates before each cart, and after it. `PROCESSES`: of Request Tracker."""
MOST_REQUESTS, MOST_CHECKS, OWN, OF_RT, RATE = 2, 4, 20.0, 0.25, 5.0
CATALOG = "General assets"
_not_run = f"not run: {NOT_INSTALLED}"
_serials = (f"BENCH-{number:06d}" for number in count(1))

RT_TIME = Row("Creating one asset: RT's time, vs. two token-authenticated calls", None, OF_RT, TIMES, _not_run, at_least=False)
OWN_TIME = Row("Creating one asset: our own CPU time", None, OWN, MILLISECONDS, _not_run, at_least=False)
REQUESTS = Row("Requests to RT per created asset", None, MOST_REQUESTS, COUNT, _not_run, at_least=False)
CHECKS = Row(f"Requests to RT to check a cart of {CART} serial numbers", None, MOST_CHECKS, COUNT, _not_run, at_least=False)
CARTS = Row(f"Creating a cart of {CART}, vs. a bare loop of token-authenticated requests to RT", None, RATE, TIMES, _not_run)
NOT_RUN = [RT_TIME, OWN_TIME, REQUESTS, CHECKS, CARTS]


def measure() -> Iterator[Row]:
    with TemporaryDirectory() as name, RequestTracker(Path(name) / "rt", workers=PROCESSES, token_cost=REAL) as rt, Proxy(rt.url) as proxy:
        direct = ready(make_app(Path(name) / "direct", rt_url=rt.url, rt_token=rt.token, scheduler="false"))
        counted = ready(make_app(Path(name) / "counted", rt_url=proxy.url, rt_token=rt.token, scheduler="false", prefix="X12-"))
        for app in (direct, counted):
            _run(app, "adopt-tags")
        yield from _single(direct, rt)
        yield _requests(counted, proxy)
        yield _checks(counted, proxy)
        yield _carts(direct, rt)


def _single(direct: Flask, rt: RequestTracker) -> Iterator[Row]:
    client, headers = direct.test_client(), token(direct, "staff")
    calls = _Timed(direct)
    own, of_rt, by_token = list[float](), list[float](), list[float]()
    with RtClient(rt.url, rt.token, read_timeout=60, use_session=False) as bare:
        for number in range(SINGLE + 3):
            calls.seconds = calls.cpu = 0.0
            started = time.process_time()
            _create(client, headers)
            cpu = time.process_time() - started - calls.cpu
            seconds = _create_by_token(bare)
            if number >= 3:  # the first calls of a process send more requests
                own.append(cpu * 1000)
                of_rt.append(calls.seconds)
                by_token.append(seconds)
    shares = [quick / slow for quick, slow in zip(of_rt, by_token, strict=True)]
    detail = (
        f"{statistics.median(of_rt) * 1000:.0f} ms for its two calls in a session vs. {statistics.median(by_token) * 1000:.0f} ms for the "
        f"same calls, each with the token; in turns; median of {SINGLE} ({min(shares):.2f} to {max(shares):.2f} ×)"
    )
    yield replace(RT_TIME, value=statistics.median(shares), detail=detail)
    detail = f"without its two calls to RT; POST /assets/create in the app; median of {SINGLE} ({min(own):.0f} to {max(own):.0f} ms)"
    yield replace(OWN_TIME, value=statistics.median(own), detail=detail)


def _requests(counted: Flask, proxy: Proxy) -> Row:
    client, headers = counted.test_client(), token(counted, "staff")
    _create(client, headers)
    counts = []
    for _ in range(5):
        proxy.calls.clear()
        _create(client, headers)
        counts.append(_rest_calls(proxy))
    return replace(REQUESTS, value=max(counts), detail="POST /assets/create with a new serial number, counted by a proxy")


def _rest_calls(proxy: Proxy) -> int:
    """Without the page of the session, which is requested every few minutes."""
    return sum(call.path.startswith("/REST/") for call in proxy.calls)


def _create_by_token(bare: RtClient) -> float:
    """Seconds for the same search and creation."""
    serial = next(_serials)
    fields = {"Serial Number": serial, "Manufacturer": "Dell", "Model": "Chromebook 3100", "Funding Source": "Title I"}
    started = time.perf_counter()
    if bare.assets.find_by_serial(serial):
        raise AssertionError("a new serial number was found")
    bare.assets.create(serial, catalog=CATALOG, fields=fields)
    return time.perf_counter() - started


def _create(client: FlaskClient, headers: dict[str, str]) -> None:
    laptop = {"serial_number": next(_serials), "manufacturer": "Dell", "model": "Chromebook 3100", "funding_source": "Title I"}
    answer = client.post("/assets/create", json=laptop, headers=headers)
    if answer.status_code != 201:
        raise AssertionError(f"{answer.status_code} {answer.text}")


class _Timed:
    """Measures how long the app waits for Request Tracker, from sending a request until the whole response has arrived, and the CPU time
    that this takes here."""

    def __init__(self, app: Flask) -> None:
        self.seconds = self.cpu = 0.0
        with app.app_context(), app.test_request_context():
            transport = asset_store()._client._transport  # type: ignore[attr-defined]
        send: Callable[..., object] = transport._exchange

        def timed(*arguments: object, **more: object) -> object:
            started, cpu = time.perf_counter(), time.process_time()
            try:
                return send(*arguments, **more)
            finally:
                self.seconds += time.perf_counter() - started
                self.cpu += time.process_time() - cpu

        transport._exchange = timed


def _checks(counted: Flask, proxy: Proxy) -> Row:
    serials = [next(_serials) for _ in range(CART)]
    proxy.calls.clear()
    with counted.app_context():
        found = check_serials(reading, asset_store(), serials)
    if any(each.problem for each in found):
        raise AssertionError("a new serial number was reported as taken")
    return replace(CHECKS, value=_rest_calls(proxy), detail="all of them new, counted by a proxy")


def _carts(app: Flask, rt: RequestTracker) -> Row:
    """The bare loop runs before and after each cart, so that other load on the machine affects both."""
    _bare(rt, 2 * WORKERS)
    ratios, rates = [], []
    for _ in range(ROUNDS):
        before = _bare(rt, BARE)
        seconds = _cart(app)
        after = _bare(rt, BARE)
        rates.append((CART / seconds, 2 * BARE / (before + after)))
        ratios.append(rates[-1][0] / rates[-1][1])
        say(f"a cart: {rates[-1][0]:.1f} assets/s, the bare loop: {rates[-1][1]:.1f}")
    ours, plain = (statistics.median(rate[side] for rate in rates) for side in (0, 1))
    detail = (
        f"{ours:.1f} assets/s vs. {plain:.1f} bare requests/s, each with the token; {WORKERS} workers each, the whole task, SQLite; "
        f"half of the bare loop before and half after; median of {ROUNDS} rounds ({min(ratios):.1f} to {max(ratios):.1f} ×)"
    )
    return replace(CARTS, value=statistics.median(ratios), detail=detail)


def _cart(app: Flask) -> float:
    with app.app_context():
        assets = [NewAssetFields(next(_serials), "Dell", "Chromebook 3100", funding_source="Title I") for _ in range(CART)]
        started = time.perf_counter()
        with transaction() as session:
            task = start_creating(session, assets, title="A cart", actor=of_command(), now=utc_now())
        _run(app, "run-tasks")
        seconds = time.perf_counter() - started
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
    """Seconds to create `many` assets with the same fields, with one request each."""
    bare = BareRequests(rt)

    def create(serial: str) -> None:
        fields = {"Serial Number": serial, "Manufacturer": "Dell", "Model": "Chromebook 3100", "Funding Source": "Title I"}
        asset = {"Name": serial, "Catalog": CATALOG, "CustomFields": fields}
        bare.send("POST", "asset", asset)

    serials = [next(_serials) for _ in range(many)]
    started = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(create, serials))
    return time.perf_counter() - started
