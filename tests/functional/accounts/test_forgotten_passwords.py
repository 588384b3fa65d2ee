"""“Forgot your password?”, and password links by email."""

import time
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event, func, select
from werkzeug.test import TestResponse

from request_tracker_utils.accounts import links, service
from request_tracker_utils.accounts.access_tokens import TokenService
from request_tracker_utils.accounts.current import messages
from request_tracker_utils.accounts.models import LoginKind, OneTimeLink
from request_tracker_utils.accounts.recovery import MAX_ACCOUNTS, SEND_REQUESTED_LINKS
from request_tracker_utils.accounts.throttling import NETWORK
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.db import db, reading, run_after_commit, transaction
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.web.registry import registry_of
from tests.functional.accounts.records import account, made, recorded
from tests.services.apps import PASSWORD, run_job, user
from tests.services.people import HOME, Person, errors_in, text_of
from tests.services.recorded_messages import RecordingMessenger
from tests.services.terminal import Run

CHOSEN = "tulips on the moon"
STRANGER = "198.51.100.66"


@pytest.fixture
def bob(app: Flask) -> str:
    return user(app, "staff", "bob", email="bob@example.org")


def asked(app: Flask, typed: str, *, address: str = HOME) -> TestResponse:
    return Person(app, address=address).submit("/forgot-password", account=typed)


def sent(app: Flask) -> int:
    return run_job(app, SEND_REQUESTED_LINKS)


def test_the_owner_gets_a_link_and_signs_in_with_a_new_password(app: Flask, bob: str, mailbox: RecordingMessenger) -> None:
    person = Person(app)
    assert "/forgot-password" in person.read("/sign-in")
    answer = person.submit("/forgot-password", account=" Bob ")
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    assert "is on its way" in text_of(person.get("/sign-in"))
    assert sent(app) == 1
    message = mailbox.rendered()
    assert message is not None
    assert (message.to, message.subject) == ("bob@example.org", "Choose a password for the account bob")
    assert "If you did not ask for it" in message.text
    assert mailbox.link() in message.html
    assert person.choose_password(mailbox.link(), CHOSEN).status_code == 303
    assert person.is_signed_in()
    assert Person(app, "bob", password=CHOSEN).is_signed_in()
    assert Person(app).submit("/sign-in", name="bob", password=PASSWORD).status_code == 400
    assert mailbox.rendered() is None, "a message with a used link is not sent any more"


def test_the_answer_is_the_same_for_everybody_and_only_owners_get_a_message(app: Flask, bob: str, mailbox: RecordingMessenger) -> None:
    user(app, "staff", "without")
    user(app, "staff", "gone", email="gone@example.org", active=False)
    typed = ["bob", "nobody", "without", "gone", "nobody@example.org", "gone@example.org", "BOB@example.org", "' OR '1'='1", "%", "é\u202e"]
    answers = []
    for text in typed:
        person = Person(app)
        answer = person.submit("/forgot-password", account=text)
        answers.append((answer.status_code, answer.location, "is on its way" in text_of(person.get("/sign-in"))))
    assert set(answers) == {(303, "/sign-in", True)}
    sent(app)
    assert [message.to for message in mailbox.written] == ["bob@example.org", "bob@example.org"]
    for empty in ("", "   ", "x" * 255):
        answer = Person(app).submit("/forgot-password", account=empty)
        assert (answer.status_code, list(errors_in(answer))) == (400, ["account"])


def test_it_does_the_same_work_for_every_name(app: Flask, bob: str, mailbox: RecordingMessenger) -> None:
    statements: dict[str, list[str]] = {}
    with app.app_context():
        engine = db.engine
    for name in ("bob", "nobody", "bob@example.org", "nobody@example.org"):
        person, seen = Person(app), list[str]()
        person.get("/forgot-password")
        token = person._form_token()

        def note(_connection: object, _cursor: object, statement: str, *_: object, into: list[str] = seen) -> None:
            into.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        person.post("/forgot-password", data={"csrf_token": token, "account": name})
        event.remove(engine, "before_cursor_execute", note)
        statements[name] = seen
    assert len({tuple(each) for each in statements.values()}) == 1
    assert any("INSERT INTO one_time_links" in statement for statement in statements["nobody"])


def test_it_takes_the_same_time_for_every_name(app: Flask, bob: str, mailbox: RecordingMessenger) -> None:
    times: dict[str, list[float]] = {"bob": [], "nobody": []}
    for n in range(-1, 9):
        for name, taken in times.items():
            person = Person(app, address=f"192.0.2.{n + 2}")
            token = person._form_token()
            begun = time.perf_counter()
            person.post("/forgot-password", data={"csrf_token": token, "account": name})
            taken.append(time.perf_counter() - begun)
    known, unknown = (median(some[1:]) for some in times.values())
    assert 0.6 < known / unknown < 1.67


