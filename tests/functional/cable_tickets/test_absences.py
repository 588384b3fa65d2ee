"""*Absence* under *Your account*: who decides for somebody who is away; and the command that prints a link."""

from datetime import UTC, date, datetime, timedelta

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from request_tracker_utils.accounts.models import LoginKind
from request_tracker_utils.cable_tickets.models import Absence
from request_tracker_utils.cable_tickets.names import REMIND_APPROVERS
from request_tracker_utils.core.db import reading
from request_tracker_utils.web.registry import registry_of
from tests.functional.accounts.records import recorded
from tests.services.approving import absent, asked, changed, id_of, path_to, requested
from tests.services.apps import csrf_token, run_job, signed_in, user
from tests.services.messages import stored_messages
from tests.services.tables import check_all
from tests.services.terminal import Run

PAGE = "/me/absences"
DAY = timedelta(days=1)


def today() -> date:
    return datetime.now(UTC).date()


def plan(app: Flask, client: FlaskClient, substitute: str, begin: object = None, end: object = None) -> TestResponse:
    with app.app_context():
        number = str(id_of(substitute)) if substitute.isalpha() else substitute
    form = {"from_date": str(begin or today()), "until_date": str(end or today() + DAY), "substitute_id": number}
    return client.post(PAGE, data={"csrf_token": csrf_token(client, PAGE), **form})


def stored(app: Flask) -> int:
    with app.app_context(), reading() as session:
        return len(session.query(Absence).all())


def test_an_absence_is_planned_shown_used_and_ended(app: Flask) -> None:
    grace = signed_in(app, "staff", "grace")
    for name in ("ada", "bob"):
        user(app, "staff", name, email=f"{name}@example.org")
    with app.app_context():
        before = requested("ada", "grace", now=datetime.now(UTC))
    assert plan(app, grace, "bob", today() - DAY).status_code == 303
    page = grace.get(PAGE).get_data(as_text=True)
    assert "bob decides for you" in page
    assert "Absence" in grace.get("/me").get_data(as_text=True)
    (message,) = [row for row in stored_messages(app) if row.event == "absence-substitute"]
    assert (message.address, message.values["absent"], message.values["begin"]) == ("bob@example.org", "grace", str(today() - DAY))
    assert run_job(app, REMIND_APPROVERS) == 1
    with app.app_context():
        after = requested("ada", "grace", now=datetime.now(UTC))
        assert asked(before) == asked(after) == {"grace": "", "bob": "grace"}
    assert f"bob decides from {today() - DAY} to {today() + DAY}" in [event.detail for event in recorded(app, LoginKind.CHANGED)]
    number = page.split(f"{PAGE}/")[1].split("/")[0]
    assert grace.post(f"{PAGE}/{number}/end", data={"csrf_token": csrf_token(grace, PAGE)}).status_code == 303
    assert "bob decides for you" not in grace.get(PAGE).get_data(as_text=True)
    with app.app_context():
        assert asked(requested("ada", "grace", now=datetime.now(UTC))) == {"grace": ""}


def test_bad_absences_are_refused_and_say_why(app: Flask) -> None:
    grace = signed_in(app, "staff", "grace")
    for name in ("ada", "bob", "linus"):
        user(app, "staff", name)
    user(app, "student", "pupil")
    with app.app_context():
        changed("linus", active=False)
        absent("ada", "grace", today() + 2 * DAY, today() + 3 * DAY)
        absent("bob", "ada", today() + 2 * DAY, today() + 3 * DAY)
        absent("grace", "bob", today() + 30 * DAY, today() + 31 * DAY)

    def refused(substitute: str, begin: object, end: object, words: str) -> None:
        answer = plan(app, grace, substitute, begin, end)
        assert (answer.status_code, words in answer.get_data(as_text=True), 'aria-invalid="true"' in answer.get_data(as_text=True)) == (
            400,
            True,
            True,
        )
        assert stored(app) == 3

    soon = today() + 2 * DAY
    check_all(
        [
            ("grace", soon, soon, "You cannot be your own substitute. Choose somebody else."),
            ("linus", soon, soon, "Choose a colleague with an active account."),
            ("pupil", soon, soon, "Choose a colleague with an active account."),
            ("999", soon, soon, "Choose a colleague"),
            ("-1", soon, soon, "Choose a colleague"),
            ("", soon, soon, "Choose a colleague"),
            (str(2**70), soon, soon, "Choose a colleague"),
            ("²", soon, soon, "Choose a colleague"),
            ("ada", soon, soon, "ada is absent on these dates, and you are their substitute."),
            ("bob", soon, soon, "bob is absent on these dates, and you are their substitute."),
            ("ada", today(), soon, "ada is absent on these dates"),
            ("bob", soon, today(), "The last day cannot be before the first."),
            ("bob", today() - 3 * DAY, today() - DAY, "Enter today or a later date."),
            ("bob", soon, today() + 400 * DAY, "within the next year"),
            ("bob", "0026-11-30", soon, "within the last year"),
            ("9" * 5_000, soon, soon, "Choose a colleague"),
            ("bob", "tomorrow", soon, "Enter a date."),
            ("bob", soon, "2026-02-30", "Enter a date."),
            ("bob", today() + 29 * DAY, today() + 30 * DAY, "You already have an absence from"),
        ],
        refused,
    )
    assert plan(app, grace, "ada", today() + 10 * DAY, today() + 11 * DAY).status_code == 303, "both are there then"


def test_nobody_ends_the_absence_of_others(app: Flask) -> None:
    for name in ("bob", "ada"):
        user(app, "staff", name)
    grace = signed_in(app, "staff", "grace")
    with app.app_context():
        absent("bob", "ada", today(), today())
    for number in (1, 999, 2**70):
        answer = grace.post(f"{PAGE}/{number}/end", data={"csrf_token": csrf_token(grace, PAGE)})
        assert answer.status_code == 404
    assert stored(app) == 1


def test_the_command_prints_a_link(app: Flask, client: FlaskClient, run: Run) -> None:
    for name in ("ada", "grace", "bob"):
        user(app, "staff", name)
    with app.app_context():
        number = requested("ada", "grace", now=datetime.now(UTC))
        path = path_to(number, "grace")
    key = registry_of(app).settings.token_key
    assert key is not None
    same = {"TOKEN_KEY": key.get_secret_value(), "APP_URL": "https://rtutils.example.org"}
    printed = run("tickets", "approval-link", number, "--user", "Grace", **same)
    assert (printed.exit_code, printed.output) == (0, f"https://rtutils.example.org{path}\n")
    reject = run("tickets", "approval-link", number, "--user", "grace", "--reject", **same)
    assert reject.output == printed.output.replace("/approve/", "/reject/")

    def refused(number: object, name: str, words: str) -> None:
        answer = run("tickets", "approval-link", str(number), "--user", name, **same)
        assert answer.exit_code != 0
        assert words in answer.output

    unknown = [(number, "bob", "bob was not asked"), (999, "grace", "Ticket 999 was not found."), (number, "nobody", "nobody")]
    check_all([*unknown, ("x", "grace", "Invalid value"), (-1, "grace", ""), (2**70, "grace", "not in the range")], refused)
    assert client.post(path).status_code == 200
    refused(number, "grace", f"Ticket {number} was approved by grace on")
