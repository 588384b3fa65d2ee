"""Reserving, releasing and consuming for tickets, and what to reorder."""

from dataclasses import replace

import pytest
from flask import Flask

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.messages import Channel, Recipient
from request_tracker_utils.inventory import reorder, reservations, reversals
from request_tracker_utils.inventory.errors import InvalidStockField, NotEnough, NotReversible, StockRowNotFound
from request_tracker_utils.inventory.models import SourceType
from request_tracker_utils.inventory.reorder import ReorderAlerts
from request_tracker_utils.inventory.reservations import Line
from request_tracker_utils.inventory.stock import Source
from tests.services.apps import user
from tests.services.stocking import HOW, Sent, adjusted, check_books, delivered, line, on_hand, reserved, returned, row_of, taken
from tests.services.tables import check_all

pytestmark = pytest.mark.usefixtures("inside")


def released(ticket: int, *lines: int) -> int:
    with transaction() as session:
        return reservations.release(session, Source("ticket", ticket), lines or None, **HOW)


def consumed(ticket: int, *lines: Line, cut: bool = False) -> list[tuple[str, int]]:
    with transaction() as session:
        chosen = [replace(each, cut=cut) for each in lines]
        written = reservations.consume(session, Source("ticket", ticket), chosen, **HOW)
        return [(each.cable_length, each.quantity_delta) for each in written]


def levels(length: str = "100 ft") -> tuple[int, int, int]:
    """On hand, reserved and back-ordered."""
    row = row_of("Cat6", length)
    return row.on_hand, row.reserved, row.backordered


def with_levels(threshold: object, target: object, *, stock_id: int = 0, alerts: ReorderAlerts | None = None) -> None:
    with transaction() as session:
        how = {**HOW, "alerts": alerts or HOW["alerts"]}
        reorder.set_levels(session, stock_id or row_of("Cat6", "100 ft").id, threshold=threshold, target=target, **how)  # type: ignore[arg-type]


def test_what_is_missing_is_backordered_and_reserved_when_it_arrives(app: Flask) -> None:
    delivered(("Cat6", "100 ft", 5))
    assert reserved(1, line("100ft", 4)) == [(4, 0)]
    assert reserved(2, line("100 ft", 4, 0), line("50 ft", 1, 1)) == [(1, 3), (0, 1)]
    assert reserved(3, line("100 ft", 2)) == [(0, 2)]
    assert (levels(), levels("50 ft")) == ((5, 5, 5), (0, 0, 1))
    with pytest.raises(NotEnough, match="0 pieces of Cat6 100 ft are available"):
        taken("Cat6", "100 ft", 1)
    delivered(("Cat6", "100 ft", 4))
    assert levels() == (9, 9, 1)
    with reading() as session:
        found = [reservations.reservations_of(session, Source("ticket", ticket))[0] for ticket in (1, 2, 3)]
    assert [(each.reserved, each.backordered) for each in found] == [(4, 0), (4, 0), (1, 1)], "the oldest first"
    assert released(1) == 4
    assert levels() == (9, 6, 0), "what is released goes to those who wait"
    assert released(1) == 0
    check_books()


def test_reserving_again_replaces_and_a_repetition_changes_nothing(app: Flask) -> None:
    delivered(("Cat6", "100 ft", 5), ("Cat6", "50 ft", 5))
    for quantity, expected in ((3, (3, 0)), (3, (3, 0)), (7, (5, 2)), (6, (5, 1)), (2, (2, 0)), (4, (4, 0))):
        assert reserved(1, line("100 ft", quantity)) == [expected]
    assert reserved(1, line("50 ft", 2)) == [(2, 0)], "another cable for the same line"
    assert (levels(), levels("50 ft")) == ((5, 0, 0), (5, 2, 0))
    with pytest.raises(NotEnough):
        reserved(2, line("100 ft", 5), line("50 ft", 4, 1), backorder=False)
    assert (levels(), levels("50 ft")) == ((5, 0, 0), (5, 2, 0)), "all or nothing"
    check_books()


def test_release_of_one_line(app: Flask) -> None:
    delivered(("Cat6", "100 ft", 5), ("Cat6", "50 ft", 5))
    reserved(1, line("100 ft", 3, 0), line("50 ft", 7, 1))
    assert released(1, 1) == 5
    assert (levels(), levels("50 ft")) == ((5, 3, 0), (5, 0, 0))
    check_books()