def test_an_address_of_several_accounts_gets_a_link_for_each(app: Flask, bob: str, mailbox: RecordingMessenger) -> None:
    for n in range(MAX_ACCOUNTS + 2):
        user(app, "user", f"bob{n}", email="Bob@Example.org")
    asked(app, "bob@example.org")
    sent(app)
    assert [message.values["name"] for message in mailbox.written] == ["bob", *(f"bob{n}" for n in range(MAX_ACCOUNTS - 1))]


def test_an_account_named_like_somebodys_address_does_not_keep_the_link_from_them(
    app: Flask, bob: str, mailbox: RecordingMessenger
) -> None:
    user(app, "user", "bob@example.org", email="mallory@example.org")
    asked(app, "Bob@example.org")
    sent(app)
    assert [(message.to, message.values["name"]) for message in mailbox.written] == [
        ("mallory@example.org", "bob@example.org"),
        ("bob@example.org", "bob"),
    ]
    user(app, "user", "ada@example.org", email="Ada@Example.org")
    asked(app, "ada@example.org")
    sent(app)
    assert [message.to for message in mailbox.written[2:]] == ["Ada@Example.org"]


def test_the_job_runs_soon_after_the_request(app: Flask, bob: str, mailbox: RecordingMessenger) -> None:
    queued: list[str] = []
    with app.app_context():
        run_after_commit(db.engine, lambda job, _after: queued.append(job))
    asked(app, "bob")
    assert queued == [SEND_REQUESTED_LINKS]


def test_requests_leave_nothing_behind_and_names_that_nobody_has_are_not_stored(app: Flask, bob: str, mailbox: RecordingMessenger) -> None:
    for name in ("bob", "my secret password", "nobody@example.org"):
        asked(app, name)
    assert sent(app) == 3
    assert sent(app) == 0
    with app.app_context(), reading() as session:
        assert session.scalar(select(func.count()).select_from(OneTimeLink)) == 1
    events = recorded(app, LoginKind.LINK_REQUESTED)
    assert [kept.name for kept in events] == ["bob", None, None]
    assert "secret" not in str([vars(kept) for kept in events])


def test_strangers_cannot_end_the_owners_link_or_fill_the_mailbox(app: Flask, bob: str, mailbox: RecordingMessenger) -> None:
    asked(app, "bob")
    sent(app)
    for n in range(links.MAX_RESETS + 5):
        asked(app, "bob", address=f"198.51.100.{n}")
        sent(app)
    assert len(mailbox.written) == links.MAX_RESETS
    assert [mailbox.rendered(n) is not None for n in range(links.MAX_RESETS)] == [True] * links.MAX_RESETS
    assert Person(app).choose_password(mailbox.link(0), CHOSEN).status_code == 303
    for n in range(links.MAX_RESETS):
        assert mailbox.rendered(n) is None, "one that was used ends all"
    with time_machine.travel(datetime.now(UTC) + timedelta(days=1, minutes=1)):
        asked(app, "bob")
        sent(app)
        assert len(mailbox.written) == links.MAX_RESETS + 1


def test_a_network_that_asks_a_lot_waits_whatever_it_asks_for(
    app: Flask, bob: str, mailbox: RecordingMessenger, clock: time_machine.Traveller
) -> None:
    for n in range(NETWORK.free):
        assert asked(app, f"name{n}", address=STRANGER).status_code == 303
    answers = [asked(app, name, address=STRANGER) for name in ("bob", "nobody")]
    assert [(answer.status_code, answer.headers["Retry-After"]) for answer in answers] == [(429, "1")] * 2
    assert asked(app, "bob").status_code == 303
    assert Person(app, "bob", address=STRANGER).is_signed_in(), "signing in is counted by itself"
    clock.shift(1.1)
    assert asked(app, "bob", address=STRANGER).status_code == 303


def test_a_link_expires_and_an_old_request_is_not_answered(app: Flask, bob: str, mailbox: RecordingMessenger) -> None:
    now = datetime.now(UTC)
    asked(app, "bob")
    sent(app)
    link = mailbox.link()
    with time_machine.travel(now + timedelta(days=1, minutes=1)):
        assert Person(app).get(link).status_code == 404
        assert mailbox.rendered() is None
    asked(app, "bob")
    with time_machine.travel(now + timedelta(hours=2)):
        assert sent(app) == 1
    assert len(mailbox.written) == 1


def test_a_deactivated_account_cannot_use_its_link(app: Flask, bob: str, mailbox: RecordingMessenger) -> None:
    asked(app, "bob")
    sent(app)
    link = mailbox.link()
    with app.app_context(), transaction() as session:
        service.deactivate(session, service.user_named(session, "bob"), actor=of_command(), now=datetime.now(UTC))
    assert Person(app).get(link).status_code == 404
    assert mailbox.rendered() is None


