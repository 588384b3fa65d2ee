"""Tables as CSV files that a spreadsheet opens without running anything in them."""

import csv
import io
from collections.abc import Iterable, Iterator

from request_tracker_utils.core.formulas import disarmed


def csv_lines(head: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """The file, line by line. What would be a formula gets an apostrophe before it, also behind what divides columns elsewhere; nothing
    is empty text."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(head)
    for row in rows:
        writer.writerow([_safe(value) for value in row])
        yield _taken(buffer)
    yield _taken(buffer)


def _safe(value: object) -> object:
    if isinstance(value, str):
        return disarmed(value)
    return "" if value is None else value


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
