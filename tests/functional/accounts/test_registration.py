"""Creating an account on the page, and invitations by administrators."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import time_machine
from flask import Flask

from request_tracker_utils.accounts.current.messages import INVITATION
from request_tracker_utils.accounts.models import LoginKind
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.web.registry import registry_of
from tests.functional.accounts.records import account, invited, recorded
from tests.services.apps import make_app, user
from tests.services.people import Person, errors_in, link_in, text_of
from tests.services.recorded_messages import RecordingMessenger
from tests.services.tables import check_all
from tests.services.terminal import Terminal

FORM = {"name": "carol", "password": "tulips on the moon", "again": "tulips on the moon", "email": "carol@example.org", "phone": ""}


@pytest.fixture(params=["open"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def here(tmp_path: Path, database_url: str, app: Flask, mode: str) -> Flask:
    """An app with this REGISTRATION, on the database of `app`."""
    return make_app(tmp_path, database_url=database_url, registration=mode)


@pytest.fixture
def mailbox(here: Flask) -> RecordingMessenger:
    messenger = RecordingMessenger(here)
    registry_of(here).provide(Messenger, messenger)  # type: ignore[type-abstract]
    return messenger


def test_a_person_registers_and_is_signed_in(here: Flask) -> None:
    person = Person(here)
    assert 'href="/register"' in person.read("/sign-in")
    person.read("/register")
    answer = person.submit("/register", **{**FORM, "phone": "+1 202 555 1234"}, role="admin")
    assert (answer.status_code, answer.location, person.is_signed_in()) == (303, "/", True)
    carol = account(here, "carol")
    assert (carol.role, carol.email, carol.phone) == ("user", "carol@example.org", "+12025551234")


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(here: Flask) -> None:
    user(here, "staff", "Taken")

    def refused(changed: dict[str, str], field: str, status: int) -> None:
        answer = Person(here).submit("/register", **{**FORM, **changed})
        assert (answer.status_code, list(errors_in(answer))) == (status, [field])
        assert "carol@example.org" in text_of(answer) or "email" in changed

    rows: list[tuple[dict[str, str], str, int]] = [
        ({"name": ""}, "name", 400),
        ({"name": "carol smith"}, "name", 400),
        ({"name": "taken"}, "name", 409),
        ({"password": "short", "again": "short"}, "password", 400),
        ({"again": "another"}, "again", 400),
        ({"email": "carol"}, "email", 400),
        ({"email": "x" * 255}, "email", 400),
        ({"phone": "202 555 1234"}, "phone", 400),
    ]
    check_all(rows, refused)


def test_the_form_needs_its_token(here: Flask) -> None:
    assert here.test_client().post("/register", data=FORM, headers={"Accept": "text/html"}).status_code == 403


@pytest.mark.parametrize("mode", ["closed"], indirect=True)
def test_closed_shows_no_form_anywhere(here: Flask) -> None:
    person, key = Person(here), invited(here)
    assert 'href="/register"' not in person.read("/sign-in")
    for path in ("/register", f"/register/{key}"):
        assert (person.get(path).status_code, person.submit(path, **FORM).status_code) == (403, 403)
    admin = Person(here, user(here, "admin", "ada"))
    assert "/admin/people/invitations" not in admin.read("/admin/people")
    assert "Invitations do not work while" in admin.read("/admin/people/invitations")
    answer = admin.submit("/admin/people/invitations", role="staff", email="")
    assert answer.status_code == 403


@pytest.mark.parametrize("mode", ["invited"], indirect=True)
def test_an_administrator_invites_a_person_who_registers_once(here: Flask) -> None:
    admin = Person(here, user(here, "admin", "ada"))
    assert "/admin/people/invitations" in admin.read("/admin/people")
    assert Person(here).get("/register").status_code == 403
    answer = admin.submit("/admin/people/invitations", role="teacher", email="carol@example.org")
    link = urlsplit(link_in(answer)).path
    assert link not in admin.read("/admin/people/invitations")
    assert "carol@example.org" in admin.read("/admin/people/invitations")
    person = Person(here)
    page = person.read(link)
    assert "role teacher" in page
    assert 'value="carol@example.org"' in page
    assert person.submit(link, **FORM).status_code == 303
    assert (account(here, "carol").role, person.is_signed_in()) == ("teacher", True)
    assert Person(here).get(link).status_code == 404
    assert Person(here).submit(link, **{**FORM, "name": "dave"}).status_code == 404
    assert "carol@example.org" not in admin.read("/admin/people/invitations")
    assert "invitation with the role teacher by ada" in [kept.detail for kept in recorded(here, LoginKind.CHANGED)]


@pytest.mark.parametrize("mode", ["invited"], indirect=True)
def test_an_invitation_is_revoked_or_expires(here: Flask) -> None:
    admin, key = Person(here, user(here, "admin", "ada")), invited(here, "staff", "x@example.org")
    other = invited(here, "staff")
    with time_machine.travel(datetime.now(UTC) + timedelta(days=14, minutes=1)):
        assert Person(here).get(f"/register/{other}").status_code == 404
    page = admin.read("/admin/people/invitations")
    row = next(part for part in page.split("<tr>") if "x@example.org" in part)
    action = row.split('action="', 1)[1].split('"', 1)[0]
    assert admin.submit(action).status_code == 303
    assert admin.submit(action).status_code == 404
    assert Person(here).get(f"/register/{key}").status_code == 404
    assert Person(here).get(f"/register/{other}").status_code == 200


@pytest.mark.parametrize("mode", ["invited"], indirect=True)
def test_an_invitation_goes_by_email(here: Flask, mailbox: RecordingMessenger) -> None:
    admin = Person(here, user(here, "admin", "ada"))
    answer = admin.submit("/admin/people/invitations", role="staff", email="carol@example.org", send="email")
    assert answer.status_code == 303
    message = mailbox.rendered()
    assert message is not None
    assert (mailbox.written[0].kind, message.to, message.subject) == (
        INVITATION,
        "carol@example.org",
        "You are invited to create an account",
    )
    assert "ada invites you" in message.text
    assert Person(here).submit(urlsplit(mailbox.link()).path, **FORM).status_code == 303
    assert mailbox.rendered() is None


@pytest.mark.parametrize("mode", ["invited"], indirect=True)
def test_bad_invitations_are_not_created(here: Flask, mailbox: RecordingMessenger) -> None:
    admin = Person(here, user(here, "admin", "ada"))

    def refused(form: dict[str, str], field: str, status: int) -> None:
        answer = admin.submit("/admin/people/invitations", **form)
        assert (answer.status_code, list(errors_in(answer))) == (status, [field])

    rows: list[tuple[dict[str, str], str, int]] = [
        ({"role": "admin", "email": ""}, "role", 400),
        ({"role": "king", "email": ""}, "role", 400),
        ({"role": "staff", "email": "carol"}, "email", 400),
        ({"role": "staff", "email": "carol@example.org\nBcc: x@example.org"}, "email", 400),
        ({"role": "staff", "email": "", "send": "email"}, "", 409),
    ]
    check_all(rows, refused)
    assert "No open invitations" in admin.read("/admin/people/invitations")
    assert not mailbox.written


def test_commands_invite_and_set_phone_numbers(app: Flask, tmp_path: Path, database_url: str) -> None:
    def run(*arguments: str, registration: str = "invited") -> tuple[int, str]:
        terminal = Terminal(tmp_path, INSTANCE_PATH=str(tmp_path / "data"), DATABASE_URL=database_url, APP_URL="https://assets.example.org")
        result = terminal.run(*arguments, REGISTRATION=registration)
        return result.exit_code, result.output

    code, output = run("users", "invite", "--role", "teacher", "--email", "carol@example.org")
    assert (code, output.startswith("https://assets.example.org/register/")) == (0, True)
    here = make_app(tmp_path / "data", database_url=database_url, registration="invited")
    assert Person(here).submit(urlsplit(output.strip()).path, **FORM).status_code == 303
    assert run("users", "invite", "--role", "admin")[0] == 2
    code, output = run("users", "invite", "--role", "staff", registration="closed")
    assert (code, "You cannot create an account here" in output) == (1, True)
    code, output = run("users", "invite", "--role", "staff", "--email", "carol")
    assert (code, "is not an email address" in output) == (1, True)
    code, output = run("users", "invite", "--role", "staff", "--send")
    assert (code, "cannot be sent by email" in output) == (1, True)
    assert run("users", "change", "carol", "--phone", "+1 202 555 1234")[0] == 0
    assert account(app, "carol").phone == "+12025551234"
    code, output = run("users", "change", "carol", "--phone", "12")
    assert (code, "not a complete phone number" in output) == (1, True)
    assert run("users", "change", "carol", "--phone", "")[0] == 0
    assert account(app, "carol").phone is None
    assert run("users", "create", "dave", "--role", "staff", "--phone", "+12025551234")[0] == 0
    assert account(app, "dave").phone == "+12025551234"
    code, output = run("users", "password-link", "dave", "--send")
    assert (code, "has no email address" in output) == (1, True)


def test_administrators_set_phone_numbers_and_a_change_is_not_confirmed(app: Flask, admin: Person) -> None:
    bob = account(app, user(app, "staff", "bob", phone="+12025551234", phone_confirmed_at=datetime.now(UTC), email="kept@example"))
    page = f"/admin/people/{bob.id}"
    assert 'value="+12025551234"' in admin.read(page)
    assert admin.submit(page, role="staff", email="kept@example", phone="+1 (202) 555-1234").status_code == 303
    assert account(app, "bob").phone_confirmed_at is not None, "the same number in another spelling"
    assert account(app, "bob").email == "kept@example", "one from before addresses were validated stays"
    answer = admin.submit(page, role="staff", email="kept@example", phone="555")
    assert (answer.status_code, list(errors_in(answer))) == (400, ["phone"])
    assert admin.submit(page, role="staff", email="", phone="+442079460958").status_code == 303
    changed = account(app, "bob")
    assert (changed.phone, changed.phone_confirmed_at, changed.email) == ("+442079460958", None, None)
    assert "email address, phone number, by ada" in [kept.detail for kept in recorded(app, LoginKind.CHANGED)]
