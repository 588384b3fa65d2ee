"""A server that logs all it can, on its worst day: whatever secret it was shown, none stands in its log, its output or an error page."""

import re
import sqlite3
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from request_tracker_utils.core.db import transaction
from tests.services.local_server import Call, LocalServer, Reply, wait_until
from tests.services.server import RunningServer

SETTINGS = {
    "secret_key": "signs-cookies-of-this-test-alone",
    "webhook_token": "webhook-secret-of-this-test",
    "rt_token": "1-7-0123456789abcdefOwnToken",
    "metrics_token": "metrics-secret-of-this-test",
}
PASSWORD, NEXT_PASSWORD, WRONG_PASSWORD = "correct horse of this test", "battery staple of this test", "wrong guess of this test"
MISTYPED = "right password in the wrong field"
RT_CALLER, RT_STRANGER = "1-14-fedcba9876543210Caller", "1-15-fedcba9876543210Stranger"
WRONG = {
    "token": "rtu_WrongTokenOfThisTestWrongTokenOfThis",
    "webhook": "wrong-webhook-secret-of-this-test",
    "metrics": "wrong-metrics-secret-of-this-test",
    "link": "WrongKeyOfThisTestWrongKeyOfThisTest",
}
PAGE = {"Accept": "text/html"}
CSRF = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


def bad_request_tracker(call: Call) -> Reply:
    """Knows one caller; all else it refuses or breaks at, and it echoes the token that it was shown."""
    shown = call.headers.get("authorization", "")
    if RT_CALLER in shown:
        return Reply({"id": 14, "Name": "ada", "Privileged": 1, "Disabled": 0, "RealName": "Ada", "EmailAddress": "ada@tests.example"})
    if RT_STRANGER in shown or "asset" not in call.path:
        return Reply({"message": f"Unauthorized: {shown}"}, status=401)
    return Reply({"message": f"Internal error while serving {shown}"}, status=500)


@dataclass
class Visitor:
    """A browser or a program. Remembers the secrets that it was given, and the error pages that it was shown."""

    url: str
    secrets: set[str] = field(default_factory=set)
    forms_tokens: set[str] = field(default_factory=set)
    error_pages: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers["Connection"] = "close"  # a server that refuses before it has read a body hangs up

    def ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **arguments: object) -> requests.Response:
        answer = self._http.request(
            method, self.url + path, headers=PAGE if headers is None else headers, allow_redirects=False, timeout=60, **arguments
        )
        self.secrets |= {cookie.value for cookie in self._http.cookies if cookie.value}
        self.forms_tokens |= set(CSRF.findall(answer.text))
        if answer.status_code >= 400:
            # A form that is shown again carries its token, as it must.
            self.error_pages.append(CSRF.sub("", answer.text))
        return answer

    def submit(self, path: str, *, form_on: str = "", **fields: str) -> requests.Response:
        token = CSRF.findall(self.ask("GET", form_on or path).text)[0]
        return self.ask("POST", path, data={"csrf_token": token, **fields})

    def sign_in(self, name: str, password: str) -> requests.Response:
        return self.submit("/sign-in", name=name, password=password)

    def show(self, method: str, path: str, credentials: str, **arguments: object) -> int:
        return self.ask(method, path, headers={"Authorization": credentials}, **arguments).status_code


@pytest.fixture
def rt() -> Iterator[LocalServer]:
    with LocalServer(bad_request_tracker) as server:
        yield server


@pytest.fixture
def server(tmp_path: Path, rt: LocalServer) -> Iterator[RunningServer]:
    talkative = {"log_level": "DEBUG", "log_file": str(tmp_path / "log" / "program.log"), "rt_privileged_role": "staff"}
    with RunningServer(tmp_path, rt_url=rt.url, **talkative, **SETTINGS) as running:
        yield running


def test_no_secret_is_logged_printed_or_shown_on_an_error_page(server: RunningServer, rt: LocalServer, tmp_path: Path) -> None:
    greeting = re.search(r"http://\S+/set-up/(\S+)", server.log())
    assert greeting is not None
    secrets = {*SETTINGS.values(), PASSWORD, NEXT_PASSWORD, WRONG_PASSWORD, MISTYPED, RT_CALLER, RT_STRANGER, *WRONG.values(), greeting[1]}

    admin, program, guest = visitors = [Visitor(server.url) for _ in range(3)]
    set_up(admin, greeting[1])
    secrets |= {own := make_token(admin), to_eve := make_link(admin, "eve"), to_bob := make_link(admin, "bob")}
    sign_in_right_and_wrong(guest)
    show_tokens(program, own)
    show_secrets(program)
    fault(program, to_eve, tmp_path / "instance" / "database.sqlite")
    choose_password(program, to_bob)
    forge(program)
    wait_until(lambda: any("own" in call.headers.get("authorization", "").lower() for call in rt.calls))
    server.stop()

    secrets.update(*(visitor.secrets | visitor.forms_tokens for visitor in visitors))
    # Whoever typed a password as their name is shown the form again, and the name in it.
    error_pages = [page.replace(f'value="{MISTYPED}"', "") for visitor in visitors for page in visitor.error_pages]
    files = [file.read_text() for file in (tmp_path / "log").glob("program.log*")]
    output = server.log().replace(greeting[0], "")  # it is printed for the administrator, once
    assert "event=fault" in files[0]
    assert "event=request" in files[0]
    for secret in sorted(secrets):
        for shape in {secret, quote(secret), secret.replace(" ", "+")}:
            assert not any(shape in text for text in files), f"in the log file: {shape}"
            assert shape not in output, f"in the output: {shape}"
            assert not any(shape in page for page in error_pages), f"on an error page: {shape}"


