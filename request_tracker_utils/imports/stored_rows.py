"""The rows of an uploaded file as they wait for their import: only the columns that were mapped, whatever else the file contains.

They are CSV in UTF-8, in parts that end with a row, so that parts are read and changed one by one. Each row begins with its line number in
the file, negative for a total or a note about the file. If the file could not be read to the end, a last row says why.
"""

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial

from request_tracker_utils.imports.parsing import FileUnreadable, is_footer
from request_tracker_utils.imports.uploads import CHUNK_SIZE

UNREADABLE = "!"
"""In place of a line number: the row's text says why the rest is missing."""

Row = tuple[int, list[str], bool]
"""Line number, cells of the mapped columns, and whether it is a total or a note."""


# With this end of a row, the writer quotes cells that contain a carriage return, at which the reader would end the row.
_writer = partial(csv.writer, lineterminator="\r\n")


def encode(rows: Iterable[tuple[int, list[str]]], columns: Sequence[int]) -> Iterator[bytes]:
    """Parts with these columns of the rows, in this order."""
    text = io.StringIO(newline="")
    writer = _writer(text)
    try:
        for line, cells in rows:
            width = len(cells)
            if is_footer(cells):  # its first text says so; what else it has belongs to no record
                first = next(number for number, cell in enumerate(cells) if cell)
                writer.writerow([-line, *(cells[column] if column == first else "" for column in columns)])
            else:
                writer.writerow([line, *(cells[column] if column < width else "" for column in columns)])
            if text.tell() >= CHUNK_SIZE:
                yield _drain(text)
    except FileUnreadable as error:
        writer.writerow([UNREADABLE, error.message])
    if text.tell():
        yield _drain(text)


def decode(parts: Iterable[bytes]) -> Iterator[Row]:
    """Raises FileUnreadable at the end if the file could not be read to the end."""
    for part in parts:
        for number, *cells in csv.reader(io.StringIO(part.decode(), newline="")):
            if number == UNREADABLE:
                raise FileUnreadable(cells[0])
            line = int(number)
            yield abs(line), cells, line < 0


def without(part: bytes, columns: Collection[int]) -> bytes:
    """The part with these columns emptied."""
    text = io.StringIO(newline="")
    writer = _writer(text)
    for number, *cells in csv.reader(io.StringIO(part.decode(), newline="")):
        kept = cells if number == UNREADABLE else ["" if column in columns else cell for column, cell in enumerate(cells)]
        writer.writerow([number, *kept])
    return _drain(text)


def _drain(text: io.StringIO) -> bytes:
    part = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return part
