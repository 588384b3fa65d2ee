"""Jobs, as administrators watch and start them."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import time, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, expect

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job, JobRun, Jobs
from request_tracker_utils.core.scheduler import Scheduler
from request_tracker_utils.core.schedules import Daily
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.web.registry import Registry, registry_of
from tests.services.apps import token
from tests.services.local_server import wait_until
from tests.services.people import Person
from tests.services.showroom import served
from tests.services.tables import check_all

HERE = socket.gethostname()
SETTINGS = Settings()


@pytest.fixture
def registry(app: Flask) -> Registry:
    held: Registry = registry_of(app)
    return held


@pytest.fixture
def counted(app: Flask, registry: Registry) -> Iterator[list[int]]:
    """Grows with each run of the job `count`, which a scheduler runs when it is nudged."""
    runs: list[int] = []

    def count() -> int:
        runs.append(1)
        return 7

    registry.jobs = Jobs([Job("count", "Count to seven", timedelta(days=1), count)])
    registry.scheduler = Scheduler(app.app_context, registry.jobs, SETTINGS)
    registry.scheduler.start()
    yield runs
    registry.scheduler.stop()


def recorded(app: Flask, *runs: JobRun) -> None:
    with app.app_context(), transaction() as session:
        session.add_all(runs)


def run_of(minutes: int, job: str = "confirm-tags", **more: object) -> JobRun:
    begun = utc_now() - timedelta(minutes=minutes)
    return JobRun(**{"job": job, "process": "elsewhere:1", "started_at": begun, "ended_at": begun + timedelta(seconds=1.5), **more})


def test_each_job_is_shown_with_its_last_run_and_its_next(app: Flask, client: FlaskClient) -> None:
    recorded(app, run_of(5, rows=4), run_of(2, rows=3))
    jobs = {job["name"]: job for job in client.get("/api/jobs", headers=token(app, "admin")).json["jobs"]}
    assert jobs.keys() == {job.name for job in registry_of(app).jobs}
    assert (jobs["confirm-tags"]["state"], jobs["confirm-tags"]["rows"], jobs["confirm-tags"]["seconds"]) == ("done", 3, 1.5)
    assert jobs["confirm-tags"]["next_at"] > jobs["confirm-tags"]["started_at"]
    assert jobs["delete-login-events"]["state"] == "never run"


def test_a_job_runs_now_and_its_run_is_shown(app: Flask, admin: Person, counted: list[int]) -> None:
    wait_until(lambda: len(counted) == 1)  # the leader's first run
    answer = admin.submit("/admin/jobs/count/run")
    assert (answer.status_code, answer.location) == (303, "/admin/jobs")
    wait_until(lambda: len(counted) == 2)
    wait_until(lambda: admin.get("/api/jobs").json["jobs"][0]["state"] == "done")
    assert "Started count." in admin.get("/admin/jobs").text


def test_schedules_are_shown_as_intervals_and_local_times(app: Flask, admin: Person, registry: Registry) -> None:
    schedules = {
        "often": (timedelta(seconds=15), "15 s", "Runs every 15 s."),
        "hourly": (timedelta(hours=1), "1 h", "Runs every 1 h."),
        "weekly": (timedelta(days=7), "7 days", "Runs every 7 days."),
        "nightly": (Daily(time(2, 40)), "daily at 02:40", "Runs once a day at 02:40."),
    }
    registry.jobs = Jobs([Job(name, "Sweep", schedule, lambda: 0) for name, (schedule, _cell, _sentence) in schedules.items()])
    listed = admin.get("/admin/jobs").text

    def is_shown(name: str, cell: str, sentence: str) -> None:
        row = listed.split(f'data-job="{name}"', 1)[1].split("</tr>", 1)[0]
        assert f'data-label="Schedule">{cell}</td>' in row
        assert sentence in admin.get(f"/admin/jobs/{name}").text

    check_all([(name, cell, sentence) for name, (_schedule, cell, sentence) in schedules.items()], is_shown)
    found = {job["name"]: job for job in admin.get("/api/jobs").json["jobs"]}
    assert {name: job["at"] for name, job in found.items()} == {"often": None, "hourly": None, "weekly": None, "nightly": "02:40"}


def test_running_a_job_requires_the_permission_and_the_form(app: Flask, admin: Person, counted: list[int]) -> None:
    wait_until(lambda: len(counted) == 1)
    assert admin.post("/admin/jobs/count/run").status_code == 403
    assert app.test_client().post("/admin/jobs/count/run", headers=token(app, "staff")).status_code == 403
    assert admin.get("/admin/jobs/count/run").status_code == 405
    assert len(counted) == 1


def test_without_the_scheduler_the_page_names_the_command(admin: Person) -> None:
    answer = admin.submit("/admin/jobs/confirm-tags/run")
    assert (answer.status_code, "rtutils jobs run confirm-tags" in answer.text) == (409, True)


def test_an_unknown_job_is_not_found(admin: Person) -> None:
    assert admin.get("/admin/jobs/nope").status_code == 404
    assert admin.submit("/admin/jobs/nope/run").status_code == 404


def test_runs_are_listed_fifty_a_page_with_their_errors_in_full(app: Flask, admin: Person) -> None:
    error = "x" * 3_000 + "<end>"
    recorded(app, *(run_of(100 - number, rows=1000 + number, error=error if number == 59 else None) for number in range(60)))
    first = admin.get("/admin/jobs/confirm-tags").text
    assert first.count(">done<") + first.count(">failed<") == 50
    assert "x" * 3_000 + "&lt;end&gt;" in first
    assert ">1010<" in first
    second = admin.get("/admin/jobs/confirm-tags?page=2").text
    assert second.count(">done<") == 10
    assert ">1009<" in second
    assert ">1010<" not in second


@pytest.mark.parametrize("page", ["0", "-1", "x", "99999999999999999999"])
def test_invalid_page_numbers_are_not_faults(admin: Person, page: str) -> None:
    assert admin.get(f"/admin/jobs/confirm-tags?page={page}").status_code == 200


def test_a_run_of_a_dead_process_is_interrupted(app: Flask, client: FlaskClient) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    recorded(
        app,
        run_of(3, process=f"{HERE}:{ended.pid}", ended_at=None),
        run_of(3, job="adopt-tags", process="elsewhere:1", ended_at=None),
    )
    jobs = {job["name"]: job for job in client.get("/api/jobs", headers=token(app, "admin")).json["jobs"]}
    assert (jobs["confirm-tags"]["state"], jobs["adopt-tags"]["state"]) == ("interrupted", "running")
    assert jobs["adopt-tags"]["next_at"] is None


@pytest.mark.chromium
def test_the_page_updates_without_a_reload(app: Flask, browser: Browser) -> None:
    headers = token(app, "admin")
    recorded(app, run_of(1, rows=1))
    with served(app) as url:
        context = browser.new_context(extra_http_headers=headers)
        page = context.new_page()
        page.goto(f"{url}/admin/jobs")
        row = page.locator('tr[data-job="confirm-tags"]')
        expect(row).to_contain_text("done")
        recorded(app, run_of(0, ended_at=None))
        expect(row).to_contain_text("running")
        recorded(app, run_of(0, rows=12, error="No answer."))
        expect(row).to_contain_text("failed")
        expect(row).to_contain_text("No answer.")
        expect(row.locator('[data-of="rows"]')).to_have_text("12")
        context.close()
