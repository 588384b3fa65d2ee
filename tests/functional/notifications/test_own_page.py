"""*Your notifications*: channels, quiet hours, chat addresses, and a phone number with its code."""

from flask import Flask

from request_tracker_utils.accounts import service as accounts
from request_tracker_utils.accounts.models import LoginKind
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.notifications.models import NotificationPreference
from request_tracker_utils.notifications.phone_confirmation import SHARED
from tests.functional.accounts.records import recorded
from tests.services.apps import user
from tests.services.messages import code_sent, stored_messages
from tests.services.people import Person, errors_in, text_of
from tests.services.tables import check_all

PAGE, NUMBER = "/me/notifications", "+12025550123"
SECRET = "ntfys://user:hunter22@ntfy.example.org/secret-topic"


def preferences(app: Flask, name: str) -> NotificationPreference | None:
    with app.app_context(), reading() as session:
        return session.get(NotificationPreference, accounts.user_named(session, name).id)


def phone_of(app: Flask, name: str) -> tuple[str | None, bool]:
    with app.app_context(), reading() as session:
        found = accounts.user_named(session, name)
        return found.phone, found.phone_confirmed_at is not None


def test_channels_and_quiet_hours_are_saved_and_shown(app: Flask, staff: Person) -> None:
    before = staff.read(PAGE)
    assert before.count("checked") >= 3
    answer = staff.submit(PAGE, email="y", quiet_from="21:30", quiet_until="06:00")
    assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
    saved = preferences(app, "bob")
    assert saved is not None
    assert (saved.email, saved.sms, saved.chat) == (True, False, False)
    page = staff.read(PAGE)
    assert ('value="21:30' in page, 'value="06:00' in page) == (True, True)
    assert "Your notification settings were saved." in page
    assert staff.submit(PAGE, email="y", sms="y").status_code == 303
    saved = preferences(app, "bob")
    assert saved is not None
    assert (saved.sms, saved.quiet_from, saved.quiet_until) == (True, None, None)


def test_bad_quiet_hours_and_unknown_messages_are_refused(app: Flask, staff: Person) -> None:
    def refused(form: dict[str, str], field: str) -> None:
        answer = staff.submit(PAGE, email="y", **form)
        assert (answer.status_code, preferences(app, "bob")) == (400, None)
        assert field in errors_in(answer) or (field == "wanted" and "field-error" in text_of(answer)), errors_in(answer)

    check_all(
        [
            ({"quiet_from": "21:00"}, "quiet_until"),
            ({"quiet_until": "21:00"}, "quiet_from"),
            ({"quiet_from": "21:00", "quiet_until": "21:00"}, "quiet_until"),
            ({"quiet_from": "25:00", "quiet_until": "06:00"}, "quiet_from"),
            ({"quiet_from": "soon", "quiet_until": "06:00"}, "quiet_from"),
            ({"wanted": "no-such-message"}, "wanted"),
        ],
        refused,
    )


def test_chat_addresses_are_written_and_never_shown(app: Flask, admin: Person) -> None:
    assert admin.submit(f"{PAGE}/chat", addresses=SECRET).status_code == 303
    page = admin.read(PAGE)
    assert ("Your chat addresses are stored." in page, "Remove chat addresses" in page) == (True, True)
    saved = preferences(app, "ada")
    assert saved is not None
    shown = [page, saved.chat_urls, *(admin.read(f"/admin/data/notification_preferences/{of}") for of in ("", "details/?id=1"))]
    assert not [text for text in shown if "hunter22" in str(text) or "secret-topic" in str(text)]
    assert admin.submit(f"{PAGE}/chat/remove").status_code == 303
    saved = preferences(app, "ada")
    assert saved is not None
    assert saved.chat_urls is None
    assert "Your chat addresses are stored." not in admin.read(PAGE)
    assert [event.detail for event in recorded(app, LoginKind.CHANGED)][-2:] == ["chat addresses changed", "chat addresses removed"]


def test_bad_chat_addresses_are_refused_without_repeating_their_secrets(app: Flask, staff: Person) -> None:
    def refused(typed: str) -> None:
        answer = staff.submit(f"{PAGE}/chat", addresses=typed)
        assert answer.status_code == 400
        assert errors_in(answer)["addresses"]
        assert preferences(app, "bob") is None or preferences(app, "bob").chat_urls is None  # type: ignore[union-attr]
        assert "hunter22" not in str(errors_in(answer))

    check_all(
        ["", " \n ", "hello", "file:///etc/passwd", "json://localhost/hunter22", "ntfy://127.0.0.1/hunter22", "syslog://", "x" * 5_000],
        refused,
    )


