"""What tickets reserve, wait for, take and return."""

import time
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.event import listen

from request_tracker_utils.cable_tickets import archiving, pick_list, stock
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.errors import (
    InvalidTicketField,
    MoreThanLeft,
    NotYourStep,
    StepNotOpen,
    TicketArchived,
    TicketNotFound,
)
from request_tracker_utils.cable_tickets.fulfillment import Pieces
from request_tracker_utils.cable_tickets.models import Ticket, TicketEvent
from request_tracker_utils.cable_tickets.permissions import GRANTS
from request_tracker_utils.cable_tickets.states import Priority, TicketStatus
from request_tracker_utils.cable_tickets.steps import step
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import db, reading, run_after_commit, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.inventory.errors import NotEnough, RequestKeyReused
from request_tracker_utils.inventory.models import Movement, Reservation
from request_tracker_utils.inventory.names import NOTIFY_ABOUT_ARRIVED_STOCK
from request_tracker_utils.inventory.reservations import reserve
from request_tracker_utils.inventory.stock import Source
from tests.services.apps import user
from tests.services.fulfilling import (
    approve,
    approved,
    came_back,
    change_of,
    changed,
    events,
    fulfilled,
    item_ids,
    messages_sent,
    pending,
    reservations_for,
    state_of,
    totals,
)
from tests.services.stocking import HOW, Sent, adjusted, check_books, delivered, line, on_hand, returned, row_of, taken
from tests.services.tables import check_all

pytestmark = pytest.mark.usefixtures("inside")
CAT6 = ("Cat6", "100 ft")


def closed(ticket_id: int) -> None:
    changed(ticket_id, lambda by, ticket: step(by, ticket, TicketStatus.CLOSED, reason="No more of it"))


def test_approval_reserves_what_is_there_and_never_fails_for_stock(app: Flask) -> None:
    delivered((*CAT6, 5))
    first = approved((*CAT6, 3), ("cat6", "50ft", 2))
    second = approved(("Cat6", "100ft", 4), ("Coax", "spool", 1))
    assert (reservations_for(first), reservations_for(second)) == ([(3, 0), (0, 2)], [(2, 2), (0, 1)])
    assert row_of("Coax", "spool").backordered == 1, "text is a row of its own, and is ordered like others"
    closed(first)
    assert reservations_for(second) == [(4, 0), (0, 1)], "what is released goes to those who wait"
    check_books()


def test_whatever_brings_pieces_fills_backorders_by_priority_then_age(app: Flask) -> None:
    holder = approved((*CAT6, 1))
    priorities = (Priority.LOW, Priority.MEDIUM, Priority.HIGH, Priority.HIGH)
    low, medium, high, later = (approved((*CAT6, 1), priority=each) for each in priorities)
    waiting = [high, later, holder, medium, low]
    sources = [
        lambda: delivered((*CAT6, 1)),
        lambda: returned(*CAT6, 1),
        lambda: adjusted(*CAT6, 1),
        lambda: fulfilled(high) or came_back(high),
        lambda: fulfilled(later) or came_back(later),
    ]
    for bring in sources:
        bring()
        ready = [ticket for ticket in waiting if (1, 0) in reservations_for(ticket)]
        assert ready == [each for each in waiting if state_of(each)[0] == "approved"][: len(ready)], "nobody is passed over"
    assert totals() == (3, 0)
    check_books()


def test_a_new_priority_counts_for_what_arrives_later(app: Flask) -> None:
    first, second = approved((*CAT6, 2)), approved((*CAT6, 2))

    def hurry(by: Change, ticket: Ticket) -> None:
        ticket.priority = Priority.HIGH
        stock.prioritize(by, ticket)

    delivered((*CAT6, 1))
    changed(second, hurry)
    assert (reservations_for(first), reservations_for(second)) == ([(1, 1)], [(0, 2)]), "what is reserved stays"
    delivered((*CAT6, 2))
    assert (reservations_for(first), reservations_for(second)) == ([(1, 1)], [(2, 0)])
    waits = pending((*CAT6, 1))
    changed(waits, hurry)
    assert reservations_for(waits) == [], "it is not approved"


