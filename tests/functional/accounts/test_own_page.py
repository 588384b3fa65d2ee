"""What somebody sees and changes of their own account: password, browsers, tokens."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import text as sql

from request_tracker_utils.accounts import service, sessions, tokens
from request_tracker_utils.accounts.models import LoginKind, PersonalToken
from request_tracker_utils.accounts.throttling import THIS_NETWORK
from request_tracker_utils.core.db import reading, transaction
from tests.functional.accounts.records import account, recorded
from tests.services.apps import PASSWORD, user
from tests.services.people import HOME, Person, errors_in, text_of, token_in

CHOSEN = "tulips on the moon"
ELSEWHERE = "198.51.100.9"
PHONE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36"


@pytest.fixture
def bob(app: Flask) -> Person:
    return Person(app, user(app, "staff", "bob"))


@pytest.fixture
def phone(app: Flask, bob: Person) -> Person:
    return Person(app, "bob", address=ELSEWHERE, agent=PHONE)


@pytest.fixture
def carol(app: Flask) -> Person:
    return Person(app, user(app, "staff", "carol"))


def change(person: Person, current: str = PASSWORD, password: str = CHOSEN, again: str = ""):  # type: ignore[no-untyped-def]
    return person.submit("/me/password", current=current, password=password, again=again or password)


def open_sessions(app: Flask, name: str) -> list[int]:
    with app.app_context(), reading() as session:
        return [entry.id for entry in sessions.open_sessions(session, service.user_named(session, name).id, now=datetime.now(UTC))]


def my_tokens(app: Flask, name: str) -> list[PersonalToken]:
    with app.app_context(), reading() as session:
        return tokens.valid_tokens(session, service.user_named(session, name).id, now=datetime.now(UTC))


def calls_with(app: Flask, token: str) -> int:
    return Person(app).get("/next-asset-tag", headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_new_password_works_and_signs_out_other_browsers(app: Flask, bob: Person, phone: Person) -> None:
    assert change(bob).status_code == 303
    assert (bob.is_signed_in(), phone.is_signed_in()) == (True, False)
    assert Person(app).submit("/sign-in", name="bob", password=PASSWORD).status_code == 400
    assert Person(app, "bob", password=CHOSEN).is_signed_in()
    said = [(event.kind, event.detail, event.address) for event in recorded(app)]
    assert ("signed in", "to change the password", HOME) in said
    assert ("account changed", "new password", HOME) in said


def test_a_wrong_current_password_counts_as_a_failed_attempt(app: Flask, bob: Person, phone: Person) -> None:
    before = account(app, "bob").password_hash
    for _ in range(THIS_NETWORK.free):
        answer = change(bob, current="wrong password")
        assert (answer.status_code, errors_in(answer)) == (400, {"current": "This is not your current password."})
    assert len(recorded(app, LoginKind.FAILED)) == THIS_NETWORK.free
    answer = change(bob)
    assert (answer.status_code, "Too many wrong passwords" in errors_in(answer)["current"]) == (429, True)
    assert account(app, "bob").password_hash == before
    assert (bob.is_signed_in(), phone.is_signed_in()) == (True, True)


def test_a_password_that_does_not_fit_is_said_at_its_field(app: Flask, bob: Person) -> None:
    before = account(app, "bob").password_hash
    for field, form in (
        ("password", {"password": "short"}),
        ("password", {"password": "Password123!"}),
        ("password", {"password": ""}),
        ("again", {"again": "something else"}),
        ("current", {"current": ""}),
    ):
        answer = change(bob, **form)
        assert (answer.status_code, list(errors_in(answer))) == (400, [field]), form
    assert account(app, "bob").password_hash == before


def test_sessions_are_listed_and_this_browser_is_marked(bob: Person, phone: Person) -> None:
    listed = bob.read("/me").split('id="sessions"', 1)[1].split("</table>", 1)[0]
    mine, other = sorted(listed.split("<tr>")[2:], key=lambda row: "this browser" not in row)
    assert ("this browser" in mine, HOME in mine, "Firefox, Linux" in mine, "Sign out</button>" in mine) == (True, True, True, False)
    assert ("this browser" in other, ELSEWHERE in other, "Chrome, Android" in other, "Sign out</button>" in other) == (
        False,
        True,
        True,
        True,
    )


def test_a_browser_that_moves_is_listed_where_it_is_now(bob: Person) -> None:
    bob.environ_base["REMOTE_ADDR"] = ELSEWHERE
    bob.get("/")
    listed = bob.read("/me").split('id="sessions"', 1)[1].split("</table>", 1)[0]
    assert (ELSEWHERE in listed, HOME in listed) == (True, False)


def test_one_browser_is_signed_out(app: Flask, bob: Person, phone: Person) -> None:
    (number,) = [
        number
        for number in open_sessions(app, "bob")
        if f"/me/sessions/{number}/end" in bob.read("/me")  # its own has no button
    ]
    assert bob.submit(f"/me/sessions/{number}/end").status_code == 303
    assert (bob.is_signed_in(), phone.is_signed_in()) == (True, False)
    assert bob.submit(f"/me/sessions/{number}/end").status_code == 404


def test_all_other_browsers_are_signed_out(bob: Person, phone: Person) -> None:
    assert bob.submit("/me/sessions/end").status_code == 303
    assert "One other browser was signed out." in bob.read("/me")
    assert (bob.is_signed_in(), phone.is_signed_in()) == (True, False)


def test_sessions_and_tokens_of_others_are_not_found(app: Flask, bob: Person, carol: Person) -> None:
    text = token_in(carol.submit("/me/tokens", label="hers", expires=""))
    (session_number,), (token,) = open_sessions(app, "carol"), my_tokens(app, "carol")
    for path in (f"/me/sessions/{session_number}/end", f"/me/tokens/{token.id}/revoke"):
        assert bob.submit(path).status_code == 404
        assert bob.submit(path.replace(str(token.id), "9" * 30)).status_code in (400, 404)
    assert carol.is_signed_in()
    assert calls_with(app, text) == 200
    assert "hers" not in bob.read("/me")


def test_a_token_is_shown_once_and_not_stored(app: Flask, bob: Person) -> None:
    text = token_in(bob.submit("/me/tokens", label="backup", expires="90"))
    assert calls_with(app, text) == 200
    page = bob.read("/me")
    assert ("backup" in page, text in page) == (True, False)
    with app.app_context(), reading() as session:
        stored = [str(session.execute(sql(f"SELECT * FROM {table}")).all()) for table in ("personal_tokens", "login_events", "users")]
    assert text not in "".join(stored)
    assert recorded(app, LoginKind.CHANGED)[-1].detail == "token “backup” created"


def test_a_token_expires_after_its_days(app: Flask, bob: Person) -> None:
    for days in (30, 90, 365):
        text = token_in(bob.submit("/me/tokens", label="x", expires=str(days)))
        with time_machine.travel(datetime.now(UTC) + timedelta(days=days, minutes=-1)):
            assert calls_with(app, text) == 200
        with time_machine.travel(datetime.now(UTC) + timedelta(days=days, minutes=1)):
            assert calls_with(app, text) == 401
    with time_machine.travel(datetime.now(UTC) + timedelta(days=366)):
        assert "You have no tokens" in Person(app, "bob").read("/me")


def test_a_token_may_be_good_for_ever(app: Flask, bob: Person) -> None:
    text = token_in(bob.submit("/me/tokens", label="x", expires=""))
    with time_machine.travel(datetime.now(UTC) + timedelta(days=20_000)):
        assert calls_with(app, text) == 200


def test_an_invalid_token_form_creates_no_token(app: Flask, bob: Person) -> None:
    for field, value in (("label", ""), ("label", "  "), ("label", "x" * 101), ("expires", "7"), ("expires", " "), ("expires", "-1")):
        answer = bob.submit("/me/tokens", **{"label": "x", "expires": "30", field: value})
        assert (answer.status_code, list(errors_in(answer))) == (400, [field]), (field, value)
    assert my_tokens(app, "bob") == []


def test_the_last_use_is_shown_and_a_revoked_token_is_dead(app: Flask, bob: Person) -> None:
    text = token_in(bob.submit("/me/tokens", label="x", expires="30"))
    (token,) = my_tokens(app, "bob")
    assert token.last_used_at is None
    with time_machine.travel(datetime.now(UTC) + timedelta(days=1), tick=False):
        calls_with(app, text)
        shown = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    assert shown in bob.read("/me").split('id="tokens"', 1)[1].split("</table>", 1)[0]
    assert bob.submit(f"/me/tokens/{token.id}/revoke").status_code == 303
    assert calls_with(app, text) == 401
    assert bob.submit(f"/me/tokens/{token.id}/revoke").status_code == 404


def test_the_number_of_tokens_is_limited(app: Flask, bob: Person) -> None:
    with app.app_context(), transaction() as session:
        for _ in range(tokens.MAX_TOKENS):
            tokens.create(session, service.user_named(session, "bob"), label="x", now=datetime.now(UTC))
    answer = bob.submit("/me/tokens", label="one more", expires="30")
    assert (answer.status_code, "Revoke tokens that are not needed" in text_of(answer)) == (409, True)
    assert len(my_tokens(app, "bob")) == tokens.MAX_TOKENS
    bob.submit(f"/me/tokens/{my_tokens(app, 'bob')[0].id}/revoke")
    assert bob.submit("/me/tokens", label="one more", expires="30").status_code == 200


def test_only_the_persons_own_sign_ins_are_shown(app: Flask, bob: Person, carol: Person) -> None:
    Person(app, address=ELSEWHERE).submit("/sign-in", name="BOB", password="wrong password")
    lately = bob.read("/me").split('id="events-title"', 1)[1]
    assert ("wrong password" in lately, ELSEWHERE in lately, "signed in" in lately) == (True, True, True)
    assert "wrong password" not in carol.read("/me")


@pytest.mark.parametrize("ticked", [True, False])
def test_a_new_password_revokes_tokens_on_request(app: Flask, bob: Person, ticked: bool) -> None:
    token = token_in(bob.submit("/me/tokens", label="x", expires="30"))
    more = {"revoke_tokens": "y"} if ticked else {}
    assert bob.submit("/me/password", current=PASSWORD, password=CHOSEN, again=CHOSEN, **more).status_code == 303
    status = Person(app).get("/me", headers={"Authorization": f"Bearer {token}"}).status_code
    assert status == (401 if ticked else 200)
    assert ("new password, tokens revoked: 1" in str([event.detail for event in recorded(app)])) is ticked


def test_responses_are_not_cached(app: Flask) -> None:
    admin = Person(app, user(app, "admin", "root"))
    assert admin.get("/admin/sign-ins.csv").headers["Cache-Control"] == "no-store"
