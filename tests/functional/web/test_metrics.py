"""What Prometheus is told, by whom it may be asked, and that it is the sum over the server's processes."""

import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from request_tracker_utils.core import jobs
from request_tracker_utils.core.db import db, transaction
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.web.auth import public
from tests.services.apps import make_app, ready, sign_in, token, user
from tests.services.local_server import LocalServer, Reply, wait_until
from tests.services.server import RunningServer, run_program

METRICS_TOKEN = "token-that-reads-the-numbers"
BEARER = {"Authorization": f"Bearer {METRICS_TOKEN}"}


def samples(text: str) -> dict[str, float]:
    """`name{labels}` as they stand → value."""
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line and not line.startswith("#")}


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    app = ready(make_app(tmp_path, database_url=database_url, metrics_token=METRICS_TOKEN, metrics_addresses="192.0.2.0/24, 2001:db8::7"))
    yield app
    with app.app_context():
        db.engine.dispose()


def read(client: FlaskClient) -> dict[str, float]:
    answer = client.get("/metrics", headers=BEARER)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return samples(answer.get_data(as_text=True))


def grown(before: dict[str, float], after: dict[str, float], name: str) -> float:
    return after.get(name, 0) - before.get(name, 0)


# Who may ask.


def test_strangers_are_sent_away(client: FlaskClient) -> None:
    answer = client.get("/metrics")
    assert (answer.status_code, "Bearer" in answer.headers["WWW-Authenticate"]) == (401, True)
    assert "rtutils_" not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "given",
    ["Bearer wrong-token-of-some-length", "Bearer ", "Bearer", f"Basic {METRICS_TOKEN}", f"Bearer {METRICS_TOKEN}x", "Bearer \u00fc"],
)
def test_a_wrong_token_is_sent_away(client: FlaskClient, given: str) -> None:
    assert client.get("/metrics", headers={"Authorization": given}).status_code == 401


def test_the_token_reads_in_prometheus_own_format(client: FlaskClient) -> None:
    answer = client.get("/metrics", headers=BEARER)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")


def test_without_a_metrics_token_no_bearer_is_it(tmp_path: Path, database_url: str) -> None:
    app = ready(make_app(tmp_path, database_url=database_url))
    for given in ("Bearer ", "Bearer None", BEARER["Authorization"]):
        assert app.test_client().get("/metrics", headers={"Authorization": given}).status_code == 401
    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize(
    ("address", "status"),
    [("192.0.2.9", 200), ("::ffff:192.0.2.9", 200), ("2001:db8::7", 200), ("192.0.3.1", 401), ("2001:db8::8", 401), ("", 401)],
)
def test_an_allowed_address_needs_no_token(client: FlaskClient, address: str, status: int) -> None:
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": address}).status_code == status


def test_a_header_does_not_change_the_metrics_address(client: FlaskClient) -> None:
    assert client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.9"}).status_code == 401


def test_an_administrator_reads_them_with_a_token_and_with_a_browser(app: Flask, client: FlaskClient) -> None:
    assert client.get("/metrics", headers=token(app, "admin")).status_code == 200
    user(app, "admin")
    sign_in(client, "admin")
    assert client.get("/metrics", headers={"Accept": "text/html"}).status_code == 200


def test_callers_without_the_permission_are_rejected(app: Flask, client: FlaskClient) -> None:
    assert client.get("/metrics", headers=token(app, "staff")).status_code == 403


# What they are told.


def test_a_request_is_counted_and_timed_under_its_rule(app: Flask, client: FlaskClient) -> None:
    headers, before = token(app, "staff"), read(client)
    for asset_id in (1, 2, 3):
        client.get(f"/assets/{asset_id}", headers=headers)
    after = read(client)
    assert grown(before, after, 'rtutils_requests_total{method="GET",route="/assets/<int:asset_id>",status="404"}') == 3
    assert grown(before, after, 'rtutils_request_seconds_count{route="/assets/<int:asset_id>"}') == 3
    seconds = grown(before, after, 'rtutils_request_seconds_sum{route="/assets/<int:asset_id>"}')
    assert 0 < seconds < 10


def test_unknown_routes_and_methods_add_no_time_series(client: FlaskClient) -> None:
    def invent() -> None:
        for number in range(20):
            client.get(f"/nowhere/{number}")
            client.open("/sign-in", method=f"METHOD{number}")
            client.get(f"/set-up/{number}-key-{number}")

    invent()
    before = read(client)
    invent()
    after = read(client)
    assert set(after) == set(before)
    assert grown(before, after, 'rtutils_requests_total{method="GET",route="unmatched",status="404"}') == 20
    assert not [name for name in after if "key-" in name or "METHOD1" in name]


