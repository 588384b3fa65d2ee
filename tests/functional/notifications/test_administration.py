"""*Suppressed addresses*, and *Send a test message* with the real libraries against stand-ins."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from request_tracker_utils.core.db import reading
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.notifications import suppression
from request_tracker_utils.notifications.models import ReleasedAddress
from request_tracker_utils.tasks.models import Task, TaskItem
from tests.services.apps import make_app, ready, run_job, user
from tests.services.messages import suppress
from tests.services.people import Person, errors_in, text_of
from tests.services.providers import Resend, SendGrid, Twilio
from tests.services.tables import check_all

SUPPRESSED, TEST = "/notifications/suppressed", "/notifications/test"


def released(app: Flask) -> list[tuple[str, str, str, str, str]]:
    with app.app_context(), reading() as session:
        rows = session.scalars(select(ReleasedAddress).order_by(ReleasedAddress.id))
        return [(row.channel, row.address_key, row.suppressed_because, row.reason, row.released_by) for row in rows]


def test_suppressed_addresses_are_listed_and_removed_with_a_reason(app: Flask, admin: Person) -> None:
    suppress(app, "Gone@example.org", detail="550 <b>no such user</b>")
    suppress(app, "+12025550123", Channel.SMS, detail="")
    raw = admin.get(SUPPRESSED).get_data(as_text=True)
    page = admin.read(SUPPRESSED)
    for text in ("gone@example.org", "+12025550123", "Bounced", "Answered STOP", "550 <b>no such user</b>"):
        assert text in page, text
    assert "<b>no such" not in raw
    assert admin.read(f"{SUPPRESSED}?q=GONE").count('name="address"') == 1
    answer = admin.submit(f"{SUPPRESSED}/remove", channel="email", address="gone@example.org", reason=" The mailbox works again. ")
    assert answer.status_code == 303
    page = admin.read(SUPPRESSED)
    assert "Messages to gone@example.org are sent again." in page
    assert (page.count('name="address"'), "The mailbox works again." in page) == (1, True)
    assert released(app) == [("email", "gone@example.org", "bounced", "The mailbox works again.", "ada")]
    with app.app_context(), reading() as session:
        assert not suppression.is_suppressed(session, Channel.EMAIL, "gone@example.org")


def test_bad_removals_are_refused(app: Flask, admin: Person) -> None:
    suppress(app, "gone@example.org")

    def refused(form: dict[str, str], status: int, words: str) -> None:
        answer = admin.submit(f"{SUPPRESSED}/remove", **form)
        assert (answer.status_code, words in text_of(answer)) == (status, True)

    good = {"channel": "email", "address": "gone@example.org", "reason": "works"}
    check_all(
        [
            ({**good, "reason": ""}, 400, "Enter a reason"),
            ({**good, "reason": "   "}, 400, "Enter a reason"),
            ({**good, "reason": "x" * 201}, 400, "gone@example.org: "),
            ({**good, "address": "other@example.org"}, 404, "is not suppressed"),
            ({**good, "address": "\0"}, 404, "is not suppressed"),
            ({**good, "channel": "fax"}, 404, "is not suppressed"),
            ({**good, "channel": "sms"}, 404, "is not suppressed"),
            ({"reason": "x"}, 404, "is not suppressed"),
        ],
        refused,
    )
    assert released(app) == []
    with app.app_context(), reading() as session:
        assert suppression.is_suppressed(session, Channel.EMAIL, "gone@example.org")


def test_long_lists_have_pages(app: Flask, admin: Person) -> None:
    for number in range(60):
        suppress(app, f"{number:02}@example.org")
    pages = [admin.read(f"{SUPPRESSED}?page={page}").count('name="address"') for page in (1, 2)]
    assert pages == [50, 10]


@pytest.fixture
def resend() -> Iterator[Resend]:
    with Resend() as server:
        yield server


@pytest.fixture
def sendgrid() -> Iterator[SendGrid]:
    with SendGrid() as server:
        yield server


@pytest.fixture
def twilio() -> Iterator[Twilio]:
    with Twilio() as server:
        yield server


def results(app: Flask) -> dict[str, tuple[str, str]]:
    """The state and the note of each provider in the newest task."""
    run_job(app, "run-tasks")
    with app.app_context(), reading() as session:
        task = session.scalars(select(Task).order_by(Task.id.desc()).limit(1)).one()
        items = session.scalars(select(TaskItem).where(TaskItem.task_id == task.id)).all()
        return {item.label: (item.state, item.note or "") for item in items}


def test_a_test_message_goes_to_each_provider_and_says_what_it_answered(
    tmp_path: Path, database_url: str, resend: Resend, sendgrid: SendGrid, twilio: Twilio
) -> None:
    settings = {**resend.settings(), **sendgrid.settings(), **twilio.settings(), "sendgrid_from_email": "office@example.org"}
    app = ready(make_app(tmp_path, database_url=database_url, **settings))
    admin = Person(app, user(app, "admin", "ada"))
    page = admin.read(TEST)
    assert ("Resend, SendGrid" in page, "Twilio" in page, "until a domain is verified" in page) == (True, True, True)
    answer = admin.submit(TEST, channel="email", address="ann@example.org")
    assert (answer.status_code, answer.headers["Location"].startswith("/tasks/")) == (303, True)
    assert not resend.calls  # the request does not wait for a provider
    found = results(app)
    assert {name: state for name, (state, _note) in found.items()} == {"Resend": "done", "SendGrid": "done"}
    assert (len(resend.calls), len(sendgrid.calls)) == (1, 1)
    assert "accepted" in admin.read(answer.headers["Location"])
    resend.mode = "wrong key"
    admin.submit(TEST, channel="email", address="ann@example.org")
    found = results(app)
    assert {name: state for name, (state, _note) in found.items()} == {"Resend": "failed", "SendGrid": "done"}
    assert "RESEND_API_KEY" in found["Resend"][1]
    resend.mode, resend.owner = "ok", "owner@example.org"
    admin.submit(TEST, channel="email", address="ann@example.org")
    assert "domain" in results(app)["Resend"][1]
    twilio.mode = "html"
    admin.submit(TEST, channel="sms", address="+1 202 555 0123")
    assert results(app)["Twilio"][0] == "failed"


def test_bad_addresses_are_refused_before_anything_is_sent(app: Flask, admin: Person) -> None:
    def refused(channel: str, address: str, field: str) -> None:
        answer = admin.submit(TEST, channel=channel, address=address)
        assert (answer.status_code, list(errors_in(answer))) == (400, [field])

    check_all(
        [
            ("email", "", "address"),
            ("email", "   ", "address"),
            ("email", "ann", "address"),
            ("email", "ann@example.org\r\nBcc: all@example.org", "address"),
            ("sms", "202 555 0123", "address"),
            ("sms", "ann@example.org", "address"),
            ("chat", "file:///etc/passwd", "address"),
            ("chat", "hello", "address"),
            ("chat", "json://127.0.0.1:8080/admin", "address"),
            ("fax", "ann@example.org", "channel"),
            ("email", f"{'x' * 500}@example.org", "address"),
        ],
        refused,
    )
    with app.app_context(), reading() as session:
        assert session.scalars(select(Task)).all() == []


def test_a_chat_address_is_stored_encrypted(app: Flask, admin: Person) -> None:
    admin.submit(TEST, channel="chat", address="ntfys://user:hunter22@ntfy.example.org/topic")
    with app.app_context(), reading() as session:
        task = session.scalars(select(Task)).one()
        stored = str([task.title, task.arguments, [(item.label, item.data) for item in session.scalars(select(TaskItem))]])
    assert ("hunter22" in stored, "address" in task.arguments) == (False, True)
    assert "hunter22" not in admin.read(f"/tasks/{task.id}")
