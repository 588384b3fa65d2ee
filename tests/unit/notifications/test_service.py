"""Who gets a message on which channels: written once, in the caller's transaction, as people have chosen."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import delete, event

from request_tracker_utils.accounts.models import User
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import db, reading, run_after_commit, transaction
from request_tracker_utils.core.encryption import Encryption
from request_tracker_utils.core.messages import Channel, MessageKind, Recipient
from request_tracker_utils.notifications import preferences
from request_tracker_utils.notifications.limits import Caps
from request_tracker_utils.notifications.models import SITE_CHAT
from request_tracker_utils.notifications.preferences import end_of_quiet_hours
from request_tracker_utils.notifications.providers.interface import Accepted, BadRecipient, RenderedMessage
from request_tracker_utils.notifications.service import delete_old
from request_tracker_utils.notifications.suppression import SuppressionReason, is_suppressed, suppress
from tests.services.sending import EMAIL_ONLY, KIND, NOW, REQUIRED, URGENT, FakeProvider, FakeTwilio, Office
from tests.services.tables import check_all

EMAIL, SMS, CHAT = Channel
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Text = str | None
CHAT_URL = "ntfys://ntfy.example.org/ada"


@pytest.fixture
def email() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
def chat() -> FakeProvider:
    return FakeProvider("apprise", CHAT)


@pytest.fixture
def make_office(inside: Flask, tmp_path: Path, email: FakeProvider, chat: FakeProvider) -> Callable[..., Office]:
    return lambda **more: Office(inside, tmp_path, [email, FakeTwilio(), chat], **more)


@pytest.fixture
def office(make_office: Callable[..., Office]) -> Office:
    return make_office()


def test_a_person_gets_a_message_on_each_chosen_channel_once(office: Office) -> None:
    ada = Recipient(office.person("ada", email="ada@example.org", phone="+12025550123"))
    bob = Recipient(office.person("bob", email="bob@example.org"))
    assert office.write(ada, bob, ada) == 3
    assert office.write(ada, bob) == 0
    assert office.write(ada, about="ticket 13") == 2
    assert office.write(ada, kind=URGENT) == 2
    addresses = [(row.notification_type, row.address) for row in office.rows()[:3]]
    assert addresses == [("email", "ada@example.org"), ("sms", "+12025550123"), ("email", "bob@example.org")]
    assert len({row.key for row in office.rows()}) == 7
    long = "x" * 300
    assert [office.write(bob, about=f"{long}{end}") for end in ("a", "b", "a")] == [1, 1, 0]


def test_what_people_chose_and_entered_decides_the_channels(office: Office) -> None:
    """Email, phone (confirmed), chosen channels, chat address, kind → channels and status; the reason of a failed one."""
    everything = (EMAIL, SMS, CHAT)
    mail, phone = "ada@example.org", "+12025550123"
    rows: list[tuple[object, ...]] = [
        (mail, phone, True, everything, CHAT_URL, KIND, [("email", "queued"), ("sms", "queued"), ("chat", "queued")], ""),
        (mail, phone, False, everything, "", KIND, [("email", "queued")], ""),
        (mail, phone, True, (SMS,), "", KIND, [("sms", "queued")], ""),
        (mail, phone, True, (EMAIL,), CHAT_URL, KIND, [("email", "queued")], ""),
        (mail, None, True, (SMS,), "", KIND, [("sms", "failed")], "no phone number"),
        (mail, phone, False, (SMS,), "", KIND, [("sms", "failed")], "not confirmed"),
        (None, None, True, (EMAIL,), "", KIND, [("email", "failed")], "no email address"),
        (None, None, True, everything, "", EMAIL_ONLY, [("email", "failed")], "no email address"),
        (mail, phone, True, (), "", KIND, [], ""),
        (mail, phone, True, (), "", REQUIRED, [("email", "queued")], ""),
        (None, phone, True, (EMAIL,), "", REQUIRED, [("sms", "queued")], ""),
        (None, None, True, (), "", REQUIRED, [("email", "failed")], "no email address"),
        (mail, phone, True, (SMS, CHAT), "", EMAIL_ONLY, [], ""),
    ]

    names = itertools.count()

    def check(mail: Text, phone: Text, confirmed: bool, chosen: tuple[Channel, ...], chat: str, kind: MessageKind, *rest: object) -> None:
        wanted, reason = rest
        number = len(office.rows())
        user_id = office.person(f"person{next(names)}", email=mail, phone=phone, confirmed=confirmed)
        office.choose(user_id, *chosen, chat=chat)
        office.write(Recipient(user_id), kind=kind)
        written = office.rows()[number:]
        assert [(row.notification_type, row.status) for row in written] == wanted
        assert all(str(reason) in (row.error_message or "") for row in written)
        assert all((row.due_at is None) == (row.status == "failed") for row in written)

    check_all(rows, check)


def test_kinds_that_are_turned_off_are_not_written_unless_they_are_required(office: Office) -> None:
    ada = office.person("ada", email="ada@example.org")
    office.choose(ada, EMAIL, muted=[KIND.name, REQUIRED.name])
    assert office.write(Recipient(ada)) == 0
    assert office.write(Recipient(ada), kind=REQUIRED) == 1


def test_recipients_without_an_account_and_of_one_channel(office: Office, chat: FakeProvider) -> None:
    ada = office.person("ada", email="ada@example.org", phone="+12025550123")
    assert office.write(Recipient(ada, channel=SMS), Recipient(address="x@example.org", channel=EMAIL), Recipient(channel=CHAT)) == 3
    assert [(row.notification_type, row.address) for row in office.rows()] == [
        ("sms", "+12025550123"),
        ("email", "x@example.org"),
        ("chat", SITE_CHAT),
    ]
    assert office.send_due() == 3
    assert chat.received[0][1].to == ""  # the provider sends it to NOTIFY_URLS
    assert office.write(Recipient(999)) == 0
    for wrong in (Recipient(), Recipient(address="x@example.org"), Recipient(channel=EMAIL)):
        with pytest.raises(ValueError, match="address and a channel"):
            office.write(wrong)


def test_nothing_is_written_or_sent_after_a_rollback_and_the_job_runs_after_a_commit(office: Office) -> None:
    asked: list[str] = []
    run_after_commit(db.engine, lambda job, _after: asked.append(job))
    person = Recipient(office.person("ada", email="ada@example.org", phone="+12025550123"))
    asked.clear()
    with pytest.raises(ZeroDivisionError), transaction() as session:
        office.service.send(session, KIND, [person], about="x", values={"name": str(1 // 0)}, actor=Actor("clerk"), now=NOW)
    assert (office.rows(), asked) == ([], [])
    office.write(person)
    assert sorted(asked) == ["send-email", "send-sms"]


def test_sending_to_many_takes_two_statements(office: Office) -> None:
    recipients = [Recipient(office.person(f"p{number}", email=f"p{number}@example.org", phone="+12025550123")) for number in range(20)]
    statements: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement.split(maxsplit=1)[0])

    event.listen(db.engine, "before_cursor_execute", record)
    assert office.write(*recipients) == 40
    event.remove(db.engine, "before_cursor_execute", record)
    assert [each for each in statements if each != "BEGIN"] == ["SELECT", "INSERT"]


def test_values_that_would_change_when_stored_are_refused(office: Office) -> None:
    values: Any = {"at": NOW}
    with pytest.raises(ValueError, match="at is neither text nor a number"), transaction() as session:
        office.service.send(session, KIND, [Recipient(1)], about="x", values=values, actor=Actor("clerk"), now=NOW)


def test_quiet_hours_end_at_the_right_moment() -> None:
    """Begin, end, now in Chicago → when they end."""
    zone = ZoneInfo("America/Chicago")

    def local(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)

    rows = [
        ("22:00", "07:00", "2026-03-02 23:00", "2026-03-03 07:00"),
        ("22:00", "07:00", "2026-03-02 22:00", "2026-03-03 07:00"),
        ("22:00", "07:00", "2026-03-03 06:59", "2026-03-03 07:00"),
        ("22:00", "07:00", "2026-03-03 07:00", None),
        ("22:00", "07:00", "2026-03-03 12:00", None),
        ("12:00", "13:00", "2026-03-03 12:30", "2026-03-03 13:00"),
        ("12:00", "13:00", "2026-03-03 11:59", None),
        ("08:00", "08:00", "2026-03-03 08:00", None),
        ("22:00", "07:00", "2026-03-07 23:00", "2026-03-08 07:00"),  # an hour shorter
        ("22:00", "07:00", "2026-10-31 23:00", "2026-11-01 07:00"),  # an hour longer
        ("22:00", "02:30", "2026-03-07 23:00", "2026-03-08 03:30"),  # the clock skips 02:30
    ]

    def check(begin: str, end: str, now: str, until: str | None) -> None:
        found = end_of_quiet_hours(time.fromisoformat(begin), time.fromisoformat(end), local(now), zone)
        assert found == (None if until is None else local(until))

    check_all(rows, check)
    assert end_of_quiet_hours(None, time(7), NOW, zone) is None


def test_messages_wait_for_the_end_of_quiet_hours_unless_they_are_urgent(make_office: Callable[..., Office]) -> None:
    office = make_office(zone="America/Chicago")  # 9 o'clock there
    ada = office.person("ada", email="ada@example.org")
    office.choose(ada, EMAIL, quiet=(time(8), time(7)))
    office.write(Recipient(ada))
    office.write(Recipient(ada), kind=URGENT)
    assert office.send_due() == 1
    assert office.states() == [("email", "queued"), ("email", "sent")]
    office.wait(22 * HOUR - timedelta(seconds=1))
    assert office.send_due() == 0
    office.wait(timedelta(seconds=1))
    assert office.send_due() == 1


def test_quiet_hours_that_were_chosen_later_hold_back_what_waits(office: Office) -> None:
    ada = office.person("ada", email="ada@example.org")
    office.write(Recipient(ada))
    office.choose(ada, EMAIL, quiet=(time(14), time(18)))
    assert office.send_due() == 0
    assert (office.row().status, office.row().due_at, office.row().attempts) == ("queued", NOW + 3 * HOUR, 0)


def test_kinds_that_are_turned_off_later_are_not_sent_unless_they_are_required(office: Office) -> None:
    ada = office.person("ada", email="ada@example.org")
    office.write(Recipient(ada))
    office.write(Recipient(ada), kind=REQUIRED)
    office.choose(ada, EMAIL, muted=[KIND.name, REQUIRED.name])
    assert office.send_due() == 1
    assert {row.event: row.status for row in office.rows()} == {KIND.name: "failed", REQUIRED.name: "sent"}
    assert "turned off" in (office.rows()[0].error_message or "")


def test_caps_hold_back_floods_but_not_required_messages(make_office: Callable[..., Office]) -> None:
    caps = Caps(per_recipient=2, per_sender=3, per_day=5, sms_per_day=1)
    office = make_office(caps=caps)
    ada = office.person("ada", email="ada@example.org")
    bob = Actor("bob", user_id=office.person("bob"))

    def send(*recipients: Recipient, **more: object) -> list[str]:
        before = len(office.rows())
        office.write(*recipients, about=f"case {before}", **more)  # type: ignore[arg-type]
        for _each in recipients:
            office.send_due()
        return [row.error_message or row.status for row in office.rows()[before:]]

    assert [send(Recipient(ada)) for _time in range(2)] == [["sent"], ["sent"]]
    assert "NOTIFICATIONS_PER_RECIPIENT" in send(Recipient(ada))[0]
    assert "NOTIFICATIONS_PER_RECIPIENT" in send(Recipient(address="ada@example.org", channel=EMAIL))[0]
    assert send(Recipient(ada), kind=REQUIRED) == ["sent"]
    one, two = Recipient(address="1@example.org", channel=EMAIL), Recipient(address="2@example.org", channel=EMAIL)
    assert send(one, actor=bob) == ["sent"]
    assert send(two, actor=bob) == ["sent"]
    assert "NOTIFICATIONS_PER_DAY" in send(two, actor=bob)[0]
    assert send(Recipient(address="+12025550123", channel=SMS), actor=bob) == ["sent"]
    assert "NOTIFICATIONS_PER_SENDER" in send(Recipient(address="+12025550124", channel=SMS), actor=bob)[0]
    assert "SMS_PER_DAY" in send(Recipient(address="+12025550124", channel=SMS))[0]
    office.wait(DAY + timedelta(minutes=1))
    assert send(Recipient(ada)) == ["sent"]


def test_a_bad_address_is_suppressed_and_what_waits_for_it_goes_by_another_channel(office: Office, email: FakeProvider) -> None:
    def bounce(_message: RenderedMessage) -> Accepted:
        raise BadRecipient("The mailbox does not exist.", suppress="bounced")

    email.answer = bounce
    ada = office.person("ada", email="Ada@example.org", phone="+12025550123")
    office.choose(ada, EMAIL)
    office.write(Recipient(ada), kind=REQUIRED)
    office.write(Recipient(ada), kind=KIND)
    email.at_once = 1
    office.send_due(EMAIL)
    assert [(row.event, row.notification_type, row.status) for row in office.rows()] == [
        (REQUIRED.name, "email", "failed"),
        (KIND.name, "email", "failed"),  # its other channels are turned off
        (REQUIRED.name, "sms", "queued"),
    ]
    with reading() as session:
        assert is_suppressed(session, EMAIL, "ada@example.org")
    assert len(email.calls) == 1
    assert office.send_due(SMS) == 1
    office.write(Recipient(ada), kind=REQUIRED, about="later")
    assert (office.rows()[-1].notification_type, office.rows()[-1].status) == ("sms", "queued")


def test_fall_back_leaves_what_another_channel_has_or_a_provider_may_have(office: Office) -> None:
    ada = office.person("ada", email="ada@example.org", phone="+12025550123")
    office.write(Recipient(ada))

    def stop() -> int:
        with transaction() as session:
            suppress(session, EMAIL, "ada@example.org", SuppressionReason.COMPLAINED, provider="resend", now=NOW)
            return office.service.fall_back_from(session, EMAIL, " ADA@example.org", "The person complained.", now=NOW)

    assert stop() == 0  # she gets it by SMS anyway
    assert office.states() == [("email", "failed"), ("sms", "queued")]
    with transaction() as session:
        row = session.merge(office.rows()[0])
        row.status, row.due_at = "sending", NOW
    stop()
    assert office.states()[0] == ("email", "sending")


def test_addresses_that_changed_or_became_unusable_are_noticed_when_a_message_is_sent(office: Office, email: FakeProvider) -> None:
    ada = office.person("ada", email="old@example.org", phone="+12025550123")
    bob = office.person("bob", email="bob@example.org")
    office.write(Recipient(ada), kind=EMAIL_ONLY)
    office.write(Recipient(bob), kind=EMAIL_ONLY)
    office.write(Recipient(address="Gone@example.org", channel=EMAIL))
    with transaction() as session:
        session.get_one(User, ada).email = "new@example.org"
        session.get_one(User, bob).active = False
        suppress(session, EMAIL, "gone@example.org", SuppressionReason.BOUNCED, provider="resend", now=NOW)
    office.send_due()
    assert [(row.status, row.address) for row in office.rows()] == [
        ("sent", "new@example.org"),
        ("failed", "bob@example.org"),
        ("failed", "Gone@example.org"),
    ]
    assert [message.to for _key, message in email.received] == ["new@example.org"]


def test_messages_to_a_deleted_account_do_not_go_to_the_chat_of_the_site(office: Office, chat: FakeProvider) -> None:
    ada = office.person("ada")
    office.choose(ada, CHAT, chat=CHAT_URL)
    office.write(Recipient(ada))
    with transaction() as session:
        session.execute(delete(User).where(User.id == ada))
    office.send_due()
    assert (office.row().status, office.row().error_message, chat.calls) == ("failed", "The account of the recipient was deleted.", [])


def test_chat_addresses_are_encrypted_and_entered_again_after_the_key_has_changed(office: Office, chat: FakeProvider) -> None:
    ada = office.person("ada")
    office.choose(ada, CHAT, chat=CHAT_URL)
    with reading() as session:
        person = preferences.people(session, [ada])[ada]
    assert "ntfy" not in person.chat_urls
    office.write(Recipient(ada))
    assert office.send_due() == 1
    assert (office.row().address, chat.received[0][1].to) == ("", CHAT_URL)
    assert preferences.chat_urls(person, Encryption("another key", preferences.PURPOSE)) is None


def test_can_reach_says_whether_a_provider_is_set_up(office: Office, email: FakeProvider) -> None:
    ada, bob = office.person("ada", email="ada@example.org"), office.person("bob")
    office.choose(ada, EMAIL, muted=[KIND.name])

    def can_reach(user_id: int, kind: object = REQUIRED) -> bool:
        with reading() as session:
            return office.service.can_reach(session, user_id, kind)  # type: ignore[arg-type]

    assert [can_reach(ada), can_reach(ada, KIND), can_reach(bob), can_reach(999)] == [True, False, False, False]
    email.is_folder = True  # type: ignore[misc]
    assert not can_reach(ada)


def test_old_messages_are_deleted_unless_they_are_still_to_be_sent(office: Office) -> None:
    office.write(Recipient(address="a@example.org", channel=EMAIL), about="sent")
    office.send_due()
    office.write(Recipient(address="a@example.org", channel=EMAIL), about="pending")
    with transaction() as session:
        assert delete_old(session, before=NOW) == 0
        assert delete_old(session, before=NOW + timedelta(seconds=1)) == 1
    assert office.row().about == "pending"
