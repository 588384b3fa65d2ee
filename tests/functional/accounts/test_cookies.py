"""Cookies and forms: whose session it is, and who sent the form."""

from pathlib import Path

import pytest
from flask import Flask

from tests.functional.accounts.records import account, made
from tests.services.apps import PASSWORD, csrf_token, make_app, user
from tests.services.people import Person, link_in


@pytest.fixture
def bob(app: Flask) -> str:
    return user(app, "staff", "bob")


def cookie_of(person: Person) -> str:
    cookie = person.get_cookie("rtutils")
    assert cookie is not None
    return cookie.value


def with_cookie(app: Flask, value: str) -> Person:
    stranger = Person(app)
    stranger.set_cookie("rtutils", value)
    return stranger


def test_a_cookie_from_before_the_sign_in_is_worth_nothing_after_it(app: Flask, bob: str) -> None:
    attacker = Person(app)
    planted_token = csrf_token(attacker)
    planted = cookie_of(attacker)
    victim = with_cookie(app, planted)
    assert victim.submit("/sign-in", name="bob", password=PASSWORD).status_code == 303
    assert victim.is_signed_in()
    assert not with_cookie(app, planted).is_signed_in()
    forged = victim.post("/me/sessions/end", data={"csrf_token": planted_token}, headers={"Accept": "text/html"})
    assert forged.status_code == 403


def test_each_sign_in_has_a_key_of_its_own(app: Flask, bob: str) -> None:
    browser, keys = Person(app), set()
    for _ in range(3):
        browser.submit("/sign-in", name="bob", password=PASSWORD)
        with browser.session_transaction() as cookie:
            keys.add(cookie["_user_id"])
        browser.submit("/sign-out")
    assert len(keys) == 3


def test_a_password_link_starts_a_new_session(app: Flask) -> None:
    admin = Person(app, user(app, "admin", "ada"))
    link = link_in(admin.submit(f"/admin/people/{made(app, 'staff', 'carol')}/password-link"))
    before = cookie_of(admin)
    assert admin.choose_password(link, "tulips on the moon").status_code == 303
    assert "carol" in admin.read("/me")
    assert "ada</h2>" in with_cookie(app, before).read("/me")  # hers goes on in her own browser until it ends


def test_the_cookie_is_hidden_from_scripts_and_other_sites(app: Flask, bob: str) -> None:
    browser = Person(app)
    answer = browser.submit("/sign-in", name="bob", password=PASSWORD)
    (cookie,) = [value for value in answer.headers.getlist("Set-Cookie") if value.startswith("rtutils=")]
    attributes = {part.strip().split("=")[0].lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite", "expires", "path"} <= attributes
    assert "SameSite=Lax" in cookie
    assert not {"domain", "secure"} & attributes


def test_over_tls_the_cookie_is_secure(tmp_path: Path, database_url: str) -> None:
    app = make_app(tmp_path, database_url=database_url, app_url="https://assets.example.org")
    answer = Person(app).get("/sign-in")
    assert "Secure" in answer.headers["Set-Cookie"]


def test_a_bent_cookie_opens_nothing(app: Flask, bob: str) -> None:
    value = cookie_of(Person(app, "bob"))
    assert with_cookie(app, value).is_signed_in()
    payload, stamp, signature = value.rsplit(".", 2)
    other = "B" if payload[5] != "B" else "C"
    bent = [
        f"{payload[:5]}{other}{payload[6:]}.{stamp}.{signature}",
        f"{payload}.{stamp}.{other}{signature[1:]}" if signature[0] != other else f"{payload}.{stamp}.D{signature[1:]}",
        f"{payload}.{stamp}.",
        payload,
        value[:-3],
        value * 10,
        "é",
        "",
    ]
    for each in bent:
        assert not with_cookie(app, each).is_signed_in(), each


def test_a_cookie_of_another_installation_opens_nothing(app: Flask, bob: str, tmp_path: Path, database_url: str) -> None:
    other = make_app(tmp_path / "other", database_url=database_url)
    value = cookie_of(Person(app, "bob"))
    assert with_cookie(app, value).is_signed_in()
    assert not with_cookie(other, value).is_signed_in()


def test_a_remember_me_cookie_is_not_believed(app: Flask, bob: str) -> None:
    browser = Person(app, "bob")
    with browser.session_transaction() as cookie:
        key = cookie["_user_id"]
    for value in (f"{key}|{'0' * 128}", f"1|{'0' * 128}", "bob"):
        stranger = Person(app)
        stranger.set_cookie("remember_token", value)
        assert not stranger.is_signed_in()


FORMS = [
    "/sign-out",
    "/me/password",
    "/me/sessions/1/end",
    "/me/sessions/end",
    "/me/tokens",
    "/me/tokens/1/revoke",
    "/admin/people/new",
    "/admin/people/{bob}",
    "/admin/people/{bob}/state",
    "/admin/people/{bob}/password-link",
    "/admin/people/{bob}/rt-user",
    "/admin/people/{bob}/sessions/end",
    "/admin/people/{bob}/tokens/1/revoke",
]


def test_forms_require_their_csrf_token(app: Flask, bob: str) -> None:
    number = account(app, bob).id
    admin, other = Person(app, user(app, "admin", "ada")), Person(app, bob)
    stolen = csrf_token(other, "/me")
    form = {"role": "admin", "active": "no", "name": "mallory", "label": "x", "expires": "", "email": "", "rt_user": "root"}
    for path in FORMS:
        for token in ({}, {"csrf_token": ""}, {"csrf_token": "guess"}, {"csrf_token": stolen}):
            answer = admin.post(path.format(bob=number), data={**form, **token}, headers={"Accept": "text/html"})
            assert answer.status_code == 403, path
    assert (admin.is_signed_in(), other.is_signed_in()) == (True, True)
    assert (account(app, bob).role, account(app, bob).active) == ("staff", True)


def test_a_session_needs_it_on_json_routes_too_and_may_send_it_in_a_header(app: Flask, bob: str) -> None:
    browser = Person(app, bob)
    given = {"asset_tag": "W12-0001", "request_tracker_id": 4711}
    assert browser.post("/confirm-asset-tag", json=given).status_code == 403
    token = {"X-CSRFToken": csrf_token(browser, "/me")}
    assert browser.post("/confirm-asset-tag", json=given, headers=token).status_code not in (401, 403)
