"""CSV files for spreadsheets: formulas are escaped, and every text can be restored."""

import csv
import io

from hypothesis import example, given, strategies as st

from request_tracker_utils.core.csv import csv_lines, escape_formula, unescape_formula
from tests.services.csv_files import without_mark
from tests.services.tables import check_all

FULLWIDTH = "＝＋－＠"


def cells(*values: object) -> list[str]:
    return list(csv.reader(io.StringIO(without_mark("".join(csv_lines(["header"] * len(values), [values]))))))[1]


def test_formulas_become_text() -> None:
    def check(value: str, escaped: str) -> None:
        assert cells(value) == [escaped]
        assert unescape_formula(escaped) == value

    check_all(
        [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t'=1"),
            ("\r=1", "'\r=1"),
            ("\n=1", "'\n=1"),
            ("'=1", "''=1"),
            ("x;=1", "x;'=1"),
            ("x\t=1", "x\t'=1"),
            ("x; @SUM(A1)", "x; '@SUM(A1)"),
            *((f"{sign}1", f"'{sign}1") for sign in FULLWIDTH),
            *((f"x;{sign}1", f"x;'{sign}1") for sign in FULLWIDTH),
        ],
        check,
    )


def test_other_text_is_unchanged() -> None:
    def check(text: str) -> None:
        assert (escape_formula(text), unescape_formula(text)) == (text, text)

    check_all(["O'Neill", "'t Hooft", "", "Ada", "x; y", "a;b", "'"], check)


@given(st.text(st.sampled_from("'=+-@;\t\r ab" + FULLWIDTH), max_size=12))
@example("'=x")
@example("x;'=1")
@example("'';=")
def test_escaped_text_can_be_restored(text: str) -> None:
    assert unescape_formula(escape_formula(text)) == text


def test_none_is_empty_and_numbers_stay_numbers() -> None:
    assert cells(None, -3, "", "W12-0001") == ["", "-3", "", "W12-0001"]


def test_a_file_without_rows_has_a_header() -> None:
    assert list(csv_lines(["a", "b"], [])) == ["\ufeffa,b\r\n"]


def test_time_grows_with_the_length_of_the_text() -> None:
    """With separators that were read once for each of them, this took minutes."""
    for text in ("\t" * 50_000, "\t " * 25_000, "; " * 25_000, "'" * 50_000, ";" + "'" * 50_000, "\t'" * 25_000):
        assert unescape_formula(escape_formula(text)) == text
