"""Lists of assets that were pasted, scanned or uploaded: serial numbers, one per line, or a table whose columns are detected."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter

from request_tracker_utils.assets.fields import FIELDS, SERIAL
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.imports import parsing
from request_tracker_utils.imports.parsing import FileUnreadable
from request_tracker_utils.imports.remarks import DAMAGED, damaged_text, left_out, row_text

MAX_ROWS = 2_000
MAX_FILE_SIZE = 1_000_000
"""Bytes. Requests that are much larger are refused before they are read."""
ALIASES = {
    "serial_number": {"serial", "serial number", "serialnumber", "serial no", "serial nr", "s n", "sn", "service tag", "servicetag"},
    "internal_name": {"internal name", "name", "asset name", "device name"},
    "manufacturer": {"manufacturer", "make", "vendor", "brand"},
    "model": {"model", "model name"},
    "category": {"category", "type"},
    "funding_source": {"funding", "funding source", "fund"},
    "catalog": {"catalog", "catalogue"},
}
"""Field → names of its column in header rows, normalized."""
SERIAL_NUMBER = "serial_number"
HEADERS = {
    "serial_number": "Serial number",
    "internal_name": "Internal name",
    "manufacturer": "Manufacturer",
    "model": "Model",
    "category": "Category",
    "funding_source": "Funding source",
    "catalog": "Catalog",
}
"""Field → the name of its column in header rows that we write, one of its aliases."""


@dataclass(frozen=True)
class Listed:
    """Rows and the numbers of the lines in which they begin. `header` is empty when none of the first rows is a header row; `columns` maps
    fields to columns, from 0. `footers` are totals and notes about the list that are not among its rows, with their lines."""

    rows: list[list[str]]
    lines: list[int]
    header: list[str] = field(default_factory=list)
    columns: dict[str, int] = field(default_factory=dict)
    footers: list[tuple[int, list[str]]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """The headers of columns that `mapped` has left out."""
    is_guessed: bool = False
    """Whether the column of the serial numbers is one of several that only its values suggest: it may contain other numbers, which nobody
    wants to store."""

    @property
    def width(self) -> int:
        return max(map(len, [self.header, *self.rows]))

    @property
    def has_serials(self) -> bool:
        """Whether it is known for sure which column has the serial numbers."""
        return SERIAL_NUMBER in self.columns and not self.is_guessed


def decode(data: bytes) -> str:
    """The text of a file. Raises FileUnreadable when it is too large or not text."""
    if len(data) > MAX_FILE_SIZE:
        raise FileUnreadable(_("The file is larger than 1 MB. Remove the columns that are not needed, or split it."), field="file")
    parsing.refuse_other_formats(data)
    for encoding in parsing.encodings(data):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise parsing.not_text()


def read(text: str, *, titles: Sequence[str] = ()) -> Listed:
    """The rows below the header row: the first row with columns that have these `titles` or, without titles, known names. Rows above it are
    left out.

    Raises FileUnreadable for text that is not a table, has too many rows, or ends inside quotes.
    """
    text = text.removeprefix("\ufeff")
    if "\x00" in text:
        raise FileUnreadable(_("This is not text: it contains a NUL byte. Save the list as CSV (UTF-8)."))
    found = list(parsing.parse_rows(io.StringIO(text, newline=""), parsing.detect_separator(text, ALIASES)))
    first = [row for _line, row in found[: parsing.HEADER_ROWS]]
    number = parsing.find_header(first, ALIASES)
    if number is None and titles and first:
        number = parsing.find_header_with(first, titles)
    header = [] if number is None else first[number]
    found = found if number is None else found[number + 1 :]
    footers = [(line, row) for line, row in found if parsing.is_footer(row)]
    if footers:
        found = [(line, row) for line, row in found if not parsing.is_footer(row)]
    if not found:
        raise FileUnreadable(_("The list is empty. Scan or paste serial numbers, or choose a file with a row for each asset."))
    if len(found) > MAX_ROWS:
        message = ngettext(
            "The list has %(count)s row; the maximum is %(most)s. Split it.",
            "The list has %(count)s rows; the maximum is %(most)s. Split it.",
            len(found),
            count=f"{len(found):,}",
            most=f"{MAX_ROWS:,}",
        )
        raise FileUnreadable(message)
    rows = [row for _line, row in found]
    listed = Listed(rows, [line for line, _row in found], header, match_columns(header, rows), footers)
    is_named = SERIAL_NUMBER in parsing.match_header(header, ALIASES)
    return replace(listed, is_guessed=SERIAL_NUMBER in listed.columns and not is_named and listed.width > 1)


def match_columns(header: list[str], rows: list[list[str]]) -> dict[str, int]:
    """Field → its column by the header row; the serial number's column by its values when the header row does not name it."""
    columns = parsing.match_header(header, ALIASES)
    if "serial_number" not in columns:
        free = [number for number in range(max(map(len, rows))) if number not in columns.values()]
        likely = next((number for number in free if _has_serials(number, rows)), None)
        # A single column can only contain serial numbers, whether its values look like it or not.
        number = 0 if likely is None and len(free) == 1 and not columns else likely
        columns |= {} if number is None else {"serial_number": number}
    return columns