def test_consuming_uses_the_reservation_first(app: Flask) -> None:
    delivered(("Cat6", "100 ft", 5))
    reserved(1, line("100 ft", 2))
    reserved(2, line("100 ft", 2))
    assert consumed(1, line("100 ft", 3)) == [("100 ft", -3)]
    assert levels() == (2, 2, 0)
    with pytest.raises(NotEnough):
        consumed(3, line("100 ft", 1))
    assert consumed(2, line("100 ft", 1)) == [("100 ft", -1)]
    assert levels() == (1, 1, 0), "the rest stays reserved"
    with pytest.raises(NotEnough, match="The stock has no Cat6 7 ft"):
        consumed(2, line("7 ft", 1))
    check_books()


def test_consuming_cuts_if_it_may(app: Flask) -> None:
    delivered(("Cat6", "100 ft", 1), ("Cat6", "1,000 ft", 1))
    reserved(1, line("100 ft", 1, 0), line("200 ft", 1, 1))
    with pytest.raises(NotEnough):
        consumed(1, line("100 ft", 2, 0), line("200 ft", 1, 1))
    assert levels() == (1, 1, 0)
    assert consumed(1, line("100 ft", 2, 0), line("200 ft", 1, 1), cut=True) == [
        ("100 ft", -1),
        ("1,000 ft", -1),
        ("900 ft", 1),
        ("900 ft", -1),
        ("700 ft", 1),
    ]
    assert on_hand(include_zero=False) == {"Cat6 700 ft": 1}
    with reading() as session:
        assert reservations.reservations_of(session, Source("ticket", 1)) == []
    check_books()


def test_an_adjustment_may_find_less_than_is_reserved(app: Flask) -> None:
    delivered(("Cat6", "100 ft", 5))
    reserved(1, line("100 ft", 3))
    reserved(2, line("100 ft", 2))
    adjusted("Cat6", "100 ft", -4)
    assert levels() == (1, 1, 4)
    with reading() as session:
        first, second = (reservations.reservations_of(session, Source("ticket", ticket))[0] for ticket in (1, 2))
    assert (first.reserved, first.backordered, second.reserved, second.backordered) == (1, 2, 0, 2), "the newest wait"
    returned("Cat6", "100 ft", 3)
    assert levels() == (4, 4, 1)
    check_books()


def test_one_alert_for_each_crossing(app: Flask) -> None:
    user(app, "admin", "ada")
    sent = Sent()
    alerts = ReorderAlerts(sent)
    delivered(("Cat6", "100 ft", 7), alerts=alerts)
    with_levels(5, 20, alerts=alerts)
    assert sent.messages == []
    taken("Cat6", "100 ft", 1, alerts=alerts)
    assert sent.messages == []
    taken("Cat6", "100 ft", 1, alerts=alerts)
    assert len(sent.messages) == 1
    taken("Cat6", "100 ft", 1, alerts=alerts)
    reserved(1, line("100 ft", 3), alerts=alerts)
    assert len(sent.messages) == 1, "it is low already"
    ((about, recipients, values),) = sent.messages
    assert "stock row" in about
    assert [recipient.user_id for recipient in recipients] == [1]
    assert (values["available"], values["threshold"], values["suggested"]) == (5, 5, 15)
    delivered(("Cat6", "100 ft", 20), alerts=alerts)
    reserved(2, line("100 ft", 16), alerts=alerts)
    assert len(sent.messages) == 2, "reserving crosses it too"
    assert sent.messages[1][0] != about or sent.messages[1][2] != values
    check_books()


def test_consuming_what_was_reserved_is_no_crossing(app: Flask) -> None:
    sent = Sent()
    delivered(("Cat6", "100 ft", 10))
    with_levels(5, 20)
    reserved(1, line("100 ft", 5), alerts=ReorderAlerts(sent, ("stock@example.org",)))
    assert len(sent.messages) == 1
    with transaction() as session:
        reservations.consume(session, Source("ticket", 1), [line("100 ft", 5)], **{**HOW, "alerts": ReorderAlerts(sent)})
    assert len(sent.messages) == 1
    assert list(sent.messages[0][1]) == [Recipient(address="stock@example.org", channel=Channel.EMAIL)]


def test_suggestions_include_backorders(app: Flask) -> None:
    delivered(("Cat6", "100 ft", 5), ("Cat6", "50 ft", 1), ("Cat6", "10 ft", 1), ("Cat6", "7 ft", 9))
    with_levels(5, 20)
    with_levels(5, 20, stock_id=row_of("Cat6", "7 ft").id)
    reserved(1, line("100 ft", 8, 0), line("50 ft", 3, 1), line("30 ft", 4, 2))
    with reading() as session:
        found = {each.row.cable_length: each.quantity for each in reorder.suggestions(session)}
    assert found == {"30 ft": 4, "50 ft": 2, "100 ft": 23}
    released(1)
    with_levels(None, None, stock_id=row_of("Cat6", "100 ft").id)
    with reading() as session:
        assert reorder.suggestions(session) == []


