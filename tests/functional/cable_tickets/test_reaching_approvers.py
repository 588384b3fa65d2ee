"""Approvers get links by email and SMS from providers that are stood in for; those who cannot be reached are named on the ticket."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from request_tracker_utils.cable_tickets import approvers
from request_tracker_utils.cable_tickets.messages import notify
from request_tracker_utils.cable_tickets.sent_messages import unreached
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.notifications.models import SEND_JOBS, Notification, NotificationStatus
from tests.services.approving import changing, id_of, path_to, requested, ticket
from tests.services.apps import make_app, ready, run_job, sign_in, user
from tests.services.providers import Resend, Twilio

NUMBER, STOPPED = "+12025550123", "+15005550004"
HTML = {"Accept": "text/html"}


def send_all(app: Flask) -> None:
    for job in SEND_JOBS.values():
        run_job(app, job)


def unreachable(app: Flask, number: int) -> list[tuple[str, str]]:
    with app.app_context(), reading() as session:
        return [(each.recipient, each.problem) for each in unreached(session, [number]).get(number, [])]


@pytest.mark.both_databases
def test_two_taps_from_the_message_and_unreachable_approvers_are_named(tmp_path: Path, database_url: str) -> None:
    with Resend() as resend, Twilio() as twilio:
        settings = {**resend.settings(), **twilio.settings(), "app_url": "https://rtutils.example.org"}
        app = ready(make_app(tmp_path, database_url=database_url, **settings))
        confirmed = {"phone_confirmed_at": datetime.now(UTC)}
        user(app, "staff", "ada", email="ada@example.org")
        user(app, "teacher", "grace", email="grace@example.org", phone=NUMBER, **confirmed)
        user(app, "staff", "linus", phone=STOPPED, **confirmed)
        user(app, "staff", "bob")
        with app.app_context():
            number = requested(to="grace", now=datetime.now(UTC), location="Building A", priority="high")
        send_all(app)
        email, text = resend.accepted[-1], twilio.accepted[-1]
        assert (email["to"], text["to"]) in ((["grace@example.org"], NUMBER), ("grace@example.org", NUMBER))
        links = [re.search(r"https://rtutils\.example\.org(/\S+/approve/[\w-]+)", body) for body in (email["text"], text["body"])]
        assert links[0] is not None
        assert links[1] is not None
        assert links[0][1] == links[1][1], "one tap"
        assert unreachable(app, number) == []
        client = app.test_client()
        assert client.get(links[0][1], headers=HTML).status_code == 200
        assert client.post(links[0][1], headers=HTML).status_code == 200, "and another"
        send_all(app)
        assert resend.accepted[-1]["subject"] == f"Approved: your cable ticket {number}"

        with app.app_context():
            to_linus, to_bob = (requested(to=name, now=datetime.now(UTC)) for name in ("linus", "bob"))
            assert unreachable(app, to_linus) == [], "not sent yet"
        send_all(app)
        (name, problem), *others = unreachable(app, to_linus)
        assert (name, others) == ("linus", [])
        assert "STOP" in problem or "suppressed" in problem or "unsubscribed" in problem, problem
        assert unreachable(app, to_bob)[0][0] == "bob"
        assert unreachable(app, to_bob)[0][1] == "The account bob has no email address. Add it under People."
        sign_in(client, "ada")
        shown = client.get(f"/api/tickets/{to_bob}").json
        assert shown["approver_unreachable"].startswith("bob: ")
        assert client.get(f"/api/tickets/{number}").json["approver_unreachable"] is None
        listed = {row["id"]: row["approver_unreachable"] for row in client.get("/api/tickets").json}
        assert listed[number] is None
        assert listed[to_linus].startswith("linus: ")
        page = client.get(f"/tickets/{to_bob}", headers=HTML).get_data(as_text=True)
        assert "bob could not be reached" in page
        assert "Send to somebody else" in page

        with app.app_context():
            grace = id_of("grace")
            with changing("ada", now=datetime.now(UTC)) as change:
                found = change.locked(to_bob)
                found.revision += 1
                approvers.ask(change, found, grace)
            assert unreachable(app, to_bob) == []
            assert ticket(to_bob).assigned_to_id == grace
            assert client.post(path_to(to_bob, "bob")).status_code == 410


def test_an_earlier_delivered_message_does_not_count_for_the_present_request(app: Flask) -> None:
    for name in ("ada", "grace"):
        user(app, "staff", name, email=f"{name}@example.org")
    with app.app_context():
        number = requested(to="grace", now=datetime.now(UTC))
        with transaction() as session:
            session.query(Notification).update({"status": NotificationStatus.DELIVERED, "due_at": None})
        with changing("ada", now=datetime.now(UTC)) as change:
            found = change.locked(number)
            found.revision += 1
            approvers.ask_again(change, found)
            notify(change, found, "reassigned")
        assert unreachable(app, number) == []
        with transaction() as session:
            session.query(Notification).filter(Notification.status == NotificationStatus.QUEUED).update(
                {"status": NotificationStatus.FAILED, "error_message": "Bounced.", "due_at": None}
            )
        assert unreachable(app, number) == [("grace", "Bounced.")]
        with transaction() as session:
            last = session.query(Notification).filter(Notification.status == NotificationStatus.FAILED).one()
            values = {name: getattr(last, name) for name in ("ticket_id", "recipient_user_id", "event", "about", "values", "sender")}
            more = {"notification_type": Channel.SMS, "status": NotificationStatus.QUEUED, "key": "x", "created_at": last.created_at}
            session.add(Notification(**values, **more))
        assert unreachable(app, number) == [], "it goes by another channel"
