"""Lists of assets that were pasted, scanned or uploaded: what is read from them, and why some cannot be read."""

import codecs
import csv
import io

import pytest
from hypothesis import example, given, strategies as st

from request_tracker_utils.assets.lists import MAX_FILE_SIZE, MAX_ROWS, decode, mapped, read, remarks, to_text
from request_tracker_utils.core.text import clean
from request_tracker_utils.imports.parsing import MAX_COLUMNS, SEPARATORS, FileUnreadable, find_column
from request_tracker_utils.imports.remarks import row_text
from tests.services.tables import check_all

TABLE = "Serial Number,Model\n5CD2198XKL,ProBook 440\n8KQ2LM3,Größe 14\n"


def refusal(data: str | bytes) -> FileUnreadable:
    with pytest.raises(FileUnreadable) as raised:
        read(data if isinstance(data, str) else decode(data))
    return raised.value


def test_plain_lines_are_serial_numbers() -> None:
    def check(text: str, rows: list[str], lines: list[int]) -> None:
        found = read(text)
        assert (found.rows, found.lines, found.columns) == ([[row] for row in rows], lines, {"serial_number": 0})

    check_all(
        [
            ("5CD2198XKL\n8KQ2LM3\nPF-3ZK19Q\n", ["5CD2198XKL", "8KQ2LM3", "PF-3ZK19Q"], [1, 2, 3]),
            ("A1\r\nB2\r\nC3", ["A1", "B2", "C3"], [1, 2, 3]),
            ("A1\rB2\rC3", ["A1", "B2", "C3"], [1, 2, 3]),
            ("\n\nA1\n   \nB2\n\n", ["A1", "B2"], [3, 5]),
            ("what is this\nАВС123\n'; DROP TABLE assets --\n", ["what is this", "АВС123", "'; DROP TABLE assets --"], [1, 2, 3]),
            ("  A1 \t\nB\u200b2\n\u202aC\u00ad3\u202c\u00a0\n", ["A1", "B2", "C3"], [1, 2, 3]),
            ("S/N\nA1\nB2", ["A1", "B2"], [2, 3]),
            ("A1\nB2\nC3,D4\nE5", ["A1", "B2", "C3,D4", "E5"], [1, 2, 3, 4]),
        ],
        check,
    )


def test_columns_are_split_at_the_right_separator() -> None:
    def check(text: str, rows: list[list[str]]) -> None:
        assert read(text).rows == rows

    check_all(
        [
            *((separator.join(["serial", "make"]) + f"\nA1{separator}HP\n", [["A1", "HP"]]) for separator in SEPARATORS),
            ("Serial;Price\nA1;1,5\nB2;2,5\n", [["A1", "1,5"], ["B2", "2,5"]]),
            ("A1\tred, green, blue\nB2\tone, two, three\n", [["A1", "red, green, blue"], ["B2", "one, two, three"]]),
            ('Serial,Model\nA1,"5"" screen, red"\n"B2","two\nlines"\n', [["A1", '5" screen, red'], ["B2", "two\nlines"]]),
            ('Serial,Model\nA1,14" screen\nB2,x\n', [["A1", '14" screen'], ["B2", "x"]]),
            ("Serial,Model\nA1,G10\nB2\nC3,G10,1,2\nD4,G10\n", [["A1", "G10"], ["B2"], ["C3", "G10", "1", "2"], ["D4", "G10"]]),
            ("Serial,Model\nA1,,,\n,,,\nB2,G10,\n", [["A1"], ["B2", "G10"]]),
        ],
        check,
    )
    assert read('Serial,Model\nB2,"two\nlines"\nC3,x\n').lines == [2, 4], "the lines in which the rows begin"


