"""The page on which pushing terminals are accepted, ignored and stopped."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from request_tracker_utils.attendance.models import PendingTerminal, Terminal, TerminalEvent
from request_tracker_utils.core.db import reading, transaction
from tests.services.apps import csrf_token, signed_in
from tests.services.asking import Ask
from tests.services.attendance import added, punches
from tests.services.attendance_push import PushingTerminal, by_client, lines
from tests.services.push_settings import allow_pushing
from tests.services.tables import check_all

PAGE = "/terminals/pending"


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    """An administrator."""
    allow_pushing(app)
    return signed_in(app, "admin")


def device(app: Flask, serial_number: str = "PUSH1") -> PushingTerminal:
    """A terminal that has introduced itself."""
    found = PushingTerminal(by_client(app.test_client()), serial_number, log=[*lines(3)])
    assert not found.introduce()
    return found


def send(client: FlaskClient, path: str, **form: str) -> str:
    """The text of the page after the form."""
    sent = {**form, "csrf_token": csrf_token(client, PAGE)}
    return client.post(f"{PAGE}/{path}", data=sent, follow_redirects=True).get_data(as_text=True)


def stored(app: Flask) -> list[tuple[str, str | None, bool]]:
    with app.app_context(), reading() as session:
        found = session.scalars(select(Terminal).order_by(Terminal.id)).all()
        return [(each.name, each.serial_number, each.push_enabled) for each in found]


@pytest.mark.both_databases
def test_a_pending_terminal_becomes_a_new_one(app: Flask, ada: FlaskClient) -> None:
    pushing = device(app)
    assert "PUSH1" in ada.get(PAGE).get_data(as_text=True)
    refused = send(ada, "PUSH1", do="accept", name="", timezone="Chicago", push_key="s3cret")
    assert "Enter a name." in refused
    assert "s3cret" not in refused
    assert "Enter a time zone" in send(ada, "PUSH1", do="accept", name="Gym", timezone="Chicago")
    assert "Gym was added." in send(ada, "PUSH1", do="accept", name="Gym", site="North", timezone="America/Chicago", push_key="s3cret")
    assert stored(app) == [("Gym", "PUSH1", True)]
    pushing.key = "s3cret"
    assert (pushing.introduce(), pushing.push()) == (True, True)
    with app.app_context():
        assert len(punches(1)) == 3
        with reading() as session:
            events = session.execute(
                select(TerminalEvent.event, TerminalEvent.actor, TerminalEvent.detail).order_by(TerminalEvent.id)
            ).all()
            assert [tuple(each[:2]) for each in events] == [("added", "ada"), ("push_accepted", "ada")]
            assert "s3cret" not in str(events)


def test_a_pending_terminal_is_one_that_is_polled(app: Flask, ada: FlaskClient) -> None:
    with app.app_context():
        polled, other = added("Polled"), added("Other", "10.0.0.51")
        with transaction() as session:
            session.get_one(Terminal, other.id).serial_number = "PUSH1"
            session.get_one(Terminal, polled.id).known_records = 7
    device(app)
    assert "Choose a terminal." in send(ada, "PUSH1", do="join", terminal_id="")
    assert "was not found" in send(ada, "PUSH1", do="join", terminal_id="999")
    assert "Another terminal has the serial number PUSH1." in send(ada, "PUSH1", do="join", terminal_id=str(polled.id))
    assert "Other may push now." in send(ada, "PUSH1", do="join", terminal_id=str(other.id))
    device(app, "PUSH2")
    page = ada.get(PAGE).get_data(as_text=True)
    assert ("replaces PUSH1" in page, "Terminals that push" in page) == (True, True)
    assert "Other may push now." in send(ada, "PUSH2", do="join", terminal_id=str(other.id))
    assert stored(app) == [("Polled", None, False), ("Other", "PUSH2", True)]


def test_ignored_terminals_are_refused_and_not_counted(app: Flask, ada: FlaskClient) -> None:
    pushing = device(app)
    assert "PUSH1 is ignored." in send(ada, "PUSH1", do="ignore")
    with app.app_context():
        before = _seen()
        with transaction() as session:
            session.get_one(PendingTerminal, 1).last_seen_at = datetime(2026, 1, 1, tzinfo=UTC)
        assert not pushing.introduce()
        assert _seen() == before
    assert "No pending terminals" in ada.get(PAGE).get_data(as_text=True)
    assert "PUSH1 is pending again." in send(ada, "PUSH1", do="restore")
    assert "Choose what to do" in send(ada, "PUSH1", do="")
    assert "This terminal is not pending." in send(ada, "PUSH9", do="ignore")


def test_keys_are_changed_and_pushing_is_stopped(app: Flask, ada: FlaskClient) -> None:
    pushing = device(app)
    send(ada, "PUSH1", do="accept", name="Gym", timezone="UTC")
    assert (pushing.introduce(), pushing.push()) == (True, True)
    assert "Enter at most 64 ASCII characters." in send(ada, "accepted/1", do="key", push_key="ß")
    assert "The push key of Gym was saved." in send(ada, "accepted/1", do="key", push_key="s3cret")
    pushing.punch(*lines(1, first=10))
    assert (pushing.introduce(), pushing.push()) == (False, False)
    assert "Gym does not need a push key now." in send(ada, "accepted/1", do="key", push_key="")
    assert (pushing.introduce(), pushing.push()) == (True, True)
    assert "Pushing was stopped for Gym." in send(ada, "accepted/1", do="stop")
    assert (pushing.introduce(), stored(app)) == (False, [("Gym", "PUSH1", False)])
    assert "was not found" in send(ada, "accepted/999", do="stop")


def test_staff_see_what_waits_and_cannot_decide(app: Flask, ada: FlaskClient) -> None:
    device(app)
    page = signed_in(app, "staff", "grace").get(PAGE).get_data(as_text=True)
    assert ("PUSH1" in page, 'name="push_key"' in page, "Ignore terminal" in page) == (True, False, False)


def test_the_page_says_that_pushing_is_off(app: Flask) -> None:
    assert "Pushing is off." in signed_in(app, "admin").get(PAGE).get_data(as_text=True)


@pytest.mark.both_databases
def test_pending_terminals_are_accepted_and_rejected_over_json(app: Flask, ada: FlaskClient, ask: Ask) -> None:
    first, second = device(app, "PUSH1"), device(app, "PUSH2")

    def admin(path: str, **body: object) -> tuple[int, Any]:
        answer = ask("POST", f"/api{PAGE}/{path}/", role="admin", **({"json": body} if path.endswith("accept") else {}))
        return answer.status_code, answer.json.get("code") or answer.json

    listed = ask("GET", f"/api{PAGE}").json
    assert [(each["serial_number"], each["ip_address"], each["rejected_at"]) for each in listed] == [
        ("PUSH2", "127.0.0.1", None),
        ("PUSH1", "127.0.0.1", None),
    ]
    check_all(
        [
            ("PUSH1/accept", {}, (400, "invalid_terminal_field")),
            ("PUSH1/accept", {"name": "Gym", "timezone": "Chicago"}, (400, "invalid_terminal_field")),
            ("PUSH1/accept", {"name": "Gym", "push_key": "ß"}, (400, "invalid_terminal_field")),
            ("PUSH1/accept", {"terminal_id": 9}, (404, "terminal_not_found")),
            ("PUSH9/accept", {"name": "Gym"}, (404, "pending_terminal_not_found")),
            ("PUSH9/reject", {}, (404, "pending_terminal_not_found")),
            ("%00/restore", {}, (404, "pending_terminal_not_found")),
        ],
        lambda path, body, expected: _is(admin(path, **body), expected),
    )
    status, added_one = admin("PUSH1/accept", name="Gym", site="North", push_key="s3cret")
    assert (status, added_one["name"], added_one["push_enabled"], "s3cret" in str(added_one)) == (200, "Gym", True, False)
    assert admin("PUSH2/accept", name="GYM") == (409, "terminal_exists")
    assert admin("PUSH2/reject")[1]["rejected_by"]
    assert ask("GET", f"/api{PAGE}").json[0]["rejected_at"]
    assert admin("PUSH2/restore")[1]["rejected_at"] is None
    assert admin("PUSH2/accept", terminal_id=added_one["id"])[1]["serial_number"] == "PUSH2"
    assert (first.introduce(), second.introduce(), second.push(), ask("GET", f"/api{PAGE}").json[0]["serial_number"]) == (
        False,
        True,
        True,
        "PUSH1",
    )
    assert ask("POST", f"/api{PAGE}/PUSH1/reject/").status_code == 403


def _is(found: object, expected: object) -> None:
    assert found == expected


def _seen() -> int:
    with reading() as session:
        return session.scalar(select(func.sum(PendingTerminal.contacts))) or 0
