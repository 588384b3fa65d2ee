"""What is written down of who came in, tried to, and went."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, text as sql

from request_tracker_utils.accounts import links, login_events
from request_tracker_utils.accounts.login_events import Origin
from request_tracker_utils.accounts.models import LoginKind, User
from request_tracker_utils.accounts.throttling import THIS_NETWORK
from request_tracker_utils.core import jobs
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.web.registry import registry_of
from tests.functional.accounts.records import account, made, recorded
from tests.services.apps import PASSWORD, make_app, user
from tests.services.people import FIREFOX, HOME, Person, link_in, token_in

ELSEWHERE = "198.51.100.9"


@pytest.fixture
def bob(app: Flask) -> Person:
    return Person(app, user(app, "staff", "bob"))


def call_with(app: Flask, token: str, address: str = HOME) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return Person(app, address=address).get("/next-asset-tag", headers=headers).status_code


def test_coming_trying_and_going_are_written_down(app: Flask, bob: Person) -> None:
    Person(app, address=ELSEWHERE).submit("/sign-in", name=" BOB ", password="wrong password")
    bob.submit("/sign-out")
    came, failed, went = recorded(app)[1:]
    assert (came.kind, came.name, came.address, came.agent) == ("signed in", "bob", HOME, FIREFOX)
    assert (failed.kind, failed.name, failed.address) == ("wrong password", "bob", ELSEWHERE)
    assert (went.kind, went.name, went.address) == ("signed out", "bob", HOME)
    assert {event.user_id for event in (came, failed, went)} == {account(app, "bob").id}


def test_who_signs_in_with_a_link_is_written_down_too(app: Flask) -> None:
    with app.app_context(), transaction() as session:
        key = links.new_setup_key(session, now=datetime.now(UTC))
    ada = Person(app)
    ada.submit(f"/set-up/{key}", name="ada", password=PASSWORD, again=PASSWORD)
    link = link_in(ada.submit("/admin/people/new", name="carol", role="staff"))
    Person(app, address=ELSEWHERE).choose_password(link, "tulips on the moon")
    came = [(event.name, event.detail, event.address) for event in recorded(app, LoginKind.SIGNED_IN)]
    assert came == [("ada", "with the setup link", HOME), ("carol", "with a password link", ELSEWHERE)]


def test_pauses_are_recorded_once_a_minute(app: Flask, clock: time_machine.Traveller) -> None:
    user(app, "staff", "bob")
    stranger = Person(app, address=ELSEWHERE)
    for _ in range(THIS_NETWORK.free + 3):
        stranger.submit("/sign-in", name="bob", password="wrong password")
    (event,) = recorded(app, LoginKind.PAUSED)
    assert (event.name, event.address) == ("bob", ELSEWHERE)
    assert len(recorded(app, LoginKind.FAILED)) == THIS_NETWORK.free


def test_a_token_from_a_new_address_is_recorded_once_also_after_a_restart(
    app: Flask, bob: Person, tmp_path: Path, database_url: str
) -> None:
    token = token_in(bob.submit("/me/tokens", label="script", expires="30"))
    restarted = make_app(tmp_path, database_url=database_url)
    for running in (app, app, restarted, restarted):
        for address in (HOME, ELSEWHERE, "2001:db8:0:7::1", "2001:db8:0:7::2"):
            assert call_with(running, token, address) == 200
    used = recorded(app, LoginKind.TOKEN_USED)
    assert [(event.name, event.address) for event in used] == [("bob", HOME), ("bob", ELSEWHERE), ("bob", "2001:db8:0:7::1")]
    assert all(token not in str(vars(event)) for event in used)


def test_rejected_tokens_are_recorded_once_a_minute_per_network(app: Flask, clock: time_machine.Traveller) -> None:
    for number in range(5):
        assert call_with(app, f"rtu_guess{number}") == 401
    call_with(app, "guess", ELSEWHERE)
    assert [(event.address, event.name, event.detail) for event in recorded(app, LoginKind.TOKEN_REFUSED)] == [
        (HOME, None, "begins with rtu_"),
        (ELSEWHERE, None, None),
    ]
    clock.shift(61)
    call_with(app, "guess")
    assert len(recorded(app, LoginKind.TOKEN_REFUSED)) == 3


def test_denied_requests_are_recorded_once_a_minute_per_person(app: Flask, bob: Person) -> None:
    carol = Person(app, user(app, "teacher", "carol"))
    for person in (bob, bob, carol):
        assert person.get("/admin/people").status_code == 403
    assert [(event.name, event.detail) for event in recorded(app, LoginKind.FORBIDDEN)] == [
        ("bob", "GET /admin/people needs accounts:user:read"),
        ("carol", "GET /admin/people needs accounts:user:read"),
    ]


def test_changes_of_accounts_are_recorded_with_their_author(app: Flask) -> None:
    number, ada = made(app, "staff", "bob"), Person(app, user(app, "admin", "ada"))
    page = f"/admin/people/{number}"
    ada.submit(page, role="teacher", email="")
    ada.submit(f"{page}/password-link")
    ada.submit(f"{page}/state", active="no")
    ada.submit(f"{page}/state", active="yes")
    said = [event.detail for event in recorded(app, LoginKind.CHANGED) if event.user_id == number]
    assert said == [
        "created as staff by command line",
        "role staff → teacher, by ada",
        "password link by ada",
        "deactivated by ada",
        "activated by ada",
    ]


def test_unknown_names_are_not_stored(app: Flask) -> None:
    typed = "Tr0ub4dor&3-my-secret"
    ada = Person(app, user(app, "admin", "ada"))
    for _ in range(THIS_NETWORK.free + 2):
        Person(app, address=ELSEWHERE).submit("/sign-in", name=typed, password="x")
    call_with(app, typed, ELSEWHERE)
    assert {event.name for event in recorded(app, LoginKind.FAILED) + recorded(app, LoginKind.PAUSED)} == {None}
    with app.app_context(), reading() as session:
        everything = str([session.execute(sql(f"SELECT * FROM {table}")).all() for table in ("login_events", "users", "job_runs")])
    assert ELSEWHERE in everything
    for text in (typed, typed.lower(), typed[:8]):
        assert text not in everything
        assert text not in ada.read("/admin/sign-ins")
    assert "unknown" in ada.read("/admin/sign-ins")


def test_after_its_days_an_event_is_forgotten(tmp_path: Path, database_url: str) -> None:
    app, now = make_app(tmp_path, database_url=database_url, login_event_days="30"), datetime.now(UTC)
    with app.app_context(), transaction() as session:
        for days in (29, 31, 400):
            login_events.record(session, LoginKind.SIGNED_OUT, Origin(ELSEWHERE), now=now - timedelta(days=days), detail=str(days))
    with app.app_context():
        job = registry_of(app).jobs.named("delete-login-events")
        assert [jobs.run(job), jobs.run(job)] == [2, 0]
    assert [event.detail for event in recorded(app)] == ["29"]


def test_what_happened_stays_on_record_when_its_account_is_gone(app: Flask, bob: Person) -> None:
    bob.submit("/me/tokens", label="x", expires="")
    with app.app_context(), transaction() as session:
        session.execute(delete(User).where(User.name_key == "bob"))
    assert not bob.is_signed_in()
    assert {(event.user_id, event.name) for event in recorded(app)} == {(None, "bob")}
    ada = Person(app, user(app, "admin", "ada"))
    assert '<span class="quiet">bob</span>' in ada.read("/admin/sign-ins")


def test_long_values_are_truncated(app: Flask) -> None:
    with app.app_context(), transaction() as session:
        origin = Origin("x" * 500, "y" * 5_000)
        login_events.record(session, LoginKind.TOKEN_USED, origin, now=datetime.now(UTC), name="z" * 300, detail="d" * 1_000)
    (event,) = recorded(app)
    assert (len(event.address), len(event.network), len(event.agent), len(event.name or ""), len(event.detail or "")) == (
        60,
        60,
        200,
        100,
        200,
    )
