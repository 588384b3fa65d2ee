"""Uploaded files as streams: encodings and separators are detected, and files that are not tables are refused with a reason."""

import codecs
import io
from collections.abc import Iterator

import pytest

from request_tracker_utils.imports.parsing import MAX_ROW_LENGTH, FileUnreadable
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
    return list(decode_rows(chunks(data), found.encoding, found.separator, has_header=bool(found.header)))


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

    found = decode_rows(endless(), "utf-8", ",", has_header=True)
    assert next(found) == (2, ["1", "Ada"])
    with pytest.raises(FileUnreadable, match="line 3") as raised:
        next(found)
    assert raised.value.fields["line"] == 3
    assert read < 3 * MAX_ROW_LENGTH


def test_an_endless_line_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(FileUnreadable, match="line 1"):
        list(decode_rows([b"x" * 50_000] * 40, "utf-8", ",", has_header=False))


def test_columns_are_recognized_by_the_headers_of_student_information_systems() -> None:
    header = "Local ID,Last Name,First Name,Grade Level,Homeroom,School Name,E-Mail Address,Birthdate"
    expected = {"student_id": 0, "last_name": 1, "first_name": 2, "grade": 3, "homeroom": 4, "building": 5, "email": 6}
    assert layout(f"{header}\n1,L,F,9,H,S,e@x.org,2010-01-01\n".encode()).columns == expected
    tags = layout(b"Asset Tag;Serial Number;Model;Status;Assigned To\nW12-1;S;M;available;\n", aliases=DEVICES.aliases)
    assert (tags.separator, tags.columns) == (";", {"asset_tag": 0, "serial_number": 1, "model": 2, "status": 3, "student_id": 4})


def test_the_layout_needs_more_than_a_small_first_chunk() -> None:
    assert layout(TABLE.encode(), size=10).columns == {"student_id": 0, "first_name": 1, "last_name": 2, "grade": 3}


def test_a_file_without_a_header_row_loses_no_row() -> None:
    found = layout(b"17,Ada,Lovelace\n18,Alan,Turing\n")
    assert (found.header, found.columns, found.sample[0]) == ([], {}, ["17", "Ada", "Lovelace"])


def test_a_stream_is_read_in_chunks() -> None:
    assert [len(chunk) for chunk in read_chunks(io.BytesIO(b"x" * 600_000))] == [262_144, 262_144, 75_712]
