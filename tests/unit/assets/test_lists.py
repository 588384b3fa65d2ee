"""Lists as they are pasted, scanned and dropped: what is read of them, and what is said where they cannot be read."""

import codecs
import csv
import io

import pytest
from hypothesis import example, given, strategies as st
from request_tracker_utils.core.tables import MOST_COLUMNS, ListUnreadable

from request_tracker_utils.assets.lists import LARGEST, MOST_ROWS, decoded, read, written
from request_tracker_utils.core import tables

TABLE = "Serial Number,Model\n5CD2198XKL,ProBook 440\n8KQ2LM3,Größe 14\n"


def refusal(text: str) -> ListUnreadable:
    with pytest.raises(ListUnreadable) as raised:
        read(text)
    return raised.value


def refusal_of_file(data: bytes) -> ListUnreadable:
    with pytest.raises(ListUnreadable) as raised:
        read(decoded(data))
    return raised.value


class TestPlainLines:
    def test_are_one_serial_number_each(self) -> None:
        listed = read("5CD2198XKL\n8KQ2LM3\nPF-3ZK19Q\n")
        assert (listed.rows, listed.head, listed.columns) == ([["5CD2198XKL"], ["8KQ2LM3"], ["PF-3ZK19Q"]], [], {"serial_number": 0})

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_may_end_like_on_any_machine(self, end: str) -> None:
        assert read(end.join(["A1", "B2", "C3"])).rows == [["A1"], ["B2"], ["C3"]]

    def test_keep_the_numbers_that_people_count_when_lines_between_are_empty(self) -> None:
        listed = read("\n\nA1\n   \nB2\n\n")
        assert (listed.rows, listed.lines) == ([["A1"], ["B2"]], [3, 5])

    def test_are_serial_numbers_whatever_stands_in_them(self) -> None:
        listed = read("what is this\nАВС123\n'; DROP TABLE assets --\n")
        assert (len(listed.rows), listed.columns) == (3, {"serial_number": 0})

    def test_lose_blanks_around_but_none_that_cannot_be_seen(self) -> None:
        assert read("  A1 \t\nB\u200b2\n").rows == [["A1"], ["B\u200b2"]]

    def test_may_have_a_heading_of_one_word(self) -> None:
        listed = read("S/N\nA1\nB2")
        assert (listed.head, listed.rows, listed.lines) == (["S/N"], [["A1"], ["B2"]], [2, 3])

    def test_may_hold_a_comma_now_and_then(self) -> None:
        assert read("A1\nB2\nC3,D4\nE5").rows == [["A1"], ["B2"], ["C3,D4"], ["E5"]]


class TestColumns:
    @pytest.mark.parametrize("separator", ["\t", ";", ",", "|"])
    def test_are_found_whatever_divides_them(self, separator: str) -> None:
        listed = read("\n".join(separator.join(row) for row in (["serial", "make", "model"], ["A1", "HP", "G10"], ["B2", "HP", "G10"])))
        assert listed.rows == [["A1", "HP", "G10"], ["B2", "HP", "G10"]]
        assert listed.columns == {"serial_number": 0, "manufacturer": 1, "model": 2}

    def test_are_divided_by_semicolons_though_numbers_have_commas(self) -> None:
        assert read("Serial;Price\nA1;1,5\nB2;2,5\n").rows == [["A1", "1,5"], ["B2", "2,5"]]

    def test_are_divided_by_tabs_though_every_row_has_more_commas(self) -> None:
        assert read("A1\tred, green, blue\nB2\tone, two, three\n").rows == [["A1", "red, green, blue"], ["B2", "one, two, three"]]

    def test_are_found_behind_quotes(self) -> None:
        listed = read('Serial,Model\nA1,"5"" screen, red"\n"B2","two\nlines"\nC3,x\n')
        assert listed.rows == [["A1", '5" screen, red'], ["B2", "two\nlines"], ["C3", "x"]]
        assert listed.lines == [2, 3, 5]

    def test_may_be_missing_in_some_rows_and_too_many_in_others(self) -> None:
        listed = read("Serial,Model\nA1,G10\nB2\nC3,G10,1,2,3,4,5\nD4,G10\n")
        assert listed.rows == [["A1", "G10"], ["B2"], ["C3", "G10", "1", "2", "3", "4", "5"], ["D4", "G10"]]

    def test_that_are_empty_at_the_end_are_none(self) -> None:
        assert read("Serial,Model\nA1,,,\n,,,\nB2,G10,\n").rows == [["A1"], ["B2", "G10"]]

    def test_without_a_heading_have_the_serial_numbers_where_they_differ_and_have_digits(self) -> None:
        assert read("Dell,3100,A1\nDell,3100,A2\nDell,3100,A3\n").columns == {"serial_number": 2}

    def test_that_look_like_nothing_are_left_to_a_person(self) -> None:
        assert read("red,green\nblue,white\n").columns == {}

    @pytest.mark.parametrize(
        ("heading", "field"),
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
    )
    def test_are_known_by_the_words_of_the_heading(self, heading: str, field: str) -> None:
        other = "Model" if field != "model" else "Serial"
        assert read(f"{heading},{other},Room\nA1,B2,12\n").columns[field] == 0

    def test_of_which_the_heading_names_two_alike_are_taken_from_the_first(self) -> None:
        assert read("Serial,SN\nA1,B2\n").columns == {"serial_number": 0}

    def test_have_no_heading_where_a_single_word_happens_to_be_one(self) -> None:
        assert read("A1,name\nA2,other\n").head == []

    def test_have_a_heading_with_strange_words_when_somebody_says_so(self) -> None:
        listed = read("Nummer,Typ\nA1,G10\nB2,G10\n", has_head=True)
        assert (listed.head, listed.columns) == (["Nummer", "Typ"], {"serial_number": 0})
        assert (tables.column_named(listed.head, " nummer "), tables.column_named(listed.head, "Nummern")) == (0, None)

    def test_are_named_by_signs_where_the_heading_is_made_of_them(self) -> None:
        assert [tables.column_named(["", "#", "№ 2"], name) for name in ("#", "2", "", "!")] == [1, 2, None, None]


