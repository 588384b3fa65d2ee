"""What somebody pasted, scanned or dropped, made rows: serial numbers one a line, or a table whose columns are guessed."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from request_tracker_utils.assets.errors import ListUnreadable
from request_tracker_utils.assets.wanted import SERIAL

MOST_ROWS, MOST_COLUMNS = 2_000, 100
LARGEST = 1_000_000
"""Bytes of a file: a request, which carries the form too, is not let in when it is much larger."""
SEPARATORS = ("\t", ";", ",", "|")
_NONE = "\x1f"
"""The separator of lists that have none."""
SAMPLE = 50
"""Rows that are looked at to find out what divides the columns."""
WORDS = {
    "serial_number": {"serial", "serial number", "serialnumber", "serial no", "serial nr", "s n", "sn", "service tag", "servicetag"},
    "internal_name": {"internal name", "name", "asset name", "device name"},
    "manufacturer": {"manufacturer", "make", "vendor", "brand"},
    "model": {"model", "model name"},
    "category": {"category", "type"},
    "funding_source": {"funding", "funding source", "fund"},
    "catalog": {"catalog", "catalogue"},
}
"""Field → what its column is called, in small letters and without signs."""
_OF_FILES = {b"PK\x03\x04": "a workbook", b"\xd0\xcf\x11\xe0": "a workbook", b"%PDF": "a PDF"}
"""Beginnings of files that people take for lists."""
_EVERY_OTHER = 0.3
"""Share of NUL bytes from which a file without a mark is UTF-16: every other byte of a Latin letter is one."""


@dataclass(frozen=True)
class Listed:
    """`lines` are the numbers of the lines in which the rows begin; `head` is empty where the first row is no heading; `columns` says
    in which column a field stands, from 0."""

    rows: list[list[str]]
    lines: list[int]
    head: list[str] = field(default_factory=list)
    columns: dict[str, int] = field(default_factory=dict)


def decoded(data: bytes) -> str:
    """A file's text. Raises ListUnreadable for one that is too large or no text."""
    if len(data) > LARGEST:
        raise ListUnreadable("The file is larger than 1 MB. Keep only the columns that are needed, or divide it.", field="file")
    for beginning, what in _OF_FILES.items():
        if data.startswith(beginning):
            raise ListUnreadable(f"The file is {what}, not a list. Save the sheet as CSV and send that.", field="file")
    for encoding in _encodings(data):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ListUnreadable("The file is no text. Save the list as CSV (UTF-8) and send that.", field="file")


def read(text: str, *, has_head: bool = False) -> Listed:
    """The rows of a text. The first is taken as the heading where its words are known, or `has_head` says so.

    Raises ListUnreadable for what is no list, is too long, or breaks off inside of quotes.
    """
    text = text.removeprefix("\ufeff")
    if "\x00" in text:
        raise ListUnreadable("This is no text: it holds bytes that no list has. Save the list as CSV (UTF-8).")
    found = list(_rows(text, separator_of(text)))
    head = found.pop(0)[1] if found and (has_head or _is_head(found[0][1])) else []
    if not found:
        raise ListUnreadable("The list is empty. Scan or paste serial numbers, or choose a file with a row for each asset.")
    if len(found) > MOST_ROWS:
        raise ListUnreadable(f"The list has {len(found):,} rows; at most {MOST_ROWS:,} go at once. Divide it.")
    rows = [row for _, row in found]
    return Listed(rows, [line for line, _ in found], head, columns_of(head, rows))


def columns_of(head: list[str], rows: list[list[str]]) -> dict[str, int]:
    """Field → its column: by the heading, and the serial number's by its looks where no heading names it."""
    columns = _named(head)
    if "serial_number" not in columns:
        free = [number for number in range(max(map(len, rows))) if number not in columns.values()]
        likely = next((number for number in free if _looks_like_serials(number, rows)), None)
        # A single column can be nothing else, whatever stands in it.
        number = 0 if likely is None and len(free) == 1 and not columns else likely
        columns |= {} if number is None else {"serial_number": number}
    return columns


def column_named(head: list[str], name: str) -> int | None:
    """The column with this heading, compared without case and signs, unless it is made of signs."""
    wanted = _words(name) or name.strip()
    return next((number for number, cell in enumerate(head) if cell and (_words(cell) or cell) == wanted), None)


def written(head: list[str], rows: list[list[str]]) -> str:
    """The list as a text that `read` reads back. All rows are equally wide, so that nothing but the tab seems to divide them."""
    text, every = io.StringIO(), [*([head] if head else []), *rows]
    width = max(map(len, every))
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows(row + [""] * (width - len(row)) for row in every)
    return text.getvalue()


def separator_of(text: str) -> str:
    """What divides the columns: with it the heading is understood best, or else most rows are equally wide. A tab stands in no cell."""
    best = max(SEPARATORS, key=lambda separator: _fitness(text, separator))
    return best if any(_fitness(text, best)) else _NONE


def _encodings(data: bytes) -> Iterator[str]:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        yield "utf-16"
    elif (nulls := data.count(0)) and nulls >= _EVERY_OTHER * len(data):
        yield "utf-16-be" if data[0] == 0 else "utf-16-le"
    else:
        yield from ("utf-8-sig", "cp1252")


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The line in which each row begins, and its cells without blanks around; empty rows are left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error:
            message = (
                f"The row in line {line} cannot be read: a quote that opens there is not closed where a cell ends. Close it or delete it."
            )
            raise ListUnreadable(message, line=line) from None
        while cells and not cells[-1]:
            cells.pop()
        if len(cells) > MOST_COLUMNS:
            raise ListUnreadable(
                f"Line {line} has {len(cells):,} columns; at most {MOST_COLUMNS} are read. Put each asset on a line of its own."
            )
        if cells:
            yield line, cells


def _fitness(text: str, separator: str) -> tuple[int, float, bool, int]:
    """Columns that the heading names, the share of rows of the commonest width, whether it is a tab, and that width; nothing when few
    rows are divided."""
    sample = list[list[str]]()
    try:
        sample += islice(filter(any, csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)), SAMPLE)
    except csv.Error:  # a cell without end: reading it in earnest says where
        return 0, 0, False, 0
    widths = Counter(map(len, sample))
    if 2 * widths[1] > len(sample) or not sample or set(widths) == {1}:
        return 0, 0, False, 0
    width, count = max(widths.items(), key=lambda each: (each[1], each[0]))
    return len(_named(sample[0])), count / len(sample), separator == "\t", width


def _is_head(row: list[str]) -> bool:
    named = _named(row)
    return "serial_number" in named or len(named) > 1


def _named(head: list[str]) -> dict[str, int]:
    names = [_words(cell) for cell in head]
    found = {field: next((number for number, name in enumerate(names) if name in words), None) for field, words in WORDS.items()}
    return {field: number for field, number in found.items() if number is not None}


def _words(cell: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", cell.lower()))


def _looks_like_serials(number: int, rows: list[list[str]]) -> bool:
    """Whether most cells of the column could be serial numbers, have digits, and differ."""
    cells = [row[number] for row in rows if len(row) > number]
    likely = {cell for cell in cells if SERIAL.fullmatch(cell) and any(character.isdigit() for character in cell)}
    return 2 * len(likely) > len(rows)
