"""Pasted lists of tags, serial numbers and asset IDs."""

import pytest

from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.labels.selection import parse_asset_id, parse_entries
from tests.services.tables import check_all


def test_entries_are_separated_by_whitespace_commas_semicolons_and_control_characters() -> None:
    def check(text: str, entries: list[str]) -> None:
        assert parse_entries(text) == entries

    tags = ["W12-0001", "W12-0002", "W12-0003"]
    check_all(
        [
            ("W12-0001\r\nW12-0002,W12-0003; SER-4\t#5  6\n\n", [*tags, "SER-4", "#5", "6"]),
            ("\ufeffW12-0001\x1dW12-0002\x00\x07W12-\u200b0003\x85", tags),
            (" \n\x00,;", []),
            (
                "S/N: 5CD21\nSN : 5CD22,serial no. 5CD23\nW12-0001 s/n 5CD24",
                ["S/N:5CD21", "S/N:5CD22", "serial", "no.", "5CD23", "W12-0001", "S/N:5CD24"],
            ),
            ("SN 5CD21 S/N:\n5CD22 xS/N 5", ["SN", "5CD21", "S/N:", "5CD22", "xS/N", "5"]),
            ("A1 a1 A1", ["A1", "a1", "A1"]),
        ],
        check,
    )


def test_a_list_may_have_ten_thousand_entries() -> None:
    assert len(parse_entries("X1\n" * 10_000)) == 10_000
    with pytest.raises(Invalid, match="10,001 entries, and at most 10,000 are allowed") as error:
        parse_entries("X1\n" * 10_001)
    assert error.value.fields == {"field": "lines"}


def test_an_asset_id_is_digits_that_an_id_may_have() -> None:
    def check(entry: str, asset_id: int | None) -> None:
        assert parse_asset_id(entry) == asset_id

    check_all(
        [("#123", 123), ("123", 123), ("2147483647", 2**31 - 1)]
        + [(entry, None) for entry in ("2147483648", "#0", "9" * 30, "#" + "9" * 30)]
        + [(entry, None) for entry in ("", "#", "-1", "1.0", "١٢", "#12a", "##1", "W12-0001")],
        check,
    )
