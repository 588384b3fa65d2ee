"""`rtutils users` and `rtutils tokens`, as a person at a terminal runs them."""

import re
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import time_machine
from click.testing import Result
from flask import Flask

from request_tracker_utils.accounts.models import LoginKind
from tests.functional.accounts.records import account, recorded
from tests.services.apps import PASSWORD
from tests.services.people import Person
from tests.services.terminal import Run


def done(result: Result) -> str:
    """What a command that did its work printed."""
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


def call_with(app: Flask, token: str) -> int:
    return Person(app).get("/next-asset-tag", headers={"Authorization": f"Bearer {token}"}).status_code


def test_an_account_is_created_with_a_password_from_standard_input(app: Flask, run: Run) -> None:
    made = done(run("users", "create", "bob", "--role", "staff", "--email", "bob@example.org", "--password-stdin", typed=f"{PASSWORD}\n"))
    assert made == "Created bob with the role staff.\n"
    assert Person(app, "bob").is_signed_in()
    assert account(app, "bob").email == "bob@example.org"


def test_without_a_password_a_password_link_is_printed(app: Flask, run: Run) -> None:
    link = done(run("users", "create", "bob", "--role", "staff")).strip()
    assert link.startswith("https://assets.example.org/password/")
    assert Person(app).choose_password(link, "tulips on the moon").status_code == 303
    again = done(run("users", "password-link", "BOB")).strip()
    assert recorded(app, LoginKind.CHANGED)[-1].detail == "password link by command line"
    assert Person(app).choose_password(again, "roses under the sea").status_code == 303
    assert Person(app, "bob", password="roses under the sea").is_signed_in()


def test_role_and_address_are_changed(app: Flask, run: Run) -> None:
    done(run("users", "create", "bob", "--role", "staff"))
    assert done(run("users", "change", "Bob", "--role", "teacher", "--email", "bob@example.org")) == "Changed Bob.\n"
    assert (account(app, "bob").role, account(app, "bob").email) == ("teacher", "bob@example.org")
    done(run("users", "change", "bob", "--email", ""))
    assert (account(app, "bob").role, account(app, "bob").email) == ("teacher", None)


def test_an_account_is_closed_and_opened_again(app: Flask, run: Run) -> None:
    run("users", "create", "bob", "--role", "staff", "--password-stdin", typed=f"{PASSWORD}\n")
    at_work, token = Person(app, "bob"), done(run("tokens", "create", "bob")).strip()
    assert done(run("users", "deactivate", "bob")) == "Deactivated bob.\n"
    assert (at_work.is_signed_in(), call_with(app, token)) == (False, 401)
    assert done(run("users", "activate", "bob")) == "Activated bob.\n"
    assert Person(app, "bob").is_signed_in()


def test_accounts_are_listed_and_searched(run: Run) -> None:
    for name, role, email in (("bob", "staff", "bob@example.org"), ("Ada", "admin", ""), ("eve", "user", "")):
        done(run("users", "create", name, "--role", role, "--email", email))
    done(run("users", "deactivate", "eve"))
    lines = ["Ada\tadmin\tactive", "bob\tstaff\tactive\tbob@example.org", "eve\tuser\tdeactivated"]
    assert done(run("users", "list")).splitlines() == lines
    assert done(run("users", "list", "--search", "EXAMPLE")).splitlines() == lines[1:2]
    assert done(run("users", "list", "--search", "%")) == ""


def test_a_token_is_printed_alone_and_expires(app: Flask, run: Run) -> None:
    done(run("users", "create", "bob", "--role", "staff"))
    brief, lasting = done(run("tokens", "create", "bob", "--days", "7")), done(run("tokens", "create", "bob", "--label", "backup"))
    assert all(re.fullmatch(r"rtu_[\w-]{43}\n", text) for text in (brief, lasting))
    assert (call_with(app, brief.strip()), call_with(app, lasting.strip())) == (200, 200)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=8)):
        assert (call_with(app, brief.strip()), call_with(app, lasting.strip())) == (401, 200)
    assert recorded(app, LoginKind.CHANGED)[-1].detail == "token “backup” created by command line"