def test_no_table_contains_the_key_and_it_is_the_same_each_time(app: Flask, bob: str, mailbox: RecordingMessenger) -> None:
    asked(app, "bob")
    sent(app)
    key = mailbox.link().rsplit("/", 1)[1]
    assert mailbox.rendered() == mailbox.rendered()
    with app.app_context(), reading() as session:
        rows = [str(session.connection().exec_driver_sql(f"SELECT * FROM {table}").all()) for table in ("one_time_links", "login_events")]
    assert key not in str(rows) + str(mailbox.written)


def test_a_new_key_of_the_installation_keeps_links_that_the_former_one_computes(app: Flask, bob: str, mailbox: RecordingMessenger) -> None:
    first, second = "1" * 40, "2" * 40
    registry_of(app).provide(TokenService, TokenService([first], lifetime=timedelta(hours=1)))
    asked(app, "bob")
    sent(app)
    link = mailbox.link()
    registry_of(app).provide(TokenService, TokenService([second, first], lifetime=timedelta(hours=1)))
    assert mailbox.link() == link
    registry_of(app).provide(TokenService, TokenService([second], lifetime=timedelta(hours=1)))
    assert mailbox.rendered() is None
    assert Person(app).get(link).status_code == 200, "a link that has arrived goes on working"


def test_an_id_that_is_assigned_again_has_another_key(app: Flask, bob: str, mailbox: RecordingMessenger) -> None:
    asked(app, "bob")
    sent(app)
    former = mailbox.link()
    with app.app_context(), transaction() as session:
        link_id = session.scalars(select(OneTimeLink.id)).one()
        session.delete(session.get_one(OneTimeLink, link_id))
    with app.app_context(), transaction() as session:
        now = datetime.now(UTC)
        session.add(
            OneTimeLink(
                id=link_id,
                purpose=links.RESET,
                user_id=account(app, "bob").id,
                key_hash="x",
                created_at=now,
                expires_at=now + timedelta(hours=1),
            )
        )
    assert mailbox.rendered() is None
    assert Person(app).get(former).status_code == 404


def test_without_a_messenger_the_page_says_whom_to_ask(app: Flask, bob: str) -> None:
    registry_of(app)._provided.pop(Messenger, None)
    assert "cannot send email" in Person(app).read("/forgot-password")
    assert asked(app, "bob").status_code == 200
    assert not recorded(app, LoginKind.LINK_REQUESTED)


def test_an_administrator_emails_a_password_link(app: Flask, admin: Person, bob: str, mailbox: RecordingMessenger) -> None:
    page = f"/admin/people/{account(app, 'bob').id}"
    assert "Email password link" in admin.read(page)
    shown = admin.submit(f"{page}/password-link")
    answer = admin.submit(f"{page}/password-link", send="email")
    assert (answer.status_code, answer.location) == (303, page)
    assert "on its way to bob@example.org" in admin.read(page)
    (message,) = mailbox.written
    assert (message.kind, message.actor.name) == (messages.PASSWORD_LINK, "ada")
    rendered = mailbox.rendered()
    assert rendered is not None
    assert "Your IT office sends you" in rendered.text
    assert Person(app).get(text_of(shown).split('id="link-text">', 1)[1].split("<", 1)[0]).status_code == 404, "earlier ones stop working"
    assert Person(app).choose_password(mailbox.link(), CHOSEN).status_code == 303
    assert "password link sent by ada" in [kept.detail for kept in recorded(app, LoginKind.CHANGED)]


def test_what_cannot_be_emailed_says_why_and_creates_nothing(
    app: Flask, admin: Person, bob: str, mailbox: RecordingMessenger, run: Run
) -> None:
    without = made(app, "staff", "without")
    assert "Email password link" not in admin.read(f"/admin/people/{without}")
    answer = admin.submit(f"/admin/people/{without}/password-link", send="email")
    assert (answer.status_code, "has no email address" in text_of(answer)) == (409, True)
    mailbox.reachable = False
    answer = admin.submit(f"/admin/people/{account(app, 'bob').id}/password-link", send="email")
    assert (answer.status_code, "Email cannot be sent to bob" in text_of(answer)) == (409, True)
    assert not mailbox.written
    with app.app_context(), reading() as session:
        assert session.scalar(select(func.count()).select_from(OneTimeLink)) == 0


def test_names_in_messages_are_text(app: Flask, mailbox: RecordingMessenger) -> None:
    """Names have a form of their own; whoever sent an invitation may be called anything in Request Tracker."""
    with app.app_context(), transaction() as session:
        link, _ = links.invite(
            session, role="staff", email="x@example.org", created_by="<b>ada</b>\r\nBcc: y", keys=messages.keys, now=datetime.now(UTC)
        )
        messages.send_invitation(session, link, actor=of_command())
    message = mailbox.rendered()
    assert message is not None
    assert "<b>" not in message.html
    assert "\n" not in message.subject
