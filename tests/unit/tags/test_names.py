"""What a tag looks like."""

import pytest
from hypothesis import given, strategies as st

from request_tracker_utils.tags.names import LARGEST_NUMBER, TagName, number_claimed_by, parse


@given(st.integers(1, LARGEST_NUMBER))
def test_every_tag_reads_back(number: int) -> None:
    name = TagName("W12-", number)
    assert parse(str(name), "W12-") == name
    assert number_claimed_by(str(name), "W12-") == number


def test_numbers_are_padded_to_four_digits_and_grow_past_them() -> None:
    assert [str(TagName("W12-", n)) for n in (1, 9999, 10000)] == ["W12-0001", "W12-9999", "W12-10000"]


@pytest.mark.parametrize(
    "text", ["W12-", "W12-1", "W12-00001", "W12-0000", "W12-٠٠٠١", "w12-0001", "W12-0001 ", "W12-1234567890", "X-0001", ""]
)
def test_other_spellings_are_no_tags(text: str) -> None:
    assert parse(text, "W12-") is None


@pytest.mark.parametrize(
    ("text", "number"), [("W12-7", 7), ("W12-00007", 7), ("W12-x", 0), ("W12-", 0), ("laptop", 0), ("W12-" + "9" * 5000, 0)]
)
def test_other_spellings_still_take_their_number(text: str, number: int) -> None:
    assert number_claimed_by(text, "W12-") == number
