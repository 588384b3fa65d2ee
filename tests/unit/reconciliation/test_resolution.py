"""Resolving: a discrepancy is rechecked and claimed first, opens again after an error, and is never resolved twice."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.reconciliation.errors import DiscrepancyChanged, DiscrepancyNotFound, DiscrepancyResolved
from tests.unit.reconciliation.stock import DAY, MONDAY, Resolution, Stock, compare, found, only, resolve, rows

pytestmark = pytest.mark.usefixtures("inside")


@pytest.fixture
def stock(inside: Flask) -> Stock:
    """With one open discrepancy."""
    stock = Stock({"cables": 4}, {"cables": 5})
    compare(stock)
    return stock


def fingerprint(stock: Stock) -> str:
    with reading() as session:
        return stock.options(session, [only()])[0].fingerprint


def test_applies_the_resolution_and_records_who_chose_it(stock: Stock) -> None:
    assert resolve(stock, only().id, fingerprint=fingerprint(stock)) == "cables: corrected."
    assert (only().settlement, only().settled_by, only().settled_at) == ("corrected", "ada", MONDAY + DAY)
    assert (stock.applied, compare(stock, MONDAY + 2 * DAY)) == ([("cables", "corrected", "ada")], 0)


def test_does_nothing_and_records_the_current_state_if_the_details_changed(stock: Stock) -> None:
    stock.counted["cables"] = 3
    with pytest.raises(DiscrepancyChanged, match="Nothing was changed: cables has changed in the meantime"):
        resolve(stock, only().id)
    assert (found(), stock.applied) == ({"cables": 3}, [])


def test_replaces_a_discrepancy_that_has_become_another_one(stock: Stock) -> None:
    del stock.ledger["cables"]
    with pytest.raises(DiscrepancyChanged, match="has changed in the meantime"):
        resolve(stock, 1)
    assert [(row.kind, row.settlement) for row in rows()] == [("quantity", "vanished"), ("unlisted", None)]
    assert stock.applied == []


def test_closes_a_discrepancy_that_does_not_exist_anymore(stock: Stock) -> None:
    stock.counted["cables"] = 5
    with pytest.raises(DiscrepancyChanged, match="Nothing was changed: cables already matches"):
        resolve(stock, only().id)
    assert (only().settlement, only().settled_by, stock.applied) == ("vanished", "ada", [])


def test_does_nothing_if_other_options_were_shown(stock: Stock) -> None:
    seen = fingerprint(stock)
    stock.may_order = False
    for resolution, shown in ((Resolution.CORRECT, seen), (Resolution.ORDER, None), ("freed", None)):
        with pytest.raises(DiscrepancyChanged, match="the options for cables have changed"):
            resolve(stock, only().id, resolution, fingerprint=shown)
    assert (only().settled_at, stock.applied) == (None, [])
    assert resolve(stock, only().id, fingerprint=fingerprint(stock))


def test_refuses_a_discrepancy_that_does_not_exist_or_is_resolved(stock: Stock) -> None:
    with pytest.raises(DiscrepancyNotFound):
        resolve(stock, 4711)
    resolve(stock, only().id)
    with pytest.raises(DiscrepancyResolved, match="ada has already resolved the difference of cables"):
        resolve(stock, only().id, actor=Actor("grace"))
    assert len(stock.applied) == 1


@pytest.mark.parametrize(
    ("error", "raised"), [(Invalid("No."), Invalid), (IntegrityError("INSERT", None, Exception("taken")), DiscrepancyChanged)]
)
def test_a_discrepancy_is_open_again_after_an_error(stock: Stock, error: Exception, raised: type[Exception]) -> None:
    def fail() -> None:
        assert only().settled_by == "ada"  # claimed while it is applied
        raise error

    stock.while_applying = fail
    with pytest.raises(raised):
        resolve(stock, only().id)
    assert (only().settled_at, only().settled_by, only().settlement) == (None, None, None)


def test_a_discrepancy_stays_open_if_the_other_system_does_not_answer(stock: Stock) -> None:
    def fail() -> None:
        raise TimeoutError

    stock.while_rechecking = fail
    with pytest.raises(TimeoutError):
        resolve(stock, only().id, Resolution.IGNORE)
    assert only().settled_at is None


def test_the_second_of_two_concurrent_resolutions_is_refused(inside: Flask, stock: Stock) -> None:
    stock.while_rechecking = Barrier(2, timeout=30).wait  # type: ignore[assignment]

    def press(name: str, resolution: Resolution) -> str:
        with inside.app_context():
            try:
                return resolve(stock, 1, resolution, actor=Actor(name))
            except DiscrepancyResolved as error:
                return error.message

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(press, ("ada", "grace"), (Resolution.CORRECT, Resolution.ORDER)))
    assert len(stock.applied) == 1
    assert f"{only().settled_by} has already resolved the difference of cables." in answers
    assert stock.applied[0][1:] == (only().settlement, only().settled_by)
