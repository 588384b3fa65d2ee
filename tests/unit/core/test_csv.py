"""Files for spreadsheets."""

import csv
import io

import pytest

from request_tracker_utils.core.csv import csv_lines


def cells(*values: object) -> list[str]:
    return list(csv.reader(io.StringIO("".join(csv_lines(["head"] * len(values), [values])))))[1]


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_what_a_spreadsheet_would_compute_is_text(value: str) -> None:
    assert cells(value) == [f"'{value}".replace("\t=", "\t'=")]


@pytest.mark.parametrize(("value", "safe"), [("x;=1", "x;'=1"), ("x\t=1", "x\t'=1"), ("x; @SUM(A1)", "x; '@SUM(A1)"), ("a;b", "a;b")])
def test_neither_does_one_that_divides_columns_otherwise(value: str, safe: str) -> None:
    assert cells(value) == [safe]


def test_nothing_is_empty_and_numbers_stay_numbers() -> None:
    assert cells(None, -3, "", "W12-0001") == ["", "-3", "", "W12-0001"]


def test_a_table_without_rows_has_its_head() -> None:
    assert list(csv_lines(["a", "b"], [])) == ["a,b\r\n"]
