"""Lists of assets that were pasted, scanned or uploaded: serial numbers, one per line, or a table whose columns are detected."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from request_tracker_utils.assets.fields import SERIAL
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


@dataclass(frozen=True)
class Listed:
    """Rows and the numbers of the lines in which they begin. `header` is empty when none of the first rows is a header row; `columns` maps
    fields to columns, from 0. `footers` are totals and notes that were left out, with their lines."""

    rows: list[list[str]]
    lines: list[int]
    header: list[str] = field(default_factory=list)
    columns: dict[str, int] = field(default_factory=dict)
    footers: list[tuple[int, str]] = field(default_factory=list)


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
    footers = [(line, row_text(row)) for line, row in found if parsing.is_footer(row)]
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
    return Listed(rows, [line for line, _row in found], header, match_columns(header, rows), footers)


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


def remarks(listed: Listed) -> list[str]:
    """What is odd about the list although it can be read: damaged text, and totals that were left out."""
    damaged = [(line, cell) for line, row in zip(listed.lines, listed.rows, strict=True) for cell in row if DAMAGED.search(cell)]
    found = [damaged_text(len({line for line, _cell in damaged}), *damaged[0])] if damaged else []
    return [*found, left_out(len(listed.footers), *listed.footers[0])] if listed.footers else found


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
