"""Tables in files and pasted text: their encoding, their separator, their header row, and the column of each field."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set as AbstractSet
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
HEADER_ROWS = 10
"""The header row is one of the first rows: titles may stand above it."""
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
_DIGIT = re.compile(r"\d")
_DIRECTIVE = re.compile(r"\ufeff?\"?sep=([^\w\s\"]|\t)\"?[,;\t|]*(?=[\r\n])", re.IGNORECASE)
"""`sep=;` in the first line tells Excel the separator."""
_WRAPPED = re.compile(r'="(.+)"')
"""A formula that keeps a spreadsheet from taking a text for a number: `="026130"`."""
_UNITS = r"(?:students?|pupils?|devices?|assets?|records?|rows?|items?|entries|lines?)"
_FOOTER = re.compile(
    r"\W*(?:"
    r"(?:grand[ -]|sub[ -]?)?totals?(?![\w-])"
    rf"|(?:number|count) of {_UNITS}\b|(?:{_UNITS} )?count *:|{_UNITS}(?: (?:found|listed|total|exported))? *: *[\d,.]+|[\d,.]+ {_UNITS}\b"
    r"|end of (?:the )?(?:report|file|list|data|export)\b|page \d+(?: of \d+)?\b"
    r"|(?:(?:report|list|file|data) )?(?:generated|printed|created|exported|run)(?: (?:on|by|at)\b| *:)"
    r")",
    re.IGNORECASE,
)
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
    """The one that the first line declares (`sep=;`); otherwise the one with which most header cells are known or, without known headers,
    most rows have the same width."""
    if declared := _DIRECTIVE.match(text):
        return declared[1]
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
            bounded.has_wrapped = False
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
        if bounded.has_wrapped:
            cells = [_unwrap(cell) for cell in cells]
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
        if cells and not (line == 1 and _is_directive(cells)):
            yield line, cells


def find_header(rows: Sequence[list[str]], aliases: Aliases) -> int | None:
    """The number of the header row among the first rows, from 0: the row with the most known names, and the first of several.

    A row is a header row if it names the first of the fields or two fields. In the first row of several columns, one known name is enough
    unless the row contains digits.
    """
    key = next(iter(aliases))
    best, most = None, 0
    for number, row in enumerate(rows[:HEADER_ROWS]):
        columns = match_header(row, aliases)
        is_header = len(columns) > 1 or key in columns or (not number and len(row) > 1 and not any(map(_DIGIT.search, row)))
        if is_header and len(columns) > most:
            best, most = number, len(columns)
    return best


def find_header_with(rows: Sequence[list[str]], titles: Iterable[str]) -> int:
    """The first of the first rows that has columns with all these headers, from 0; without such a row, the first one."""
    wanted = list(titles)
    found = (number for number, row in enumerate(rows[:HEADER_ROWS]) if all(find_column(row, title) is not None for title in wanted))
    return next(found, 0)


def is_footer(cells: list[str]) -> bool:
    """Whether a row is a total or a note about the file, such as `Total students: 2`: at most two cells, and no record."""
    width = len(cells)
    if width > 2 and width - cells.count("") > 2:
        return False
    return _FOOTER.match(next(filter(None, cells))) is not None


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
        self.has_wrapped = False
        """Whether a cell of the row may be a formula around a text."""

    def __iter__(self) -> "_BoundedLines":
        return self

    def __next__(self) -> str:
        line = self._next()
        self.length += len(line)
        if self.length > MAX_ROW_LENGTH:
            raise _RowTooLong
        if '="' in line:
            self.has_wrapped = True
        return clean(line)


def _is_directive(cells: list[str]) -> bool:
    """Whether this is the first line `sep=;`, split at its separator or not."""
    return cells[0][:4].lower() == "sep=" and len(cells[0]) < 6 and len(cells) == 1


def _unwrap(cell: str) -> str:
    wrapped = _WRAPPED.fullmatch(cell)
    return wrapped[1].replace('""', '"').strip() if wrapped else cell


def _score(text: str, separator: str, aliases: Aliases) -> tuple[int, float, bool, int]:
    """Known header cells, share of rows with the commonest width, whether it is a tab, and that width. Zeros when few rows are split."""
    sample = list[list[str]]()
    try:
        sample += islice(filter(any, csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)), SAMPLE_ROWS)
    except csv.Error:  # an unclosed cell: parse_rows reports its line
        return 0, 0, False, 0
    header = find_header(sample, aliases)
    sample = sample[header or 0 :]
    widths = Counter(map(len, sample))
    if 2 * widths[1] > len(sample) or not sample or set(widths) == {1}:
        return 0, 0, False, 0
    width, count = max(widths.items(), key=lambda each: (each[1], each[0]))
    return 0 if header is None else len(match_header(sample[0], aliases)), count / len(sample), separator == "\t", width