def test_a_phone_number_is_entered_confirmed_and_removed(app: Flask, staff: Person) -> None:
    answer = staff.submit(f"{PAGE}/phone", phone="+1 (202) 555-0123")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PAGE}#your-phone")
    (sent,) = stored_messages(app)
    assert (sent.address, sent.event) == (NUMBER, "phone-code")
    code = code_sent(app)
    page = staff.read(PAGE)
    assert (f"to {NUMBER}" in page, code in page, 'autocomplete="one-time-code"' in page) == (True, False, True)
    assert phone_of(app, "bob") == (None, False)
    wrong = staff.submit(f"{PAGE}/phone/confirm", code=f"{(int(code) + 1) % 1_000_000:06}")
    assert (wrong.status_code, errors_in(wrong)) == (400, {"code": "This is not the code. You have 4 attempts left."})
    assert staff.submit(f"{PAGE}/phone/confirm", code=f"{code[:3]} {code[3:]}").status_code == 303
    assert phone_of(app, "bob") == (NUMBER, True)
    assert "Confirmed" in staff.read(PAGE)
    assert staff.submit(f"{PAGE}/phone/remove").status_code == 303
    assert phone_of(app, "bob") == (None, False)
    details = [event.detail for event in recorded(app, LoginKind.CHANGED)]
    assert details[-2:] == ["phone number ending in 0123 confirmed", "phone number ending in 0123 removed"]


def test_bad_numbers_are_refused_and_nothing_is_sent(app: Flask, staff: Person) -> None:
    def refused(typed: str) -> None:
        answer = staff.submit(f"{PAGE}/phone", phone=typed)
        assert (answer.status_code, list(errors_in(answer))) == (400, ["phone"])
        assert stored_messages(app) == []

    check_all(["", "  ", "202 555 0123", "12025550123", "+1 202 555", "+1", "+99912345678", "hello", "+" + "1" * 39, "1" * 500], refused)


def test_codes_run_out_on_the_page(app: Flask, staff: Person) -> None:
    assert errors_in(staff.submit(f"{PAGE}/phone/confirm", code="123456"))["code"].startswith("There is no code to enter")
    assert errors_in(staff.submit(f"{PAGE}/phone/confirm", code="12345")) == {"code": "Enter the 6 digits of the code in the text message."}
    staff.submit(f"{PAGE}/phone", phone=NUMBER)
    again = staff.submit(f"{PAGE}/phone", phone=NUMBER)
    assert (again.status_code, errors_in(again)) == (429, {"": "Too many codes were requested. Wait 30 seconds, then request one again."})
    bad = f"{(int(code_sent(app)) + 1) % 1_000_000:06}"
    for _ in range(5):
        last = staff.submit(f"{PAGE}/phone/confirm", code=bad)
    assert errors_in(last) == {"code": "You entered a wrong code five times. Request a new code."}
    assert staff.submit(f"{PAGE}/phone/confirm", code=code_sent(app)).status_code == 400
    assert phone_of(app, "bob") == (None, False)


def test_a_shared_number_is_confirmed_but_not_silently(app: Flask, staff: Person) -> None:
    user(app, "staff", "carol", email="carol@example.org", phone=NUMBER, phone_confirmed_at=utc_now())
    before = staff.submit(f"{PAGE}/phone", phone=NUMBER)
    assert before.status_code == 303
    assert "another account" not in staff.read(PAGE)  # nobody learns it before they have read the code
    staff.submit(f"{PAGE}/phone/confirm", code=code_sent(app))
    assert "This number is also confirmed for another account" in staff.read(PAGE)
    told = [message for message in stored_messages(app) if message.event == SHARED.name]
    assert [message.values for message in told] == [{"name": "bob", "ending": "0123"}]
    assert "its phone number was also confirmed by bob" in [event.detail for event in recorded(app, LoginKind.CHANGED)]
    assert (phone_of(app, "bob"), phone_of(app, "carol")) == ((NUMBER, True), (NUMBER, True))


def test_students_choose_email_only(app: Flask) -> None:
    student = Person(app, user(app, "student", "sam"))
    page = student.read(PAGE)
    assert ("Email" in page, "Phone number" in page, "Chat addresses" in page) == (True, False, False)
    for path in ("/phone", "/phone/confirm", "/phone/remove", "/chat", "/chat/remove"):
        assert student.submit(f"{PAGE}{path}", phone=NUMBER, code="123456", addresses=SECRET).status_code == 403
    student.submit(PAGE, email="y", sms="y", chat="y")
    assert stored_messages(app) == []
