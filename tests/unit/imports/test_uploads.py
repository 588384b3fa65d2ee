"""Uploaded files as streams: encodings and separators are detected, and files that are not tables are refused with a reason."""

import codecs
import io
from collections.abc import Iterator

import pytest

from request_tracker_utils.imports.parsing import MAX_ROW_LENGTH, FileUnreadable, is_footer
from request_tracker_utils.imports.uploads import Layout, UploadInspector, decode_rows, detect_layout, read_chunks
from tests.services.rosters import DEVICES, STUDENTS
from tests.services.tables import check_all

TABLE = "Student ID,First Name,Last Name,Grade Level\n0042,Zoë,Größe,9\n0043,Ada,Lovelace,K\n"
CHUNK = 7
"""Bytes: splits letters and lines everywhere."""


def chunks(data: bytes) -> list[bytes]:
    return [data[begin : begin + CHUNK] for begin in range(0, len(data), CHUNK)]


def layout(data: bytes, *, size: int = 0, aliases: object = STUDENTS.aliases) -> Layout:
    inspector = UploadInspector()
    for begin in range(0, len(data), size or len(data) or 1):
        inspector.inspect(data[begin : begin + (size or len(data))])
    return detect_layout(inspector.beginning, inspector.encoding(), aliases, is_whole=not size)  # type: ignore[arg-type]


def rows(data: bytes) -> list[tuple[int, list[str]]]:
    found = layout(data)
    return list(decode_rows(chunks(data), found.encoding, found.separator, found.header))


def test_reads_every_common_encoding_line_ending_and_separator() -> None:
    def check(_name: str, data: bytes) -> None:
        assert rows(data) == [(2, ["0042", "Zoë", "Größe", "9"]), (3, ["0043", "Ada", "Lovelace", "K"])]

    check_all(
        [
            ("UTF-8", TABLE.encode()),
            ("UTF-8 with BOM", TABLE.encode("utf-8-sig")),
            ("Windows-1252", TABLE.encode("cp1252")),
            ("UTF-16", TABLE.encode("utf-16")),
            ("UTF-16 big-endian", codecs.BOM_UTF16_BE + TABLE.encode("utf-16-be")),
            ("UTF-16 without BOM", TABLE.encode("utf-16-le")),
            ("CRLF", TABLE.replace("\n", "\r\n").encode()),
            ("CR", TABLE.replace("\n", "\r").encode()),
            ("semicolons", TABLE.replace(",", ";").encode()),
            ("tabs", TABLE.replace(",", "\t").encode()),
        ],
        check,
    )


def test_an_encoding_is_ruled_out_by_a_later_chunk() -> None:
    data = ("Student ID,First Name\n" + "1,Ada\n" * 50 + "2,Zoë\n").encode("cp1252")
    assert layout(data, size=64).encoding == "cp1252"


def test_files_that_are_not_tables_are_refused_with_a_reason() -> None:
    def check(data: bytes, words: str, size: int = 0) -> None:
        with pytest.raises(FileUnreadable) as raised:
            layout(data, size=size)
        assert words in raised.value.message, raised.value.message

    check_all(
        [
            (b"PK\x03\x04 a workbook", "is a workbook"),
            (b"\xd0\xcf\x11\xe0 an old one", "is a workbook"),
            (b"%PDF-1.7", "is a PDF"),
            (b"", "is empty"),
            (b"\n\n", "is empty"),
            (b"Student ID,First Name\n", "is empty"),
            (b"Student ID,First Name\n1,A\x00da\n", "Line 2 contains a NUL byte"),
            (b"Student ID,First Name\n1,Ada\n" + b"2,\x81\x8d\n", "is not text"),
            (b"Student ID,First Name\n" + b"1,Ada\n" * 100 + b"2,\x00\n", "Line 102 ", 50),
        ],
        check,
    )


def test_an_unclosed_quote_is_reported_by_its_line_before_the_rest_is_read() -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        yield b'Student ID,First Name\n1,Ada\n2,"Grace\n'
        while True:
            read += 7_000
            yield b"3,Alan\n" * 1_000

    found = decode_rows(endless(), "utf-8", ",", ["Student ID", "First Name"])
    assert next(found) == (2, ["1", "Ada"])
    with pytest.raises(FileUnreadable, match="line 3") as raised:
        next(found)
    assert raised.value.fields["line"] == 3
    assert read < 3 * MAX_ROW_LENGTH


def test_an_endless_line_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(FileUnreadable, match="line 1"):
        list(decode_rows([b"x" * 50_000] * 40, "utf-8", ",", []))


