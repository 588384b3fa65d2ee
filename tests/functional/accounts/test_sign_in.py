"""Signing in, staying in, and going."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from request_tracker_utils.accounts import service, tokens
from request_tracker_utils.core.db import transaction
from tests.services.apps import PASSWORD, csrf_token, make_app, sign_in, user

PAGE = {"Accept": "text/html"}


def post(client: FlaskClient, path: str, **form: str) -> TestResponse:
    return client.post(path, data={"csrf_token": csrf_token(client), **form}, headers=PAGE)


@pytest.fixture
def ada(app: Flask) -> str:
    return user(app, "admin", "Ada")


def test_a_browser_is_redirected_to_sign_in_and_back(client: FlaskClient, ada: str) -> None:
    answer = client.get("/assets?q=x", headers=PAGE)
    assert (answer.status_code, answer.location) == (303, "/sign-in?next=%2Fassets%3Fq%3Dx")
    answer = post(client, answer.location, name="Ada", password=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/assets?q=x")
    assert client.get("/assets", headers=PAGE).status_code == 200


def test_the_name_is_the_same_in_any_case(client: FlaskClient, ada: str) -> None:
    assert post(client, "/sign-in", name=" aDA ", password=PASSWORD).status_code == 303


@pytest.mark.parametrize(("name", "password"), [("Ada", "wrong"), ("nobody", PASSWORD), ("Ada", PASSWORD + " "), ("Ada", "x" * 100_000)])
def test_a_wrong_name_and_a_wrong_password_are_answered_alike(client: FlaskClient, ada: str, name: str, password: str) -> None:
    answer = post(client, "/sign-in", name=name, password=password)
    assert answer.status_code == 400
    assert "The name or the password is wrong." in answer.get_data(as_text=True)
    assert client.get("/assets", headers=PAGE).status_code == 303


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/\t/evil.example", ""]
)
def test_signing_in_never_redirects_to_another_site(client: FlaskClient, ada: str, wanted: str) -> None:
    from urllib.parse import quote

    answer = post(client, f"/sign-in?next={quote(wanted)}", name="Ada", password=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/")


def test_signing_out_ends_the_session_for_good(client: FlaskClient, ada: str) -> None:
    sign_in(client, "Ada")
    stolen = client.get_cookie("rtutils")
    assert stolen is not None
    post_out = client.post("/sign-out", data={"csrf_token": csrf_token(client, "/")}, headers=PAGE)
    assert post_out.status_code == 303
    client.set_cookie("rtutils", stolen.value)
    assert client.get("/assets", headers=PAGE).status_code == 303


def test_a_session_expires(client: FlaskClient, ada: str) -> None:
    sign_in(client, "Ada")
    with time_machine.travel(datetime.now(UTC) + timedelta(days=13)):
        assert client.get("/assets", headers=PAGE).status_code == 200
    with time_machine.travel(datetime.now(UTC) + timedelta(days=15)):
        assert client.get("/assets", headers=PAGE).status_code == 303


def test_a_form_without_its_token_changes_nothing(client: FlaskClient, ada: str) -> None:
    answer = client.post("/sign-in", data={"name": "Ada", "password": PASSWORD}, headers=PAGE)
    assert answer.status_code == 403
    assert "expired" in answer.get_data(as_text=True)


def test_a_cookie_of_another_installation_opens_nothing(client: FlaskClient, ada: str, tmp_path, database_url: str) -> None:  # type: ignore[no-untyped-def]
    sign_in(client, "Ada")
    cookie = client.get_cookie("rtutils")
    assert cookie is not None
    other = make_app(tmp_path / "other", database_url=database_url).test_client()
    other.set_cookie("rtutils", cookie.value)
    assert other.get("/assets", headers=PAGE).status_code == 303


def test_a_token_that_is_wrong_is_not_helped_by_a_cookie(client: FlaskClient, ada: str) -> None:
    sign_in(client, "Ada")
    assert client.get("/assets", headers={"Authorization": "Bearer wrong"}).status_code == 401


@pytest.mark.parametrize("scheme", ["Bearer", "Token", "bearer", "TOKEN"])
def test_a_personal_token_opens_what_its_owner_may(app: Flask, client: FlaskClient, ada: str, scheme: str) -> None:
    with app.app_context(), transaction() as session:
        text = tokens.create(session, service.user_named(session, "ada"), label="x", now=datetime.now(UTC))
    assert client.get("/next-asset-tag", headers={"Authorization": f"{scheme} {text}"}).status_code == 200
    for wrong in (text[:-1], text + "x", text.upper(), "", text * 1000, f"{text} {text}"):
        assert client.get("/next-asset-tag", headers={"Authorization": f"{scheme} {wrong}"}).status_code == 401


def test_revoked_tokens_and_tokens_of_deactivated_users_are_rejected(app: Flask, client: FlaskClient, ada: str) -> None:
    now = datetime.now(UTC)
    with app.app_context(), transaction() as session:
        owner = service.user_named(session, "ada")
        first, second = (tokens.create(session, owner, label="x", now=now) for _ in range(2))
    with app.app_context(), transaction() as session:
        tokens.revoke_text(session, text=first, now=now)
    assert client.get("/next-asset-tag", headers={"Authorization": f"Bearer {first}"}).status_code == 401
    assert client.get("/next-asset-tag", headers={"Authorization": f"Bearer {second}"}).status_code == 200
    sign_in(client, "Ada")
    with app.app_context(), transaction() as session:
        service.user_named(session, "ada").active = False
    assert client.get("/next-asset-tag", headers={"Authorization": f"Bearer {second}"}).status_code == 401
    assert client.get("/assets", headers=PAGE).status_code == 303


def test_tokens_and_sessions_are_stored_as_hashes_only(app: Flask, client: FlaskClient, ada: str) -> None:
    from sqlalchemy import text as sql

    with app.app_context(), transaction() as session:
        token = tokens.create(session, service.user_named(session, "ada"), label="x", now=datetime.now(UTC))
    sign_in(client, "Ada")
    with client.session_transaction() as cookie:
        key = cookie["_user_id"]
    with app.app_context(), transaction() as session:
        stored = str([session.execute(sql(f"SELECT * FROM {table}")).all() for table in ("personal_tokens", "sign_in_sessions", "users")])
    assert token not in stored
    assert key not in stored
    assert PASSWORD not in stored