def with_columns(listed: Listed, columns: Mapping[str, int], *, first_row_is_header: bool = False) -> Listed:
    """With the columns that a person has chosen. Raises Invalid for a column that does not exist or that two fields share, and without a
    column of the serial numbers."""
    if first_row_is_header and not listed.header and len(listed.rows) > 1:
        listed = replace(listed, rows=listed.rows[1:], lines=listed.lines[1:], header=listed.rows[0])
    if not all(name in FIELDS and 0 <= number < listed.width for name, number in columns.items()):
        raise Invalid(_("The list does not have this column. Choose another column."))
    if len(set(columns.values())) < len(columns):
        raise Invalid(_("Two fields have the same column. Choose another column for one of them."))
    if SERIAL_NUMBER not in columns:
        raise Invalid(_("Choose the column of the serial numbers."))
    return replace(listed, columns=dict(columns), is_guessed=False)


def mapped(listed: Listed) -> Listed:
    """The columns that are mapped, and nothing else of the list. Of a total, its first text says that it is one; the rest belongs to no
    asset."""
    stored = sorted(listed.columns.values())

    def pick(cells: list[str]) -> list[str]:
        return [cells[number] if number < len(cells) else "" for number in stored]

    def first_text(cells: list[str]) -> list[str]:
        first = next((number for number, cell in enumerate(cells) if cell), None)
        return pick([cell if number == first else "" for number, cell in enumerate(cells)])

    return replace(
        listed,
        rows=[pick(row) for row in listed.rows],
        header=pick(listed.header) if listed.header else [],
        columns={name: stored.index(number) for name, number in listed.columns.items()},
        footers=[(line, first_text(cells)) for line, cells in listed.footers],
        left_out=[*listed.left_out, *(title for number, title in enumerate(listed.header) if title and number not in stored)],
    )


def remarks(listed: Listed) -> list[str]:
    """What is odd about the mapped columns although they can be read: damaged text, and totals that were left out."""
    listed = mapped(listed)
    damaged = [(line, cell) for line, row in zip(listed.lines, listed.rows, strict=True) for cell in row if DAMAGED.search(cell)]
    found = [damaged_text(len({line for line, _cell in damaged}), *damaged[0])] if damaged else []
    if not listed.footers:
        return found
    line, cells = listed.footers[0]
    return [*found, left_out(len(listed.footers), line, row_text(cells))]


def header_for(columns: Mapping[str, int], header: list[str]) -> list[str]:
    """A header row by which `read` maps the same columns; none for serial numbers alone."""
    if not header and len(columns) < 2:
        return []
    return [HEADERS[name] for name, _number in sorted(columns.items(), key=itemgetter(1))]


def to_text(header: list[str], rows: list[list[str]]) -> str:
    """The reverse of `read`. All rows get the same width, so that only the tab is detected as separator."""
    text, every = io.StringIO(), [*([header] if header else []), *rows]
    width = max(map(len, every))
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows(row + [""] * (width - len(row)) for row in every)
    return text.getvalue()


def _has_serials(number: int, rows: list[list[str]]) -> bool:
    """Whether most cells of the column are distinct, contain digits and could be serial numbers."""
    cells = [row[number] for row in rows if len(row) > number]
    likely = {cell for cell in cells if SERIAL.fullmatch(cell) and any(character.isdigit() for character in cell)}
    return 2 * len(likely) > len(rows)
