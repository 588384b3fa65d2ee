"""Registering, signing in and choosing a person over JSON."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import time_machine
from flask import Flask
from werkzeug.test import TestResponse

from request_tracker_utils.accounts import links, passwords
from request_tracker_utils.accounts.models import LoginKind
from request_tracker_utils.accounts.throttling import NETWORK, THIS_NETWORK
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.web.registry import registry_of
from tests.functional.accounts.records import account, invited, made, recorded
from tests.services.apps import PASSWORD, make_app, token, user
from tests.services.tables import check_all

DOCUMENT = {"username": "testuser", "email": "test@example.com", "phone": "+12025551234", "password": "tulips on the moon"}
Post = Callable[..., TestResponse]


@pytest.fixture(params=["open"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def here(tmp_path: Path, database_url: str, app: Flask, mode: str) -> Flask:
    """An app with this REGISTRATION, on the database of `app`."""
    return make_app(tmp_path, database_url=database_url, registration=mode)


@pytest.fixture
def post(here: Flask) -> Post:
    def post(path: str, address: str = "203.0.113.7", **body: Any) -> TestResponse:
        return here.test_client().post(path, json=body, environ_base={"REMOTE_ADDR": address})

    return post


def test_registering_and_signing_in_answer_as_the_document_says(here: Flask, post: Post) -> None:
    registered = post("/api/register", **DOCUMENT)
    assert registered.status_code == 201
    assert list(registered.json) == ["message", "user", "access_token"]
    expected = {"username": "testuser", "email": "test@example.com", "phone": "+12025551234", "role": "user"}
    assert list(registered.json["user"]) == ["id", "username", "email", "phone", "role", "created_at"]
    assert registered.json["user"].items() >= expected.items()
    signed_in = post("/api/login", username="TestUser", password=DOCUMENT["password"])
    assert (signed_in.status_code, signed_in.json["user"]) == (200, registered.json["user"])
    for answer in (registered, signed_in):
        headers = {"Authorization": f"Bearer {answer.json['access_token']}"}
        own = here.test_client().get(f"/api/users/{answer.json['user']['id']}", headers=headers)
        assert own.json == registered.json["user"]
    assert account(here, "testuser").phone_confirmed_at is None


def test_a_role_that_is_sent_is_ignored(here: Flask, post: Post) -> None:
    answer = post("/api/register", **DOCUMENT, role="admin", active=True, epoch=7, id=1, is_admin=True)
    assert (answer.status_code, answer.json["user"]["role"], account(here, "testuser").epoch) == (201, "user", 0)
    assert post("/api/login", username="testuser", password=DOCUMENT["password"], role="admin").json["user"]["role"] == "user"


BAD_REGISTRATIONS: list[tuple[dict[str, Any], str]] = [
    ({"username": ""}, "username"),
    ({"username": "test user"}, "username"),
    ({"username": "x" * 61}, "username"),
    ({"username": "x" * 100_000}, "username"),
    ({"username": "tést"}, "username"),
    ({"username": None}, "username"),
    ({"username": 17}, "username"),
    ({"username": "<script>"}, "username"),
    ({"username": "a\nb"}, "username"),
    ({"username": "a\0b"}, "username"),
    ({"password": "short"}, "password"),
    ({"password": "password123"}, "password"),
    ({"password": "testuser12"}, "password"),
    ({"password": "x" * 201}, "password"),
    ({"password": "x" * 100_000}, "password"),
    ({"password": None}, "password"),
    ({"password": {"$gt": ""}}, "password"),
    ({"email": "test"}, "email"),
    ({"email": "test@"}, "email"),
    ({"email": "test@example"}, "email"),
    ({"email": "Test <test@example.com>"}, "email"),
    ({"email": "test@example.com, other@example.com"}, "email"),
    ({"email": "test@example.com\r\nBcc: other@example.com"}, "email"),
    ({"email": "test@[127.0.0.1]"}, "email"),
    ({"email": "x" * 250 + "@example.com"}, "email"),
    ({"email": ["test@example.com"]}, "email"),
    ({"phone": "2025551234"}, "phone"),
    ({"phone": "+1202555123"}, "phone"),
    ({"phone": "+999123456789"}, "phone"),
    ({"phone": "+12025551234 ext. 5"}, "phone"),
    ({"phone": "+1" + "2" * 300}, "phone"),
    ({"phone": "call me"}, "phone"),
    ({"phone": 12025551234}, "phone"),
    ({"invitation": "x" * 201}, "invitation"),
]


def test_bad_registrations_name_the_field_and_count_for_nobody(here: Flask, post: Post) -> None:
    def refused(changed: dict[str, Any], field: str) -> None:
        answer = post("/api/register", **{**DOCUMENT, **changed})
        assert (answer.status_code, answer.json.get("field")) == (400, field), answer.json

    check_all(BAD_REGISTRATIONS, refused)
    assert not recorded(here)
    assert post("/api/register", **DOCUMENT).status_code == 201


def test_bodies_that_are_no_objects_are_refused(here: Flask) -> None:
    client = here.test_client()

    def refused(path: str, data: str, content_type: str) -> None:
        assert client.post(path, data=data, content_type=content_type).status_code == 400

    bodies = [
        ("[]", "application/json"),
        ("{", "application/json"),
        ("username=a&password=b", "application/x-www-form-urlencoded"),
        ("{}", "application/json"),
    ]
    check_all([(path, *body) for path in ("/api/register", "/api/login") for body in bodies], refused)


def test_phone_numbers_and_domains_are_stored_in_one_form_and_both_are_optional(here: Flask, post: Post) -> None:
    post("/api/register", **{**DOCUMENT, "phone": " +1 (202) 555-1234 ", "email": " Test@EXAMPLE.com "})
    stored = account(here, "testuser")
    assert (stored.phone, stored.email) == ("+12025551234", "Test@example.com")
    for name, body in (("second", {"email": "", "phone": ""}), ("third", {}), ("fourth", {"email": None, "phone": None})):
        answer = post("/api/register", username=name, password=DOCUMENT["password"], **body)
        assert (answer.status_code, answer.json["user"]["email"], answer.json["user"]["phone"]) == (201, None, None)


def test_a_name_that_is_taken_is_409_and_an_address_that_is_taken_is_not_told(here: Flask, post: Post) -> None:
    user(here, "admin", "Ada", email="test@example.com")
    answer = post("/api/register", **{**DOCUMENT, "username": "aDA"})
    assert (answer.status_code, answer.json["code"], answer.json["field"]) == (409, "name_taken", "username")
    assert post("/api/register", **DOCUMENT).status_code == 201
    assert account(here, "ada").role == "admin"


@pytest.mark.both_databases
def test_of_two_people_who_take_a_name_at_once_one_gets_it(here: Flask, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    real = passwords.hashed_for_stranger

    def hashed(password: str) -> str:
        monkeypatch.setattr(passwords, "hashed_for_stranger", real)
        assert post("/api/register", **DOCUMENT).status_code == 201
        return real(password)

    monkeypatch.setattr(passwords, "hashed_for_stranger", hashed)
    assert post("/api/register", **DOCUMENT).status_code == 409


@pytest.mark.parametrize("mode", ["closed"], indirect=True)
def test_closed_is_the_default_and_refuses_even_invitations(app: Flask, here: Flask, post: Post) -> None:
    assert registry_of(app).settings.registration == "closed"
    for body in (DOCUMENT, {**DOCUMENT, "invitation": invited(here)}):
        answer = post("/api/register", **body)
        assert (answer.status_code, answer.json["code"]) == (403, "registration_closed")
    assert not recorded(here, LoginKind.REGISTERED)


@pytest.mark.parametrize("mode", ["invited"], indirect=True)
def test_an_invitation_gives_its_role_and_address_once(here: Flask, post: Post) -> None:
    answer = post("/api/register", **DOCUMENT)
    assert (answer.status_code, answer.json["code"]) == (403, "invitation_required")
    key = invited(here, "teacher", "carol@example.org")
    assert post("/api/register", username="carol", password="short", invitation=key).status_code == 400  # which leaves it valid
    user(here, "staff", "taken")
    assert post("/api/register", username="taken", password=DOCUMENT["password"], invitation=key).status_code == 409  # this too
    answer = post("/api/register", username="carol", password=DOCUMENT["password"], role="admin", invitation=key)
    assert (answer.status_code, answer.json["user"]["role"], answer.json["user"]["email"]) == (201, "teacher", "carol@example.org")
    again = post("/api/register", username="dave", password=DOCUMENT["password"], invitation=key)
    assert (again.status_code, again.json["code"]) == (404, "link_invalid")
    assert "an invitation of ada" in str(recorded(here, LoginKind.CHANGED)[-1].detail)


@pytest.mark.parametrize("mode", ["invited"], indirect=True)
def test_bad_invitations_are_refused(here: Flask, post: Post) -> None:
    key, now = invited(here), datetime.now(UTC)
    made(here, "staff", "bob")
    with here.app_context(), transaction() as session:
        password_key = links.new_password_key(session, account(here, "bob"), now=now)

    def refused(wrong: str) -> None:
        assert post("/api/register", **{**DOCUMENT, "invitation": wrong}).status_code == 404

    check_all([key[:-1], key + "x", key.upper(), password_key, "%", "' OR '1'='1", "é"], refused)
    for at in (now + timedelta(days=14, minutes=1), now - timedelta(days=2)):
        with time_machine.travel(at):
            refused(key)
    assert post("/api/register", **{**DOCUMENT, "invitation": key}).status_code == 201


def test_one_network_that_registers_a_lot_waits_and_others_do_not(here: Flask, post: Post, clock: time_machine.Traveller) -> None:
    user(here, "staff", "taken")
    taken = {**DOCUMENT, "username": "taken"}
    statuses = [post("/api/register", **taken).status_code for _ in range(NETWORK.free)]
    assert statuses == [409] * NETWORK.free
    answer = post("/api/register", **DOCUMENT)
    assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (429, "too_many_attempts", "1")
    assert post("/api/register", address="198.51.100.1", **DOCUMENT).status_code == 201
    assert post("/api/login", username="taken", password=PASSWORD).status_code == 200
    clock.shift(1.1)
    assert post("/api/register", **{**DOCUMENT, "username": "other"}).status_code == 201
    assert post("/api/register", **{**DOCUMENT, "username": "third"}).headers["Retry-After"] == "2"


def test_hashing_for_strangers_shares_the_slots_of_checking(here: Flask, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "SLOT_TIMEOUT", 0.0)
    taken = [passwords._slots.acquire(blocking=False) for _ in range(4)]
    try:
        answer = post("/api/register", **DOCUMENT)
        with pytest.raises(Unavailable):
            passwords.hashed_for_stranger("x")
    finally:
        for _ in filter(None, taken):
            passwords._slots.release()
    assert answer.status_code == 503
    assert post("/api/register", **DOCUMENT).status_code == 201


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(app: Flask) -> None:
    made(app, "staff", "bob")
    user(app, "staff", "gone", active=False)
    bodies = [
        ("bob", "wrong"),
        ("nobody", "wrong"),
        ("bob", PASSWORD + " "),
        ("gone", PASSWORD),
        ("", ""),
        ("bob", "x" * 1_000),
        ("b%b", PASSWORD),
    ]
    answers = [app.test_client().post("/api/login", json={"username": name, "password": word}) for name, word in bodies]
    assert {(answer.status_code, answer.get_data(as_text=True)) for answer in answers} == {(401, answers[0].get_data(as_text=True))}
    assert (answers[0].json["code"], "WWW-Authenticate" in answers[0].headers) == ("wrong_credentials", True)
    assert len(recorded(app, LoginKind.FAILED)) == len(bodies)


def test_wrong_passwords_cause_pauses_of_the_guessing_guard(app: Flask, clock: time_machine.Traveller) -> None:
    made(app, "staff", "bob")

    def attempt(name: str, password: str) -> TestResponse:
        return app.test_client().post("/api/login", json={"username": name, "password": password})

    for name in ("bob", "nobody"):
        assert [attempt(name, "wrong").status_code for _ in range(THIS_NETWORK.free)] == [401] * THIS_NETWORK.free
        paused = attempt(name, PASSWORD)
        assert (paused.status_code, paused.json["code"], paused.headers["Retry-After"]) == (429, "too_many_attempts", "1")
    clock.shift(1.1)
    assert attempt("bob", PASSWORD).status_code == 200


def test_unknown_names_take_as_long_as_known_ones(app: Flask) -> None:
    made(app, "staff", "bob")
    times: dict[str, list[float]] = {"bob": [], "nobody": []}
    for n in range(-1, 9):
        for name, taken in times.items():
            begun = time.perf_counter()
            app.test_client().post(
                "/api/login", json={"username": name, "password": "wrong"}, environ_base={"REMOTE_ADDR": f"192.0.2.{n + 2}"}
            )
            taken.append(time.perf_counter() - begun)
    known, unknown = (median(some[1:]) for some in times.values())
    assert 0.6 < known / unknown < 1.67


def test_addresses_and_numbers_are_for_administrators_and_oneself(app: Flask) -> None:
    headers = {role: token(app, role) for role in ("admin", "staff", "teacher", "user")}
    bob = account(app, user(app, "staff", "bob", email="bob@example.org", phone="+12025551234"))
    client = app.test_client()
    for role, head in headers.items():
        shown = ("bob@example.org", "+12025551234") if role == "admin" else (None, None)
        one = client.get(f"/api/users/{bob.id}", headers=head).json
        assert (one["username"], one["role"], one["email"], one["phone"]) == ("bob", "staff", *shown), role
        assert one in client.get("/api/users", headers=head).json
    own = client.post("/api/login", json={"username": "bob", "password": PASSWORD}).json["access_token"]
    listed = client.get("/api/users", headers={"Authorization": f"Bearer {own}"}).json
    assert [row["email"] for row in listed if row["email"]] == ["bob@example.org"]


def test_students_do_not_list_people_and_are_listed_for_administrators_only(app: Flask) -> None:
    student = made(app, "student", "e.galois")
    user(app, "staff", "gone", active=False)
    assert app.test_client().get("/api/users", headers=token(app, "student")).status_code == 403
    seen = {}
    for role in ("admin", "staff", "teacher", "user"):
        headers = token(app, role)
        names = {row["username"] for row in app.test_client().get("/api/users", headers=headers).json}
        one = app.test_client().get(f"/api/users/{student}", headers=headers).status_code
        gone = app.test_client().get(f"/api/users/{account(app, 'gone').id}", headers=headers).status_code
        seen[role] = ("e.galois" in names, "gone" in names, one, gone)
    assert seen == {"admin": (True, False, 200, 200), **dict.fromkeys(("staff", "teacher", "user"), (False, False, 404, 404))}


def test_the_list_is_read_in_pages_and_filtered_by_role(app: Flask) -> None:
    headers, client = token(app, "user"), app.test_client()
    for name in ("bob", "carol", "dave"):
        user(app, "staff", name)
    first = client.get("/api/users?role=staff&limit=2", headers=headers).json
    second = client.get(f"/api/users?role=staff&limit=2&after={first[-1]['id']}", headers=headers).json
    assert [row["username"] for row in first + second] == ["bob", "carol", "dave"]
    assert client.get("/api/users?role=student", headers=headers).json == []

    def refused(query: str) -> None:
        assert client.get(f"/api/users?{query}", headers=headers).status_code == 400

    check_all(
        ["role=king", "limit=0", "limit=1001", "limit=x", "after=-1", "after=99999999999999999999", "email=bob", "search=bob@"], refused
    )
    for number in ("999999", "0", "-1", "x", "99999999999"):
        assert client.get(f"/api/users/{number}", headers=headers).status_code in (400, 404), number
