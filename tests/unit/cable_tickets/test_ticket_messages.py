"""The recipients of messages about a ticket, and their text."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from request_tracker_utils.cable_tickets import approvers, messages
from request_tracker_utils.cable_tickets.current import MESSAGE_KINDS
from request_tracker_utils.cable_tickets.editing import comment, reassign
from request_tracker_utils.cable_tickets.fields import Item
from request_tracker_utils.cable_tickets.messages import NOTICES, Audience, notify
from request_tracker_utils.cable_tickets.models import Absence
from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.notifications.models import Notification
from request_tracker_utils.notifications.providers.interface import RenderedMessage
from request_tracker_utils.notifications.rendering import LONGEST_SMS, Renderer, septets
from tests.services.approving import CABLE, absent, changed, changing, id_of, path_to, requested
from tests.services.apps import user
from tests.services.messages import stored_messages
from tests.services.tables import check_all

pytestmark = pytest.mark.usefixtures("inside")
LONG_ADDRESS = "https://rtutils.information-technology.example-district.k12.example.org"


@pytest.fixture(autouse=True)
def people(app: Flask) -> None:
    for name in ("ada", "grace", "linus", "bob", "carol", "helper"):
        user(app, "staff", name, email=f"{name}@example.org")


def told_of(app: Flask, number: int, event: str, by: str, status: str, **values: int) -> tuple[str, list[str]]:
    """The kind of the messages about an event of a ticket with this status, and to whom they go."""
    before = len(stored_messages(app))
    with changing(by, now=utc_now()) as change:
        ticket = change.locked(number)
        ticket.status = status
        notify(change, ticket, event, **values)
    rows = stored_messages(app)[before:]
    kinds = {row.event for row in rows}
    assert len(kinds) <= 1
    return (kinds.pop() if kinds else "", sorted(row.address.partition("@")[0] for row in rows))


def test_the_table_of_notices(app: Flask) -> None:
    """ada asked, grace was asked with bob as her substitute, and carol has commented."""
    absent("grace", "bob", utc_now().date() - timedelta(days=1), utc_now().date() + timedelta(days=1))
    pending, approved = TicketStatus.PENDING_APPROVAL.value, TicketStatus.APPROVED.value
    expected = {
        "created": (pending, "ticket-approval", ["bob", "grace"]),
        "reassigned": (pending, "ticket-approval", ["bob", "grace"]),
        "edited": (pending, "ticket-approval", ["bob", "grace"]),
        "restored": (pending, "ticket-approval", ["bob", "grace"]),
        "pending_approval": (pending, "ticket-approval", ["bob", "grace"]),
        "substituted": (pending, "ticket-approval", ["bob", "grace"]),
        "escalated": (pending, "ticket-approval", ["bob", "grace"]),
        "reminded": (pending, "ticket-reminder", ["bob", "grace"]),
        "approved": (approved, "ticket-decision", ["ada"]),
        "rejected": ("rejected", "ticket-decision", ["ada"]),
        "fulfilled": ("fulfilled", "ticket-progress", ["ada"]),
        "closed": ("closed", "ticket-progress", ["ada"]),
        "stock_arrived": (approved, "ticket-stock", ["ada", "grace"]),
        "handed_over": (approved, "ticket-assignment", ["grace"]),
        "commented": (pending, "ticket-comment", ["ada", "bob", "carol", "grace"]),
    }
    assert set(expected) == set(NOTICES)
    assert {notice.audience for notice in NOTICES.values()} == set(Audience)
    nobody = {"in_progress", "archived", "purged", "partly_fulfilled", "returned", "unknown"}

    def check(event: str, status: str, kind: str, to: list[str]) -> None:
        number = requested(to="grace", now=utc_now())
        with changing("carol") as change:
            comment(change, change.locked(number), "When?")
        with changing("helper", now=utc_now()) as change:
            ticket = change.locked(number)
            ticket.revision += 1
            approvers.ask_again(change, ticket)
        assert told_of(app, number, event, "helper", status) == (kind, to)
        assert told_of(app, number, event, to[0], status)[1] in ([], to[1:]), "nobody gets a message about their own change"

    check_all([(event, *row) for event, row in expected.items()], check)
    number = requested(to="grace", now=utc_now())
    for event in nobody:
        assert told_of(app, number, event, "helper", approved) == ("", [])
    root = user(app, "admin", "root")
    linus = id_of("linus")
    with changing(root) as change:
        reassign(change, change.locked(number), linus)
    assert [(row.event, row.address) for row in stored_messages(app)[-1:]] == [("ticket-assignment", "linus@example.org")]


def test_repetitions_and_deactivated_accounts_get_nothing(app: Flask) -> None:
    number = requested(to="grace", now=utc_now())
    assert told_of(app, number, "created", "helper", "pending_approval") == ("", []), "they have this request"
    changed("ada", active=False)
    assert told_of(app, number, "approved", "grace", "approved") == ("", [])
    with changing("helper") as change:
        ticket = change.locked(number)
        ticket.created_by_id = None
        notify(change, ticket, "closed")
    assert len(stored_messages(app)) == 1


def rendered(row: Notification, channel: Channel, *, address: str = "https://rtutils.example.org") -> RenderedMessage | None:
    kind = next(kind for kind in MESSAGE_KINDS if kind.name == row.event)
    with reading() as session:
        values = kind.complete(session, row.values) if kind.complete else row.values
    renderer = Renderer(address=address, zone=ZoneInfo("UTC"))
    return None if values is None else renderer.render(kind, channel, values, to="x")


def test_a_request_carries_both_links_which_are_not_stored(app: Flask) -> None:
    number = requested("ada", "grace", CABLE, Item("Cat6", "50 ft", "23AWG", 3), now=utc_now(), location="Building A", notes="For the lab")
    row = stored_messages(app)[0]
    approve, reject = path_to(number, "grace"), path_to(number, "grace").replace("/approve/", "/reject/")
    token = approve.rpartition("/")[2]
    assert token not in repr([getattr(row, column.key) for column in Notification.__mapper__.columns])
    message = rendered(row, Channel.EMAIL)
    assert message is not None
    assert message.subject == f"ada requests cable (ticket {number})"
    for part in ("1 × Cat6 100 ft\n3 × Cat6 50 ft (23AWG)", "Location: Building A", "Notes: For the lab", approve, reject):
        assert part in message.text
    assert all(f'{path}"' in message.html for path in (approve, reject))
    assert message == rendered(row, Channel.EMAIL), "a repetition is the same message"
    sms = rendered(row, Channel.SMS)
    assert sms is not None
    assert approve in sms.text


def test_a_request_that_is_dead_is_not_sent_and_a_reminder_says_so(app: Flask) -> None:
    number = requested(to="grace", now=utc_now())
    with changing("helper", now=utc_now()) as change:
        notify(change, change.locked(number), "reminded")
    first, reminder = stored_messages(app)
    shown = rendered(reminder, Channel.EMAIL)
    assert shown is not None
    assert shown.subject.startswith("Reminder: ")
    with changing("helper", now=utc_now()) as change:
        ticket = change.locked(number)
        ticket.revision += 1
        approvers.ask_again(change, ticket)
    assert rendered(first, Channel.EMAIL) is rendered(reminder, Channel.SMS) is None


def test_text_messages_fit_two_segments(app: Flask) -> None:
    items = [Item("Cat6A outdoor rated, shielded", f"{number} ft") for number in range(1, 21)]
    long = {"location": "Büilding 🧵 " * 16, "notes": "é" * 9_000, "priority": "high", "needed_by": utc_now().date() + timedelta(days=90)}
    absent("grace", "bob", utc_now().date() - timedelta(days=1), utc_now().date() + timedelta(days=1))
    number = requested("ada", "grace", *items, now=utc_now(), **long)
    with changing("carol", now=utc_now()) as change:
        ticket = change.locked(number)
        for event in NOTICES:
            ticket.status = "pending_approval" if NOTICES[event].audience is Audience.APPROVERS else "closed"
            ticket.close_reason = "z" * 900
            notify(change, ticket, event, comment="c" * 9_000)
        ticket.status = "pending_approval"
        today = utc_now().date()
        absence = Absence(user_id=id_of("carol"), substitute_id=id_of("bob"), from_date=today, until_date=today)
        messages.notify_substitute(change, absence)
    rows = stored_messages(app)
    assert {row.event for row in rows} == {kind.name for kind in messages.KINDS}
    for row in rows:
        sms = rendered(row, Channel.SMS, address=LONG_ADDRESS)
        assert sms is not None
        assert septets(sms.text) <= LONGEST_SMS, sms.text
        assert "http" in sms.text
        assert not sms.text.endswith("..."), "the address is complete"


def test_html_in_notes_is_text(app: Flask) -> None:
    requested(to="grace", now=utc_now(), notes="<script>alert(1)</script> 🧵", location="<b>here</b>")
    message = rendered(stored_messages(app)[0], Channel.EMAIL)
    assert message is not None
    assert "<script>" not in message.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; 🧵" in message.html
    assert "<script>alert(1)</script> 🧵" in message.text
