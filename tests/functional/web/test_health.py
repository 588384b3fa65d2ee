"""What monitors are told: when all is well, when something is not, and how little they learn beside that."""

import os
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from request_tracker_utils.core import durability, jobs, write_lock
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, transaction
from request_tracker_utils.core.health import TIMEOUT, CheckResult, Health, HealthCheck, Status
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.settings import FIELD_SETTINGS, Settings
from request_tracker_utils.integrations.rt.custom_fields import OF_ASSETS
from request_tracker_utils.integrations.rt.session import SIGN_IN_PAGE
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import make_app, ready, sign_in, token, user
from tests.services.local_server import Call, LocalServer, Reply, wait_until
from tests.services.server import RunningServer

NAMES = ["database", "migrations", "scheduler", "disk", "write_lock", "asset_store", "webhook"]
RT_TOKEN = "1-2-secret0of0the0tests"
CHECKED = "request_tracker_utils.core.health.unsafe_settings"


def asked(client: FlaskClient, **headers: str) -> tuple[int, dict[str, Any]]:
    answer = client.get("/api/health", headers=headers)
    assert answer.is_json
    return answer.status_code, answer.json  # type: ignore[return-value]


def statuses(body: dict[str, Any]) -> dict[str, str]:
    return {name: check["status"] for name, check in body["checks"].items()}