def test_fulfillment_by_item_and_in_part(app: Flask) -> None:
    delivered((*CAT6, 5), ("Cat6", "50 ft", 1))
    ticket = approved((*CAT6, 4), ("Cat6", "50 ft", 1))
    long, short = item_ids(ticket)
    fulfilled(ticket, Pieces(long, 1))
    assert state_of(ticket) == ("in_progress", [(1, 0), (0, 0)])
    assert reservations_for(ticket) == [(3, 0), (1, 0)]
    fulfilled(ticket, Pieces(long, "2"), Pieces(short))
    assert state_of(ticket) == ("in_progress", [(3, 0), (1, 0)])
    fulfilled(ticket)
    assert state_of(ticket) == ("fulfilled", [(4, 0), (1, 0)])
    assert on_hand() == {"Cat6 100 ft": 1, "Cat6 50 ft": 0}
    expected = ["approved", "in_progress", "partly_fulfilled", "partly_fulfilled", "fulfilled"]
    assert events(ticket) == expected
    with reading() as session:
        sources = set(session.execute(select(Movement.source_type, Movement.source_id).where(Movement.movement_type == "consumption")))
        details = session.scalars(select(TicketEvent.detail).where(TicketEvent.event.like("%fulfilled")).order_by(TicketEvent.id)).all()
        assert session.get_one(Ticket, ticket).fulfilled_at is not None
    assert {tuple(each) for each in sources} == {("ticket_fulfillment", ticket)}
    assert [[(each["id"], each["quantity"]) for each in detail["items"]] for detail in details] == [
        [(long, 1)],
        [(long, 2), (short, 1)],
        [(long, 1)],
    ]
    check_books()


def test_what_cannot_be_fulfilled_says_why_and_changes_nothing(app: Flask) -> None:
    delivered((*CAT6, 3), ("Cat6", "1,000 ft", 1))
    ticket, other = approved((*CAT6, 2), ("Cat6", "70 ft", 1), ("Coax", "spool", 2)), approved((*CAT6, 1))
    long, short, text = item_ids(ticket)
    (foreign,) = item_ids(other)

    def refuses(pieces: list[Pieces], kind: type[AppError], item_id: int, words: str) -> None:
        with pytest.raises(kind) as error:
            fulfilled(ticket, *pieces)
        assert error.value.fields.get("item_id") == item_id
        assert words in error.value.message

    lacking = "0 pieces of Coax spool are available, and 1 are needed. Receive a delivery or adjust the stock first, or fulfill fewer"
    number = "Enter a whole number from 1 to 1,000,000."
    check_all(
        [
            ([Pieces(long, 1), Pieces(text, 1)], NotEnough, text, lacking),
            ([Pieces(short)], NotEnough, short, "Cut it from a longer piece (1,000 ft), receive a delivery, or adjust the stock."),
            ([Pieces(text, cut=True)], NotEnough, text, "Receive a delivery"),
            ([Pieces(long, 3)], MoreThanLeft, long, "2 pieces of Cat6 100 ft are left to fulfill."),
            ([Pieces(long, 10**6)], MoreThanLeft, long, "2 pieces"),
            *[([Pieces(long, wrong)], InvalidTicketField, long, number) for wrong in (0, -1, 1.5, "two", "", True, 10**7, [1], {})],
            ([Pieces(foreign, 1)], InvalidTicketField, foreign, f"Ticket {ticket} has no item {foreign}."),
            ([Pieces(10**30, 1)], InvalidTicketField, 10**30, "has no item"),
            ([Pieces(-1, 1)], InvalidTicketField, -1, "has no item"),
            ([Pieces(long, 1), Pieces(long, 1)], InvalidTicketField, long, "List each item only once."),
        ],
        refuses,
    )
    assert (state_of(ticket)[0], totals(), on_hand()["Cat6 100 ft"]) == ("approved", (3, 3), 3)
    check_books()


def test_a_missing_piece_is_cut_from_the_shortest_sufficient_one(app: Flask) -> None:
    delivered(("Cat6", "1,000 ft", 1), ("Cat6", "120 ft", 1))
    ticket = approved((*CAT6, 1), ("Cat6", "200 ft", 2))
    long, longer = item_ids(ticket)
    fulfilled(ticket, Pieces(long, cut=True))
    assert on_hand(include_zero=False) == {"Cat6 20 ft": 1, "Cat6 1,000 ft": 1}
    assert reservations_for(ticket) == [(0, 2)], "what was cut is no longer back-ordered"
    fulfilled(ticket, cut=True)
    assert on_hand(include_zero=False) == {"Cat6 20 ft": 1, "Cat6 600 ft": 1}
    assert state_of(ticket) == ("fulfilled", [(1, 0), (2, 0)])
    came_back(ticket, Pieces(longer, 1))
    assert on_hand(include_zero=False) == {"Cat6 20 ft": 1, "Cat6 600 ft": 1, "Cat6 200 ft": 1}
    check_books()


