"""The calls of seed document 3, as `curl` sends them, against the program as people run it."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.services.local_server import wait_until
from tests.services.server import RunningServer
from tests.services.smtp_server import SmtpServer

# As they stand in the document.
DOCUMENT = r"""
# Health check
curl http://localhost:5000/api/health

# Register
curl -X POST http://localhost:5000/api/register \
  -H "Content-Type: application/json" \
  -d '{"username":"testuser","email":"test@example.com","phone":"+12025551234","password":"password123"}'

# Login
curl -X POST http://localhost:5000/api/login \
  -H "Content-Type: application/json" \
  -d '{"username":"testuser","password":"password123"}'
"""
CALLS = [call for call in re.split(r"^#.*\n", DOCUMENT.strip(), flags=re.MULTILINE) if call.strip()]
PASSWORD = "tulips on the moon"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def curl() -> str:
    found = shutil.which("curl")
    if found is None:
        pytest.skip("curl is not installed")
    return found


def called(command: str) -> tuple[int, dict[str, object]]:
    line = f"{command.strip()} -s -w '\\n%{{http_code}}' --noproxy '*'"
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True, timeout=60)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body)


def test_the_calls_of_the_document_do_what_it_says(curl: str, tmp_path: Path) -> None:
    with RunningServer(tmp_path, registration="open", scheduler="false") as server:
        lines = [call.replace("http://localhost:5000", server.url) for call in CALLS]
        health, register, login = lines
        assert called(health)[1]["status"] in ("ok", "degraded")
        status, refused = called(register)
        assert (status, refused["field"]) == (400, "password"), "the document's password is one of the most common ones"
        register, login = (line.replace("password123", PASSWORD) for line in (register, login))
        status, registered = called(register)
        assert (status, list(registered)) == (201, ["message", "user", "access_token"])
        status, signed_in = called(login)
        assert (status, signed_in["user"]) == (200, registered["user"])
        user = signed_in["user"]
        assert isinstance(user, dict)
        assert user.items() >= {"username": "testuser", "email": "test@example.com", "phone": "+12025551234", "role": "user"}.items()
        use = f'curl {server.url}/api/users/{user["id"]} -H "Authorization: Bearer {signed_in["access_token"]}"'
        for _ in range(8):  # both server processes accept it
            assert called(use) == (200, user)
        assert called(register)[0] == 409
        assert called(login.replace(PASSWORD, "wrong password"))[0] == 401
        assert called(use.replace("Bearer e", "Bearer f"))[0] == 401
        server.stop()
        server.start()
        assert called(use) == (200, user), "the key of tokens is stored"
        (server.folder / "instance" / "token_key").unlink()
        server.stop()
        server.start()
        assert called(use)[0] == 401
        assert "access_token" not in server.log()
        assert PASSWORD not in server.log()


def test_password_links_and_invitations_arrive_by_email_and_work(tmp_path: Path, page: Page) -> None:
    """Two server processes, the real sender, a mail server and a browser."""
    with SmtpServer() as mail, RunningServer(tmp_path, registration="invited", **mail.settings()) as server:
        server.run("users", "create", "bob", "--role", "staff", "--email", "bob@example.org", "--password-stdin", typed=PASSWORD + "\n")
        page.goto(f"{server.url}/sign-in")
        page.get_by_role("link", name="Forgot your password?").click()
        page.get_by_label("Name or email address").fill("BOB@example.org")
        page.get_by_role("button", name="Email me a link").click()
        expect(page.get_by_text("is on its way")).to_be_visible()
        wait_until(lambda: len(mail.accepted) == 1, within=20)
        page.goto(address_in(mail.accepted[0].message, server.url))
        page.get_by_label("Password", exact=True).fill("roses under the sea")
        page.get_by_label("Repeat the password").fill("roses under the sea")
        page.get_by_role("button", name="Set password and sign in").click()
        expect(page.get_by_text("Your password was changed.")).to_be_visible()

        server.run("users", "invite", "--role", "teacher", "--email", "carol@example.org", "--send")
        wait_until(lambda: len(mail.accepted) == 2, within=20)
        page.context.clear_cookies()
        page.goto(address_in(mail.accepted[1].message, server.url))
        expect(page.get_by_label("Email address")).to_have_value("carol@example.org")
        page.get_by_label("Name", exact=True).fill("carol")
        page.get_by_label("Phone number").fill("+1 202 555 1234")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("Repeat the password").fill(PASSWORD)
        page.get_by_role("button", name="Create account").click()
        expect(page.get_by_text("Your account was created.")).to_be_visible()
        assert "carol\tteacher\tactive\tcarol@example.org" in server.run("users", "list")
        assert [message["To"] for message in (each.message for each in mail.accepted)] == ["bob@example.org", "carol@example.org"]
        keys = [address_in(each.message, server.url).rsplit("/", 1)[1] for each in mail.accepted]
        assert not [key for key in keys if key in server.log()], "the log names no link"


def address_in(message: EmailMessage, server: str) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return next(line for line in body.get_content().split() if line.startswith((f"{server}/password/", f"{server}/register/")))
