"""Each message reaches its recipient once: whatever a provider answers, and wherever a process is killed."""

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from request_tracker_utils.core.messages import Channel, Recipient
from request_tracker_utils.core.outbox import UNREACHABLE
from request_tracker_utils.notifications.attempts import EXPIRES, LOOKED_UP_FOR, MAX_ATTEMPTS
from request_tracker_utils.notifications.models import LEASE, Notification
from request_tracker_utils.notifications.providers.interface import (
    Accepted,
    BadMessage,
    BadRecipient,
    Busy,
    NotConnected,
    ProviderError,
    Refused,
    RenderedMessage,
)
from request_tracker_utils.notifications.sending import BUSY_PACE, Sender
from tests.services.sending import KIND, NOW, FakeProvider, FakeTwilio, Office, silent
from tests.services.tables import check_all

Failure = ProviderError | None
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
ADA = Recipient(address="ada@example.org", channel=Channel.EMAIL)
PHONE = Recipient(address="+12025550123", channel=Channel.SMS)


def raising(error: ProviderError) -> Callable[[RenderedMessage], Accepted]:
    def answer(_message: RenderedMessage) -> Accepted:
        raise error

    return answer


@pytest.fixture
def resend() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
def sendgrid() -> FakeProvider:
    return FakeProvider("sendgrid", has_idempotency=False)


@pytest.fixture
def twilio() -> FakeTwilio:
    return FakeTwilio()


@pytest.fixture
def office(inside: Flask, tmp_path: Path, resend: FakeProvider, sendgrid: FakeProvider, twilio: FakeTwilio) -> Office:
    return Office(inside, tmp_path, [resend, sendgrid, twilio])


def test_a_message_is_rendered_sent_and_recorded(office: Office, resend: FakeProvider) -> None:
    assert office.write(ADA) == 1
    assert (office.row().status, office.row().due_at) == ("queued", NOW)
    assert office.send_due() == 1
    row = office.row()
    assert (row.status, row.provider, row.provider_id, row.sent_at, row.due_at) == ("sent", "resend", "resend-1", NOW, None)
    assert (row.attempts, row.error_message) == (1, None)
    ((key, message),) = resend.received
    assert (key, message.to, message.subject, message.sender) == (row.key, "ada@example.org", "Cable for Ada", "it@example.org")
    assert office.send_due() == 0


def test_a_message_that_is_not_needed_any_more_is_canceled(office: Office, resend: FakeProvider) -> None:
    office.kinds[KIND.name] = replace(KIND, complete=lambda _session, _values: None)
    office.write(ADA)
    office.send_due()
    row = office.row()
    assert (row.status, row.provider, row.due_at, resend.received) == ("canceled", None, None, [])
    assert row.error_message == "The message was no longer needed when it was to be sent."


def test_the_provider_decides_what_follows(office: Office, resend: FakeProvider, sendgrid: FakeProvider, twilio: FakeTwilio) -> None:
    """What Resend and then SendGrid answer → the status, who has the message, and when it is due again."""
    ok = None
    rows = [
        (ok, ok, "sent", "resend", None),
        (Refused("wrong key"), ok, "sent", "sendgrid", None),
        (NotConnected("no route"), ok, "sent", "sendgrid", None),
        (Busy("slow down", retry_after=HOUR), ok, "sent", "sendgrid", None),
        (BadRecipient("no such mailbox"), ok, "failed", "resend", None),
        (BadMessage("too large"), ok, "failed", "resend", None),
        (Refused("wrong key"), Refused("wrong key"), "queued", None, 5 * SECOND),
        (Refused("wrong key"), NotConnected("no route"), "queued", None, UNREACHABLE),
        (NotConnected("no route"), Refused("wrong key"), "queued", None, 5 * SECOND),
        (Refused("wrong key"), Busy("slow down", retry_after=7 * SECOND), "queued", None, 7 * SECOND),
        (Refused("wrong key"), Busy("slow down", retry_after=1000 * HOUR), "queued", None, HOUR),
        (Refused("wrong key"), BadRecipient("no such mailbox"), "failed", "sendgrid", None),
    ]

    def check(
        first: ProviderError | None, second: ProviderError | None, status: str, provider: str | None, pause: timedelta | None
    ) -> None:
        office.sender_of_messages = office.restarted()
        for each, error in ((resend, first), (sendgrid, second)):
            each.answer = raising(error) if error else lambda _message: Accepted()
        about = f"case {len(office.rows())}"
        office.write(ADA, about=about)
        office.send_due()
        row = office.rows()[-1]
        assert (row.about, row.status, row.provider) == (about, status, provider)
        assert row.due_at == (None if pause is None else NOW + pause)
        assert bool(row.error_message) == (status != "sent")
        if pause is not None:
            resend.answer = sendgrid.answer = lambda _message: Accepted()
            office.sender_of_messages = office.restarted()
            office.wait(pause - SECOND)
            assert office.send_due() == 0
            office.wait(SECOND)
            assert office.send_due() == 1
            office.now = NOW

    check_all(rows, check)
    received = [key for key, _message in resend.received + sendgrid.received]
    assert len(received) == len(set(received))


