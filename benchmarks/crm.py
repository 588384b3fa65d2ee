"""10,000 workdays for a CRM that takes 50 ms for each request and fails for one in twenty at first, compared with one at a time.

Half of those that fail are stored, and the answer is lost. Also the requests of a run while the CRM is down. The CRM runs in a process of
its own, and honors the idempotency key.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import requests
from sqlalchemy import func, insert, select

from benchmarks.databases import both
from benchmarks.report import COUNT, TIMES, Row, say
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.workdays.content import idempotency_key
from request_tracker_utils.workdays.crm.client import CrmClient, Sent
from request_tracker_utils.workdays.crm.payload import CrmRecord, in_utc
from request_tracker_utils.workdays.crm.sync import CrmSync
from request_tracker_utils.workdays.models import Workday
from tests.services.apps import make_app, ready
from tests.services.attendance import added
from tests.services.crm import TOKEN
from tests.services.crm_workdays import NOW, rows
from tests.services.server import free_port

if TYPE_CHECKING:
    pass

WORKDAYS, SAMPLE, DELAY = 10_000, 200, 0.05
MIN_FASTER, MAX_REQUESTS = 8, 20
BATCH, ATTEMPTS = 100, 3


def measure() -> Iterator[Row]:
    for title, server in both():
        with server.fresh() as url, TemporaryDirectory() as folder:
            app = ready(make_app(Path(folder), database_url=url, scheduler="false"))
            with app.app_context():
                yield from _rows(title)
                db.engine.dispose()


def _rows(title: str) -> Iterator[Row]:
    _store(WORKDAYS)
    attempts, seconds = _while_down()
    detail = f"{WORKDAYS:,} workdays wait; the run ended after {seconds:.2f} s, and no workday counts an attempt"
    yield Row(f"Requests of a run while the CRM is down, {title}", attempts, MAX_REQUESTS, COUNT, detail, at_least=False)
    with _crm() as (address, statistics):
        together = _together(address)
        found = requests.get(statistics, timeout=10).json()
    if (found["stored"], found["keys"], found["workdays"]) != (WORKDAYS,) * 3:
        raise AssertionError(f"the CRM does not have each workday exactly once: {found}")
    _store(SAMPLE, first=WORKDAYS + 1)
    with _crm() as (address, _statistics):
        alone = _one_at_a_time(address)
    say(f"{title}: {together * 1e3:.2f} ms for each workday, {alone * 1e3:.1f} ms one at a time")
    detail = (
        f"{WORKDAYS:,} workdays in {together * WORKDAYS:.1f} s, {found['requests']:,} requests, at most {found['most_at_once']} at once, "
        f"each stored exactly once; one at a time {alone * 1e3:.0f} ms each ({SAMPLE} sampled)"
    )
    yield Row(f"Workdays sent to the CRM, vs. one at a time, {title}", alone / together, MIN_FASTER, TIMES, detail)


def _store(count: int, *, first: int = 1) -> None:
    terminal_id = added(f"Entrance {first}", f"10.0.{first // 256 % 256}.{first % 256}").id
    with transaction() as session:
        session.execute(insert(Workday), rows(count, terminal_id, first=first))


class _Counting(CrmClient):
    """Counts what is tried."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.tried, self._lock = 0, threading.Lock()

    def send(self, record: CrmRecord) -> Sent:
        with self._lock:
            self.tried += 1
        return super().send(record)


def _while_down() -> tuple[int, float]:
    """How many requests a run tries, and its seconds."""
    client, began = _Counting(f"http://127.0.0.1:{free_port()}/", TOKEN, allow_http=True), time.perf_counter()
    result = CrmSync(client, transaction, lambda: NOW, batch=BATCH, attempts=ATTEMPTS).run()
    seconds = time.perf_counter() - began
    with reading() as session:
        counted = session.scalar(select(func.count()).select_from(Workday).where(Workday.sync_attempts > 0))
    if result.stopped is None or counted:
        raise AssertionError(f"the run did not end early, or {counted} workdays count an attempt")
    return client.tried, seconds


def _together(address: str) -> float:
    """Seconds for each workday."""
    client = CrmClient(address, TOKEN, allow_http=True)
    began = time.perf_counter()
    # The claims of the run before have a pause.
    result = CrmSync(client, transaction, lambda: NOW.replace(hour=23), batch=BATCH, attempts=ATTEMPTS).run()
    seconds = time.perf_counter() - began
    if result.successful != WORKDAYS:
        raise AssertionError(f"{result.successful} of {WORKDAYS} workdays were accepted")
    return seconds / WORKDAYS


def _one_at_a_time(address: str) -> float:
    """Seconds for each workday of a loop that keeps its connection, repeats without a pause, and commits after each."""
    with reading() as session:
        ids = list(session.scalars(select(Workday.id).where(Workday.synced_to_crm.is_(False)).order_by(Workday.id)))
    if len(ids) != SAMPLE:
        raise AssertionError(f"{len(ids)} workdays are left")
    began = time.perf_counter()
    with requests.Session() as http:
        for workday_id in ids:
            with transaction() as session:
                row = session.get_one(Workday, workday_id)
                body = _body(row)
                headers = {"Authorization": f"Token {TOKEN}", "Idempotency-Key": idempotency_key(row)}
            _post(http, address, body, headers)
            with transaction() as session:
                row = session.get_one(Workday, workday_id)
                row.attempted_revision = row.accepted_revision = row.revision
                row.synced_to_crm, row.synced_at, row.crm_due_at = True, NOW, None
    return (time.perf_counter() - began) / SAMPLE


def _body(row: Workday) -> dict[str, Any]:
    return {
        "user_id": row.user_id,
        "date": row.date.isoformat(),
        "clock_in": row.clock_in and in_utc(row.clock_in),
        "clock_out": row.clock_out and in_utc(row.clock_out),
        "is_outlier": row.is_outlier,
        "outlier_reason": row.outlier_reason,
        "device_name": "Entrance",
        "device_ip": "10.0.0.50",
    }


def _post(http: requests.Session, address: str, body: dict[str, Any], headers: dict[str, str]) -> None:
    for _attempt in range(ATTEMPTS):
        try:
            if http.post(address, json=body, headers=headers, timeout=30).status_code == 201:
                return
        except requests.ConnectionError:
            continue
    raise AssertionError("a workday was not accepted")


@contextmanager
def _crm() -> Iterator[tuple[str, str]]:
    """The addresses to which workdays are sent, and of what it has got."""
    command = [sys.executable, "-m", "tests.services.crm", "--failing", "--delay", str(DELAY)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if process.stdin is None or process.stdout is None:
        raise AssertionError("the CRM has not started")
    try:
        found = json.loads(process.stdout.readline())
        yield found["address"], found["statistics"]
    finally:
        process.stdin.close()
        process.wait(30)