def test_columns_are_recognized_by_the_headers_of_student_information_systems() -> None:
    header = "Local ID,Last Name,First Name,Grade Level,Homeroom,School Name,E-Mail Address,Birthdate"
    expected = {"student_id": 0, "last_name": 1, "first_name": 2, "grade": 3, "homeroom": 4, "building": 5, "email": 6}
    assert layout(f"{header}\n1,L,F,9,H,S,e@x.org,2010-01-01\n".encode()).columns == expected
    tags = layout(b"Asset Tag;Serial Number;Model;Status;Assigned To\nW12-1;S;M;available;\n", aliases=DEVICES.aliases)
    assert (tags.separator, tags.columns) == (";", {"asset_tag": 0, "serial_number": 1, "model": 2, "status": 3, "student_id": 4})


def test_the_layout_needs_more_than_a_small_first_chunk() -> None:
    assert layout(TABLE.encode(), size=10).columns == {"student_id": 0, "first_name": 1, "last_name": 2, "grade": 3}


def test_the_header_row_is_the_first_row_with_known_names() -> None:
    def check(above: str, header: str, *, columns: dict[str, int] | None = None, separator: str = ",") -> None:
        found = layout((above + header + "\n0042,Zoë,Größe,9\n0043,Ada,Lovelace,K\n".replace(",", separator)).encode())
        assert (found.separator, found.header) == (separator, header.split(separator))
        assert found.columns == (columns or {"student_id": 0, "first_name": 1, "last_name": 2, "grade": 3})
        assert [row[0] for row in found.sample] == ["0042", "0043"]
        read = decode_rows(chunks((above + header + "\n0042,Zoë\n").encode()), "utf-8", separator, found.header)
        assert [line for line, _row in read] == [above.count("\n") + 2]

    header, semicolons = "Student ID,First Name,Last Name,Grade", "Student ID;First Name;Last Name;Grade"
    check_all(
        [
            ("", header),
            ("sep=;\n", semicolons),
            ("SEP=;\r\n", semicolons),
            ('"sep=;"\n', semicolons),
            ("sep=,\n", header),
            ("Student Roster\n\n", header),
            ("Lincoln High School\nGrade 9, all students\nPrinted 2026-08-17\n\n", header),
            ("School,Lincoln High\nStatus,active\n", header),
            ("a\nb\nc\nd\ne\nf\ng\nh\ni\n", header),
            ("sep=;\nRoster; all\n", semicolons),
        ],
        lambda above, header: check(above, header, separator=";" if ";" in header else ","),
    )
    one_roster = "identifier,givenName,familyName,grades"
    check("", one_roster)
    check("", "Nr.,Grade,Name,x", columns={"grade": 1})


def test_rows_without_known_names_are_all_data() -> None:
    def check(text: str, rows: list[list[str]]) -> None:
        found = layout(text.encode())
        assert (found.header, found.sample) == ([], rows)
        assert [row for _line, row in decode_rows([text.encode()], found.encoding, found.separator, [])][:3] == rows

    check_all(
        [
            ("17,Ada,active\n18,Alan,active\n", [["17", "Ada", "active"], ["18", "Alan", "active"]]),
            ("sep=;\n17;Ada\n18;Alan\n", [["17", "Ada"], ["18", "Alan"]]),
            ("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nStudent ID\n", [["a"], ["b"], ["c"]]),
        ],
        check,
    )


def test_formulas_around_a_text_are_unwrapped() -> None:
    def check(cell: str, text: str) -> None:
        assert next(iter(decode_rows([f"{cell},Ada\n".encode()], "utf-8", ",", []))) == (1, [text, "Ada"])

    check_all(
        [
            ('="026130"', "026130"),
            ('"=""026130"""', "026130"),
            ('"=""5"""" screen"""', '5" screen'),
            ('=""', '=""'),
            ('\'="026130"', '\'="026130"'),
            ("=1+1", "=1+1"),
        ],
        check,
    )


def test_totals_and_notes_are_no_records() -> None:
    def check(line: str, expected: bool) -> None:
        assert is_footer(line.split(",")) == expected

    footers = (
        *(
            "Total students: 2",
            "Total,2",
            "Grand Total,,,2",
            "Subtotal,12",
            "Number of students,2",
            "Count: 2",
            "2 students",
            "1234 records",
        ),
        *("*** End of report ***", "Page 1 of 3", "Printed on 2026-08-17", "Report generated: today", "Records found: 2", ",,Total: 2"),
    )
    records = (
        *("1001,Ada", "TOTAL-1", "Total,Recall,1001,9", "Totalia", "Page,Larry", "Printer,Laser", "1001", "PAGE-1,x", "Countess,Ada,1"),
        *("Exported7,x", "End of the line"),
    )
    check_all([*((line, True) for line in footers), *((line, False) for line in records)], check)


def test_a_file_without_a_header_row_loses_no_row() -> None:
    found = layout(b"17,Ada,Lovelace\n18,Alan,Turing\n")
    assert (found.header, found.columns, found.sample[0]) == ([], {}, ["17", "Ada", "Lovelace"])


def test_a_stream_is_read_in_chunks() -> None:
    assert [len(chunk) for chunk in read_chunks(io.BytesIO(b"x" * 600_000))] == [262_144, 262_144, 75_712]
