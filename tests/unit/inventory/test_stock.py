"""The ledger and the balances: receiving, taking out, cutting, returning and adjusting."""

import pytest
from flask import Flask

from request_tracker_utils.inventory.errors import NotEnough
from tests.services.stocking import check_books, delivered, on_hand, taken

pytestmark = pytest.mark.usefixtures("inside")


def test_spellings_of_one_length_are_one_row(app: Flask) -> None:
    delivered(("Cat6", "100ft", 5), ("CAT6", "100 ft", 2), ("cat6", "100'", 1), ("Cat6", "100 m", 4), ("Cat6", "a spool", 3))
    assert on_hand() == {"Cat6 100ft": 8, "Cat6 100 m": 4, "Cat6 a spool": 3}
    check_books()


def test_a_piece_is_cut_from_the_shortest_sufficient_one(app: Flask) -> None:
    delivered(("Cat6", "1,000 ft", 2), ("Cat6", "150 ft", 1))
    with pytest.raises(NotEnough):
        taken("Cat6", "100 ft", 1)
    taken("Cat6", "100 ft", 1, cut=True)
    assert on_hand(include_zero=False) == {"Cat6 1,000 ft": 2, "Cat6 50 ft": 1}
    taken("Cat6", "100 ft", 1, cut=True)
    assert on_hand(include_zero=False) == {"Cat6 1,000 ft": 1, "Cat6 50 ft": 1, "Cat6 900 ft": 1}
    check_books()
