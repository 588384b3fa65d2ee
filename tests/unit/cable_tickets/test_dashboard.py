"""The figures of the dashboard are what the tickets say, whatever happens to them."""

import random
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import User
from request_tracker_utils.cable_tickets import archiving, creating, dashboard, listing, tabs
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.creating import Draft, Item
from request_tracker_utils.cable_tickets.dashboard import AGES, Figures, Times, day_of
from request_tracker_utils.cable_tickets.editing import reassign
from request_tracker_utils.cable_tickets.listing import Mine, TicketFilter
from request_tracker_utils.cable_tickets.models import Ticket, TicketApprover, TicketTally
from request_tracker_utils.cable_tickets.states import EDITABLE, TicketStatus, open_steps
from request_tracker_utils.cable_tickets.steps import step
from request_tracker_utils.cable_tickets.tabs import Tab
from request_tracker_utils.cable_tickets.triggers import BOUNDS, WAITS
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.tallies import merge_shards
from request_tracker_utils.inventory.reorder import ReorderAlerts
from tests.services.approving import actor
from tests.services.apps import user
from tests.services.tables import check_all

NOW = datetime.fromisoformat("2026-03-02T08:00:00+00:00")
CAT6 = Item("Cat6", "100 ft")


@pytest.fixture
def people(inside: Flask) -> list[Actor]:
    """Two who ask, and an administrator who decides."""
    for name, role in (("ada", "user"), ("grace", "staff"), ("root", "admin")):
        user(inside, role, name)
    return [actor(name) for name in ("ada", "grace", "root")]


def change(session: Session, actor: Actor, now: datetime = NOW) -> Change:
    return Change(session, actor, now, ReorderAlerts())


def created(actor: Actor, *, assigned_to: Actor | None = None, now: datetime = NOW) -> int:
    with transaction() as session:
        return creating.create(change(session, actor, now), Draft([CAT6], assigned_to.user_id if assigned_to else None)).id


def stepped(ticket_id: int, actor: Actor, *steps: TicketStatus, now: datetime = NOW) -> None:
    for to in steps:
        with transaction() as session:
            made = change(session, actor, now)
            step(made, made.locked(ticket_id), to)


def archived(ticket_id: int, actor: Actor) -> None:
    with transaction() as session:
        made = change(session, actor)
        archiving.archive(made, made.locked(ticket_id))


def figures(actor: Actor, now: datetime = NOW) -> Figures:
    with reading() as session:
        return dashboard.figures(session, user_id=actor.user_id, now=now)


def miscounted() -> dict[tuple[str, int, str], int]:
    """What the counters say more than the tickets."""
    with reading() as session:
        counted = Counter[tuple[str, int, str]]()
        for tally in session.scalars(select(TicketTally)):
            counted[tally.subject, tally.key, tally.label] += tally.count
        tickets = {ticket.id: ticket for ticket in session.scalars(select(Ticket))}
        counted.subtract(each for ticket in tickets.values() for each in counts_of(ticket))
        asked = session.scalars(select(TicketApprover).where(TicketApprover.ended_at.is_(None)))
        counted.subtract(("assigned", row.user_id, tickets[row.ticket_id].status) for row in asked)
    return {key: count for key, count in counted.items() if count}


def counts_of(ticket: Ticket) -> Iterable[tuple[str, int, str]]:
    """The counters that count the ticket, in Python."""
    yield "all", 0, ticket.status
    if ticket.created_by_id is not None:
        yield "created", ticket.created_by_id, ticket.status
    if ticket.status in WAITS:
        since = ticket.created_at if ticket.status == "pending_approval" else ticket.decided_at or ticket.created_at
        yield "waiting", day_of(since), ticket.status
    former = ticket.status_before or ticket.status
    was_approved = former in ("approved", "in_progress", "fulfilled") or (former == "closed" and ticket.rejection_reason is None)
    if ticket.decided_at is not None and was_approved:
        yield "approval", day_of(ticket.decided_at), class_of(ticket.decided_at - ticket.created_at)
    if ticket.decided_at is not None and ticket.fulfilled_at is not None and former in ("fulfilled", "closed"):
        yield "fulfillment", day_of(ticket.fulfilled_at), class_of(ticket.fulfilled_at - ticket.decided_at)


def class_of(time: timedelta) -> str:
    return next((str(bound) for bound in BOUNDS if time < timedelta(minutes=bound)), "more")


def test_the_counters_are_what_the_tickets_say(inside: Flask, people: list[Actor]) -> None:
    """A hundred random changes, accounts that are deleted, and merged shards."""
    chance, now = random.Random(4), NOW
    ada, grace, root = people
    user(inside, "user", "linus")
    linus = actor("linus")
    tickets = [created(chance.choice([ada, grace]), assigned_to=chance.choice([None, root, linus]), now=now) for _ in range(12)]
    for _ in range(100):
        now += timedelta(minutes=chance.choice([1, 20, 500, 5_000]))
        with transaction() as session:
            made = change(session, root, now)
            ticket = session.get(Ticket, chance.choice(tickets))
            if ticket is None:
                continue
            if ticket.status == TicketStatus.DELETED:
                chance.choice([archiving.restore, archiving.restore, archiving.purge])(made, ticket)
            elif ticket.status in EDITABLE and chance.random() < 0.2:
                reassign(made, ticket, chance.choice([None, root.user_id, linus.user_id]))
            elif not (steps := open_steps(TicketStatus(ticket.status))) or chance.random() < 0.15:
                archiving.archive(made, ticket)
            else:
                step(made, ticket, chance.choice(steps), reason="No.")
    assert miscounted() == {}
    with transaction() as session:
        for gone in (ada, linus):
            session.delete(session.get_one(User, gone.user_id))
    assert miscounted() == {}
    with transaction() as session:
        merge_shards(session, TicketTally)
    assert miscounted() == {}


