"""The list of messages with its filters, one message, *Send again*, and the CSV file."""

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.errors import Conflict
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.notifications import resending
from request_tracker_utils.notifications.current import message_kinds
from request_tracker_utils.notifications.models import SITE_CHAT, DeliveryReport, Notification, NotificationStatus
from request_tracker_utils.web.registry import registry
from tests.services.access_log import accesses
from tests.services.apps import user
from tests.services.csv_files import without_mark
from tests.services.forms import submit
from tests.services.messages import NOON, add_message, stored_messages, suppress
from tests.services.people import Person, text_of
from tests.services.tables import check_all

LIST, CSV = "/notifications", "/notifications/messages.csv"


def found(person: Person, query: str = "", path: str = LIST) -> set[int]:
    """The ids of the messages on the page."""
    page = person.read(f"{path}{query}")
    return {int(part.split('"', 1)[0]) for part in page.split(f'class="touch" href="{LIST}/')[1:]}


def rows(person: Person, query: str = "") -> list[dict[str, str]]:
    answer = person.get(f"{CSV}{query}")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    return list(csv.DictReader(io.StringIO(without_mark(answer.get_data(as_text=True)))))


def test_people_see_the_messages_sent_to_them_and_administrators_all(app: Flask, admin: Person, staff: Person) -> None:
    user(app, "student", "sam")
    to_bob, to_sam, to_nobody = add_message(app, "bob"), add_message(app, "sam"), add_message(app)
    assert found(admin) == {to_bob, to_sam, to_nobody}
    assert (found(staff), found(staff, "?to=sam")) == ({to_bob}, set())
    assert [int(row["id"]) for row in rows(staff)] == [to_bob]
    assert found(Person(app, "sam")) == {to_sam}
    before = len(accesses(app))
    assert staff.get(f"{LIST}/{to_bob}").status_code == 200
    assert len(accesses(app)) == before  # one's own
    for other in (to_sam, to_nobody, 10**6):
        answer = staff.get(f"{LIST}/{other}")
        assert (answer.status_code, f"Message {other} does not exist" in text_of(answer)) == (404, True)
    page = staff.read(LIST)
    assert ("Send a test message" in page, "Suppressed addresses" in page, "message_ids" in page) == (False, False, False)


def test_a_cursor_tells_nothing_about_messages_to_others(app: Flask, staff: Person) -> None:
    user(app, "staff", "carol")
    own, foreign = add_message(app, "bob"), add_message(app, "carol", created_at=NOON + timedelta(days=1))
    assert found(staff, f"?after=0.{foreign}") == {own} == found(staff, "?after=0.999999")


def test_messages_are_filtered(app: Flask, admin: Person) -> None:
    user(app, "staff", "bobby")
    user(app, "staff", "carol")
    day = timedelta(days=1)
    failed = add_message(app, "bobby")
    sent = add_message(app, "bobby", status="sent", created_at=NOON + day)
    sms = add_message(app, "carol", notification_type="sms", address="+12025550123", status="uncertain", created_at=NOON + 2 * day)
    code = add_message(app, address="+12025550199", notification_type="sms", status="queued", event="phone-code", created_at=NOON + 3 * day)
    every = {failed, sent, sms, code}

    def selects(query: str, expected: set[int]) -> None:
        assert found(admin, query) == expected
        assert {int(row["id"]) for row in rows(admin, query)} == expected

    check_all(
        [
            ("", every),
            ("?status=failed", {failed}),
            ("?status=sent", {sent}),
            ("?status=uncertain", {sms}),
            ("?status=queued", {code}),
            ("?status=delivered", set()),
            ("?channel=sms", {sms, code}),
            ("?channel=email", {failed, sent}),
            ("?event=phone-code", {code}),
            ("?to=bob", {failed, sent}),
            ("?to=CAROL", {sms}),
            ("?to=%2B12025550199", {code}),
            ("?to=carol@example.org", set()),
            ("?to=BOBBY@example.org", {failed, sent}),
            ("?to=b_b", set()),
            ("?to=100%25", set()),
            ("?from=2026-07-02", {sent, sms, code}),
            ("?until=2026-07-02", {failed, sent}),
            ("?from=2026-07-02&until=2026-07-02", {sent}),
            ("?to=bob&status=failed&channel=email&from=2026-07-01", {failed}),
        ],
        selects,
    )


def test_odd_filters_are_no_fault(app: Flask, admin: Person) -> None:
    one = add_message(app)
    for query in (
        "status=x",
        "channel=x",
        "event=x",
        "to=%00",
        f"to={'x' * 5000}",
        "after=9.9",
        "after=x",
        "page=0",
        "page=-1",
        f"page={'9' * 30}",
    ):
        assert admin.get(f"{LIST}?{query}").status_code == 200, query

    def is_named(query: str) -> None:
        assert "Enter days such as 2026-09-01." in admin.read(f"{LIST}?{query}")
        assert admin.get(f"{CSV}?{query}").status_code == 400
        assert found(admin, f"?{query}") == {one}

    check_all(["from=x", "until=2026-02-30", "from=0001-01-01", "until=9999-12-31", "from=01/02/2026"], is_named)