class TestAFile:
    @pytest.mark.parametrize(
        "data",
        [
            TABLE.encode(),
            TABLE.encode("utf-8-sig"),
            TABLE.encode("cp1252"),
            TABLE.encode("utf-16"),
            codecs.BOM_UTF16_BE + TABLE.encode("utf-16-be"),
            TABLE.encode("utf-16-le"),
            TABLE.encode("utf-16-be"),
        ],
        ids=["UTF-8", "UTF-8 with a mark", "Windows-1252", "UTF-16", "UTF-16 big-endian", "UTF-16 without a mark", "the other one"],
    )
    def test_is_read_in_the_encodings_in_which_spreadsheets_write(self, data: bytes) -> None:
        listed = read(decoded(data))
        assert (listed.head, listed.rows[1], listed.columns["serial_number"]) == (["Serial Number", "Model"], ["8KQ2LM3", "Größe 14"], 0)

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"PK\x03\x04 a workbook", "Save the sheet as CSV"),
            (b"\xd0\xcf\x11\xe0 an old one", "Save the sheet as CSV"),
            (b"%PDF-1.7", "a PDF"),
            (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "Save the list as CSV"),
            (b"A1\nB\x002\nC3\n", "Save the list as CSV"),
            (b"\xff\xfeA", "Save the list as CSV"),
            (b"", "is empty"),
            (b"\xef\xbb\xbf\r\n", "is empty"),
            (b"Serial Number;Model\r\n", "is empty"),
        ],
    )
    def test_that_is_no_list_is_refused_with_what_to_do(self, data: bytes, words: str) -> None:
        assert words in refusal_of_file(data).message

    def test_that_is_too_large_is_refused_before_it_is_read(self) -> None:
        assert len(decoded(b"A" * LARGEST)) == LARGEST
        error = refusal_of_file(b"A" * (LARGEST + 1))
        assert ("1 MB" in error.message, error.fields["field"]) == (True, "file")


class TestWhatCannotBeRead:
    @pytest.mark.parametrize("text", ['A1\nB2\n"C3\nD4\n', 'Serial,Model\nA1,G10\nB2,"G10\nC3,G10\n', 'Serial,Model\nA1,x\n"B2" 7,x\n'])
    def test_is_named_by_the_line_in_which_a_quote_opens(self, text: str) -> None:
        error = refusal(text)
        assert (error.fields, "line 3" in error.message) == ({"line": 3}, True)

    def test_goes_on_after_a_quote_in_the_middle_of_a_cell(self) -> None:
        assert read('Serial,Model\nA1,14" screen\nB2,x\n').rows[0] == ["A1", '14" screen']

    def test_is_what_has_more_rows_than_go_at_once(self) -> None:
        rows = [f"S-{number}" for number in range(MOST_ROWS)]
        assert len(read("serial\n" + "\n".join(rows)).rows) == MOST_ROWS
        error = refusal("\n".join([*rows, "S-last"]))
        assert "2,001 rows; at most 2,000" in error.message
        assert "10,000 rows" in refusal("A1\n" * 10_000).message

    def test_is_a_line_with_hundreds_of_columns(self) -> None:
        assert len(read(",".join(["A1"] * MOST_COLUMNS)).rows[0]) == MOST_COLUMNS
        assert "each row on a line" in refusal("\n".join([",".join(["A1"] * (MOST_COLUMNS + 1))] * 2)).message


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters='\n,;|\t"'), max_size=12).map(str.strip)
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=5), min_size=1, max_size=8).map(lambda rows: [["A1", *row] for row in rows])


def without_end(row: list[str]) -> list[str]:
    """Empty cells at the end of a row are none."""
    return without_end(row[:-1]) if row and not row[-1] else row


@given(ROWS)
@example([["A1", "x, y, z"], ["A1", "u, v, w"]])
@example([["A1", "x"], ["A1"], ["A1"]])
def test_a_list_that_is_shown_again_is_read_as_it_was(rows: list[list[str]]) -> None:
    head = ["Serial number", "Model"]
    again = read(written(head, rows))
    assert (again.head, again.rows) == (head, [without_end(row) for row in rows])


@given(ROWS, st.sampled_from(tables.SEPARATORS))
def test_what_a_program_writes_as_csv_is_read_as_it_was_meant(rows: list[list[str]], separator: str) -> None:
    text = io.StringIO()
    width = max(map(len, rows))
    head = ["Serial number", "Model", "Make", "Type", "Fund", "Catalog"][:width]
    csv.writer(text, delimiter=separator).writerows([head, *rows])
    assert read(text.getvalue()).rows == [without_end(row) for row in rows]


@given(st.binary(max_size=300))
def test_whatever_is_dropped_is_read_or_refused(data: bytes) -> None:
    try:
        listed = read(decoded(data))
    except ListUnreadable:
        return
    assert len(listed.rows) == len(listed.lines) > 0
    assert listed.lines == sorted(set(listed.lines))
    assert all(cell == cell.strip() for row in listed.rows for cell in row)
