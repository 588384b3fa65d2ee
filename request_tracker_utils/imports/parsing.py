"""Tables in files and pasted text: their encoding, their separator, and the column of each field."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Set as AbstractSet
from itertools import islice

from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.text import clean
from request_tracker_utils.core.translation import gettext as _, gettext_noop

MAX_COLUMNS = 100
MAX_ROW_LENGTH = 100_000
"""Characters. A longer row has an unclosed quote."""
SEPARATORS = ("\t", ";", ",", "|")
NO_SEPARATOR = "\x1f"
"""Separates nothing: for files with one column."""
SAMPLE_ROWS = 50
"""Rows by which the separator is detected."""

Aliases = Mapping[str, AbstractSet[str]]
"""Field → names of its column in header rows, normalized by `normalize`."""

_OTHER_FILES = {
    b"PK\x03\x04": gettext_noop("The file is a workbook. Save the sheet as CSV, then upload that file."),
    b"\xd0\xcf\x11\xe0": gettext_noop("The file is a workbook. Save the sheet as CSV, then upload that file."),
    b"%PDF": gettext_noop("The file is a PDF. Export the data as CSV, then upload that file."),
}
"""Signatures of files that people mistake for CSV."""
_UTF_16_NUL_SHARE = 0.3
"""Share of NUL bytes from which a file without a byte order mark is UTF-16: every other byte of a Latin letter is NUL."""


class FileUnreadable(Invalid):
    """The file or text is not a table. The message names the line where reading failed."""

    code = "list_unreadable"


def refuse_other_formats(beginning: bytes) -> None:
    """Raises FileUnreadable for workbooks and PDFs."""
    for signature, message in _OTHER_FILES.items():
        if beginning.startswith(signature):
            raise FileUnreadable(_(message), field="file")


def not_text() -> FileUnreadable:
    return FileUnreadable(_("The file is not text. Save it as CSV (UTF-8), then upload that file."), field="file")


def encodings(beginning: bytes) -> Iterator[str]:
    """Candidates by the first bytes of a file. The first candidate that decodes the whole file is right."""
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        yield "utf-16"
    elif (nulls := beginning.count(0)) and nulls >= _UTF_16_NUL_SHARE * len(beginning):
        yield "utf-16-be" if beginning[0] == 0 else "utf-16-le"
    else:
        yield from ("utf-8-sig", "cp1252")


def detect_separator(text: str, aliases: Aliases) -> str:
    """The separator with which most header cells are known or, without known headers, most rows have the same width."""
    best = max(SEPARATORS, key=lambda separator: _score(text, separator, aliases))
    return best if any(_score(text, best, aliases)) else NO_SEPARATOR


def parse_rows(lines: Iterable[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Each row's first line number and its stripped cells, without invisible characters. Empty rows are skipped.

    `lines` include their line endings. At most MAX_ROW_LENGTH characters are buffered. Raises FileUnreadable for a row that is malformed,
    too long or too wide.
    """
    bounded = _BoundedLines(lines)
    reader = csv.reader(bounded, delimiter=separator, skipinitialspace=True, strict=True)
    while True:
        line, bounded.length = reader.line_num + 1, 0
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except (csv.Error, _RowTooLong):
            raise FileUnreadable(
                _(
                    "The row in line %(line)s cannot be read: it has an unclosed quote. Close the quote or delete it.",
                    line=line,
                ),
                line=line,
            ) from None
        while cells and not cells[-1]:
            cells.pop()
        if len(cells) > MAX_COLUMNS:
            raise FileUnreadable(
                _(
                    "Line %(line)s has %(count)s columns; the maximum is %(most)s. Put each row on its own line.",
                    line=line,
                    count=f"{len(cells):,}",
                    most=MAX_COLUMNS,
                ),
                line=line,
            )
        if cells:
            yield line, cells


def match_header(header: list[str], aliases: Aliases) -> dict[str, int]:
    """Field → its first column by the header row, from 0. Fields without a column are left out."""
    names = [normalize(cell) for cell in header]
    found = {field: next((number for number, name in enumerate(names) if name in known), None) for field, known in aliases.items()}
    return {field: number for field, number in found.items() if number is not None}


def find_column(header: list[str], name: str) -> int | None:
    """The column with this header. Case and punctuation are ignored unless the header is only punctuation."""
    title = normalize(name) or name.strip()
    return next((number for number, cell in enumerate(header) if cell and (normalize(cell) or cell) == title), None)


def normalize(cell: str) -> str:
    """Lower-case words, separated by single spaces."""
    return " ".join(re.findall(r"[^\W_]+", cell.lower()))


class _RowTooLong(Exception):
    """The row exceeds MAX_ROW_LENGTH."""


class _BoundedLines:
    """An iterator over lines that fails once `length` exceeds MAX_ROW_LENGTH. The reader resets `length` before each row."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._next: Callable[[], str] = iter(lines).__next__
        self.length = 0

    def __iter__(self) -> "_BoundedLines":
        return self

    def __next__(self) -> str:
        line = self._next()
        self.length += len(line)
        if self.length > MAX_ROW_LENGTH:
            raise _RowTooLong
        return clean(line)


def _score(text: str, separator: str, aliases: Aliases) -> tuple[int, float, bool, int]:
    """Known header cells, share of rows with the commonest width, whether it is a tab, and that width. Zeros when few rows are split."""
    sample = list[list[str]]()
    try:
        sample += islice(filter(any, csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)), SAMPLE_ROWS)
    except csv.Error:  # an unclosed cell: parse_rows reports its line
        return 0, 0, False, 0
    widths = Counter(map(len, sample))
    if 2 * widths[1] > len(sample) or not sample or set(widths) == {1}:
        return 0, 0, False, 0
    width, count = max(widths.items(), key=lambda each: (each[1], each[0]))
    return len(match_header(sample[0], aliases)), count / len(sample), separator == "\t", width