def test_pages_continue_behind_the_last_message_and_keep_the_filter(app: Flask, admin: Person) -> None:
    wanted = [add_message(app, created_at=NOON + timedelta(seconds=number // 3)) for number in range(120)]
    add_message(app, status="sent")
    path, seen = "?status=failed", list[set[int]]()
    while path:
        seen.append(found(admin, path))
        page = admin.read(f"{LIST}{path}")
        path = page.split('rel="next" href="', 1)[1].split('"', 1)[0].removeprefix(LIST) if 'rel="next"' in page else ""
    assert [len(ids) for ids in seen] == [50, 50, 20]
    assert seen[0] | seen[1] | seen[2] == set(wanted)


def test_one_message_shows_attempts_provider_and_reports(app: Flask, admin: Person, staff: Person) -> None:
    told = {"provider": "resend", "provider_id": "re_<b>17", "attempts": 3, "sent_at": NOON, "error_message": "No mailbox <i>here</i>."}
    one = add_message(app, "bob", **told)
    with app.app_context(), transaction() as session:
        for number, (outcome, detail) in enumerate((("delivered", None), ("bounced", "550 <u>unknown</u>"))):
            at = NOON + timedelta(minutes=number)
            values = {"provider": "resend", "message_id": "re_<b>17", "outcome": outcome, "detail": detail, "at": at, "pending": False}
            session.add(DeliveryReport(report_id=f"r{number}", **values))
        values["message_id"] = "re_other"
        session.add(DeliveryReport(report_id="r9", **{**values, "outcome": "complained"}))
    for person in (admin, staff):
        raw = person.get(f"{LIST}/{one}").get_data(as_text=True)
        page = person.read(f"{LIST}/{one}")
        for text in (
            "resend",
            "re_<b>17",
            "<dd>3</dd>",
            "No mailbox <i>here</i>.",
            "550 <u>unknown</u>",
            "Bounced",
            "Delivered",
            "bob@example.org",
        ):
            assert text in page, text
        assert ("<b>17" in raw, "<i>here" in raw, "<u>" in raw, "Marked as spam" in raw) == (False, False, False, False)
    assert ("Send again" in admin.read(f"{LIST}/{one}"), "Send again" in staff.read(f"{LIST}/{one}")) == (True, False)


def test_what_a_message_says_is_not_shown(app: Flask, admin: Person) -> None:
    """Password links are in messages too, and notes are not everybody's business."""
    one = add_message(app, "ada", notification_type="chat", address="", values={"name": "top secret note", "ending": "x"})
    page = admin.read(f"{LIST}/{one}")
    assert ("top secret note" in page, "not shown, since it contains secrets" in page) == (False, True)
    assert "top secret note" not in admin.get(CSV).get_data(as_text=True)
    assert "Chat channels of the office" in admin.read(f"{LIST}/{add_message(app, notification_type='chat', address=SITE_CHAT)}")


def test_a_failed_message_is_sent_again_as_a_new_one(app: Flask, admin: Person) -> None:
    user(app, "staff", "bob", email="new@example.org")
    one = add_message(app, "bob", address="old@example.org", error_message="No mailbox")
    answer = submit(admin, f"{LIST}/{one}", "Send again")
    first, second = stored_messages(app)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{LIST}/{second.id}")
    assert (first.id, first.status, first.error_message) == (one, "failed", "No mailbox")
    assert (second.address, second.status, second.event, second.values) == ("new@example.org", "queued", first.event, first.values)
    assert (second.sender, second.notification_type, second.key == first.key) == ("ada", "email", False)
    page = admin.read(f"{LIST}/{one}")
    assert (f"as message {second.id}" in page, ">Send again<" in page) == (True, False)
    again = admin.submit(f"{LIST}/{one}/send-again")
    assert (again.status_code, f"was already sent again, as message {second.id}" in text_of(again)) == (409, True)
    assert len(stored_messages(app)) == 2


def test_a_repetition_that_fails_is_repeated_too(app: Flask, admin: Person) -> None:
    one = add_message(app, address="stranger@example.org", about="a" * 199)
    ids = [one]
    for _ in range(3):
        submit(admin, f"{LIST}/{ids[-1]}", "Send again")
        ids.append(stored_messages(app)[-1].id)
        _set_status(app, ids[-1], NotificationStatus.FAILED)
    assert len(set(ids)) == 4


def _set_status(app: Flask, message_id: int, status: NotificationStatus) -> None:
    with app.app_context(), transaction() as session:
        session.get_one(Notification, message_id).status = status


def test_an_uncertain_message_warns_that_it_may_arrive_twice(app: Flask, admin: Person) -> None:
    uncertain, failed = add_message(app, status="uncertain"), add_message(app)
    assert "it may arrive twice. Ask the recipient first." in admin.read(f"{LIST}/{uncertain}")
    assert "it may arrive twice" not in admin.read(f"{LIST}/{failed}")
    assert submit(admin, f"{LIST}/{uncertain}", "Send again").status_code == 303
    assert len(stored_messages(app)) == 3


def test_messages_that_cannot_be_sent_again_say_why(app: Flask, admin: Person) -> None:
    user(app, "staff", "bob")
    user(app, "staff", "gone", email="gone@example.org")
    suppress(app, "gone@example.org")

    def refuses(message_id: int, status: int, words: str) -> None:
        before = admin.read(f"{LIST}/{message_id}")
        answer = admin.submit(f"{LIST}/{message_id}/send-again")
        text = text_of(answer) if answer.status_code != 303 else admin.read(answer.headers["Location"])
        assert (answer.status_code, words in text) == (status, True), text[-1500:]
        assert status == 303 or ">Send again<" not in before or "version" in words

    check_all(
        [
            *(
                (add_message(app, status=status), 409, "only failed and uncertain messages")
                for status in ("queued", "sending", "sent", "delivered")
            ),
            (add_message(app, event="forgotten-kind"), 409, "this version of the program has no such messages"),
            (add_message(app, "bob"), 303, "has no email address"),
            (add_message(app, "gone"), 303, "suppressed addresses"),
        ],
        refuses,
    )
    assert admin.submit(f"{LIST}/999999/send-again").status_code == 404


@pytest.mark.both_databases
def test_two_people_send_a_message_again_once(app: Flask, admin: Person) -> None:
    one = add_message(app)

    def again(_number: int) -> bool:
        with app.app_context():
            try:
                with transaction() as session:
                    messenger = registry().get(Messenger)
                    resending.send_again(session, messenger, message_kinds(), one, actor=Actor("ada"), now=utc_now())
            except Conflict:
                return False
            return True

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(again, range(12)))
    assert len(stored_messages(app)) == 2


def test_several_are_sent_again_and_the_others_say_why(app: Flask, admin: Person) -> None:
    ids = [add_message(app, address=f"a{number}@example.org") for number in range(3)]
    sent = add_message(app, status="sent")
    page = admin.read(LIST)
    assert page.count('name="message_ids"') == 3
    answer = admin.submit(f"{LIST}/send-again", message_ids=[*map(str, ids), str(sent), str(ids[0])], status="failed", to="a")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{LIST}?status=failed&to=a")
    page = admin.read(LIST)
    assert "3 messages are sent again." in page
    assert f"Message {sent} was not sent again: only failed" in page
    assert len(stored_messages(app)) == 7


def test_bad_selections_are_refused(app: Flask, admin: Person) -> None:
    def refused(*ids: str) -> None:
        assert admin.submit(f"{LIST}/send-again", message_ids=list(ids)).status_code in (400, 404)

    check_all([(), ("x",), ("-1",), ("0",), ("9" * 30,), tuple(map(str, range(1, 300))), ("999999",)], refused)
    assert stored_messages(app) == []


def test_only_administrators_send_again(app: Flask, staff: Person) -> None:
    one = add_message(app, "bob")
    assert staff.submit(f"{LIST}/{one}/send-again").status_code == 403
    assert staff.submit(f"{LIST}/send-again", message_ids=str(one)).status_code == 403
    assert len(stored_messages(app)) == 1


def test_the_file_has_what_the_page_shows_and_runs_nothing(app: Flask, admin: Person) -> None:
    user(app, "staff", "bob")
    add_message(
        app,
        "bob",
        error_message="=1+1",
        provider="twilio",
        provider_id="SM1",
        notification_type="sms",
        address="+12025550123",
        about="ticket 12",
    )
    (row,) = rows(admin)
    assert row == {
        "id": row["id"],
        "created": "2026-07-01T12:00:00+00:00",
        "event": "phone-shared",
        "about": "ticket 12",
        "channel": "sms",
        "recipient": "bob",
        "address": "'+12025550123",
        "status": "failed",
        "error": "'=1+1",
        "provider": "twilio",
        "provider id": "SM1",
        "attempts": "1",
        "sent": "",
        "sender": "ada",
    }


def test_long_exports_are_read_in_chunks(app: Flask, admin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = {add_message(app, created_at=NOON) for _ in range(25)}
    monkeypatch.setattr("request_tracker_utils.notifications.history.CHUNK", 10)
    exported = [int(row["id"]) for row in rows(admin)]
    assert (set(exported), exported) == (ids, sorted(ids, reverse=True))
