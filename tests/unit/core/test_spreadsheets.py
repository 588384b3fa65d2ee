"""XLSX files: types of cells, text that looks like something else, many rows in little memory."""

import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from tempfile import TemporaryFile
from xml.etree import ElementTree

import pytest

from request_tracker_utils.core import spreadsheets
from request_tracker_utils.core.spreadsheets import write_workbook

NS = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def sheet(book: bytes, number: int = 1) -> list[list[tuple[str, str]]]:
    """The type and the text of each cell."""
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        rows = ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{number}.xml")).findall(".//s:row", NS)
    return [[(cell.get("t", "n"), "".join(cell.itertext())) for cell in row] for row in rows]


def written(*rows: list[object]) -> list[list[tuple[str, str]]]:
    file = io.BytesIO()
    assert write_workbook(file, "Rows", [f"c{number}" for number in range(len(rows[0]))], rows) == len(rows)
    return sheet(file.getvalue())[1:]


def test_dates_times_and_numbers_are_real_cells() -> None:
    (row,) = written([date(2026, 3, 2), datetime.fromisoformat("2026-03-02T12:00"), 1, 1.5, True, None, "", "x"])
    assert row == [("n", "46083"), ("n", "46083.5"), ("n", "1"), ("n", "1.5"), ("b", "1"), ("inlineStr", "x")]


def test_text_stays_text() -> None:
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "{=1}", "http://example.org", "00017", "1e5", "Ada & <b>", "a\nb", " x ", "'"]
    (row,) = written(list(texts))
    assert row == [("inlineStr", text) for text in texts]


def test_dates_before_those_of_spreadsheets_and_long_text() -> None:
    (row,) = written([date(1, 1, 1), datetime.fromisoformat("1899-12-31T08:00"), "x" * 40_000])
    assert [text[:12] for _, text in row] == ["0001-01-01", "1899-12-31T0", "x" * 12]
    assert len(row[2][1]) == spreadsheets.MAX_TEXT


def test_a_file_without_rows_has_a_header() -> None:
    file = io.BytesIO()
    assert write_workbook(file, "Rows", ["a", "b"], []) == 0
    assert sheet(file.getvalue()) == [[("inlineStr", "a"), ("inlineStr", "b")]]


def test_more_rows_than_a_sheet_has_are_on_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheets, "ROWS_OF_SHEET", 3)
    file = io.BytesIO()
    assert write_workbook(file, "Rows", ["a"], [[number] for number in range(7)]) == 7
    found = [[row[0][1] for row in sheet(file.getvalue(), number)] for number in (1, 2, 3)]
    assert found == [["a", "0", "1", "2"], ["a", "3", "4", "5"], ["a", "6"]]


def test_memory_does_not_grow_with_the_rows() -> None:
    def peak(count: int) -> int:
        def rows() -> Iterator[list[object]]:
            return ([number, f"name {number}", 1.5] for number in range(count))

        with TemporaryFile() as file:
            tracemalloc.start()
            write_workbook(file, "Rows", ["a", "b", "c"], rows())
            found = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return found

    peak(10)
    assert peak(20_000) < peak(200) + 2_000_000
