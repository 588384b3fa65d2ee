"""Delivery reports: in any order, repeated, at the same moment, about unknown messages, and a thousand at once."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count, permutations
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import db, reading, run_after_commit, transaction
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.notifications import reports
from request_tracker_utils.notifications.callbacks import Report
from request_tracker_utils.notifications.models import (
    APPLY_REPORTS,
    DeliveryOutcome as Outcome,
    DeliveryReport,
    Notification,
    NotificationStatus as Status,
    SuppressedAddress,
)
from request_tracker_utils.notifications.suppression import SuppressionReason, is_suppressed, release, suppress, suppressed_among
from tests.services.tables import check_all

NOW = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)
MAIL, PHONE = "Ann@School.example.org", "+12025550123"
_numbers = count(1)

pytestmark = pytest.mark.usefixtures("inside")


class Fallbacks:
    """Records what is sent by another channel."""

    def __init__(self) -> None:
        self.messages: list[int] = []
        self.addresses: list[tuple[Channel, str]] = []

    def fall_back(self, _session: Session, message: Notification, *, now: datetime) -> bool:
        self.messages.append(message.id)
        return True

    def fall_back_from(self, _session: Session, channel: Channel, address: str, reason: str, *, now: datetime) -> int:
        assert reason
        self.addresses.append((channel, address))
        return 1


def message(
    provider_id: str | None = "m1",
    status: Status = Status.SENT,
    *,
    provider: str = "resend",
    address: str = MAIL,
    age: int = 0,
) -> int:
    with transaction() as session:
        row = Notification(
            notification_type=Channel.SMS if provider == "twilio" else Channel.EMAIL,
            status=status,
            created_at=NOW - timedelta(days=age),
            event="test",
            address=address,
            provider=provider,
            provider_id=provider_id,
            key=str(next(_numbers)),
            about="test",
            sender="ada",
            due_at=NOW if status in (Status.QUEUED, Status.SENDING) else None,
        )
        session.add(row)
        session.flush()
        return row.id


def report(outcome: Outcome, message_id: str = "m1", report_id: str = "", *, provider: str = "resend", address: str = "") -> Report:
    return Report(provider, report_id or f"{message_id}:{outcome}", outcome, "" if address else message_id, address, "because")


def receive(*found: Report, fallbacks: Fallbacks | None = None, now: datetime = NOW) -> int:
    with transaction() as session:
        return reports.receive(session, found, fallbacks or Fallbacks(), now=now)


def apply_pending(now: datetime = NOW) -> int:
    with transaction() as session:
        return reports.apply_pending(session, Fallbacks(), now=now)


def status_of(number: int) -> tuple[str, str | None]:
    with reading() as session:
        row = session.get_one(Notification, number)
        return row.status, row.error_message


def suppressed() -> dict[str, str]:
    with reading() as session:
        return {row.address_key: row.reason for row in session.scalars(select(SuppressedAddress))}


def pending() -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(DeliveryReport).where(DeliveryReport.pending)) or 0


def test_the_status_only_moves_forward_whatever_the_order() -> None:
    def ends_as(outcomes: Iterable[Outcome], expected: Status) -> None:
        name = f"m{next(_numbers)}"
        number = message(name)
        for outcome in outcomes:
            receive(report(outcome, name))
        assert status_of(number)[0] == expected

    sent, delivered, bounced, failed = Outcome.SENT, Outcome.DELIVERED, Outcome.BOUNCED, Outcome.FAILED
    rows: list[tuple[tuple[Outcome, ...], Status]] = [
        ((sent,), Status.SENT),
        ((delivered,), Status.DELIVERED),
        ((delivered, sent), Status.DELIVERED),
        ((delivered, Outcome.COMPLAINED), Status.DELIVERED),
        ((Outcome.COMPLAINED,), Status.SENT),
        *((order, Status.DELIVERED) for order in permutations((sent, delivered))),
        *((order, Status.FAILED) for order in permutations((sent, delivered, bounced))),
        *((order, Status.FAILED) for order in permutations((sent, delivered, failed))),
        *((order, Status.FAILED) for order in permutations((delivered, Outcome.STOPPED))),
    ]
    check_all(rows, ends_as)


def test_a_message_that_did_not_arrive_says_why() -> None:
    for outcome, sentence in (
        (Outcome.FAILED, "The message was not delivered."),
        (Outcome.BOUNCED, "does not accept our messages"),
        (Outcome.STOPPED, "has answered STOP"),
    ):
        number = message(outcome)
        receive(report(outcome, outcome))
        status, problem = status_of(number)
        assert status == Status.FAILED
        assert sentence in str(problem)
        assert "“because”" in str(problem)
    uncertain = message("m9", Status.UNCERTAIN)
    receive(report(Outcome.SENT, "m9"))
    assert status_of(uncertain) == (Status.SENT, None)


def test_a_replay_changes_nothing() -> None:
    number, fallbacks = message(), Fallbacks()
    bounce = report(Outcome.BOUNCED, report_id="r1")
    assert receive(bounce, bounce, fallbacks=fallbacks) == 1
    with transaction() as session:
        assert release(session, Channel.EMAIL, MAIL)
    assert receive(bounce, bounce, fallbacks=fallbacks) == 0
    assert (suppressed(), fallbacks.messages, fallbacks.addresses) == ({}, [number], [(Channel.EMAIL, MAIL)])
    assert receive(Report("sendgrid", "r1", Outcome.DELIVERED, "m1")) == 1  # the ids of another provider are others


def test_the_same_report_at_the_same_moment_is_applied_once(app: Flask) -> None:
    messages = [message(f"m{number}") for number in range(20)]
    calls = [[report(Outcome.BOUNCED, f"m{number}") for number in order] for order in (range(20), range(19, -1, -1))] * 2
    fallbacks, start = Fallbacks(), Barrier(len(calls))

    def call(found: list[Report]) -> int:
        with app.app_context():
            start.wait()
            return receive(*found, fallbacks=fallbacks)

    with ThreadPoolExecutor(len(calls)) as pool:
        assert sum(pool.map(call, calls)) == 20
    assert sorted(fallbacks.messages) == messages
    assert fallbacks.addresses == [(Channel.EMAIL, MAIL)]


def test_a_report_that_cannot_be_applied_is_not_noted_either() -> None:
    """The provider sends it again, and then it counts."""
    number = message()

    class Broken(Fallbacks):
        def fall_back_from(self, *_arguments: object, **_values: object) -> int:
            raise OSError("power")

    with pytest.raises(OSError, match="power"):
        receive(report(Outcome.BOUNCED), fallbacks=Broken())
    assert (status_of(number)[0], suppressed()) == (Status.SENT, {})
    assert receive(report(Outcome.BOUNCED)) == 1
    assert status_of(number)[0] == Status.FAILED


def test_a_report_about_an_unknown_message_waits_until_it_is_known(app: Flask) -> None:
    """Providers report before their answer has arrived, and an SMS of an unknown fate is found later."""
    queued: list[tuple[str, timedelta]] = []
    run_after_commit(db.engine, lambda job, after: queued.append((job, after)))
    number = message(None, Status.SENDING)
    assert receive(report(Outcome.DELIVERED), report(Outcome.BOUNCED)) == 2
    assert queued == [(APPLY_REPORTS, reports.KNOWN_SOON)]
    assert (apply_pending(), pending(), status_of(number)[0]) == (0, 2, Status.SENDING)
    with transaction() as session:  # the id is known, but the message is on its way once more
        session.get_one(Notification, number).provider_id = "m1"
    assert (apply_pending(), receive(report(Outcome.SENT))) == (0, 1)
    with transaction() as session:
        row = session.get_one(Notification, number)
        row.status, row.due_at = Status.SENT, None
    assert (apply_pending(), pending()) == (3, 0)
    assert (status_of(number)[0], suppressed()) == (Status.FAILED, {"ann@school.example.org": "bounced"})
    assert apply_pending() == 0


def test_messages_of_others_are_forgotten_after_a_day() -> None:
    receive(report(Outcome.BOUNCED, "of-another-program"))
    assert (apply_pending(NOW + timedelta(hours=23)), pending()) == (0, 1)
    assert (apply_pending(NOW + timedelta(hours=25)), pending(), suppressed()) == (0, 0, {})
    with transaction() as session:
        assert reports.delete_old(session, before=NOW) == 0
        assert reports.delete_old(session, before=NOW + timedelta(seconds=1)) == 1


def test_what_says_something_about_an_address_marks_it_and_sends_what_waits_elsewhere() -> None:
    def marks(outcome: Outcome, provider: str, address: str, reason: SuppressionReason, falls_back: bool) -> None:
        name, fallbacks = f"m{next(_numbers)}", Fallbacks()
        number = message(name, provider=provider, address=address)
        receive(report(outcome, name, provider=provider), fallbacks=fallbacks)
        channel = Channel.SMS if provider == "twilio" else Channel.EMAIL
        assert suppressed() == {address.lower(): reason}
        assert fallbacks.addresses == [(channel, address)]
        assert fallbacks.messages == ([number] if falls_back else [])
        with transaction() as session:
            assert release(session, channel, address)

    rows = [
        (Outcome.BOUNCED, "resend", MAIL, SuppressionReason.BOUNCED, True),
        (Outcome.BOUNCED, "twilio", PHONE, SuppressionReason.BOUNCED, True),
        (Outcome.STOPPED, "twilio", PHONE, SuppressionReason.STOPPED, True),
        (Outcome.COMPLAINED, "sendgrid", MAIL, SuppressionReason.COMPLAINED, False),
        (Outcome.UNSUBSCRIBED, "sendgrid", MAIL, SuppressionReason.UNSUBSCRIBED, False),
    ]
    check_all(rows, marks)
    fallbacks = Fallbacks()
    message("m-failed")
    receive(report(Outcome.FAILED, "m-failed"), fallbacks=fallbacks)
    assert (suppressed(), fallbacks.addresses, fallbacks.messages) == ({}, [], [])


def test_an_old_message_that_bounces_is_not_sent_again() -> None:
    number, fallbacks = message(age=2), Fallbacks()
    receive(report(Outcome.BOUNCED), fallbacks=fallbacks)
    assert (status_of(number)[0], fallbacks.messages, fallbacks.addresses) == (Status.FAILED, [], [(Channel.EMAIL, MAIL)])


def test_stop_and_start_by_sms() -> None:
    stop, start = (report(outcome, report_id=outcome, provider="twilio", address=PHONE) for outcome in (Outcome.STOPPED, Outcome.RESUMED))
    fallbacks = Fallbacks()
    assert receive(stop, fallbacks=fallbacks) == 1
    assert (suppressed(), fallbacks.addresses, pending()) == ({PHONE: "stopped"}, [(Channel.SMS, PHONE)], 0)
    receive(start)
    assert suppressed() == {}
    receive(stop)  # a replay
    assert suppressed() == {}
    with transaction() as session:
        suppress(session, Channel.SMS, PHONE, SuppressionReason.BOUNCED, provider="twilio", now=NOW)
    receive(report(Outcome.RESUMED, report_id="later", provider="twilio", address=PHONE))
    assert suppressed() == {PHONE: "bounced"}  # START does not make a number exist


def test_a_thousand_events_take_a_dozen_statements() -> None:
    numbers = [message(f"m{number}", address=f"person{number}@school.example.org") for number in range(0, 1000, 10)]
    events = [report(Outcome.BOUNCED if number % 100 == 0 else Outcome.DELIVERED, f"m{number}") for number in range(1000)]
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    assert receive(*events) == 1000
    event.remove(db.engine, "before_cursor_execute", note)
    statuses = [status_of(number)[0] for number in numbers]
    assert (statuses.count(Status.FAILED), statuses.count(Status.DELIVERED)) == (10, 90)
    assert len(suppressed()) == 10
    assert pending() == 900
    assert receive(*events) == 0
    assert len([each for each in statements if "suppressed_addresses" not in each]) <= 16, statements


def test_addresses_are_compared_without_case_and_the_first_reason_stays() -> None:
    with transaction() as session:
        assert suppress(
            session, Channel.EMAIL, " Ann@School.example.org ", SuppressionReason.BOUNCED, provider="resend", now=NOW, detail="x" * 900
        )
        assert not suppress(session, Channel.EMAIL, "ann@school.example.ORG", SuppressionReason.COMPLAINED, provider="sendgrid", now=NOW)
        assert not suppress(session, Channel.EMAIL, " ", SuppressionReason.COMPLAINED, provider="sendgrid", now=NOW)
    with reading() as session:
        assert is_suppressed(session, Channel.EMAIL, "ANN@school.example.org")
        assert not is_suppressed(session, Channel.SMS, "ann@school.example.org")
        assert not is_suppressed(session, Channel.EMAIL, "")
        assert list(suppressed_among(session, Channel.EMAIL, ["bob@school.example.org", "Ann@school.example.org", ""])) == [
            "ann@school.example.org"
        ]
    with transaction() as session:
        assert not release(session, Channel.EMAIL, MAIL, only=SuppressionReason.STOPPED)
        assert release(session, Channel.EMAIL, MAIL)
        assert not release(session, Channel.EMAIL, MAIL)
