"""Tables as files and pasted text bring them: what they are encoded in, what divides their columns, and which column is what."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from request_tracker_utils.core.errors import Invalid

MOST_COLUMNS = 100
SEPARATORS = ("\t", ";", ",", "|")
NONE = "\x1f"
"""The separator of lists that have none."""
SAMPLE = 50
"""Rows that are looked at to find out what divides the columns."""
LONGEST_ROW = 100_000
"""Characters. What goes on for longer is a quote that nobody closed."""
_OF_FILES = {b"PK\x03\x04": "a workbook", b"\xd0\xcf\x11\xe0": "a workbook", b"%PDF": "a PDF"}
"""Beginnings of files that people take for lists."""
_EVERY_OTHER = 0.3
"""Share of NUL bytes from which a file without a mark is UTF-16: every other byte of a Latin letter is one."""

Words = Mapping[str, set[str]]
"""Field → what its column is called, in small letters and without signs."""


class ListUnreadable(Invalid):
    """The file or the text is no list; the message says where it breaks off."""

    code = "list_unreadable"


def refuse_other_files(beginning: bytes) -> None:
    """Raises ListUnreadable for what people take for lists and is none."""
    for mark, what in _OF_FILES.items():
        if beginning.startswith(mark):
            raise ListUnreadable(f"The file is {what}, not a list. Save the sheet as CSV and send that.", field="file")


def no_text() -> ListUnreadable:
    return ListUnreadable("The file is no text. Save the list as CSV (UTF-8) and send that.", field="file")


def encodings(beginning: bytes) -> Iterator[str]:
    """Those in which the file may be, by its first bytes: the first of them in which it can be read is right."""
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        yield "utf-16"
    elif (nulls := beginning.count(0)) and nulls >= _EVERY_OTHER * len(beginning):
        yield "utf-16-be" if beginning[0] == 0 else "utf-16-le"
    else:
        yield from ("utf-8-sig", "cp1252")


def separator_of(text: str, known: Words) -> str:
    """What divides the columns: with it the heading is understood best, or else most rows are equally wide. A tab stands in no cell."""
    best = max(SEPARATORS, key=lambda separator: _fitness(text, separator, known))
    return best if any(_fitness(text, best, known)) else NONE


def rows(lines: Iterable[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """The line in which each row begins, and its cells without blanks around; empty rows are left out. `lines` keep their ends.

    Raises ListUnreadable where a row cannot be read, or has no end: nothing more than LONGEST_ROW is held.
    """
    bounded = _Bounded(lines)
    reader = csv.reader(bounded, delimiter=separator, skipinitialspace=True, strict=True)
    while True:
        line, bounded.read = reader.line_num + 1, 0
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except (csv.Error, _Endless):
            message = (
                f"The row in line {line} cannot be read: a quote that opens there is not closed where a cell ends. Close it or delete it."
            )
            raise ListUnreadable(message, line=line) from None
        while cells and not cells[-1]:
            cells.pop()
        if len(cells) > MOST_COLUMNS:
            raise ListUnreadable(
                f"Line {line} has {len(cells):,} columns; at most {MOST_COLUMNS} are read. Put each row on a line of its own.", line=line
            )
        if cells:
            yield line, cells


def named(head: list[str], known: Words) -> dict[str, int]:
    """Field → the first column that its words name, from 0."""
    names = [words(cell) for cell in head]
    found = {field: next((number for number, name in enumerate(names) if name in of_field), None) for field, of_field in known.items()}
    return {field: number for field, number in found.items() if number is not None}


def column_named(head: list[str], name: str) -> int | None:
    """The column with this heading, compared without case and signs, unless it is made of signs."""
    wanted = words(name) or name.strip()
    return next((number for number, cell in enumerate(head) if cell and (words(cell) or cell) == wanted), None)


def words(cell: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", cell.lower()))


class _Endless(Exception):
    """A row is longer than any is."""


class _Bounded:
    """Lines, of which `read` counts the characters since it was set to 0."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._next: Callable[[], str] = iter(lines).__next__
        self.read = 0

    def __iter__(self) -> "_Bounded":
        return self

    def __next__(self) -> str:
        line = self._next()
        self.read += len(line)
        if self.read > LONGEST_ROW:
            raise _Endless
        return line


def _fitness(text: str, separator: str, known: Words) -> tuple[int, float, bool, int]:
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
    return len(named(sample[0], known)), count / len(sample), separator == "\t", width
