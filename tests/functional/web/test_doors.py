"""Who gets in where, and what every answer carries."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.services.apps import sign_in, token, user

PAGE = {"Accept": "text/html"}


def test_the_navigation_shows_what_the_role_may_open(app: Flask, client: FlaskClient) -> None:
    user(app, "staff")
    sign_in(client, "staff")
    page = client.get("/", headers=PAGE).get_data(as_text=True)
    assert 'href="/assets"' in page
    assert 'href="/webhook"' not in page


def test_a_page_carries_the_browsers_orders(app: Flask, client: FlaskClient) -> None:
    headers = client.get("/sign-in", headers=PAGE).headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_a_fault_has_a_number_that_the_caller_and_the_log_share(own_app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    from request_tracker_utils.web.auth import public

    @public("test")
    def fail() -> str:
        raise RuntimeError("inner detail")

    own_app.add_url_rule("/fail", "fail", fail)
    client = own_app.test_client()
    answer = client.get("/fail")
    assert (answer.status_code, answer.json["code"]) == (500, "internal_server_error")
    assert answer.headers["X-Request-ID"] in answer.json["error"]
    assert "inner detail" not in answer.get_data(as_text=True)
    page = client.get("/fail", headers=PAGE)
    assert page.status_code == 500
    assert page.headers["X-Request-ID"] in page.get_data(as_text=True)


def test_unknown_pages_and_methods_are_rendered_for_the_caller(client: FlaskClient) -> None:
    assert client.get("/nowhere").json == {"error": "This page does not exist.", "code": "not_found"}
    assert client.get("/nowhere", headers=PAGE).mimetype == "text/html"
    answer = client.get("/confirm-asset-tag")
    assert (answer.status_code, answer.is_json, "POST" in answer.headers["Allow"]) == (405, True, True)


def test_an_unreachable_database_is_said_and_not_a_fault(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import OperationalError

    def broken(*_: object, **__: object) -> object:
        raise OperationalError("SELECT", {}, Exception("database is locked"))

    headers = token(app, "staff")
    monkeypatch.setattr("request_tracker_utils.tags.sequence.preview", broken)
    assert client.get("/next-asset-tag", headers=headers).status_code == 503


def test_a_signed_in_browser_gets_a_page_while_the_database_is_down(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    user(app, "staff")
    sign_in(client, "staff")

    def gone(*_: object, **__: object) -> object:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr("request_tracker_utils.accounts.sessions.by_key", gone)
    answer = client.get("/assets", headers=PAGE)
    assert (answer.status_code, "database is not available" in answer.get_data(as_text=True)) == (503, True)


@pytest.mark.parametrize(
    "path", ["/sign-in?next=//[", "/sign-in?next=%00", "/assets?page=999999999999999999999", "/assets?q=%00", "/assets?catalog=%00"]
)
def test_odd_addresses_are_no_fault_of_ours(app: Flask, client: FlaskClient, path: str) -> None:
    assert client.get(path, headers=token(app, "staff")).status_code in (200, 303, 400)


def test_json_nested_past_all_sense_is_bad_input(app: Flask, client: FlaskClient) -> None:
    answer = client.post("/labels/batch", data=b"[" * 200_000, content_type="application/json", headers=token(app, "staff"))
    assert answer.status_code == 400


def test_a_request_may_bring_its_number_if_it_is_one(client: FlaskClient) -> None:
    assert client.get("/sign-in", headers={"X-Request-ID": "abc-12345"}).headers["X-Request-ID"] == "abc-12345"
    assert "\n" not in client.get("/sign-in", headers={"X-Request-ID": "x" * 100}).headers["X-Request-ID"]