def test_after_silence_the_same_provider_gets_the_same_message_again(office: Office, resend: FakeProvider, sendgrid: FakeProvider) -> None:
    def accept_silently(message: RenderedMessage) -> Accepted:
        resend.keep(message, resend.calls[-1])
        return silent(message)

    resend.answer = accept_silently
    office.write(ADA)
    office.send_due()
    row = office.row()
    assert (row.status, row.provider, row.due_at) == ("sending", "resend", NOW + 5 * SECOND)
    resend.answer = raising(NotConnected("no route"))
    office.wait(5 * SECOND)
    office.send_due()
    assert (office.row().status, office.row().provider) == ("sending", "resend")
    resend.answer = raising(Refused("wrong key"))
    office.wait(15 * SECOND)
    office.send_due()
    assert (office.row().status, office.row().provider) == ("sending", "resend")
    resend.answer = lambda _message: Accepted()
    office.sender_of_messages = office.restarted()
    office.wait(45 * SECOND)
    assert office.send_due() == 1
    assert (office.row().status, office.row().provider_id, len(resend.received)) == ("sent", "resend-1", 1)
    assert resend.calls == [office.row().key] * 4
    assert sendgrid.calls == []


def test_silence_that_lasts_leaves_a_message_uncertain(office: Office, resend: FakeProvider, sendgrid: FakeProvider) -> None:
    resend.answer = silent
    office.write(ADA)
    for _round in range(MAX_ATTEMPTS + 2):
        office.sender_of_messages = office.restarted()
        office.send_due()
        office.wait(HOUR)
    assert (office.row().status, office.row().due_at, len(resend.calls)) == ("uncertain", None, MAX_ATTEMPTS)
    assert sendgrid.calls == []


def test_a_key_that_the_provider_has_forgotten_is_not_sent_again(office: Office, resend: FakeProvider) -> None:
    resend.answer = silent
    office.write(ADA)
    office.send_due()
    office.wait(FakeProvider.idempotency_lasts)
    office.sender_of_messages = office.restarted()
    office.send_due()
    assert (office.row().status, office.row().due_at, len(resend.calls)) == ("uncertain", None, 1)


def test_a_message_without_idempotency_is_looked_up_and_never_sent_twice(office: Office, twilio: FakeTwilio) -> None:
    def accept_silently(message: RenderedMessage) -> Accepted:
        twilio.keep(message, twilio.calls[-1])
        return silent(message)

    twilio.answer, twilio.is_listed = accept_silently, False
    office.write(PHONE)
    office.send_due()
    assert office.row().status == "uncertain"
    office.wait(5 * SECOND)
    office.send_due()
    assert (office.row().status, twilio.searches) == ("uncertain", 1)
    assert "Send it again" in (office.row().error_message or "")
    twilio.is_listed = True
    office.wait(15 * SECOND)
    assert office.send_due() == 1
    assert (office.row().status, office.row().provider_id, len(twilio.calls)) == ("sent", "twilio-1", 1)


def test_an_earlier_message_with_the_same_text_is_not_taken_for_one_that_was_lost(office: Office, twilio: FakeTwilio) -> None:
    office.write(PHONE, about="ticket 12")
    office.send_due()
    twilio.answer = silent
    office.write(PHONE, about="ticket 13")
    office.send_due()
    office.wait(5 * SECOND)
    office.send_due()
    assert [(row.status, row.provider_id) for row in office.rows()] == [("sent", "twilio-1"), ("uncertain", None)]
    assert (twilio.searches, len(twilio.calls)) == (1, 2)