def test_columns_are_recognized_by_header_or_by_their_values() -> None:
    def check(text: str, columns: dict[str, int]) -> None:
        assert read(text).columns == columns

    check_all(
        [
            ("serial,make,model\nA1,HP,G10\n", {"serial_number": 0, "manufacturer": 1, "model": 2}),
            ("Serial,SN\nA1,B2\n", {"serial_number": 0}),
            ("Dell,3100,A1\nDell,3100,A2\nDell,3100,A3\n", {"serial_number": 2}),
            ("red,green\nblue,white\n", {}),
        ],
        check,
    )


def test_headers_are_known_in_many_spellings() -> None:
    def check(header: str, field: str) -> None:
        other = "Model" if field != "model" else "Serial"
        assert read(f"{header},{other},Room\nA1,B2,12\n").columns[field] == 0

    check_all(
        [
            ("Serial", "serial_number"),
            ("SERIAL NUMBER", "serial_number"),
            ("serial_number", "serial_number"),
            ("S/N", "serial_number"),
            ("SN", "serial_number"),
            ("Service Tag:", "serial_number"),
            ("Internal Name", "internal_name"),
            ("name", "internal_name"),
            ("Model", "model"),
            ("Make", "manufacturer"),
            ("vendor", "manufacturer"),
            ("Brand", "manufacturer"),
            ("Manufacturer", "manufacturer"),
            ("Type", "category"),
            ("category", "category"),
            ("Fund", "funding_source"),
            ("Funding", "funding_source"),
            ("Funding-Source", "funding_source"),
            ("Catalog", "catalog"),
        ],
        check,
    )


def test_titles_totals_and_the_separators_line_are_left_out() -> None:
    def check(text: str, rows: list[list[str]], lines: list[int], footers: list[tuple[int, str]]) -> None:
        found = read(text)
        listed = mapped(found)
        assert (found.rows, found.lines, found.columns["serial_number"]) == (rows, lines, 0)
        assert [(line, row_text(cells)) for line, cells in listed.footers] == footers
        assert [f"“{row}” in line {line}" in remarks(found)[0] for line, row in footers[:1]] == [True] * len(footers[:1])

    check_all(
        [
            ("sep=;\nSerial;Model\nA1;1,5\n", [["A1", "1,5"]], [3], []),
            ("sep=;\nA1\nB2\n", [["A1"], ["B2"]], [2, 3], []),
            ("Cart 4\nOrder 40021, Lincoln\n\nSerial,Model\nA1,G10\n", [["A1", "G10"]], [5], []),
            ("Serial,Model\nA1,G10\n\nTotal,1\n2 devices\n", [["A1", "G10"]], [2], [(4, "Total"), (5, "2 devices")]),
            ('S/N,Model\n="0123",G10\n', [["0123", "G10"]], [2], []),
        ],
        check,
    )
    assert "looks damaged: “PortÃ¡til” in line 2" in remarks(read("Serial,Model\nA1,PortÃ¡til\n"))[0]


def test_an_unknown_header_row_can_be_declared() -> None:
    assert read("A1,name\nA2,other\n").header == [], "a single known word may be a value"
    found = read("Nummer,Typ\nA1,G10\nB2,G10\n", titles=["Nummer"])
    assert (found.header, found.columns) == (["Nummer", "Typ"], {"serial_number": 0})
    below_title = read("Liste\n\nNummer,Typ\nA1,G10\nB2,G10\n", titles=["Typ", "Nummer"])
    assert (below_title.header, below_title.lines) == (["Nummer", "Typ"], [4, 5])
    assert (find_column(found.header, " nummer "), find_column(found.header, "Nummern")) == (0, None)
    assert [find_column(["", "#", "№ 2"], name) for name in ("#", "2", "", "!")] == [1, 2, None, None]


def test_files_are_read_in_every_encoding_of_spreadsheets() -> None:
    def check(data: bytes) -> None:
        found = read(decode(data))
        assert (found.header, found.rows[1], found.columns["serial_number"]) == (["Serial Number", "Model"], ["8KQ2LM3", "Größe 14"], 0)

    encodings = ("utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be")
    check_all([*(TABLE.encode(encoding) for encoding in encodings), codecs.BOM_UTF16_BE + TABLE.encode("utf-16-be")], check)


