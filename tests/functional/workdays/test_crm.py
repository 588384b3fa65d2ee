"""Workdays are sent to the CRM over JSON, by commands, from the page, and by jobs."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import update

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.schedules import Daily
from request_tracker_utils.web.registry import registry_of
from request_tracker_utils.workdays import status
from request_tracker_utils.workdays.crm.outbox import SYNC_TO_CRM
from request_tracker_utils.workdays.jobs import DAILY_CLEANUP, RETRY_FAILED_SYNCS
from request_tracker_utils.workdays.models import Workday
from tests.services.apps import make_app, ready, run_job, signed_in, token
from tests.services.crm import NOT_ALLOWED, TOKEN, Failure, FakeCrm, always, never
from tests.services.crm_workdays import computed, stored
from tests.services.forms import button, buttons, page, press, send
from tests.services.local_server import Call, Reply
from tests.services.server import free_port
from tests.services.terminal import Run

SYNC = "/api/processed-attendance/sync/"


@pytest.fixture
def crm() -> Iterator[FakeCrm]:
    with FakeCrm() as server:
        yield server


@pytest.fixture
def office(crm: FakeCrm, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """An app with this CRM."""
    settings = {"crm_api_url": crm.address, "crm_api_token": TOKEN, "crm_allow_http": "true"}
    return ready(make_app(tmp_path_factory.mktemp("office"), database_url=database_url, **settings))


def environ(crm: FakeCrm, **more: str) -> dict[str, str]:
    return {"CRM_API_URL": crm.address, "CRM_API_TOKEN": TOKEN, "CRM_ALLOW_HTTP": "true", **more}


def reject_seven(call: Call, _attempt: int) -> Failure | None:
    return Failure(Reply({"user_id": "unknown <b>"}, status=422)) if call.json["user_id"] == "7" else None


def test_json_sends_at_most_as_many_as_asked_for(office: Flask, crm: FakeCrm) -> None:
    with office.app_context():
        computed(12)
    client, headers = office.test_client(), token(office, "admin")
    crm.fails = reject_seven
    first = client.post(f"{SYNC}?limit=5", headers=headers)
    assert (first.status_code, first.json) == (200, {"total": 5, "successful": 5, "failed": 0, "errors": [], "stopped": None})
    error = 'The CRM rejects the workday (422). 422 {"user_id": "unknown <b>"}'
    assert client.post(SYNC, headers=headers).json == {
        "total": 7,
        "successful": 6,
        "failed": 1,
        "errors": [{"user_id": "7", "date": "2026-03-02", "error": error}],
        "stopped": None,
    }
    assert client.get("/api/processed-attendance/stats/", headers=headers).json["synced"] == 11
    for limit in ("0", "1001", "x"):
        assert client.post(f"{SYNC}?limit={limit}", headers=headers).status_code == 400


def test_json_says_why_a_run_has_ended(office: Flask, crm: FakeCrm) -> None:
    with office.app_context():
        computed(1)
    crm.fails = always(NOT_ALLOWED)
    answer = office.test_client().post(SYNC, headers=token(office, "admin")).json
    assert (answer["failed"], answer["stopped"]) == (1, "The CRM does not accept the token (401). Check CRM_API_TOKEN.")
    with office.app_context():
        assert stored()["1"].sync_attempts == 0


def test_without_a_crm_it_is_said_what_to_set(app: Flask, run: Run) -> None:
    answer = app.test_client().post(SYNC, headers=token(app, "admin"))
    assert (answer.status_code, answer.json["code"]) == (409, "no_crm")
    assert "Set CRM_API_URL" in page(signed_in(app, "staff"), "/workdays/sync")
    for command in ("sync_to_crm", "test_crm", "retry_failed_syncs"):
        result = run(command)
        assert (result.exit_code, "Set CRM_API_URL" in result.stderr) == (1, True)
    assert run_job(app, SYNC_TO_CRM) == run_job(app, RETRY_FAILED_SYNCS) == 0


def test_the_command_sends_what_its_options_say(app: Flask, run: Run, crm: FakeCrm) -> None:
    with app.app_context():
        computed(12)
    crm.fails = reject_seven
    result = run("sync_to_crm", "--limit", 3, "--start-date", "2026-03-01", "--end-date", "2026-03-02", **environ(crm))
    assert (result.exit_code, result.output) == (0, "Sent: 3, accepted: 3, not accepted: 0.\n")
    assert run("sync_to_crm", "--start-date", "2026-03-03", **environ(crm)).output.startswith("Sent: 0,")
    rest = run("sync_to_crm", **environ(crm))
    assert (rest.exit_code, rest.stdout) == (1, "Sent: 9, accepted: 8, not accepted: 1.\n")
    assert rest.stderr == '2026-03-02 7: The CRM rejects the workday (422). 422 {"user_id": "unknown <b>"}\n'
    assert run("retry_failed_syncs", **environ(crm)).output.startswith("Sent: 0,")
    crm.fails = never
    assert run("sync_to_crm", "--retry-failed", **environ(crm)).output == "Sent: 1, accepted: 1, not accepted: 0.\n"
    assert run("sync_to_crm", "--force", "--user-id", "7", **environ(crm)).output == "Sent: 1, accepted: 1, not accepted: 0.\n"
    assert set(crm.stored.values()) == {1}
    assert run("sync_to_crm", "--force", "--retry-failed", **environ(crm)).exit_code == 2


def test_the_command_says_that_the_crm_is_down(app: Flask, run: Run, crm: FakeCrm) -> None:
    with app.app_context():
        computed(40)
    result = run("sync_to_crm", **environ(crm, CRM_API_URL=f"http://127.0.0.1:{free_port()}/"))
    assert (result.exit_code, "The run has ended early: The CRM could not be reached" in result.stderr) == (1, True)


def test_the_connection_is_tested_without_sending_a_workday(app: Flask, run: Run, crm: FakeCrm) -> None:
    with app.app_context():
        computed(4)
    found = run("test_crm", "--stats", **environ(crm))
    assert (found.exit_code, found.output.splitlines()) == (
        0,
        [
            f"The CRM at {crm.address} answers (405). Whether it accepts the token is seen when a workday is sent.",
            "Workdays: 4, synced: 0 (0.0 %), unsynced: 4, failed: 0.",
        ],
    )
    denied = run("test_crm", **environ(crm, CRM_API_TOKEN="wrong"))
    assert (denied.exit_code, "does not accept the token (401)" in denied.stderr) == (1, True)
    down = run("test_crm", **environ(crm, CRM_API_URL=f"http://127.0.0.1:{free_port()}/"))
    assert (down.exit_code, "could not be reached" in down.stderr) == (1, True)
    assert not crm.stored
    assert all(TOKEN not in each.output for each in (found, denied, down))


def test_the_page_shows_the_answer_and_sends_again(office: Flask, crm: FakeCrm) -> None:
    with office.app_context():
        computed(12)
    crm.fails = reject_seven
    run_job(office, SYNC_TO_CRM)
    staff, admin = signed_in(office, "staff"), signed_in(office, "admin", "grace")
    shown = page(staff, "/workdays/sync")
    assert shown.count('<tr id="workday-') == 1
    for text in ("2026-03-02", "User 7", "Entrance", "Rejected", "1 run", "The CRM rejects the workday (422).", "unknown &lt;b&gt;"):
        assert text in shown
    assert not [each for each in buttons(shown) if each.words.startswith("Send")], "staff may only look"
    crm.fails = never
    again = button(page(admin, "/workdays/sync"), "Send again")
    assert again.words == "Send again 2026-03-02 7"
    answers = [admin.post(again.action, data=again.fields, follow_redirects=True).get_data(as_text=True)]
    assert run_job(office, SYNC_TO_CRM) == 1
    answers.append(admin.post(again.action, data=again.fields, follow_redirects=True).get_data(as_text=True))
    assert ["1 workday is sent again." in answers[0], "or was accepted." in answers[1]] == [True, True]
    assert "<tr id=" not in page(admin, "/workdays/sync")


def test_all_that_have_failed_are_sent_again_together(office: Flask, crm: FakeCrm) -> None:
    with office.app_context():
        computed(12)
    crm.fails = always(Reply(status=404))
    assert run_job(office, SYNC_TO_CRM) == 0
    crm.fails = never
    admin = signed_in(office, "admin")
    send(admin, "/workdays/sync/again", workday="x")  # no workday, and not all
    assert page(admin, "/workdays/sync").count("Rejected") >= 12
    assert "12 workdays are sent again." in press("/workdays/sync", admin, "Send all again")
    assert "Workdays are being sent." in press("/workdays/sync", admin, "Send workdays")
    assert run_job(office, SYNC_TO_CRM) == 12


def test_the_page_lists_everything_that_is_unsynced(office: Flask) -> None:
    with office.app_context():
        computed(60, window_ends_at=utc_now() + timedelta(hours=1))
    staff = signed_in(office, "staff")
    first = page(staff, "/workdays/sync?show=unsynced")
    assert (first.count('<tr id="workday-'), first.count("Day in progress")) == (50, 50)
    [following] = re.findall(r'href="(/workdays/sync[^"]*after=[^"]*)"', first)
    assert page(staff, unescape(following)).count('<tr id="workday-') == 10


def test_the_jobs_send_retry_and_raise_why_a_run_has_ended(office: Flask, crm: FakeCrm) -> None:
    with office.app_context():
        computed(5)
    crm.fails = always(NOT_ALLOWED)
    with pytest.raises(AppError, match="does not accept the token"):
        run_job(office, SYNC_TO_CRM)
    with office.app_context():
        problems = [str(problem) for problem in status.content().problems]
    assert problems == ["The last run has ended early: The CRM does not accept the token (401). Check CRM_API_TOKEN."]
    assert problems[0] in page(signed_in(office, "admin"), "/workdays/sync")
    crm.fails = always(Reply(status=500, headers={"Retry-After": "0"}))
    with office.app_context(), transaction() as session:
        session.execute(update(Workday).values(crm_due_at=utc_now()))
    assert run_job(office, SYNC_TO_CRM) == 0
    crm.fails = never
    assert (run_job(office, SYNC_TO_CRM), run_job(office, RETRY_FAILED_SYNCS)) == (0, 5)


def test_the_cleanup_removes_old_answers_to_synced_workdays_only(app: Flask) -> None:
    old, recent = utc_now() - timedelta(days=91), utc_now() - timedelta(days=80)
    synced = {"synced_to_crm": True, "accepted_revision": 1, "attempted_revision": 1, "crm_due_at": None, "crm_answer": "201 ok"}
    with app.app_context():
        terminal_id = computed(1, synced_at=old, **synced)
        computed(1, first=2, terminal_id=terminal_id, synced_at=recent, **synced)
        computed(1, first=3, terminal_id=terminal_id, crm_answer="503", crm_problem="busy", created_at=old)
        computed(1, first=4, terminal_id=terminal_id, synced_at=old, **{**synced, "crm_problem": "sent again in vain"})
        assert run_job(app, DAILY_CLEANUP) == 1
        assert {user_id: row.crm_answer for user_id, row in stored().items()} == {"1": None, "2": "201 ok", "3": "503", "4": "201 ok"}
    schedules = {job.name: job.schedule for job in registry_of(app).jobs}
    assert isinstance(schedules[DAILY_CLEANUP], Daily)
    assert (schedules[SYNC_TO_CRM], schedules[RETRY_FAILED_SYNCS]) == (timedelta(minutes=30), timedelta(hours=6))
