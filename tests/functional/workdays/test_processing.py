"""Workdays are computed over JSON, by a command, from a page, and by the job."""

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from request_tracker_utils.attendance.changed_days import PROCESS
from tests.services.apps import csrf_token, run_job, signed_in
from tests.services.asking import Ask
from tests.services.attendance import added
from tests.services.forms import page
from tests.services.punched_days import punch, shown, workdays
from tests.services.tables import check_all
from tests.services.terminal import Run

PROCESS_PATH = "/api/processed-attendance/process/"
JANUARY = [("0017", "2026-01-05", "05 14:00", "06 00:00"), ("18", "2026-01-06", "06 11:59", "")]


@pytest.fixture(autouse=True)
def stored(app: Flask) -> None:
    with app.app_context():
        entrance = added()
        punch(entrance, "0017", "2026-01-05 08:00", "2026-01-05 18:00")
        punch(entrance, "18", "2026-01-06 05:59")


def test_json_computes_what_has_changed_or_a_range(app: Flask, ask: Ask) -> None:
    assert ask("POST", PROCESS_PATH, role="admin", json={}).json == {"total_records": 3, "processed": 2, "outliers": 1, "failed": 0}
    assert ask("POST", PROCESS_PATH, role="admin", json={}).json["processed"] == 0
    assert ask("POST", PROCESS_PATH, role="admin").json["processed"] == 0  # without a body
    assert ask("POST", PROCESS_PATH, role="admin", data="start_date=2026-01-05", content_type="text/plain").status_code == 400
    days = {"start_date": "2026-01-05", "end_date": "2026-01-05"}
    assert ask("POST", PROCESS_PATH, role="admin", json=days).json == {"total_records": 2, "processed": 1, "outliers": 0, "failed": 0}
    with app.app_context():
        assert shown(workdays()) == JANUARY


def test_impossible_ranges_are_rejected(ask: Ask) -> None:
    def rejected(start: object, end: object) -> None:
        answer = ask("POST", PROCESS_PATH, role="admin", json={"start_date": start, "end_date": end})
        assert answer.status_code == 400, answer.text

    check_all(
        [
            ("2026-01-06", "2026-01-05"),
            ("2001-01-01", "2026-01-05"),
            ("2026-02-30", "2026-03-05"),
            (1767571200, "2026-03-05"),
            ("yesterday", None),
        ],
        rejected,
    )


def test_the_command_computes_and_says_what_it_has_done(app: Flask, run: Run) -> None:
    first, again = run("process_attendance"), run("process_attendance")
    assert (first.exit_code, first.output) == (0, "Punches: 3, workdays: 2, outliers: 1, changed: 2.\n")
    assert (again.exit_code, again.output) == (0, "Punches: 0, workdays: 0, outliers: 0, changed: 0.\n")
    of_range = run("process_attendance", "--start-date", "2026-01-06", "--end-date", "2026-01-07")
    assert of_range.output == "Punches: 1, workdays: 1, outliers: 1, changed: 0.\n"
    assert run("process_attendance", "--start-date", "06/01/2026").exit_code == 2
    assert run("process_attendance", "--start-date", "2026-01-06", "--end-date", "2026-01-05").exit_code == 1
    with app.app_context():
        assert shown(workdays()) == JANUARY


def test_the_job_computes_what_has_changed(app: Flask) -> None:
    assert (run_job(app, PROCESS), run_job(app, PROCESS)) == (2, 0)


def test_a_page_starts_a_task_that_computes_a_range(app: Flask) -> None:
    client = signed_in(app, "admin")

    def sent(start: str, end: str) -> TestResponse:
        values = {"start_date": start, "end_date": end, "csrf_token": csrf_token(client, "/workdays/compute")}
        return client.post("/workdays/compute", data=values)

    answer = sent("2026-01-06", "2026-01-05")
    assert (answer.status_code, "The last day is before the first." in answer.text) == (400, True)
    assert "Enter a date such as" in sent("soon", "").text
    started = sent("2025-12-15", "2026-01-05")
    assert started.status_code == 303
    run_job(app, "run-tasks")
    assert "The workdays of 2 months were computed." in page(client, started.location)
    with app.app_context():
        assert shown(workdays()) == JANUARY[:1]


def test_a_page_and_json_say_why_a_day_is_as_it_is(app: Flask, ask: Ask) -> None:
    ask("POST", PROCESS_PATH, role="admin", json={})
    answer = ask("GET", "/api/processed-attendance/2/why/").json
    assert [(each["local_time"], each["part"]) for each in answer["punches"]] == [("2026-01-06T05:59:00", "in")]
    assert (answer["day_begins"], answer["starts_at"]) == ("2026-01-06T04:00:00", "2026-01-06T08:00:00")
    assert (answer["is_default"], answer["version_since"]) == (True, None)
    assert ask("GET", "/api/processed-attendance/99/why/").status_code == 404
    shown_page = page(signed_in(app, "staff"), "/workdays/2")
    assert all(
        each in shown_page for each in ("Clock-in at 05:59 is more than 2 hours before", "The default hours apply", "2026-01-06 04:00")
    )
