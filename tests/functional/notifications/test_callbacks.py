"""The routes that providers call: what strangers learn, what is refused before the body is read, and what genuine calls change."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.notifications.callbacks import CALLBACKS
from request_tracker_utils.notifications.models import APPLY_REPORTS, DeliveryReport, Notification, NotificationStatus, SuppressedAddress
from tests.services.apps import make_app, ready, run_job
from tests.services.at_once import until_free
from tests.services.callbacks import (
    FORM,
    JSON,
    SETTINGS,
    Signed,
    by_resend,
    by_sendgrid,
    by_twilio,
    resend_event,
    sendgrid_event,
    twilio_answer,
    twilio_status,
)
from tests.services.server import RunningServer
from tests.services.tables import check_all

NOW = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)
PROVIDERS = ["resend", "sendgrid", "twilio"]
REFUSED = {"error": "The signature is missing, wrong or too old.", "code": "signature_invalid"}


def genuine(provider: str) -> Signed:
    """Signed now: a signature is refused after some minutes."""
    if provider == "resend":
        return by_resend(resend_event("delivered", "m1"))
    if provider == "sendgrid":
        return by_sendgrid([sendgrid_event("delivered", "m1", "e1")])
    return by_twilio(twilio_status("delivered", "m1"))


@pytest.fixture
def providers(tmp_path: Path, database_url: str) -> Flask:
    """An app that knows the secrets of all providers."""
    return ready(make_app(tmp_path, database_url=database_url, **SETTINGS))


def call(app: Flask, provider: str, signed: Signed) -> TestResponse:
    return app.test_client().post(f"/webhooks/{provider}", data=signed[0], headers=signed[1])


def written(app: Flask, provider: str, message_id: str = "m1", *, address: str = "a@b.example.org") -> int:
    with app.app_context(), transaction() as session:
        row = Notification(
            notification_type=Channel.SMS if provider == "twilio" else Channel.EMAIL,
            status=NotificationStatus.SENT,
            created_at=datetime.now(UTC),
            event="test",
            address=address,
            provider=provider,
            provider_id=message_id,
            key=f"{provider} {message_id}",
            about="test",
            sender="ada",
        )
        session.add(row)
        session.flush()
        return row.id


def status_of(app: Flask, number: int) -> str:
    with app.app_context(), reading() as session:
        return session.get_one(Notification, number).status


def counted(app: Flask) -> tuple[int, int]:
    """Reports, and addresses to which nothing is sent."""
    with app.app_context(), reading() as session:
        tables = (DeliveryReport, SuppressedAddress)
        reports, suppressed = (session.scalar(select(func.count()).select_from(table)) or 0 for table in tables)
        return reports, suppressed


def test_a_genuine_call_changes_its_message_once(providers: Flask) -> None:
    def changes(provider: str) -> None:
        number = written(providers, provider)
        assert (call(providers, provider, genuine(provider)).json, status_of(providers, number)) == ({"received": 1}, "delivered")
        answer = call(providers, provider, genuine(provider))
        assert (answer.status_code, answer.json) == (200, {"received": 0})

    check_all(PROVIDERS, changes)
    assert counted(providers) == (3, 0)


def test_a_bounce_a_complaint_and_stop_mark_the_address(providers: Flask) -> None:
    calls = [
        ("resend", by_resend(resend_event("bounced", "m1"), "msg_9"), "failed"),
        ("sendgrid", by_sendgrid([sendgrid_event("spamreport", "m1", "e9")]), "sent"),
        ("twilio", by_twilio(twilio_status("failed", "m1", ErrorCode="21610")), "failed"),
    ]

    def marks(provider: str, signed: Signed, status: str) -> None:
        number = written(providers, provider, address=f"{provider}@b.example.org")
        assert call(providers, provider, signed).json == {"received": 1}
        assert status_of(providers, number) == status

    check_all(calls, marks)
    assert counted(providers) == (3, 3)
    assert call(providers, "twilio", by_twilio(twilio_answer("STOP", "SM7"))).json == {"received": 1}
    assert counted(providers) == (4, 4)
    assert call(providers, "twilio", by_twilio(twilio_answer("START", "SM8"))).json == {"received": 1}
    assert counted(providers) == (5, 3)


def test_strangers_learn_nothing_and_change_nothing(providers: Flask) -> None:
    """The same text for a missing, wrong, old or foreign signature."""

    def is_refused(provider: str, signed: Signed) -> None:
        answer = call(providers, provider, signed)
        assert (answer.status_code, answer.json) == (403, REFUSED)
        assert "Set-Cookie" not in answer.headers

    forged = [(provider, (body + b" ", headers)) for provider in ("resend", "sendgrid") for body, headers in [genuine(provider)]]
    old = [("resend", by_resend(resend_event("bounced", "m1"), age=600)), ("sendgrid", by_sendgrid([], age=100_000))]
    rows = [
        *((provider, (b"{}", {"Content-Type": JSON})) for provider in PROVIDERS),
        *((provider, (b"", {})) for provider in PROVIDERS),
        *forged,
        *old,
        ("twilio", (b"MessageSid=m1&MessageStatus=failed", {"Content-Type": FORM, "X-Twilio-Signature": "x"})),
        ("twilio", genuine("resend")),
        ("resend", genuine("sendgrid")),
    ]
    check_all(rows, is_refused)
    assert counted(providers) == (0, 0)
    assert providers.test_client().post("/webhooks/unknown", data=b"{}").status_code == 404
    assert providers.test_client().get("/webhooks/resend").status_code == 405


def test_a_provider_that_is_not_set_up_is_not_there_and_the_log_says_why(app: Flask) -> None:
    for provider, missing in (("resend", "RESEND_WEBHOOK_SECRET"), ("sendgrid", "SENDGRID_WEBHOOK_KEY"), ("twilio", "TWILIO_AUTH_TOKEN")):
        with capture_logs() as logged:
            answer = call(app, provider, genuine(provider))
        assert (answer.status_code, answer.json["code"]) == (404, "no_webhook")
        assert missing not in answer.text
        assert missing in [entry.get("setting") for entry in logged]


def test_a_large_body_is_refused_before_it_is_read(providers: Flask) -> None:
    def is_refused(provider: str, size: int) -> None:
        _body, headers = genuine(provider)
        assert call(providers, provider, (b"x" * size, headers)).status_code == 413

    check_all([(provider, size) for provider in PROVIDERS for size in (CALLBACKS[provider].max_size + 1, 10_000_000)], is_refused)


def test_a_thousand_events_in_a_call(providers: Flask) -> None:
    number = written(providers, "sendgrid", "m999")
    details = {"reason": "550 " + "x" * 400, "useragent": "Mozilla/5.0 " * 20}
    events = [sendgrid_event("bounce", f"m{index}", f"e{index}", type="bounce", **details) for index in range(1000)]
    signed = by_sendgrid(events)
    assert len(signed[0]) > 800_000
    assert call(providers, "sendgrid", signed).json == {"received": 1000}
    assert (status_of(providers, number), counted(providers)) == ("failed", (1000, 1))
    assert call(providers, "sendgrid", signed).json == {"received": 0}


@pytest.mark.both_databases
def test_the_same_call_many_times_at_once(providers: Flask) -> None:
    number = written(providers, "sendgrid")
    events = [sendgrid_event("delivered", "m1", "e1"), *(sendgrid_event("delivered", f"m{n}", f"e{n}") for n in range(2, 30))]
    signed, reversed_ = by_sendgrid(events), by_sendgrid(events[::-1])
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda each: until_free(lambda: call(providers, "sendgrid", each)), [signed, reversed_] * 3))
    assert [answer.status_code for answer in answers] == [200] * 6
    assert sum(answer.json["received"] for answer in answers) == 29
    assert status_of(providers, number) == "delivered"


def test_a_report_before_the_providers_answer_is_applied_later(providers: Flask) -> None:
    assert call(providers, "resend", genuine("resend")).json == {"received": 1}
    number = written(providers, "resend")
    assert status_of(providers, number) == "sent"
    assert run_job(providers, APPLY_REPORTS) == 1
    assert status_of(providers, number) == "delivered"
    assert run_job(providers, "delete-delivery-reports") == 0


def test_neither_a_cookie_nor_a_token_is_needed_or_used(providers: Flask) -> None:
    body, headers = genuine("resend")
    answer = providers.test_client().post("/webhooks/resend", data=body, headers={**headers, "Authorization": "Bearer wrong"})
    assert answer.status_code == 200


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path / "server", **SETTINGS) as running:
        yield running


def test_a_refused_body_is_not_awaited(server: RunningServer) -> None:
    """The real server: a stranger announces ten megabytes, and gets the answer without sending them."""

    def is_answered(provider: str, headers: dict[str, str], status: bytes) -> None:
        parts = urlsplit(server.url)
        assert parts.hostname
        lines = [f"POST /webhooks/{provider} HTTP/1.1", "Host: x", "Content-Length: 10000000", *(f"{n}: {v}" for n, v in headers.items())]
        with socket.create_connection((parts.hostname, parts.port or 80), timeout=20) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 " + status)

    fresh = {
        "resend": by_resend(resend_event("delivered", "m1"))[1],
        "sendgrid": by_sendgrid([])[1],
        "twilio": genuine("twilio")[1],
    }
    rows = [*((provider, {}, b"403") for provider in PROVIDERS), *((provider, fresh[provider], b"413") for provider in PROVIDERS)]
    check_all(rows, is_answered)