def test_tokens_are_revoked_by_label_or_by_their_text(app: Flask, run: Run) -> None:
    done(run("users", "create", "bob", "--role", "staff"))
    texts = [done(run("tokens", "create", "bob", "--label", label)).strip() for label in ("backup", "backup", "other")]
    assert done(run("tokens", "revoke", "bob", "--label", "backup")) == "Revoked 2 tokens.\n"
    assert [call_with(app, text) for text in texts] == [401, 401, 200]
    assert done(run("tokens", "revoke", "--token-stdin", typed=f"{texts[2]}\n")) == "Revoked 1 tokens.\n"
    assert call_with(app, texts[2]) == 401
    assert [event.detail for event in recorded(app, LoginKind.CHANGED)][-3:] == [
        "token “backup” revoked by command line",
        "token “backup” revoked by command line",
        "token “other” revoked by command line",
    ]


def test_a_rejected_command_prints_one_line_and_exits_with_1(app: Flask, run: Run) -> None:
    done(run("users", "create", "ada", "--role", "admin"))
    done(run("users", "create", "eve", "--role", "user"))
    done(run("users", "deactivate", "eve"))
    for arguments, typed, said in (
        (("users", "create", "ADA", "--role", "staff"), "", "The name ADA is taken. Choose another one."),
        (("users", "create", "a b", "--role", "staff"), "", "A name has"),
        (("users", "create", "bob", "--role", "staff", "--email", "x"), "", "x is not an email address."),
        (("users", "create", "bob", "--role", "staff", "--password-stdin"), "short\n", "at least 10 characters"),
        (("users", "create", "bob", "--role", "staff", "--password-stdin"), "", "at least 10 characters"),
        (("users", "change", "nobody", "--role", "staff"), "", "No account has the name nobody."),
        (("users", "change", "ada", "--role", "staff"), "", "ada is the only administrator"),
        (("users", "deactivate", "ada"), "", "ada is the only administrator"),
        (("users", "password-link", "eve"), "", "eve is deactivated."),
        (("users", "link", "ada", "--rt-user", "root"), "", "RT_URL is not set"),
        (("tokens", "create", "nobody"), "", "No account has the name nobody."),
        (("tokens", "create", "eve"), "", "eve is deactivated."),
        (("tokens", "revoke", "ada", "--label", "x"), "", "ada has no token with the label x."),
        (("tokens", "revoke", "--token-stdin"), "rtu_guess\n", "This token does not exist"),
        (("tokens", "revoke", "--token-stdin"), "", "This token does not exist"),
    ):
        result = run(*arguments, typed=typed)
        assert (result.exit_code, result.stdout, result.stderr.count("\n"), said in result.stderr) == (1, "", 1, True), result.output
    assert account(app, "ada").role == "admin"


def test_wrong_usage_exits_with_2(app: Flask, run: Run) -> None:
    for arguments in (
        ("users", "create", "bob"),
        ("users", "create", "bob", "--role", "principal"),
        ("users", "change", "bob"),
        ("tokens", "create", "bob", "--days", "0"),
        ("tokens", "revoke"),
        ("tokens", "revoke", "bob"),
        ("tokens", "revoke", "bob", "--label", "x", "--token-stdin"),
    ):
        result = run(*arguments)
        assert (result.exit_code, result.stdout, "Usage:" in result.stderr) == (2, "", True), arguments


@pytest.mark.rt
def test_an_account_is_linked_to_a_user_of_request_tracker(app: Flask, run: Run, request_tracker) -> None:  # type: ignore[no-untyped-def]
    run = partial(run, RT_URL=request_tracker.url, RT_TOKEN=request_tracker.token)
    for name in ("bob", "carol"):
        done(run("users", "create", name, "--role", "staff"))
    assert done(run("users", "link", "bob", "--rt-user", "Clerk")) == "Linked bob to clerk in Request Tracker.\n"
    assert account(app, "bob").rt_user_id == int(request_tracker.clerks_token.split("-")[1])
    for name, wanted, said in (("carol", "clerk", "is already linked to another account"), ("carol", "nobody-there", "has no user")):
        result = run("users", "link", name, "--rt-user", wanted)
        assert (result.exit_code, result.stderr.count("\n"), said in result.stderr) == (1, 1, True), result.output
    assert done(run("users", "link", "bob", "--rt-user", "")) == "Unlinked bob from Request Tracker.\n"
    assert account(app, "bob").rt_user_id is None