@pytest.fixture
def without_scheduler(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    app = ready(make_app(tmp_path, database_url=database_url, scheduler="false"))
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def rt() -> Iterator[LocalServer]:
    with LocalServer(answer) as server:
        yield server


def answer(call: Call) -> Reply:
    """As Request Tracker with all custom fields of the settings, and without web sessions."""
    if "/customfields" in call.path:
        names = [str(Settings.model_fields[setting].default) for setting in FIELD_SETTINGS]
        rows = [{"id": str(number), "Name": name, "LookupType": OF_ASSETS} for number, name in enumerate(names, start=1)]
        return Reply({"items": rows, "total": len(rows)})
    return Reply({"Version": "5.0.7"}) if call.path.endswith("/rt") else Reply(status=403)


@pytest.fixture
def with_rt(tmp_path: Path, sqlite: Any, rt: LocalServer) -> Iterator[FlaskClient]:
    with sqlite.fresh() as url:
        yield ready(make_app(tmp_path, database_url=url, rt_url=rt.url, rt_token=RT_TOKEN)).test_client()


def test_a_new_installation_is_well(client: FlaskClient) -> None:
    status, body = asked(client)
    assert (status, body["status"], body["degraded"]) == (200, "ok", [])
    assert statuses(body) == dict.fromkeys(NAMES, "ok")
    assert all(check["summary"] for check in body["checks"].values())


def test_strangers_and_staff_learn_no_version_no_address_and_no_path(app: Flask, client: FlaskClient, tmp_path: Path) -> None:
    for headers in ({}, token(app, "staff")):
        told = client.get("/api/health", headers=headers).get_data(as_text=True)
        for inner in (str(tmp_path), "sqlite", "postgresql", "Revision", " MB"):
            assert inner not in told


def test_an_administrator_learns_them_by_token_and_by_session(own_app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("request_tracker_utils.core.health.TIMEOUT", 30.0)
    database = registry_of(own_app).settings.database_file
    folder = database.parent if database else tmp_path
    client = own_app.test_client()
    by_token = client.get("/api/health", headers=token(own_app, "admin")).get_data(as_text=True)
    user(own_app, "admin")
    sign_in(client, "admin")
    for told in (by_token, client.get("/api/health").get_data(as_text=True)):
        assert f"MB free in {folder}." in told
        assert "Revision" in told


@pytest.mark.both_databases
def test_a_server_that_does_not_sync_its_disk_degrades_health(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CHECKED, durability.unsafe_settings)
    with app.app_context():
        is_postgresql = db.engine.dialect.name == "postgresql"
    _status, public = asked(client)
    _status, full = asked(client, **token(app, "admin"))
    if is_postgresql:
        assert (public["status"], public["degraded"]) == ("degraded", ["database"])
        assert "power failure" in public["checks"]["database"]["summary"]
        assert "off: fsync, full_page_writes, synchronous_commit." in full["checks"]["database"]["summary"]
    else:
        assert public["status"] == "ok"


def test_a_database_that_lost_its_tables_is_down(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), transaction() as session:
        session.execute(text("DROP TABLE kept_values"))
    status, body = asked(client, **token(app, "admin"))
    assert (status, body["status"]) == (503, "down")
    assert statuses(body)["database"] == "down"


def test_a_database_of_another_version_is_down(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'another'"))
    status, body = asked(client)
    assert (status, statuses(body)["migrations"], body["degraded"]) == (503, "down", ["migrations"])
    assert "another" not in str(body)
    assert "another" in asked(client, **token(app, "admin"))[1]["checks"]["migrations"]["summary"]


def test_a_database_that_refuses_connections_is_down_and_no_fault(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    client = make_app(tmp_path, database_url=f"postgresql://user:inner-password@127.0.0.1:{port}/name").test_client()
    for headers in ({}, {"Authorization": "Bearer nobody"}):
        status, body = asked(client, **headers)
        assert (status, body["status"], statuses(body)["database"]) == (503, "down", "down")
        assert str(port) not in str(body)
        assert "password" not in str(body)


def test_a_database_that_hangs_is_down_soon_and_at_once_for_those_who_ask_later(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the system takes the connection, and nobody ever answers
        client = make_app(tmp_path, database_url=f"postgresql://user@127.0.0.1:{silent.getsockname()[1]}/name").test_client()
        begun = time.monotonic()
        assert asked(client)[0] == 503
        first = time.monotonic() - begun
        assert asked(client)[0] == 503
        assert first < TIMEOUT + 1
        assert time.monotonic() - begun - first < 1


def test_a_sqlite_file_that_is_broken_is_down(tmp_path: Path, sqlite: Any) -> None:
    url = sqlite.copy_to(tmp_path / "broken.sqlite")
    (tmp_path / "broken.sqlite").write_bytes(b"no database" * 1000)
    status, body = asked(make_app(tmp_path, database_url=url).test_client())
    assert (status, statuses(body)["database"]) == (503, "down")


def test_a_scheduler_that_is_off_is_well(without_scheduler: Flask) -> None:
    with time_machine.travel(utc_now() + timedelta(days=1)):
        _, body = asked(without_scheduler.test_client())
    assert body["checks"]["scheduler"] == {"status": "ok", "summary": "Off."}


def test_jobs_that_began_none_for_two_minutes_make_it_degraded(app: Flask, client: FlaskClient) -> None:
    with time_machine.travel(utc_now() + timedelta(minutes=3)):
        status, body = asked(client)
        assert (status, body["status"], body["degraded"]) == (200, "degraded", ["scheduler"])
        with app.app_context():
            jobs.run(Job("sweep", "A sweep", timedelta(seconds=15), lambda: 0))
        assert asked(client)[1]["status"] == "ok"
    with time_machine.travel(utc_now() + timedelta(minutes=6)):
        assert asked(client)[1]["degraded"] == ["scheduler"]


def test_an_installation_that_was_off_for_long_and_starts_is_well(app: Flask, tmp_path: Path, database_url: str) -> None:
    with app.app_context():
        jobs.run(Job("sweep", "A sweep", timedelta(seconds=15), lambda: 0))
    with time_machine.travel(utc_now() + timedelta(days=90)):
        started = make_app(tmp_path, database_url=database_url)
        assert asked(started.test_client())[1]["status"] == "ok"
        with started.app_context():
            db.engine.dispose()


@pytest.mark.parametrize(
    ("megabytes", "expected"), [(49, (503, "down")), (51, (200, "degraded")), (499, (200, "degraded")), (501, (200, "ok"))]
)
def test_a_disk_that_fills_up_is_said_before_it_is_full(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, megabytes: int, expected: tuple[int, str]
) -> None:
    # A disk cannot be filled for a test.
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=megabytes * 1024 * 1024))
    status, body = asked(client)
    assert (status, statuses(body)["disk"]) == expected


def test_a_write_lock_that_is_not_released_degrades_it_and_pages_are_read_all_the_same(
    tmp_path: Path, sqlite: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_lock, "HELD", 0.3)
    monkeypatch.setattr("request_tracker_utils.core.db.BRIEF_MILLISECONDS", 50)
    with sqlite.fresh() as url:
        app = ready(make_app(tmp_path, database_url=url))
        client, headers = app.test_client(), token(app, "admin")
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            status, body = asked(client)
            assert (status, body["status"], body["degraded"]) == (200, "degraded", ["write_lock"])
            assert str(os.getpid()) not in str(body)
            assert str(os.getpid()) in str(asked(client, **headers)[1])
            # The first use of a token is recorded, which has to wait for the lock.
            begun = time.monotonic()
            assert client.get("/next-asset-tag", headers=headers).status_code == 200
            assert time.monotonic() - begun < 10
            holder.execute("ROLLBACK")
        wait_until(lambda: asked(client)[1]["status"] == "ok")
        with app.app_context():
            db.engine.dispose()


def test_request_tracker_is_asked_once_in_half_a_minute(with_rt: FlaskClient, rt: LocalServer) -> None:
    for _ in range(5):
        status, body = asked(with_rt)
        assert (status, statuses(body)["asset_store"]) == (200, "ok")
        assert "5.0.7" not in str(body)
    assert [call.path.partition("?")[0] for call in rt.calls] == ["/REST/2.0/rt", f"/{SIGN_IN_PAGE}", "/REST/2.0/customfields"]


def test_request_tracker_that_refuses_makes_it_degraded_and_is_not_named_to_strangers(with_rt: FlaskClient, rt: LocalServer) -> None:
    rt.respond = lambda _: Reply({"message": "Unauthorized"}, status=401)
    status, body = asked(with_rt)
    assert (status, body["status"], body["degraded"]) == (200, "degraded", ["asset_store"])
    assert rt.url not in str(body)
    told = asked(with_rt, **token(with_rt.application, "admin"))[1]["checks"]["asset_store"]["summary"]
    assert "RT_TOKEN" in told
    assert len(rt.calls) == 1


def test_request_tracker_that_hangs_is_asked_by_one_and_waited_for_by_few(with_rt: FlaskClient, rt: LocalServer) -> None:
    rt.respond = lambda _: Reply({"Version": "5.0.7"}, wait=60)
    begun = time.monotonic()
    assert asked(with_rt)[1]["degraded"] == ["asset_store"]
    assert time.monotonic() - begun < TIMEOUT + 1
    for _ in range(10):
        assert asked(with_rt)[1]["degraded"] == ["asset_store"]
    assert time.monotonic() - begun < TIMEOUT + 2
    assert len(rt.calls) == 1


def test_a_token_of_request_tracker_cannot_hinder_the_answer(with_rt: FlaskClient, rt: LocalServer) -> None:
    rt.respond = lambda _: Reply(hang_up=True)
    status, _ = asked(with_rt, Authorization="token 1-14-abcdef0123456789")
    assert status == 200


def test_a_route_through_the_real_server_answers_without_an_account(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        answer = requests.get(f"{server.url}/api/health", timeout=20)
        assert (answer.status_code, answer.json()["status"]) == (200, "ok")


# The looks themselves, with checks of our own.


@contextmanager
def nothing() -> Iterator[None]:
    yield


def health(run: Callable[[], CheckResult], *, essential: bool = True, ttl: float = 0) -> Health:
    return Health([HealthCheck("it", run, essential, ttl)], nothing)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_check_that_has_a_fault_is_down_and_the_others_are_told() -> None:
    def fail() -> CheckResult:
        raise ZeroDivisionError

    well = HealthCheck("other", lambda: CheckResult(Status.OK, "Well."), essential=True)
    report = Health([HealthCheck("it", fail, essential=True), well], nothing).report()
    assert (report.status, report.failing) == (Status.DOWN, ["it"])
    for thread in threading.enumerate():
        if thread.name == "health it":
            thread.join()  # its exception must not become a warning of a later test


def test_one_thread_looks_however_many_ask() -> None:
    looks, gate = [], threading.Event()

    def look() -> CheckResult:
        looks.append(1)
        gate.wait(10)
        return CheckResult(Status.OK, "Well.")

    watched, found = health(look), list[Status]()
    askers = [threading.Thread(target=lambda: found.append(watched.report().status)) for _ in range(8)]
    for asker in askers:
        asker.start()
    time.sleep(0.2)
    gate.set()
    for asker in askers:
        asker.join()
    assert (found, len(looks)) == ([Status.OK] * 8, 1)


def test_while_one_asks_anew_the_others_take_what_was_found_before() -> None:
    answers, gate = [CheckResult(Status.OK, "before")], threading.Event()

    def look() -> CheckResult:
        if len(answers) == 1:
            return answers[0]
        gate.wait(10)
        return answers[1]

    watched = health(look, ttl=0.1)
    watched.report()
    answers.append(CheckResult(Status.DOWN, "after"))
    time.sleep(0.15)
    asker = threading.Thread(target=watched.report)
    asker.start()
    time.sleep(0.1)
    assert watched.report().results["it"].summary == "before"
    gate.set()
    asker.join()
    assert watched.report().results["it"].summary == "after"


def test_a_late_finding_replaces_the_failure_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("request_tracker_utils.core.health.TIMEOUT", 0.1)
    gate = threading.Event()

    def look() -> CheckResult:
        gate.wait(10)
        return CheckResult(Status.OK, "late")

    watched = health(look, ttl=60)
    assert watched.report().status is Status.DOWN
    gate.set()
    wait_until(lambda: watched.report().status is Status.OK)
