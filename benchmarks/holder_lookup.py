"""Looking up the assets of a hundred students in a real Request Tracker: the number of requests."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from benchmarks import servers
from benchmarks.proxy import CountingProxy
from benchmarks.report import COUNT, Row, say
from tests.services.apps import make_app
from tests.services.request_tracker import NOT_INSTALLED, REAL, RequestTracker
from tests.services.school import School

STUDENTS, MOST_REQUESTS = 100, 5
WORKERS = 4
USER = "pupil"

REQUESTS = Row(f"Requests to RT to look up {STUDENTS} students", None, MOST_REQUESTS, COUNT, f"not run: {NOT_INSTALLED}", at_least=False)
NOT_RUN = [REQUESTS]


def measure() -> Iterator[Row]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        with RequestTracker(folder / "rt", workers=WORKERS, token_cost=REAL) as rt:
            say("filling Request Tracker")
            numbers = [str(number) for number in range(1001, 1001 + STUDENTS)]
            assets = dict(zip(numbers, rt.fill(STUDENTS, "bench"), strict=True))
            with ThreadPoolExecutor(WORKERS) as pool:
                list(pool.map(lambda number: _assign(rt, number, assets[number]), numbers))
            with CountingProxy(rt.url) as proxy:
                settings = {"rt_url": proxy.url, "rt_token": rt.token, "rt_student_user": USER + "{student_id}", "scheduler": "false"}
                with servers.program(folder / "ours", settings) as ours:
                    school = School(make_app(ours.folder, **settings))
                    for number in numbers:
                        school.student(number)
                    yield _of(proxy, ours, assets)


def _assign(rt: RequestTracker, number: str, asset_id: int) -> None:
    """Creates the student's user, and makes it the holder of the asset."""
    rt.rest("POST", "user", json={"Name": USER + number}).raise_for_status()
    rt.rest("PUT", f"asset/{asset_id}", json={"HeldBy": [USER + number], "Owner": USER + number}).raise_for_status()


def _of(proxy: CountingProxy, ours: servers.Served, assets: dict[str, int]) -> Row:
    proxy.count = 0
    with requests.Session() as session:
        session.trust_env = False
        started = time.perf_counter()
        body = {"student_ids": list(assets)}
        answer = session.post(f"{ours.url}/api/rt-lookup/batch", json=body, headers=ours.headers, timeout=300)
        seconds = time.perf_counter() - started
    found = {each["student_id"]: [asset["id"] for asset in each["assets"]] for each in answer.json()["results"]}
    if found != {number: [asset_id] for number, asset_id in assets.items()}:
        raise ValueError("the response has wrong assets")
    detail = f"POST /api/rt-lookup/batch, one asset each, counted by a proxy; {seconds:.1f} s"
    return replace(REQUESTS, value=proxy.count, detail=detail)