def test_a_message_that_is_not_found_stays_uncertain(office: Office, twilio: FakeTwilio, sendgrid: FakeProvider) -> None:
    twilio.answer = silent
    office.write(PHONE)
    office.providers.remove(office.providers[0])
    sendgrid.answer = silent
    office.write(ADA)
    for _round in range(10):
        office.send_due()
        office.wait(LOOKED_UP_FOR / 4)
    assert office.states() == [("sms", "uncertain"), ("email", "uncertain")]
    assert [row.due_at for row in office.rows()] == [None, None]
    assert (len(twilio.calls), len(sendgrid.calls)) == (1, 1)
    assert twilio.searches >= 3


def test_a_provider_that_is_no_longer_set_up_leaves_its_messages_uncertain(office: Office, resend: FakeProvider) -> None:
    resend.answer = silent
    office.write(ADA)
    office.send_due()
    office.providers.remove(resend)
    office.wait(5 * SECOND)
    office.send_due()
    assert office.row().status == "uncertain"
    assert "no longer set up" in (office.row().error_message or "")


def test_a_message_that_waited_for_a_provider_that_is_gone_goes_to_the_others(
    office: Office, resend: FakeProvider, sendgrid: FakeProvider
) -> None:
    office.write(ADA)
    with office.writing() as session:
        session.merge(office.row()).provider = "gone"
    office.send_due()
    assert (office.row().status, office.row().provider) == ("sent", "resend")


def test_refusals_end_after_some_rounds_and_unreachable_providers_after_two_days(office: Office, resend: FakeProvider) -> None:
    office.providers = [resend]
    resend.answer = raising(Refused("The key is wrong."))
    office.write(ADA)
    for _round in range(MAX_ATTEMPTS + 1):
        office.sender_of_messages = office.restarted()
        office.send_due()
        office.wait(HOUR)
    assert (office.row().status, office.row().error_message, office.row().attempts) == ("failed", "The key is wrong.", MAX_ATTEMPTS)
    resend.answer = raising(NotConnected("No route."))
    office.write(ADA, about="later")
    begun = office.now
    while office.rows()[-1].status == "queued":
        office.sender_of_messages = office.restarted()
        office.send_due()
        office.wait(6 * HOUR)
    assert office.now - begun >= EXPIRES
    assert (office.rows()[-1].status, office.rows()[-1].error_message) == ("failed", "No route.")


def test_a_provider_that_fails_often_gets_no_new_messages_for_a_while(office: Office, resend: FakeProvider, sendgrid: FakeProvider) -> None:
    resend.answer, resend.at_once = raising(NotConnected("no route")), 1
    for number in range(8):
        office.write(ADA, about=str(number))
    office.send_due()
    assert (len(resend.calls), len(sendgrid.received)) == (3, 8)
    assert office.sender_of_messages.paused(Channel.EMAIL) == ["Resend"]


