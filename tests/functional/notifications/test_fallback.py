"""What waits for an address that bounces, or answers STOP, goes by another channel of the same person; once, whatever is repeated."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from request_tracker_utils.accounts.models import User
from request_tracker_utils.accounts.service import user_named
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.messages import Channel, MessageKind, Recipient
from request_tracker_utils.notifications.models import Notification, NotificationStatus as Status
from request_tracker_utils.notifications.service import NotificationService
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import make_app, ready, user
from tests.services.callbacks import SETTINGS, Signed, by_resend, by_twilio, resend_event, twilio_answer, twilio_status

KIND = MessageKind("test-kind", "A test", "notifications/messages/test", optional=False)
MAIL, PHONE = "ann@school.example.org", "+12025550123"

pytestmark = pytest.mark.both_databases


@pytest.fixture
def person(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> tuple[Flask, int]:
    """Ann, whose address and phone are known."""
    app = ready(make_app(tmp_path_factory.mktemp("app"), database_url=database_url, **SETTINGS))
    user(app, "staff", "ann", email=MAIL, phone=PHONE, phone_confirmed_at=utc_now())
    with app.app_context(), reading() as session:
        return app, user_named(session, "ann").id


def send(app: Flask, user_id: int, about: str, channel: Channel) -> int:
    """Writes a message on this channel; returns its number."""
    service = registry_of(app).get(NotificationService)
    service._kinds = {**service._kinds, KIND.name: KIND}  # type: ignore[misc]
    with app.app_context(), transaction() as session:
        recipient = Recipient(user_id, channel=channel)
        service.send(session, KIND, [recipient], about=about, values={}, actor=of_command(), now=utc_now())
        return session.scalars(select(Notification.id).where(Notification.about == about)).one()


def accepted(app: Flask, number: int, provider: str, provider_id: str) -> None:
    """The provider has accepted the message."""
    with app.app_context(), transaction() as session:
        row = session.get_one(Notification, number)
        row.status, row.due_at, row.provider, row.provider_id = Status.SENT, None, provider, provider_id


def call(app: Flask, provider: str, signed: Signed) -> None:
    assert app.test_client().post(f"/webhooks/{provider}", data=signed[0], headers=signed[1]).status_code == 200


def messages(app: Flask) -> Sequence[tuple[str, str, str, str]]:
    with app.app_context(), reading() as session:
        query = select(Notification.about, Notification.notification_type, Notification.status, Notification.address)
        return [tuple(row) for row in session.execute(query.order_by(Notification.about, Notification.id))]  # type: ignore[misc]


def test_after_a_bounce_the_message_and_what_waits_go_by_sms(person: tuple[Flask, int]) -> None:
    app, ann = person
    accepted(app, send(app, ann, "bounces", Channel.EMAIL), "resend", "m1")
    send(app, ann, "waits", Channel.EMAIL)
    for _ in range(2):
        call(app, "resend", by_resend(resend_event("bounced", "m1")))
    assert messages(app) == [
        ("bounces", "email", "failed", MAIL),
        ("bounces", "sms", "queued", PHONE),
        ("waits", "email", "failed", MAIL),
        ("waits", "sms", "queued", PHONE),
    ]


def test_after_a_complaint_only_what_waits_goes_by_sms(person: tuple[Flask, int]) -> None:
    app, ann = person
    accepted(app, send(app, ann, "arrives", Channel.EMAIL), "resend", "m1")
    send(app, ann, "waits", Channel.EMAIL)
    call(app, "resend", by_resend(resend_event("complained", "m1")))
    assert [row[:3] for row in messages(app)] == [("arrives", "email", "sent"), ("waits", "email", "failed"), ("waits", "sms", "queued")]


def test_after_stop_what_waits_goes_by_email(person: tuple[Flask, int]) -> None:
    app, ann = person
    accepted(app, send(app, ann, "refused", Channel.SMS), "twilio", "SM1")
    send(app, ann, "waits", Channel.SMS)
    call(app, "twilio", by_twilio(twilio_status("failed", "SM1", ErrorCode="21610")))
    call(app, "twilio", by_twilio(twilio_answer("STOP", "SM2")))
    assert [row[:3] for row in messages(app)] == [
        ("refused", "sms", "failed"),
        ("refused", "email", "queued"),
        ("waits", "sms", "failed"),
        ("waits", "email", "queued"),
    ]


def test_a_message_that_waits_for_both_addresses_fails_and_says_so(person: tuple[Flask, int]) -> None:
    app, ann = person
    call(app, "twilio", by_twilio(twilio_answer("STOP", "SM2")))
    accepted(app, send(app, ann, "bounces", Channel.EMAIL), "resend", "m1")
    call(app, "resend", by_resend(resend_event("bounced", "m1")))
    assert [row[2] for row in messages(app)].count("queued") == 0
    with app.app_context(), reading() as session:
        failed = session.scalars(select(Notification).where(Notification.status == Status.FAILED)).all()
        assert all(row.error_message for row in failed)
        assert session.get_one(User, ann).email == MAIL
        assert utc_now() - failed[0].created_at < timedelta(hours=1)
