"""Counting while work goes on."""

import pytest
from flask import Flask

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.inventory import counting
from request_tracker_utils.inventory.errors import (
    CorrectedMeanwhile,
    CountedAlready,
    CountFinished,
    CountNotFound,
    InvalidStockField,
    StockRowNotFound,
)
from request_tracker_utils.inventory.models import StockCountRow
from request_tracker_utils.inventory.reversals import reverse
from tests.services.stocking import ADA, GRACE, HOW, NOW, adjusted, check_books, delivered, line, on_hand, reserved, returned, row_of, taken
from tests.services.tables import check_all

pytestmark = pytest.mark.usefixtures("inside")


@pytest.fixture
def count(app: Flask) -> int:
    """A count of a shelf with five pieces of 100 ft and two of 50 ft."""
    delivered(("Cat6", "100 ft", 5), ("Cat6", "50 ft", 2))
    with transaction() as session:
        return counting.start(session, actor=ADA, now=NOW).id


def counted(count: int, number: object, *, seen: int, length: str = "100 ft", reason: str = "Counted", **values: object) -> StockCountRow:
    with transaction() as session:
        how = {**HOW, **values}
        stock_id = row_of("Cat6", length).id
        return counting.count_row(session, count, stock_id, number, movement_id=seen, reason=reason, **how)[0]  # type: ignore[arg-type]


def test_the_adjustment_is_the_difference_at_the_moment_of_counting(count: int) -> None:
    seen = row_of("Cat6", "100 ft").movement_id
    taken("Cat6", "100 ft", 2)
    delivered(("Cat6", "100 ft", 10))
    returned("Cat6", "100 ft", 1)
    row = counted(count, 4, seen=seen)
    assert (row.counted, row.expected, row.seen_movement_id) == (4, 5, seen)
    assert on_hand() == {"Cat6 100 ft": 4 - 2 + 10 + 1, "Cat6 50 ft": 2}
    check_books()


def test_a_count_as_expected_writes_no_movement(count: int) -> None:
    last = row_of("Cat6", "100 ft").movement_id
    assert counted(count, "5", seen=last, reason="").movement_id is None
    assert row_of("Cat6", "100 ft").movement_id == last


def test_two_people_count_different_rows(count: int) -> None:
    first, second = row_of("Cat6", "100 ft").movement_id, row_of("Cat6", "50 ft").movement_id
    counted(count, 6, seen=first)
    counted(count, 0, seen=second, length="50 ft", actor=GRACE)
    with reading() as session:
        rows = counting.rows_of(session, counting.get_count(session, count))
    assert [(each.row.cable_length, each.counted.counted, each.counted.counted_by) for each in rows if each.counted] == [
        ("50 ft", 0, "grace"),
        ("100 ft", 6, "ada"),
    ]
    assert on_hand() == {"Cat6 50 ft": 0, "Cat6 100 ft": 6}
    check_books()


def test_the_same_difference_is_not_corrected_twice(count: int) -> None:
    seen = row_of("Cat6", "100 ft").movement_id
    with transaction() as session:
        other = counting.start(session, actor=GRACE, now=NOW).id
    counted(count, 4, seen=seen)
    with pytest.raises(CountedAlready, match="ada already counted this row: 4"):
        counted(count, 4, seen=seen, actor=GRACE)
    with pytest.raises(CorrectedMeanwhile) as error:
        counted(other, 4, seen=seen, actor=GRACE)
    with pytest.raises(CorrectedMeanwhile):
        counted(count, 4, seen=seen, recount=True)
    assert error.value.fields["movement_id"] == row_of("Cat6", "100 ft").movement_id
    counted(other, 4, seen=error.value.fields["movement_id"], reason="")
    assert counted(count, 5, seen=error.value.fields["movement_id"], recount=True).expected == 4
    assert on_hand()["Cat6 100 ft"] == 5
    check_books()