def test_other_files_are_refused_with_advice() -> None:
    def check(data: bytes, words: str) -> None:
        assert words in refusal(data).message

    check_all(
        [
            (b"PK\x03\x04 a workbook", "Save the sheet as CSV"),
            (b"\xd0\xcf\x11\xe0 an old one", "Save the sheet as CSV"),
            (b"%PDF-1.7", "a PDF"),
            (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "Save the list as CSV"),
            (b"A1\nB\x002\nC3\n", "Save the list as CSV"),
            (b"\xff\xfeA", "Save it as CSV"),
            (b"", "is empty"),
            (b"\xef\xbb\xbf\r\n", "is empty"),
            (b"Serial Number;Model\r\n", "is empty"),
        ],
        check,
    )


def test_limits_of_size_rows_and_columns() -> None:
    assert len(decode(b"A" * MAX_FILE_SIZE)) == MAX_FILE_SIZE
    error = refusal(b"A" * (MAX_FILE_SIZE + 1))
    assert ("1 MB" in error.message, error.fields["field"]) == (True, "file")
    rows = [f"S-{number}" for number in range(MAX_ROWS)]
    assert len(read("serial\n" + "\n".join(rows)).rows) == MAX_ROWS
    assert "2,001 rows; the maximum is 2,000" in refusal("\n".join([*rows, "S-last"])).message
    assert "10,000 rows" in refusal("A1\n" * 10_000).message
    assert len(read(",".join(["A1"] * MAX_COLUMNS)).rows[0]) == MAX_COLUMNS
    assert "each row on its own line" in refusal("\n".join([",".join(["A1"] * (MAX_COLUMNS + 1))] * 2)).message


def test_an_unclosed_quote_is_reported_by_its_line() -> None:
    def check(text: str) -> None:
        error = refusal(text)
        assert (error.fields, "line 3" in error.message) == ({"line": 3}, True)

    check_all(['A1\nB2\n"C3\nD4\n', 'Serial,Model\nA1,G10\nB2,"G10\nC3,G10\n', 'Serial,Model\nA1,x\n"B2" 7,x\n'], check)


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters='\n,;|\t"'), max_size=12)
CELLS = TEXTS.map(lambda text: clean(text).strip()).filter(lambda text: not text.startswith('="'))  # a formula, which is unwrapped
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=5), min_size=1, max_size=8).map(lambda rows: [["A1", *row] for row in rows])


def trimmed(row: list[str]) -> list[str]:
    """Without empty cells at the end."""
    return trimmed(row[:-1]) if row and not row[-1] else row


@given(ROWS)
@example([["A1", "x, y, z"], ["A1", "u, v, w"]])
@example([["A1", "x"], ["A1"], ["A1"]])
def test_a_list_can_be_edited_and_read_again(rows: list[list[str]]) -> None:
    header = ["Serial number", "Model"]
    again = read(to_text(header, rows))
    assert (again.header, again.rows) == (header, [trimmed(row) for row in rows])


@given(ROWS, st.sampled_from(SEPARATORS))
def test_csv_written_by_programs_is_read(rows: list[list[str]], separator: str) -> None:
    text = io.StringIO()
    width = max(map(len, rows))
    header = ["Serial number", "Model", "Make", "Type", "Fund", "Catalog"][:width]
    csv.writer(text, delimiter=separator).writerows([header, *rows])
    assert read(text.getvalue()).rows == [trimmed(row) for row in rows]


@given(st.binary(max_size=300))
def test_any_file_is_read_or_refused(data: bytes) -> None:
    try:
        found = read(decode(data))
    except FileUnreadable:
        return
    assert len(found.rows) == len(found.lines) > 0
    assert found.lines == sorted(set(found.lines))
    assert all(cell == cell.strip() for row in found.rows for cell in row)