def test_each_message_is_sent_once_by_several_processes_at_once(office: Office, resend: FakeProvider) -> None:
    for number in range(30):
        office.write(ADA, about=str(number))
    others = [office.restarted() for _process in range(3)]
    threads = [threading.Thread(target=office._in_context(each.send_due), args=(Channel.EMAIL,)) for each in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    office.send_due()
    assert len(resend.calls) == len(set(resend.calls)) == 30
    assert {row.status for row in office.rows()} == {"sent"}


def test_a_hanging_provider_holds_up_neither_other_channels_nor_the_job(office: Office, resend: FakeProvider, twilio: FakeTwilio) -> None:
    entered, answers = threading.Semaphore(0), threading.Event()

    def hang(message: RenderedMessage) -> Accepted:
        entered.release()
        assert answers.wait(30)
        return silent(message)

    resend.answer = hang
    for number in range(2):
        office.write(ADA, about=str(number))
    assert office.sender_of_messages.wake(Channel.EMAIL) == 0  # returns although nobody answers
    assert entered.acquire(timeout=30)
    assert entered.acquire(timeout=30)
    office.write(PHONE)
    assert office.send_due(Channel.SMS) == 1
    resend.answer = lambda _message: Accepted()
    office.write(ADA, about="another")
    office.sender_of_messages.wake(Channel.EMAIL)  # by another thread of the same provider
    answers.set()
    office.send_due(Channel.EMAIL)
    assert [row.status for row in office.rows()] == ["sending", "sending", "sent", "sent"]


def test_a_process_that_shuts_down_puts_back_what_it_has_not_started(office: Office, resend: FakeProvider) -> None:
    resend.at_once = 1

    def stop(_message: RenderedMessage) -> Accepted:
        office.is_stopping = True
        return Accepted()

    resend.answer = stop
    for number in range(3):
        office.write(ADA, about=str(number))
    office.send_due()
    assert [row.status for row in office.rows()] == ["sent", "queued", "queued"]
    assert [row.due_at for row in office.rows()[1:]] == [NOW, NOW]


class Killed(SystemExit):
    """Stands for the end of a killed process: the thread ends there, and writes nothing more."""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_process_killed_while_it_sends_leaves_one_message(office: Office, resend: FakeProvider, twilio: FakeTwilio) -> None:
    """In child processes, at every commit: test_killed.py."""

    def kill(_message: RenderedMessage) -> Accepted:
        raise Killed

    resend.answer = twilio.answer = kill
    office.write(ADA)
    office.write(PHONE)
    office.send_due()
    assert [row.status for row in office.rows()] == ["sending", "sending"]
    resend.answer = twilio.answer = lambda _message: Accepted()
    office.sender_of_messages = office.restarted()
    office.wait(LEASE - SECOND)
    assert office.send_due() == 0
    office.wait(SECOND)
    office.send_due()
    assert [row.status for row in office.rows()] == ["sent", "uncertain"]
    assert (len(resend.calls), len(twilio.calls)) == (2, 1)


def test_sending_waits_while_requests_are_answered_but_not_for_ever(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    now, slept = 1000.0, list[float]()

    def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds

    monkeypatch.setattr("request_tracker_utils.notifications.sending.time", SimpleNamespace(monotonic=lambda: now, sleep=sleep))
    busy_until, is_stopping = 0.0, False
    sender = Sender(
        office.attempts, in_context=lambda call: call, stopping=lambda: is_stopping, is_busy=lambda: now < busy_until, pace=0.25
    )

    def waits(began: float, busy_for: float = 0.0) -> float:
        nonlocal busy_until
        busy_until, before = now + busy_for, now
        sender._wait(began)
        return now - before

    assert waits(now - 0.25) == 0  # the first message of a thread
    assert waits(now - 0.25, busy_for=60) == 0.25 * (BUSY_PACE - 1)
    assert waits(now) == 0.25
    assert waits(now, busy_for=0.6) == 0.75
    assert waits(now, busy_for=60) == 0.25 * BUSY_PACE
    assert max(slept) <= 0.25
    is_stopping = True
    assert waits(now, busy_for=60) == 0


def test_caps_are_checked_without_reading_what_still_waits(office: Office) -> None:
    """However many messages wait: a backlog would make itself slower."""
    office.write(ADA)
    with office.writing() as session:
        statements: list[tuple[str, Any]] = []
        connection = session.connection()
        is_sqlite = connection.dialect.name == "sqlite"
        if not is_sqlite:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # it scans small tables
            connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        event.listen(connection, "before_cursor_execute", lambda _c, _cursor, text, values, *_rest: statements.append((text, values)))
        message = session.scalars(select(Notification)).one()
        session.expunge(message)
        message.sender_user_id = 1
        statements.clear()
        office.attempts.caps.exceeded(session, message, is_required=False, now=NOW)
        (statement,) = [each for each in statements if each[0].startswith("SELECT")]
        explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        plan = " ".join(str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {statement[0]}", statement[1]))
    if is_sqlite:
        assert "ix_notifications_sender (sender_user_id=? AND given_at>? AND given_at<?)" in plan
        assert "ix_notifications_given_at (notification_type=? AND given_at>? AND given_at<?)" in plan
    else:  # which of the two it takes for a table of one row is its own decision; both omit what still waits
        _recipient, *others = re.findall(r"Index (?:Only )?Scan using (\w+)", plan)
        assert len(others) == 2
        assert set(others) <= {"ix_notifications_sender", "ix_notifications_given_at"}
