"""Tickets that nobody decides: a reminder, then the default approvers, each once; and substitutes of those who are absent by now."""

from datetime import timedelta

import pytest
from flask import Flask

from request_tracker_utils.cable_tickets import reminders
from request_tracker_utils.cable_tickets.models import Ticket
from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.cable_tickets.steps import step
from request_tracker_utils.core.db import reading
from tests.services.approving import NOW, absent, asked, changed, changing, events, requested, ticket
from tests.services.apps import user
from tests.services.messages import stored_messages

pytestmark = pytest.mark.usefixtures("inside")
DAY = timedelta(days=1)
DEFAULTS = ("linus",)


@pytest.fixture(autouse=True)
def people(app: Flask) -> None:
    for name in ("ada", "grace", "linus", "bob"):
        user(app, "staff", name, email=f"{name}@example.org")
    user(app, "admin", "root")


def run_at(after: timedelta) -> int:
    """What the job does."""
    now = NOW + after
    with reading() as session:
        due = reminders.due(session, pause=DAY, now=now)
        absent_ones = reminders.without_substitute(session, today=now.date())
    count = 0
    for number in dict.fromkeys([*due, *absent_ones]):
        with changing("root", now=now, default_approvers=DEFAULTS) as change:
            count += reminders.remind(change, number, pause=DAY)
    return count


def sent(app: Flask) -> list[tuple[str, str]]:
    return [(row.event, row.address.partition("@")[0]) for row in stored_messages(app)]


def test_a_reminder_then_the_default_approvers_once_each(app: Flask) -> None:
    number = requested(to="grace")
    assert sent(app) == [("ticket-approval", "grace")]
    assert run_at(DAY - timedelta(minutes=1)) == 0
    assert run_at(DAY) == 1
    assert sent(app)[1:] == [("ticket-reminder", "grace")]
    assert run_at(DAY) == run_at(2 * DAY - timedelta(minutes=1)) == 0
    assert run_at(2 * DAY) == 1
    assert sent(app)[2:] == [("ticket-approval", "linus")], "grace has a request of this revision already"
    assert asked(number) == {"grace": "", "linus": ""}
    assert run_at(30 * DAY) == 0
    assert [name for name, _who in events(number)] == ["created", "reminded", "escalated"]


def test_a_clock_that_was_set_back_delays_no_reminder() -> None:
    requested(to="grace", now=NOW + timedelta(days=400))
    assert run_at(timedelta()) == 1


def test_what_is_decided_is_not_reminded(app: Flask) -> None:
    number = requested(to="grace")
    with changing("grace") as change:
        step(change, change.locked(number), TicketStatus.APPROVED)
    assert ticket(number).waiting_since is None
    assert run_at(3 * DAY) == 0
    other = requested(to="grace")
    with reading() as session:
        assert other in reminders.due(session, pause=DAY, now=NOW + DAY)
    with changing("grace") as change:
        step(change, change.locked(other), TicketStatus.APPROVED)
    with changing("root", now=NOW + DAY) as change:
        assert not reminders.remind(change, other, pause=DAY), "decided after it was found"


def test_without_other_approvers_it_goes_on_waiting() -> None:
    number = requested(to="linus")
    assert (run_at(DAY), run_at(2 * DAY), run_at(3 * DAY)) == (1, 1, 0)
    assert asked(number) == {"linus": ""}
    assert [name for name, _who in events(number)] == ["created", "reminded"]


def test_default_approvers_who_are_gone_are_the_administrators() -> None:
    changed("linus", active=False)
    number = requested(to="grace")
    run_at(DAY)
    run_at(2 * DAY)
    assert asked(number) == {"grace": "", "root": ""}


def test_a_substitute_is_asked_when_the_absence_begins(app: Flask) -> None:
    number = requested(to="grace")
    absent("grace", "bob", NOW.date() + DAY, NOW.date() + 3 * DAY)
    assert run_at(DAY / 12) == 0
    assert run_at(DAY) == 1
    assert asked(number) == {"grace": "", "bob": "grace"}
    assert ("ticket-approval", "bob") in sent(app)
    assert [name for name, _who in events(number)] == ["created", "substituted", "reminded"]
    assert run_at(DAY) == 0, "once"
    with reading() as session:
        assert reminders.due(session, pause=DAY, now=NOW + DAY) == []
        assert reminders.without_substitute(session, today=NOW.date() + DAY) == []
        assert session.get_one(Ticket, number).reminders == 1


def test_a_substitute_who_becomes_absent_too_is_represented(app: Flask) -> None:
    """Soon, and not only with the reminder."""
    user(app, "staff", "carol")
    absent("grace", "bob", NOW.date(), NOW.date() + 3 * DAY)
    number = requested(to="grace")
    assert asked(number) == {"grace": "", "bob": "grace"}
    absent("bob", "carol", NOW.date(), NOW.date() + 3 * DAY)
    assert run_at(DAY / 12) == 1
    assert asked(number) == {"grace": "", "bob": "grace", "carol": "grace"}
    assert run_at(DAY / 12) == 0


def test_what_the_creator_would_decide_for_somebody_else_is_not_theirs() -> None:
    number = requested("bob", "grace")
    absent("grace", "bob")
    assert run_at(timedelta()) == 0
    assert asked(number) == {"grace": ""}


def test_tickets_that_nobody_can_represent_keep_no_others_waiting() -> None:
    """However many they are."""
    stuck = [requested("bob", "grace"), requested("bob", "grace")]
    waiting = requested("ada", "grace")
    absent("grace", "bob")
    found, after_id = list[int](), 0
    with reading() as session:
        while part := reminders.without_substitute(session, today=NOW.date(), after_id=after_id, limit=1):
            found += part
            after_id = part[-1]
    assert found == [*stuck, waiting]