def test_a_cut_takes_nothing_that_others_have_reserved(app: Flask) -> None:
    delivered(("Cat6", "1,000 ft", 1))
    approved(("Cat6", "1,000 ft", 1))
    ticket = approved((*CAT6, 1))
    with pytest.raises(NotEnough):
        fulfilled(ticket, cut=True)
    check_books()


def test_pieces_come_back_at_most_as_many_as_were_fulfilled(app: Flask) -> None:
    delivered((*CAT6, 5))
    ticket = approved((*CAT6, 4))
    (item,) = item_ids(ticket)

    def refuses(*pieces: Pieces, left: int) -> None:
        with pytest.raises(MoreThanLeft) as error:
            came_back(ticket, *pieces)
        assert error.value.fields["left"] == left

    refuses(left=0)
    refuses(Pieces(item, 1), left=0)
    fulfilled(ticket, Pieces(item, 3))
    refuses(Pieces(item, 4), left=3)
    came_back(ticket, Pieces(item, 1), notes="  Not needed\0 ")
    refuses(Pieces(item, 3), left=2)
    assert state_of(ticket) == ("in_progress", [(3, 1)])
    fulfilled(ticket)
    closed(ticket)
    came_back(ticket)
    assert state_of(ticket) == ("closed", [(4, 4)])
    refuses(left=0)
    assert (on_hand(), events(ticket)[-1]) == ({"Cat6 100 ft": 5}, "returned")
    with reading() as session:
        details = session.scalars(select(TicketEvent.detail).where(TicketEvent.event == "returned").order_by(TicketEvent.id)).all()
        notes = session.scalars(select(Movement.notes).where(Movement.movement_type == "return").order_by(Movement.id)).all()
    assert (details[0]["notes"], notes) == ("Not needed\ufffd", ["Not needed\ufffd", f"ticket {ticket}"])
    with pytest.raises(InvalidTicketField) as error:
        came_back(ticket, notes="x" * 1_001)
    assert error.value.fields["field"] == "notes"
    check_books()


def test_a_request_that_is_sent_again_is_done_once(app: Flask) -> None:
    delivered((*CAT6, 5))
    ticket = approved((*CAT6, 4))
    (item,) = item_ids(ticket)
    assert [fulfilled(ticket, Pieces(item, 2), key="once") for _ in range(3)] == [False, True, True]
    assert [came_back(ticket, Pieces(item, 1), key="back") for _ in range(3)] == [False, True, True]
    assert state_of(ticket) == ("in_progress", [(2, 1)])
    with pytest.raises(RequestKeyReused):
        fulfilled(ticket, Pieces(item, 1), key="once")
    with pytest.raises(MoreThanLeft):
        fulfilled(ticket, Pieces(item, 3), key="too many")
    fulfilled(ticket, Pieces(item, 2), key="too many")
    assert state_of(ticket) == ("fulfilled", [(4, 1)]), "a refused request has not used its key"
    check_books()


def test_only_open_tickets_are_fulfilled_and_only_by_those_who_may(app: Flask) -> None:
    delivered((*CAT6, 9))
    ticket = pending((*CAT6, 1))
    with pytest.raises(StepNotOpen) as error:
        fulfilled(ticket)
    assert error.value.fields["open_steps"] == ["approved", "rejected"]
    approve(ticket)
    for role in ("teacher", "user", "student"):
        actor = Actor(role, frozenset(GRANTS.get(role, ())))
        with pytest.raises(NotYourStep):
            fulfilled(ticket, actor=actor)
        with pytest.raises(NotYourStep):
            came_back(ticket, actor=actor)
    fulfilled(ticket, actor=Actor("staff", frozenset(GRANTS["staff"])))
    for status in ("fulfilled", "closed"):
        assert state_of(ticket)[0] == status
        with pytest.raises(StepNotOpen):
            fulfilled(ticket)
        if status == "fulfilled":
            closed(ticket)
    changed(ticket, archiving.archive)
    for wrong, error_type in ((ticket, TicketArchived), (999, TicketNotFound), (2**31 - 1, TicketNotFound)):
        with pytest.raises(error_type):
            fulfilled(wrong)
        with pytest.raises(error_type):
            came_back(wrong)
    check_books()


