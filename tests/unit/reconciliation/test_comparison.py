"""Recording discrepancies: found again, changed, vanished, ignored; and comparisons that do not complete."""

from datetime import timedelta

import pytest

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.reconciliation import service
from tests.unit.reconciliation.stock import (
    ADA,
    DAY,
    DISCREPANCIES,
    JOB,
    MONDAY,
    Steps,
    Stock,
    StockDiscrepancy,
    StockKind,
    compare,
    found,
    only,
    rows,
)

pytestmark = pytest.mark.usefixtures("inside")
HOUR = timedelta(hours=1)


def close(resolution: str) -> None:
    with transaction() as session:
        DISCREPANCIES.close(session, only().id, resolution, actor=ADA, now=MONDAY + HOUR)


def test_records_what_differs_and_counts_steps() -> None:
    stock, steps = Stock({"cables": 4, "mice": 2, "toner": None}, {"cables": 5, "mice": 2, "toner": 3}), Steps()
    assert compare(stock, steps=steps) == 2
    assert (found(), steps.total, steps.done) == ({"cables": 4, "toner": None}, 3, 3)


def test_a_discrepancy_found_at_the_moment_the_comparison_starts_stays_open() -> None:
    stock = Stock({"cables": 4}, {"cables": 5})
    assert service.compare(transaction, DISCREPANCIES, stock, actor=JOB, clock=lambda: MONDAY, progress=Steps()) == 1
    assert found() == {"cables": 4}


def test_what_was_seen_and_resolved_while_the_clock_was_ahead_is_found_by_the_next_comparison() -> None:
    stock, year = Stock({"cables": 4, "mice": 1}, {"cables": 5, "mice": 2}), timedelta(days=365)
    compare(stock, MONDAY + year)
    stock.ledger["mice"] = 1
    with transaction() as session:
        cables = next(each for each in rows() if each.supply == "cables")
        DISCREPANCIES.close(session, cables.id, "corrected", actor=ADA, now=MONDAY + year)
    compare(stock)
    assert found() == {"cables": 4}


def test_a_clock_that_is_set_back_during_a_comparison_closes_nothing() -> None:
    stock = Stock({"cables": 4, "mice": 1}, {"cables": 5, "mice": 2})
    compare(stock)
    times = iter([MONDAY + DAY, MONDAY + DAY, *[MONDAY + DAY - 3 * HOUR] * 9])
    assert service.compare(transaction, DISCREPANCIES, stock, actor=JOB, clock=lambda: next(times), progress=Steps()) == 2
    stock.ledger = dict(stock.counted)  # type: ignore[arg-type]
    assert compare(stock, MONDAY + DAY + HOUR) == 0


def test_an_open_discrepancy_is_updated_when_it_is_found_again() -> None:
    stock = Stock({"cables": 4}, {"cables": 5})
    compare(stock)
    before = only()
    stock.counted["cables"] = 3
    compare(stock, MONDAY + DAY)
    after = only()
    assert (after.id, after.found_at, after.counted) == (before.id, before.found_at, 3)
    assert after.seen_at > before.seen_at


def test_a_discrepancy_vanishes_when_it_is_not_found_and_opens_when_it_is_found_again() -> None:
    stock = Stock({"cables": 4}, {"cables": 4})
    for day, ledger, settlement in ((0, 5, None), (1, 4, "vanished"), (2, 5, None)):
        stock.ledger["cables"] = ledger
        assert compare(stock, MONDAY + day * DAY) == (settlement is None)
        assert (only().settlement, only().settled_by) == (settlement, "job" if settlement else None)


def test_an_ignored_discrepancy_stays_ignored_until_its_details_change() -> None:
    stock = Stock({"cables": None}, {"cables": 5})
    compare(stock)
    close("left")
    with reading() as session:
        assert DISCREPANCIES.count_ignored(session) == 1
    for day, counted, count, settlement in ((1, None, 0, "left"), (2, 4, 1, None)):
        stock.counted["cables"] = counted
        assert compare(stock, MONDAY + day * DAY) == count
        assert (only().settlement, only().settled_by) == (settlement, "ada" if settlement else None)


def test_a_discrepancy_resolved_before_the_comparison_opens_again_and_one_resolved_during_it_does_not() -> None:
    """The comparison had read the other system before the resolution changed it."""
    stock = Stock({"cables": 4}, {"cables": 5})
    compare(stock)
    close("corrected")
    assert compare(stock, MONDAY + HOUR - timedelta(minutes=1)) == 0
    assert only().settlement == "corrected"
    assert compare(stock, MONDAY + HOUR + timedelta(minutes=1)) == 1


@pytest.mark.parametrize("broken", ["find", "progress"])
def test_a_comparison_that_does_not_complete_records_what_it_found_and_closes_nothing(broken: str) -> None:
    stock = Stock({"cables": 4, "mice": 2}, {"cables": 4, "mice": 3})
    compare(stock)
    stock.counted |= {"paper": 1, "toner": 1}
    stock.ledger["mice"] = 2

    class Stops(Steps):
        def advance(self, steps: int) -> None:
            super().advance(steps)
            if broken == "progress" and self.done == 3:
                raise InterruptedError

    def stop(supply: str) -> None:
        if broken == "find" and supply == "toner":
            raise InterruptedError

    stock.while_finding = stop
    with pytest.raises(InterruptedError):
        compare(stock, MONDAY + DAY, steps=Stops())
    assert found() == {"mice": 2, "paper": 1}


def test_thousands_are_counted_and_read_by_pages() -> None:
    listed = [StockDiscrepancy(kind=str(StockKind.UNLISTED), supply=f"supply {number}", counted=number) for number in range(1499)]
    with transaction() as session:
        different = StockDiscrepancy(kind=str(StockKind.QUANTITY), supply="cables", counted=4)
        DISCREPANCIES.write(session, [*listed, different], since=MONDAY, now=MONDAY)
    with reading() as session:
        counts = DISCREPANCIES.count_open(session)
        first, more = DISCREPANCIES.page(session, "unlisted", after=0, limit=50)
        last, rest = DISCREPANCIES.page(session, "unlisted", after=first[-1].id, limit=2000)
        few = DISCREPANCIES.count(session, "unlisted", StockDiscrepancy.counted < 10)
    assert counts == {StockKind.QUANTITY.value: 1, StockKind.UNLISTED.value: 1499}
    assert (len(first), more, len(last), rest, few) == (50, True, 1449, False, 10)
    assert [row.id for row in first + last] == sorted(row.id for row in rows() if row.kind == "unlisted")
