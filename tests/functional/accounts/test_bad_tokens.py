"""What is shown as a token and is none."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from request_tracker_utils.accounts import service, tokens
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.errors import Conflict
from tests.services.apps import PASSWORD, user


@pytest.fixture
def token(app: Flask) -> str:
    user(app, "staff", "bob")
    with app.app_context(), transaction() as session:
        expires = datetime.now(UTC) + timedelta(days=30)
        return tokens.create(session, service.user_named(session, "bob"), label="x", now=datetime.now(UTC), expires_at=expires)


def shown(app: Flask, header: str) -> TestResponse:
    return app.test_client().get("/next-asset-tag", headers={"Authorization": header})


def assert_refused(answer: TestResponse, how: str = "") -> None:
    assert answer.status_code == 401, (how, answer.get_data(as_text=True)[:500])
    assert answer.json is not None
    assert answer.json["code"] == "unauthenticated"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


BENT: dict[str, Callable[[str], str]] = {
    "truncated": lambda token: f"Bearer {token[:-1]}",
    "its beginning": lambda token: f"Bearer {token[:12]}",
    "one bit flipped": lambda token: f"Bearer {token[:-1]}{chr(ord(token[-1]) ^ 1)}",
    "in capitals": lambda token: f"Bearer {token.upper()}",
    "without its mark": lambda token: f"Bearer {token.removeprefix(tokens.TOKEN_PREFIX)}",
    "100 kB": lambda token: f"Bearer {token}{'x' * 100_000}",
    "twice": lambda token: f"Bearer {token} {token}",
    "with a comma": lambda token: f"Bearer {token}, Bearer {token}",
    "no ASCII": lambda token: f"Bearer {token}é",
    "other bytes": lambda token: "Bearer " + bytes(range(0x80, 0x100)).decode("latin-1"),
    "a quotation": lambda token: f'Bearer "{token}"',
    "empty": lambda token: "",
    "a blank": lambda token: " ",
    "the scheme alone": lambda token: "Bearer",
    "the scheme and a blank": lambda token: "Bearer ",
    "no scheme": lambda token: token,
    "no blank": lambda token: f"Bearer{token}",
    "another scheme": lambda token: f"Digest {token}",
    "a password": lambda token: "Basic Ym9iOmNvcnJlY3QgaG9yc2UgYmF0dGVyeQ==",
    "quotes of SQL": lambda token: "Bearer ' OR '1'='1",
    "a wildcard": lambda token: "Bearer rtu_%",
    "like one of Request Tracker": lambda token: "Bearer 1-14-" + "0" * 32,
}


def test_a_bent_token_opens_nothing(app: Flask, token: str) -> None:
    assert shown(app, f"Bearer {token}").status_code == 200
    for how, bend in BENT.items():
        assert_refused(shown(app, bend(token)), how)


def test_of_two_tokens_none_counts(app: Flask, token: str) -> None:
    for pair in ((token, "wrong"), ("wrong", token), (token, token)):
        headers = Headers([("Authorization", f"Bearer {each}") for each in pair])
        assert_refused(app.test_client().get("/next-asset-tag", headers=headers))


def test_an_expired_token_opens_nothing(app: Flask, token: str) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(days=30, seconds=1)):
        assert_refused(shown(app, f"Bearer {token}"))


def test_a_revoked_token_opens_nothing(app: Flask, token: str) -> None:
    with app.app_context(), transaction() as session:
        tokens.revoke_text(session, text=token, now=datetime.now(UTC))
    assert_refused(shown(app, f"Bearer {token}"))


def test_deactivated_people_can_neither_use_nor_create_tokens(app: Flask, token: str) -> None:
    now = datetime.now(UTC)
    with app.app_context(), transaction() as session:
        service.deactivate(session, service.user_named(session, "bob"), actor=of_command(), now=now)
    assert_refused(shown(app, f"Bearer {token}"))
    with app.app_context(), pytest.raises(Conflict, match="deactivated"), transaction() as session:
        tokens.create(session, service.user_named(session, "bob"), label="x", now=now)
    with app.app_context(), transaction() as session:
        service.activate(session, service.user_named(session, "bob"), actor=of_command(), now=now)
    assert_refused(shown(app, f"Bearer {token}"))


def test_a_bad_token_on_a_page_is_answered_to_a_program(app: Flask, token: str) -> None:
    answer = app.test_client().get("/assets", headers={"Authorization": f"Bearer {token}x", "Accept": "text/html"})
    assert_refused(answer)


def test_tokens_in_urls_forms_and_cookies_are_ignored(app: Flask, token: str) -> None:
    client = app.test_client()
    client.set_cookie("Authorization", f"Bearer {token}")
    assert_refused(client.get(f"/next-asset-tag?token={token}&access_token={token}"))
    assert_refused(client.post("/confirm-asset-tag", data={"token": token, "access_token": token}))


def test_a_password_is_not_accepted_as_a_token(app: Flask, token: str) -> None:
    assert_refused(shown(app, f"Bearer {PASSWORD}"))