def test_closing_short_and_archiving_release_the_rest_and_restoring_reserves_it_again(app: Flask) -> None:
    delivered((*CAT6, 4))
    ticket, waiting = approved((*CAT6, 4)), approved((*CAT6, 3))
    (item,) = item_ids(ticket)
    fulfilled(ticket, Pieces(item, 1))
    changed(ticket, archiving.archive)
    assert (reservations_for(ticket), reservations_for(waiting)) == ([], [(3, 0)])
    with transaction() as session:
        by = change_of(session)
        archiving.restore(by, by.locked(ticket, archived=True))
    assert (state_of(ticket)[0], reservations_for(ticket)) == ("in_progress", [(0, 3)])
    closed(ticket)
    assert (reservations_for(ticket), state_of(ticket)) == ([], ("closed", [(1, 0)]))
    check_books()


def test_creator_and_assignee_get_one_message_about_arrived_stock(app: Flask) -> None:
    user(app, "user", "ada")
    user(app, "staff", "sam")
    queued: list[str] = []
    run_after_commit(db.engine, lambda job, _after: queued.append(job))
    ticket = approved((*CAT6, 2), ("Cat6", "50 ft", 1), created_by_id=1, assigned_to_id=2)
    gone, ready = approved((*CAT6, 1), created_by_id=1), approved(("Cat6", "7 ft", 1))
    assert messages_sent(Sent()) == 0
    delivered((*CAT6, 1), ("Cat6", "50 ft", 1))
    assert NOTIFY_ABOUT_ARRIVED_STOCK in queued
    delivered((*CAT6, 1))
    delivered((*CAT6, 1))
    closed(gone)
    sent = Sent()
    assert [messages_sent(sent), messages_sent(sent)] == [1, 0]
    assert (events(ticket)[-1], events(ready)[-1]) == ("stock_arrived", "approved")
    with reading() as session:
        detail = session.scalars(select(TicketEvent.detail).where(TicketEvent.event == "stock_arrived")).one()
    assert [(each["cable_length"], each["quantity"]) for each in detail["items"]] == [("100 ft", 2), ("50 ft", 1)]
    check_books()


def test_reservations_of_others_are_left_alone(app: Flask) -> None:
    with transaction() as session:
        reserve(session, Source("count", 1), [replace(line("100 ft", 1))], **HOW)
    delivered((*CAT6, 1))
    assert messages_sent() == 0
    with pytest.raises(NotEnough):
        taken(*CAT6, 1)


def test_a_delivery_that_fills_a_thousand_backorders_is_quick(app: Flask) -> None:
    """A second is asked for; this is far less on any machine, so the test does not depend on its pace."""
    for _ in range(50):
        approved(*[("Cat6", "100 ft", 1)] * 20)
    started = time.perf_counter()
    delivered((*CAT6, 1_000))
    assert time.perf_counter() - started < 5
    assert totals() == (1_000, 0)
    assert messages_sent() == 50
    with reading() as session:
        assert session.scalars(select(Reservation.arrived).distinct()).all() == [0]
    check_books()


def test_large_tables_are_read_by_their_index_and_in_its_order(app: Flask) -> None:
    """However many tickets and reservations there are, a page reads only its own rows, and a delivery only those who wait."""
    approved((*CAT6, 1))
    said: list[tuple[str, Any]] = []
    listen(db.engine, "before_cursor_execute", lambda _c, _cursor, query, values, *_: said.append((query, values)))
    with reading() as session:
        pick_list.find(session, limit=2)
    delivered((*CAT6, 1))
    messages_sent()
    wanted = {
        "ix_tickets_picked": ("SELECT tickets.id", "LIMIT"),
        "ix_stock_reservations_backordered": ("SELECT stock_reservations.id", "LIMIT"),
        "ix_stock_reservations_arrived": ("SELECT DISTINCT stock_reservations.source_id", "LIMIT"),
    }
    statements = list(said)
    for index, (start, part) in wanted.items():
        query, values = next((query, values) for query, values in statements if query.startswith(start) and part in query)
        with reading() as session:
            if session.get_bind().dialect.name == "sqlite":
                plan = [row[3] for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values)]
                assert len(plan) == 1
                assert index in plan[0]
            else:
                for way in ("seqscan", "sort", "bitmapscan", "hashagg"):
                    session.connection().exec_driver_sql(f"SET LOCAL enable_{way} = off")
                plan = [row[0] for row in session.connection().exec_driver_sql(f"EXPLAIN {query}", values)]
                assert any(index in row for row in plan), plan
                assert not any("Sort" in row for row in plan), plan