def test_database_errors_do_not_reveal_parameters(app: Flask) -> None:
    with app.app_context(), pytest.raises(DBAPIError) as raised, transaction() as session:
        session.execute(text("INSERT INTO users (name, password_hash) VALUES (:name, :password)"), {"name": "ada", "password": PASSWORD})
    assert "INSERT INTO users" in str(raised.value)
    assert "correct horse" not in "".join(traceback.format_exception(raised.value))


def set_up(admin: Visitor, key: str) -> None:
    assert admin.ask("GET", f"/set-up/{WRONG['link']}").status_code == 404
    assert admin.submit(f"/set-up/{key}", name="ada", password=PASSWORD, again=WRONG_PASSWORD).status_code == 400
    assert admin.submit(f"/set-up/{key}", name="ada", password=PASSWORD, again=PASSWORD).status_code == 303
    assert admin.ask("GET", f"/set-up/{key}").status_code == 404


def make_token(admin: Visitor) -> str:
    page = admin.submit("/me/tokens", form_on="/me", label="backup", expires="30").text
    return page.split('id="token-text">', 1)[1].split("<", 1)[0]


def make_link(admin: Visitor, name: str) -> str:
    """The key of a link with which somebody new chooses a password."""
    page = admin.submit("/admin/people/new", name=name, role="staff").text
    return page.split('id="link-text">', 1)[1].split("<", 1)[0].rpartition("/")[2]


def sign_in_right_and_wrong(visitor: Visitor) -> None:
    assert visitor.sign_in("ada", WRONG_PASSWORD).status_code == 400
    assert visitor.sign_in("nobody", WRONG_PASSWORD).status_code == 400
    visitor.sign_in(MISTYPED, WRONG_PASSWORD)
    assert visitor.sign_in("ada", PASSWORD).status_code == 303


def show_tokens(program: Visitor, own: str) -> None:
    assert program.show("GET", "/next-asset-tag", f"Bearer {own}") in (200, 503)  # Request Tracker's names are not adopted
    assert program.show("GET", "/assets", f"Bearer {own}") in (502, 503)
    assert program.show("GET", "/webhook", f"token {RT_CALLER}") == 403
    for bad in (f"Bearer {WRONG['token']}", f"token {RT_STRANGER}", f"Bearer {own}x", f"Nonsense {own}"):
        assert program.show("GET", "/next-asset-tag", bad) == 401
    program.ask("GET", f"/next-asset-tag?token={own}&key={WRONG['token']}")
    program.ask("GET", f"/nowhere/{own}", headers={})
    program.show("POST", "/labels/batch", f"Bearer {own}", json={"asset_ids": [own]})


def show_secrets(program: Visitor) -> None:
    for path, right, wrong in (("/metrics", "metrics_token", "metrics"), ("/webhook/asset-created", "webhook_token", "webhook")):
        method, body = ("GET", None) if path == "/metrics" else ("POST", {"asset_id": 5})
        assert program.show(method, path, f"Bearer {SETTINGS[right]}", json=body) in (200, 202)
        assert program.show(method, path, f"Bearer {WRONG[wrong]}", json=body) == 401
    program.show("GET", "/api/health", f"Bearer {WRONG['token']}")


def fault(program: Visitor, link: str, database: Path) -> None:
    """Something that nobody foresaw, while the key of a link stands in the address and in the statement's parameters."""
    assert program.ask("GET", f"/password/{link}").status_code == 200
    with sqlite3.connect(database) as connection:
        (kept,) = connection.execute("SELECT created_at FROM users WHERE name = 'eve'").fetchone()
        connection.execute("UPDATE users SET created_at = 'nonsense' WHERE name = 'eve'")
    connection.close()
    assert program.ask("GET", f"/password/{link}").status_code == 500
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE users SET created_at = ? WHERE name = 'eve'", [kept])
    connection.close()


def choose_password(program: Visitor, link: str) -> None:
    assert program.ask("GET", f"/password/{WRONG['link']}").status_code == 404
    assert program.submit(f"/password/{link}", password=NEXT_PASSWORD, again=WRONG_PASSWORD).status_code == 400
    assert program.submit(f"/password/{link}", password=NEXT_PASSWORD, again=NEXT_PASSWORD).status_code == 303
    assert program.submit("/me/password", form_on="/me", current=WRONG_PASSWORD, password=PASSWORD, again=PASSWORD).status_code == 400


def forge(program: Visitor) -> None:
    """Forms without their token, and a cookie that somebody made up."""
    assert program.ask("POST", "/me/password", data={"csrf_token": WRONG["token"], "current": NEXT_PASSWORD}).status_code in (400, 403)
    assert program.ask("GET", "/me", headers={**PAGE, "Cookie": f"rtutils={WRONG['token']}"}).status_code == 303
