"""What people paste."""

import pytest

from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.labels.pasted import asset_number, entries


def test_entries_are_divided_by_lines_commas_semicolons_tabs_and_blanks() -> None:
    assert entries("W12-0001\r\nW12-0002,W12-0003; W12-0004\tSER-5  #6\n\n") == [*(f"W12-000{n}" for n in range(1, 5)), "SER-5", "#6"]


def test_control_characters_divide_and_unseen_ones_are_no_part_of_an_entry() -> None:
    assert entries("\ufeffW12-0001\x1dW12-0002\x00\x07W12-\u200b0003\x85") == ["W12-0001", "W12-0002", "W12-0003"]
    assert entries(" \n\x00,;") == []


def test_what_was_written_twice_is_there_twice() -> None:
    assert entries("A1 a1 A1") == ["A1", "a1", "A1"]


def test_ten_thousand_entries_go_and_one_more_is_refused_with_words() -> None:
    assert len(entries("X1\n" * 10_000)) == 10_000
    with pytest.raises(Invalid, match="10,001 entries; at most 10,000") as refusal:
        entries("X1\n" * 10_001)
    assert refusal.value.fields == {"field": "lines"}


@pytest.mark.parametrize(
    ("entry", "number"),
    [("#123", 123), ("123", 123), ("#0", None), ("2147483647", 2**31 - 1), ("2147483648", None), ("9" * 30, None), ("#" + "9" * 30, None)]
    + [(text, None) for text in ("", "#", "-1", "1.0", "١٢", "#12a", "##1", "W12-0001")],
)
def test_a_number_of_an_asset_is_one_that_an_asset_may_have(entry: str, number: int | None) -> None:
    assert asset_number(entry) == number