def test_a_fault_counts_as_an_answer_of_500(app: Flask, client: FlaskClient) -> None:
    @public("test")
    def fail() -> str:
        raise RuntimeError("a fault")

    app.add_url_rule("/fail", "fail", fail)
    before = read(client)
    client.get("/fail")
    assert grown(before, read(client), 'rtutils_requests_total{method="GET",route="/fail",status="500"}') == 1


def test_job_runs_are_counted_by_result_with_their_age(app: Flask, client: FlaskClient) -> None:
    before = read(client)
    assert 'rtutils_job_age_seconds{job="check-asset-store"}' not in before

    def fail() -> int:
        raise Unavailable("Request Tracker does not answer.")

    with app.app_context():
        jobs.run(Job("check-asset-store", "", timedelta(hours=1), lambda: 1))
        with pytest.raises(Unavailable):
            jobs.run(Job("check-asset-store", "", timedelta(hours=1), fail))
    after = read(client)
    assert grown(before, after, 'rtutils_job_runs_total{job="check-asset-store",outcome="ok"}') == 1
    assert grown(before, after, 'rtutils_job_runs_total{job="check-asset-store",outcome="failed"}') == 1
    assert grown(before, after, 'rtutils_job_seconds_count{job="check-asset-store"}') == 2
    assert 0 <= after['rtutils_job_age_seconds{job="check-asset-store"}'] < 60


def test_pending_tags_are_read_from_the_database(app: Flask, client: FlaskClient) -> None:
    assert (read(client)["rtutils_tags_pending"], read(client)["rtutils_tags_failing"]) == (0, 0)
    secret = {"Authorization": "Bearer webhook-secret-of-the-tests"}
    for asset_id in (1, 2):
        assert client.post("/webhook/asset-created", json={"asset_id": asset_id}, headers=secret).status_code == 200
    assert read(client)["rtutils_tags_pending"] == 2


def test_requests_to_request_tracker_are_counted_by_kind_and_outcome(tmp_path: Path, sqlite: Any) -> None:
    with sqlite.fresh() as url, LocalServer(lambda _: Reply({"Version": "5.0.7"})) as rt:
        client = ready(
            make_app(tmp_path, database_url=url, rt_url=rt.url, rt_token="1-2-abcdef012345", metrics_token=METRICS_TOKEN)
        ).test_client()
        before = read(client)
        client.get("/api/health")
        after = read(client)
        assert grown(before, after, 'rtutils_rt_requests_total{kind="rt",method="GET",outcome="ok"}') == 1
        assert grown(before, after, 'rtutils_rt_request_seconds_count{kind="rt"}') == 1


def test_counters_are_served_while_the_database_is_down(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), transaction() as session:
        session.execute(text("DROP TABLE job_runs"))
    after = read(client)
    assert "rtutils_tags_pending" not in after
    assert [name for name in after if name.startswith("rtutils_requests_total")]


# Several processes.


def test_workers_share_counters_which_restart_with_the_server(tmp_path: Path) -> None:
    name = 'rtutils_requests_total{method="GET",route="/api/health",status="200"}'

    def ask(path: str) -> str:
        with requests.Session() as session:  # a connection of its own, so that either worker may take it
            answer = session.get(f"{server.url}{path}", headers=BEARER, timeout=30)
        assert answer.ok, answer.text
        return answer.text

    def answers(path: str) -> bool:
        with suppress(requests.ConnectionError):
            return bool(ask(path))
        return False

    with RunningServer(tmp_path, workers="2", metrics_token=METRICS_TOKEN) as server:
        folder = tmp_path / "instance" / "metrics" / str(server.port)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ask, ["/api/health"] * 100))
        assert {samples(ask("/metrics"))[name] for _ in range(20)} == {100}
        writers = {file.stem.partition("_")[2] for file in folder.glob("counter_*.db")}
        assert len(writers) >= 2, "one worker answered everything: the test shows nothing"
        wait_until(lambda: 'rtutils_job_runs_total{job="confirm-tags",outcome="ok"}' in samples(ask("/metrics")), within=30)
        assert os.stat(folder).st_mode & 0o077 == 0

        assert run_program("serve", settings=server.settings).returncode == 3  # the port is taken
        assert samples(ask("/metrics"))[name] == 100

        shutil.rmtree(folder)
        for pid in {writer.partition(".")[0] for writer in writers}:
            with suppress(ProcessLookupError):  # files of the process that started the workers are there too
                if int(pid) != server.pid:
                    os.kill(int(pid), signal.SIGKILL)
        wait_until(lambda: answers("/sign-in"), within=30)

        server.stop()
        server.start()
        assert name not in samples(ask("/metrics"))
