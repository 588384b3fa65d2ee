"""What somebody pasted, scanned or dropped, made rows: serial numbers one a line, or a table whose columns are guessed."""

import csv
import io
from dataclasses import dataclass, field

from request_tracker_utils.assets.fields import SERIAL
from request_tracker_utils.core import tables
from request_tracker_utils.core.tables import ListUnreadable

MOST_ROWS = 2_000
LARGEST = 1_000_000
"""Bytes of a file: a request, which carries the form too, is not let in when it is much larger."""
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
    tables.refuse_other_files(data)
    for encoding in tables.encodings(data):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise tables.no_text()


def read(text: str, *, has_head: bool = False) -> Listed:
    """The rows of a text. The first is taken as the heading where its words are known, or `has_head` says so.

    Raises ListUnreadable for what is no list, is too long, or breaks off inside of quotes.
    """
    text = text.removeprefix("\ufeff")
    if "\x00" in text:
        raise ListUnreadable("This is no text: it holds bytes that no list has. Save the list as CSV (UTF-8).")
    found = list(tables.rows(io.StringIO(text, newline=""), tables.separator_of(text, WORDS)))
    head = found.pop(0)[1] if found and (has_head or _is_head(found[0][1])) else []
    if not found:
        raise ListUnreadable("The list is empty. Scan or paste serial numbers, or choose a file with a row for each asset.")
    if len(found) > MOST_ROWS:
        raise ListUnreadable(f"The list has {len(found):,} rows; at most {MOST_ROWS:,} go at once. Divide it.")
    rows = [row for _, row in found]
    return Listed(rows, [line for line, _ in found], head, columns_of(head, rows))


def columns_of(head: list[str], rows: list[list[str]]) -> dict[str, int]:
    """Field → its column: by the heading, and the serial number's by its looks where no heading names it."""
    columns = tables.named(head, WORDS)
    if "serial_number" not in columns:
        free = [number for number in range(max(map(len, rows))) if number not in columns.values()]
        likely = next((number for number in free if _looks_like_serials(number, rows)), None)
        # A single column can be nothing else, whatever stands in it.
        number = 0 if likely is None and len(free) == 1 and not columns else likely
        columns |= {} if number is None else {"serial_number": number}
    return columns


def written(head: list[str], rows: list[list[str]]) -> str:
    """The list as a text that `read` reads back. All rows are equally wide, so that nothing but the tab seems to divide them."""
    text, every = io.StringIO(), [*([head] if head else []), *rows]
    width = max(map(len, every))
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows(row + [""] * (width - len(row)) for row in every)
    return text.getvalue()


def _is_head(row: list[str]) -> bool:
    named = tables.named(row, WORDS)
    return "serial_number" in named or len(named) > 1


def _looks_like_serials(number: int, rows: list[list[str]]) -> bool:
    """Whether most cells of the column could be serial numbers, have digits, and differ."""
    cells = [row[number] for row in rows if len(row) > number]
    likely = {cell for cell in cells if SERIAL.fullmatch(cell) and any(character.isdigit() for character in cell)}
    return 2 * len(likely) > len(rows)
