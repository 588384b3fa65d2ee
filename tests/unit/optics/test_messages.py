"""What the messages about optics requests say, and who gets them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flask import Flask
from sqlalchemy import text

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.messages import Channel, Recipient
from request_tracker_utils.inventory.stock import MAX_NOTES
from request_tracker_utils.notifications.rendering import LONGEST_SMS, Renderer, septets
from request_tracker_utils.optics import service
from request_tracker_utils.optics.messages import OPTICS_DECIDED, OPTICS_REQUESTED, OpticsMessages
from request_tracker_utils.optics.models import MAX_NAME, MAX_OTHER, OTHER
from request_tracker_utils.optics.service import NewRequest, OpticsAction
from tests.services.apps import user
from tests.services.stocking import Sent

ADDRESS = "https://rtutils.example.org"
VALUES: dict[str, str | int] = {
    "id": 12,
    "part": "QSFP <b>",
    "quantity": 2,
    "requester": "Grace <i>Hopper</i>",
    "decision": "denied",
    "decided_by": "ada",
    "note": "The switch has\nno <u>100G</u> port.",
}
LONGEST = VALUES | {
    "part": "x" * MAX_OTHER,
    "requester": "y" * MAX_NAME,
    "note": "🔌" * 10 * MAX_NOTES,
    "quantity": 1_000_000,
    "decided_by": "z" * 100,
}


def test_texts_say_what_is_requested_and_decided() -> None:
    renderer = Renderer(address=ADDRESS, zone=ZoneInfo("UTC"))
    asked = renderer.render(OPTICS_REQUESTED, Channel.EMAIL, VALUES, to="a@example.org")
    assert asked.subject == "Optics request: 2 × QSFP <b>"
    for written in (asked.text, asked.html):
        assert "requests optics." in written
        assert f"{ADDRESS}/optics/requests/12" in written
    denied = renderer.render(OPTICS_DECIDED, Channel.EMAIL, VALUES, to="a@example.org")
    approved = renderer.render(OPTICS_DECIDED, Channel.EMAIL, VALUES | {"decision": "approved", "note": ""}, to="a@example.org")
    assert (denied.subject, approved.subject) == ("Denied: 2 × QSFP <b>", "Approved: 2 × QSFP <b>")
    assert "ada denied your optics request." in denied.text
    assert "ada approved your optics request." in approved.text
    assert "The switch has\nno <u>100G</u> port." in denied.text
    for message in (asked, denied):
        assert "QSFP &lt;b&gt;" in message.html
        assert not any(mark in message.html for mark in ("<b>", "<i>", "<u>"))


def test_short_texts_fit_and_keep_the_address() -> None:
    renderer = Renderer(address=ADDRESS, zone=ZoneInfo("UTC"))
    for kind in (OPTICS_REQUESTED, OPTICS_DECIDED):
        for values in (VALUES, LONGEST):
            short = renderer.render(kind, Channel.SMS, values, to="+12025551234").text
            assert f"{ADDRESS}/optics/requests/12" in short
            assert septets(short) <= LONGEST_SMS
            assert renderer.render(kind, Channel.EMAIL, values, to="a@example.org").subject


def test_alerts_go_to_the_addresses_or_all_active_administrators_and_decisions_to_the_requester(app: Flask) -> None:
    for role, name in (("admin", "ada"), ("admin", "left"), ("admin", "grace"), ("staff", "bob"), ("teacher", "tom")):
        user(app, role, name)
    with app.app_context():
        with transaction() as session:
            session.execute(text("UPDATE users SET active = :no WHERE name = 'left'"), {"no": False})
            ids = {name: user_id for user_id, name in session.execute(text("SELECT id, name FROM users")).all()}
        tom, now = Actor("tom", user_id=ids["tom"]), datetime(2026, 3, 2, 8, tzinfo=UTC)
        by_setting, by_role = Sent(), Sent()
        with transaction() as session:
            setting = OpticsMessages(by_setting, ("a@example.org", "b@example.org"))
            service.create(session, NewRequest(OTHER, "LR4", 1), actor=tom, now=now, messages=setting)
            messages = OpticsMessages(by_role)
            request, _repeated = service.create(session, NewRequest(OTHER, "LR4", 1), actor=tom, now=now, messages=messages)
            service.decide(session, request.id, OpticsAction.DENY, note="No", actor=Actor("ada"), now=now, messages=messages)
            service.decide(session, request.id, OpticsAction.ARCHIVE, actor=Actor("ada"), now=now, messages=messages)
    ((_about, recipients, values),) = by_setting.messages
    assert [(each.address, each.channel) for each in recipients] == [("a@example.org", Channel.EMAIL), ("b@example.org", Channel.EMAIL)]
    assert (values["part"], values["quantity"], values["requester"]) == ("LR4", 1, "tom")
    (_, recipients, _), (about, told, values) = by_role.messages
    assert [each.user_id for each in recipients] == sorted([ids["ada"], ids["grace"]])
    assert (about, told) == (f"optics request {request.id} denied", [Recipient(user_id=ids["tom"])])
    assert (values["decision"], values["decided_by"], values["note"]) == ("denied", "ada", "No")


def test_without_an_account_or_messages_decisions_succeed(app: Flask) -> None:
    how = {"actor": Actor("command line"), "now": datetime(2026, 3, 2, 8, tzinfo=UTC)}
    with app.app_context():
        for messages in (OpticsMessages(), OpticsMessages(Sent())):
            with transaction() as session:
                request, _repeated = service.create(session, NewRequest(OTHER, "LR4", 1), messages=messages, **how)  # type: ignore[arg-type]
                decided = service.decide(session, request.id, OpticsAction.APPROVE, messages=messages, **how)  # type: ignore[arg-type]
                assert decided.status == "approved"