def test_counts_by_status_and_ones_own(people: list[Actor]) -> None:
    ada, grace, root = people
    one, two, three, four = (created(by, assigned_to=to) for by, to in ((ada, root), (ada, grace), (grace, root), (grace, None)))
    stepped(one, root, TicketStatus.APPROVED)
    stepped(three, root, TicketStatus.REJECTED)
    archived(two, ada)
    found = figures(ada)
    counts = {status: count for status, count in found.by_status.items() if count}
    assert counts == {"approved": 1, "rejected": 1, "pending_approval": 1, "deleted": 1}
    assert (found.total, found.archived) == (3, 1)
    assert (found.created["approved"], found.created["deleted"], sum(found.assigned.values()), found.to_decide) == (1, 1, 0, 0)
    of_root = figures(root)
    assert (of_root.assigned["approved"], of_root.assigned["rejected"], of_root.to_decide) == (1, 1, 1)
    nobody = figures(Actor("token"))
    assert (sum(nobody.created.values()), nobody.to_decide, nobody.total) == (0, 0, 3)
    assert [ticket.id for ticket in found.oldest] == [four]


def test_assigned_means_the_same_in_lists_and_figures(people: list[Actor]) -> None:
    """Those that one is asked to decide, has approved, or works on; not those that somebody else has approved."""
    ada, grace, root = people
    chosen, usual, by_grace = created(ada, assigned_to=grace), created(ada), created(ada)
    with transaction() as session:
        session.get_one(User, grace.user_id).role = "admin"
    usual_of_two, passed_on = created(ada), created(ada, assigned_to=root)
    stepped(usual_of_two, grace, TicketStatus.APPROVED)
    stepped(usual, root, TicketStatus.REJECTED)
    stepped(by_grace, grace, TicketStatus.APPROVED)  # who was not asked
    with transaction() as session:
        made = change(session, root)
        reassign(made, made.locked(passed_on), grace.user_id)
    stepped(passed_on, root, TicketStatus.APPROVED)

    def matches(who: Actor, expected: dict[int, str]) -> None:
        with reading() as session:
            listed = listing.find(session, TicketFilter(mine=Mine.ASSIGNED), user_id=who.user_id, limit=50)
            shown = {ticket.id: ticket.status for ticket in listed}
            waiting = tabs.find(session, Tab.DECIDE, TicketFilter(), who, limit=50)
            assert tabs.counts(session, who).decide == len(waiting) == figures(who).to_decide
        assert shown == expected
        assert Counter(expected.values()) == {status: count for status, count in figures(who).assigned.items() if count}

    check_all(
        [
            (ada, {}),
            (grace, {chosen: "pending_approval", usual_of_two: "approved", passed_on: "approved"}),
            (root, {usual: "rejected"}),
        ],
        matches,
    )


def test_tickets_age_by_day(people: list[Actor]) -> None:
    ada, _grace, root = people
    for days in (0, 1, 2, 3, 6, 7, 40, 400):
        created(ada, now=NOW - timedelta(days=days))
    old = created(ada, now=NOW - timedelta(days=50))
    stepped(old, root, TicketStatus.APPROVED, now=NOW - timedelta(days=4))
    assert AGES == (1, 3, 7, 14, 30)
    found = figures(root).waiting
    assert (found["pending_approval"], found["approved"], found["in_progress"]) == ([1, 2, 2, 1, 0, 2], [0, 0, 1, 0, 0, 0], [0] * 6)
    assert figures(root, NOW - timedelta(days=9)).waiting["pending_approval"][0] == 6  # a clock that was set back
    stepped(old, root, TicketStatus.IN_PROGRESS, TicketStatus.FULFILLED)
    assert sum(figures(root).waiting["in_progress"]) == 0


def test_times_to_approval_and_to_fulfillment(people: list[Actor]) -> None:
    ada, _grace, root = people
    for hours, days_ago in ((1, 1), (2, 2), (30, 3), (30, 40), (1, 90)):
        at = NOW - timedelta(days=days_ago)
        ticket = created(ada, now=at - timedelta(hours=hours))
        stepped(ticket, root, TicketStatus.APPROVED, TicketStatus.IN_PROGRESS, now=at)
        if days_ago < 3:
            stepped(ticket, root, TicketStatus.FULFILLED, now=at + timedelta(minutes=20))
    refused = created(ada, now=NOW - timedelta(days=5))
    stepped(refused, root, TicketStatus.REJECTED, TicketStatus.CLOSED)
    found = figures(root)
    assert (found.approval.count, found.approval.classes) == (3, {240: 2, 2_880: 1})
    assert found.fulfillment.classes == {60: 2}
    weeks = [(week.approved, week.fulfilled) for week in found.weeks]
    assert (len(weeks), weeks[-1], weeks[6], sum(week.approved for week in found.weeks)) == (12, (3, 2), (1, 0), 4)


def test_the_median_lies_within_its_class() -> None:
    def median(classes: dict[int | None, int], expected: int | None) -> None:
        assert Times(classes).median == expected

    check_all([({}, None), ({60: 2}, 38), ({15: 1, 1_440: 3}, 800), ({None: 1}, 64_800), ({15: 5, None: 5}, 15)], median)