def test_corrections_since_then_ask_for_another_count(count: int) -> None:
    seen = row_of("Cat6", "100 ft").movement_id
    (out,) = taken("Cat6", "100 ft", 1)
    with transaction() as session:
        reverse(session, out.id, reason="Not taken", **HOW)
    with pytest.raises(CorrectedMeanwhile):
        counted(count, 4, seen=seen)
    adjusted("Cat6", "50 ft", 1)
    with pytest.raises(CorrectedMeanwhile):
        counted(count, 4, seen=row_of("Cat6", "50 ft").movement_id - 1, length="50 ft")


def test_more_was_taken_since_than_was_counted(count: int) -> None:
    seen = row_of("Cat6", "100 ft").movement_id
    taken("Cat6", "100 ft", 3)
    with pytest.raises(CorrectedMeanwhile):
        counted(count, 2, seen=seen)
    assert on_hand()["Cat6 100 ft"] == 2


def test_a_count_may_find_less_than_is_reserved(count: int) -> None:
    reserved(1, line("100 ft", 5))
    counted(count, 3, seen=row_of("Cat6", "100 ft").movement_id)
    row = row_of("Cat6", "100 ft")
    assert (row.on_hand, row.reserved, row.backordered) == (3, 3, 2)
    check_books()


def test_bad_counts_are_refused(count: int) -> None:
    seen, other = row_of("Cat6", "100 ft").movement_id, row_of("Cat6", "50 ft").movement_id

    def check(number: object, movement_id: int, reason: str, field: str) -> None:
        with pytest.raises(InvalidStockField) as error:
            counted(count, number, seen=movement_id, reason=reason)
        assert error.value.fields["field"] == field

    numbers = [-1, "-1", "four", "NaN", float("nan"), float("inf"), None, True, 10**30, 1_000_001, 1.5, ""]
    rows = [(number, seen, "Counted", "counted") for number in numbers]
    rows += [(4, seen, "", "reason"), (4, seen, " ", "reason"), (4, seen, "x" * 1_001, "reason"), (4, other, "Counted", "movement_id")]
    check_all([*rows, (4, 2**31 - 1, "Counted", "movement_id")], check)
    with pytest.raises(StockRowNotFound), transaction() as session:
        counting.count_row(session, count, 99, 1, movement_id=0, **HOW)
    with pytest.raises(CountNotFound):
        counted(99, 1, seen=seen)
    assert on_hand() == {"Cat6 100 ft": 5, "Cat6 50 ft": 2}


def test_a_count_of_one_type_and_its_end(count: int) -> None:
    delivered(("Fiber", "10 m", 1))
    with transaction() as session:
        fiber = counting.start(session, title="Closet B", cable_type="FIBER", actor=ADA, now=NOW)
        assert [each.row.cable_type for each in counting.rows_of(session, fiber)] == ["Fiber"]
    with pytest.raises(InvalidStockField, match="only about FIBER"):
        counted(fiber.id, 5, seen=row_of("Cat6", "100 ft").movement_id)
    with transaction() as session:
        counting.finish(session, fiber.id, now=NOW)
    with pytest.raises(CountFinished), transaction() as session:
        counting.finish(session, fiber.id, now=NOW)
    with pytest.raises(CountFinished):
        counted(fiber.id, 5, seen=0)
    with reading() as session:
        assert [each.id for each in counting.list_counts(session, limit=5)] == [fiber.id, count]
        with pytest.raises(CountNotFound):
            counting.get_count(session, 99)


def test_a_row_without_movements_is_counted_from_zero(count: int) -> None:
    reserved(1, line("30 ft", 1))
    assert counted(count, 2, seen=0, length="30 ft").expected == 0
    row = row_of("Cat6", "30 ft")
    assert (row.on_hand, row.reserved, row.backordered) == (2, 1, 0)
    check_books()


def test_a_count_that_is_sent_again_changes_nothing(count: int) -> None:
    seen = row_of("Cat6", "100 ft").movement_id
    first, second = (counted(count, 4, seen=seen, request_key="key") for _ in range(2))
    assert first.id == second.id
    assert on_hand()["Cat6 100 ft"] == 4