def test_levels_are_checked(app: Flask) -> None:
    delivered(("Cat6", "100 ft", 5))

    def check(threshold: object, target: object, field: str) -> None:
        with pytest.raises(InvalidStockField) as error:
            with_levels(threshold, target)
        assert error.value.fields["field"] == field

    rows = [
        (None, 5, "threshold"),
        (5, None, "target"),
        (5, 4, "target"),
        (-1, 5, "threshold"),
        (1, 10**9, "target"),
        ("NaN", 5, "threshold"),
    ]
    check_all([*rows, (1.5, 5, "threshold"), ("five", 5, "threshold"), (True, 5, "threshold")], check)
    with pytest.raises(StockRowNotFound):
        with_levels(1, 2, stock_id=99)
    with_levels(0, 0)
    assert (row_of("Cat6", "100 ft").threshold, row_of("Cat6", "100 ft").target) == (0, 0)


def test_priority_goes_before_age_when_stock_arrives_and_when_it_is_gone(app: Flask) -> None:
    for ticket, priority in ((1, 3), (2, 2), (3, 1), (4, 2)):
        reserved(ticket, replace(line("100 ft", 2), priority=priority))
    expected = [(0, 2, 0), (1, 1, 1), (2, 0, 2), (0, 2, 0)]
    delivered(("Cat6", "100 ft", 3))
    assert states(1, 2, 3, 4) == expected, "the high one first, then the older of two"
    delivered(("Cat6", "100 ft", 5))
    assert states(1, 2, 3, 4) == [(2, 0, 2)] * 4
    adjusted("Cat6", "100 ft", -5)
    assert states(1, 2, 3, 4) == expected, "in the opposite order"
    reserved(1, replace(line("100 ft", 2), priority=0))
    delivered(("Cat6", "100 ft", 1))
    assert states(1, 2) == [(1, 1, 1), (1, 1, 1)], "a new priority counts from then on"
    check_books()


def states(*tickets: int) -> list[tuple[int, int, int]]:
    """Reserved, back-ordered and newly arrived pieces of their first line."""
    with reading() as session:
        found = [reservations.reservations_of(session, Source("ticket", ticket))[0] for ticket in tickets]
    return [(each.reserved, each.backordered, each.arrived) for each in found]


def test_what_was_taken_has_no_longer_arrived(app: Flask) -> None:
    reserved(1, line("100 ft", 3))
    delivered(("Cat6", "100 ft", 3))
    consumed(1, line("100 ft", 2))
    assert states(1) == [(1, 0, 1)]


def test_backorders_have_no_limit(app: Flask) -> None:
    """A database's integer ends at 2,147,483,647."""
    for ticket in range(22):
        reserved(ticket, line("100 ft", 100_000_000))
    assert row_of("Cat6", "100 ft").backordered == 2_200_000_000
    with reading() as session:
        assert [each.quantity for each in reorder.suggestions(session)] == [2_200_000_000]
    check_books()


def test_a_ticket_s_movement_is_not_reversed_behind_its_back(app: Flask) -> None:
    delivered(("Cat6", "100 ft", 1), ("Cat6", "1,000 ft", 1))
    with transaction() as session:
        chosen = [line("100 ft", 1), replace(line("70 ft", 1, 1), cut=True)]
        written = reservations.consume(session, Source(SourceType.TICKET, 7), chosen, **HOW)
    for movement in written:
        with pytest.raises(NotReversible, match=r"belongs to cable ticket 7\. Return its pieces there") as error, transaction() as session:
            reversals.reverse(session, movement.id, reason="Mistake", **HOW)
        assert error.value.fields["ticket_id"] == 7
    check_books()


def test_the_line_that_lacks_pieces_is_named(app: Flask) -> None:
    delivered(("Cat6", "100 ft", 5), ("Cat6", "50 ft", 1))
    for lacking in (line("50 ft", 2, 4), line("7 ft", 2, 4), replace(line("900 ft", 2, 4), cut=True)):
        with pytest.raises(NotEnough) as error:
            consumed(1, line("100 ft", 1, 3), lacking)
        assert error.value.fields["line"] == 4
    check_books()
