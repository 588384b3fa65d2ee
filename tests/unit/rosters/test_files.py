"""Files as they pass by: what they are written in, and what is said of those that are no list."""

import codecs
import io
from collections.abc import Iterator

import pytest

from request_tracker_utils.core.tables import LONGEST_ROW, ListUnreadable
from request_tracker_utils.rosters.fields import WORDS
from request_tracker_utils.rosters.files import Layout, Passing, layout_of, pieces_of, rows_of

TABLE = "Student ID,First Name,Last Name,Grade Level\n0042,Zoë,Größe,9\n0043,Ada,Lovelace,K\n"
PIECE = 7
"""Bytes: letters and lines are divided everywhere."""


def pieces(data: bytes) -> list[bytes]:
    return [data[begin : begin + PIECE] for begin in range(0, len(data), PIECE)]


def layout(data: bytes, subject: str = "students", *, size: int = 0) -> Layout:
    passing = Passing()
    for begin in range(0, len(data), size or len(data) or 1):
        passing.see(data[begin : begin + (size or len(data))])
    return layout_of(passing.beginning, passing.encoding(), WORDS[subject], whole=not size)


def rows(data: bytes) -> list[tuple[int, list[str]]]:
    found = layout(data)
    return list(rows_of(pieces(data), found.encoding, found.separator, has_head=bool(found.head)))


def refusal(data: bytes, *, size: int = 0) -> ListUnreadable:
    with pytest.raises(ListUnreadable) as raised:
        layout(data, size=size)
    return raised.value


@pytest.mark.parametrize(
    "data",
    [
        TABLE.encode(),
        TABLE.encode("utf-8-sig"),
        TABLE.encode("cp1252"),
        TABLE.encode("utf-16"),
        codecs.BOM_UTF16_BE + TABLE.encode("utf-16-be"),
        TABLE.encode("utf-16-le"),
        TABLE.replace("\n", "\r\n").encode(),
        TABLE.replace("\n", "\r").encode(),
        TABLE.replace(",", ";").encode(),
        TABLE.replace(",", "\t").encode(),
    ],
    ids=[
        "UTF-8",
        "with a mark",
        "Windows-1252",
        "UTF-16",
        "big-endian",
        "without a mark",
        "of Windows",
        "of old Macs",
        "semicolons",
        "tabs",
    ],
)
def test_a_list_is_read_however_it_was_written(data: bytes) -> None:
    assert rows(data) == [(2, ["0042", "Zoë", "Größe", "9"]), (3, ["0043", "Ada", "Lovelace", "K"])]


def test_what_is_no_utf_8_only_behind_the_first_piece_is_read_as_of_windows() -> None:
    data = ("Student ID,First Name\n" + "1,Ada\n" * 50 + "2,Zoë\n").encode("cp1252")
    assert layout(data, size=64).encoding == "cp1252"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04 a workbook", "a workbook"),
        (b"\xd0\xcf\x11\xe0 an old one", "a workbook"),
        (b"%PDF-1.7", "a PDF"),
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"Student ID,First Name\n", "is empty"),
        (b"Student ID,First Name\n1,A\x00da\n", "Line 2 holds a NUL byte"),
        (b"Student ID,First Name\n1,Ada\n" + b"2,\x81\x8d\n", "is no text"),
    ],
)
def test_what_is_no_list_is_refused_by_name(data: bytes, words: str) -> None:
    assert words in refusal(data).message


def test_a_nul_byte_far_behind_is_named_by_its_line() -> None:
    data = b"Student ID,First Name\n" + b"1,Ada\n" * 100 + b"2,\x00\n"
    assert "Line 102 " in refusal(data, size=50).message


def test_a_quote_that_never_closes_is_named_by_its_line_and_swallows_no_million_lines() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        yield b'Student ID,First Name\n1,Ada\n2,"Grace\n'
        while True:
            taken += 1
            yield b"3,Alan\n" * 1_000

    read = rows_of(endless(), "utf-8", ",", has_head=True)
    assert next(read) == (2, ["1", "Ada"])
    with pytest.raises(ListUnreadable, match="line 3") as raised:
        next(read)
    assert raised.value.fields["line"] == 3
    assert taken * 7_000 < 3 * LONGEST_ROW


def test_a_line_without_end_is_refused_and_not_held() -> None:
    with pytest.raises(ListUnreadable, match="line 1"):
        list(rows_of([b"x" * 50_000] * 40, "utf-8", ",", has_head=False))


def test_columns_are_known_by_the_words_of_student_information_systems() -> None:
    head = "Local ID,Last Name,First Name,Grade Level,Homeroom,School Name,E-Mail Address,Birthdate"
    assert layout(f"{head}\n1,L,F,9,H,S,e@x.org,2010-01-01\n".encode()).columns == {
        "student_id": 0,
        "last_name": 1,
        "first_name": 2,
        "grade": 3,
        "homeroom": 4,
        "building": 5,
        "email": 6,
    }
    tags = layout(b"Asset Tag;Serial Number;Model;Status;Assigned To\nW12-1;S;M;available;\n", "devices")
    assert (tags.separator, tags.columns) == (";", {"asset_tag": 0, "serial_number": 1, "model": 2, "status": 3, "student_id": 4})


def test_a_list_that_comes_in_small_pieces_is_understood_by_more_than_the_first() -> None:
    assert layout(TABLE.encode(), size=10).columns == {"student_id": 0, "first_name": 1, "last_name": 2, "grade": 3}


def test_a_list_without_a_heading_loses_no_row() -> None:
    found = layout(b"17,Ada,Lovelace\n18,Alan,Turing\n")
    assert (found.head, found.columns, found.sample[0]) == ([], {}, ["17", "Ada", "Lovelace"])


def test_a_stream_is_read_a_piece_at_a_time() -> None:
    assert [len(piece) for piece in pieces_of(io.BytesIO(b"x" * 600_000))] == [262_144, 262_144, 75_712]
