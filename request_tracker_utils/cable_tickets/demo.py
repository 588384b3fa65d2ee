"""Sample tickets: a history of two months, tickets in each status, comments, and the messages about them, none of which is ever sent."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts import demo as demo_accounts
from request_tracker_utils.cable_tickets import archiving, creating, editing
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.creating import Draft
from request_tracker_utils.cable_tickets.fields import Item
from request_tracker_utils.cable_tickets.models import Ticket
from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.cable_tickets.steps import move
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Reading, Transaction
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.reorder import ReorderAlerts
from request_tracker_utils.notifications.models import Notification, NotificationStatus

HISTORY, HISTORY_DAYS = 40, 55
COMMON = [("Cat6", "3 ft"), ("Cat6", "7 ft")]
"""There is enough of these in the sample stock."""
PLACES = ("Room 12", "Room 104", "Library", "Gym", "MDF, High School", "IDF 2, Elementary")
STAFF, TEACHER, OFFICE = "demo-staff", "demo-teacher", "demo-user"
MESSAGES = (
    *[NotificationStatus.DELIVERED] * 3,
    *(NotificationStatus.SENT, NotificationStatus.FAILED, NotificationStatus.DELIVERED, NotificationStatus.UNCERTAIN),
    *(NotificationStatus.QUEUED, NotificationStatus.SENDING, NotificationStatus.CANCELED),
)
"""One after another."""
PROBLEMS = {
    NotificationStatus.FAILED: "550 5.1.1 The email account does not exist",
    NotificationStatus.UNCERTAIN: "The mail server did not answer",
    NotificationStatus.CANCELED: "The message was no longer needed when it was to be sent.",
}
GIVEN = {NotificationStatus.SENT, NotificationStatus.DELIVERED, NotificationStatus.UNCERTAIN}

Action = Callable[[Change, Ticket], object]


@dataclass(frozen=True)
class _Plan:
    """A request some hours ago, and the steps that people take some hours after it."""

    ago: float
    by: str
    items: list[Item]
    steps: list[tuple[float, str, Action]] = field(default_factory=list)
    fields: Mapping[str, Any] = field(default_factory=dict)


def is_empty(reading: Reading) -> bool:
    with reading() as session:
        return not session.scalar(select(exists().select_from(Ticket)))


def fill(transaction: Transaction, *, grants: Mapping[str, frozenset[Any]], messenger: Messenger | None, now: datetime) -> int:
    """Returns the number of tickets. Uses the demo accounts, which are created if they do not exist, and the sample stock."""
    with transaction() as session:
        people = demo_accounts.add_people(session, now=now)
        session.flush()
        actors = {name: Actor(name, grants.get(user.role, frozenset()), user.id, user.role) for name, user in people.items()}
        for user in people.values():
            user.email = user.email or f"{user.name}@example.org"
        _carry_out(session, [*_history(), *_present()], actors, messenger, now)
        _settle_messages(session)
        return session.scalar(select(func.count()).select_from(Ticket)) or 0


def _carry_out(session: Session, plans: list[_Plan], actors: Mapping[str, Actor], messenger: Messenger | None, now: datetime) -> None:
    """In the order of time, so that the ledger of the stock is in that order too."""
    tickets: dict[int, int] = {}

    def create(number: int, plan: _Plan) -> Callable[[Change], None]:
        approver = actors[STAFF if plan.by != STAFF else OFFICE].user_id
        draft = Draft(plan.items, approver, **plan.fields)
        return lambda change: tickets.update({number: creating.create(change, draft).id})

    def take(number: int, action: Action) -> Callable[[Change], object]:
        return lambda change: action(change, change.locked(tickets[number], archived=True))

    events: list[tuple[datetime, int, int, str, Callable[[Change], object]]] = []
    for number, plan in enumerate(plans):
        at = now - timedelta(hours=plan.ago)
        events.append((at, number, 0, plan.by, create(number, plan)))
        events += [
            (at + timedelta(hours=hours), number, place, by, take(number, action))
            for place, (hours, by, action) in enumerate(plan.steps, 1)
        ]
    for at, _number, _place, by, do in sorted(events, key=lambda event: event[:3]):
        do(Change(session, actors[by], at, ReorderAlerts(), messenger))


def _to(status: TicketStatus, reason: str = "") -> Action:
    return lambda change, ticket: move(change, ticket, status, reason=reason)


def _says(text: str) -> Action:
    return lambda change, ticket: editing.comment(change, ticket, text)


APPROVE, BEGIN, FULFILL = _to(TicketStatus.APPROVED), _to(TicketStatus.IN_PROGRESS), _to(TicketStatus.FULFILLED)
CLOSE = _to(TicketStatus.CLOSED)


def _history() -> list[_Plan]:
    """Tickets that were fulfilled and closed, sooner or later."""
    rng, plans = random.Random(5), []  # noqa: S311 — the same data each time
    for number in range(HISTORY):
        ago = 24 * (HISTORY_DAYS - number * (HISTORY_DAYS - 4) / HISTORY)
        approved = rng.choice([0.2, 0.6, 2, 5, 20, 30])
        begun = approved + rng.choice([0.5, 3, 18])
        fulfilled = begun + rng.choice([0.3, 1, 6, 24])
        kind, length = rng.choice(COMMON)
        steps: list[tuple[float, str, Action]] = [(approved, STAFF, APPROVE), (begun, STAFF, BEGIN), (fulfilled, STAFF, FULFILL)]
        if number % 4:
            steps.append((fulfilled + 20, STAFF, CLOSE))
        asked = {"location": rng.choice(PLACES), "priority": rng.choice(["low", "medium", "medium", "high"])}
        plans.append(_Plan(ago, rng.choice([TEACHER, OFFICE]), [Item(kind, length, "", rng.randint(1, 2))], steps, asked))
    return plans


def _present() -> list[_Plan]:
    """Tickets in each status, of which some wait for too long, wait for cable, or were refused."""
    cat6, cat6a, hundred = Item("Cat6", "3 ft", "", 4), Item("Cat6A", "7 ft", "23 AWG", 2), Item("Cat6", "100 ft", "23 AWG", 1)
    scarce = Item("OS2 LC-SC", "10 m", "", 3)
    rejected = _to(TicketStatus.REJECTED, _("Take the spare ones in the MDF first."))
    short = _to(TicketStatus.CLOSED, _("Solved with wireless."))
    return [
        _Plan(1, TEACHER, [hundred], [], {"location": "Room 12", "priority": "high", "notes": _("For the new projector.")}),
        _Plan(30, OFFICE, [cat6, cat6a], [(2, STAFF, _says(_("For which desks?")))], {"location": "Library"}),
        _Plan(24 * 9, TEACHER, [Item("HDMI", "6 ft")], [], {"location": "Gym"}),
        _Plan(5, STAFF, [cat6], [], {"location": "MDF, High School"}),
        _Plan(28, TEACHER, [cat6a], [(1, STAFF, APPROVE)], {"location": "Room 104"}),
        _Plan(50, OFFICE, [cat6, scarce], [(4, STAFF, APPROVE)], {"location": "IDF 2, Elementary", "priority": "high"}),
        _Plan(24 * 11, TEACHER, [scarce], [(24, STAFF, APPROVE)], {"location": "IDF 2, Elementary", "priority": "low"}),
        _Plan(72, OFFICE, [hundred, cat6], [(3, STAFF, APPROVE), (20, STAFF, BEGIN)], {"location": "Room 12"}),
        _Plan(60, TEACHER, [cat6], [(2, STAFF, APPROVE), (8, STAFF, BEGIN), (9, STAFF, FULFILL)], {"location": "Library"}),
        _Plan(80, TEACHER, [Item("Cat6", "14 ft", "", 10)], [(5, STAFF, rejected)], {"location": "Gym"}),
        _Plan(24 * 6, OFFICE, [cat6], [(5, STAFF, rejected), (30, OFFICE, CLOSE)], {"location": "Gym"}),
        _Plan(24 * 8, OFFICE, [hundred], [(5, STAFF, APPROVE), (50, STAFF, short)], {"location": "Room 104"}),
        _Plan(40, TEACHER, [cat6], [(1, TEACHER, archiving.archive)], {"location": "Room 12", "notes": _("Requested twice.")}),
    ]


def _settle_messages(session: Session) -> None:
    """Gives the messages about tickets a status each. None of them is due, so none is sent, also those that seem to be queued."""
    messages = session.scalars(select(Notification).where(Notification.ticket_id.is_not(None)).order_by(Notification.id.desc()))
    for number, message in enumerate(messages):
        status = MESSAGES[number % len(MESSAGES)]
        message.status, message.due_at, message.error_message = status, None, PROBLEMS.get(status)
        if status is not NotificationStatus.QUEUED:
            message.provider, message.attempts = "smtp", 1
        if status in GIVEN:
            message.sent_at = message.created_at + timedelta(seconds=4)
