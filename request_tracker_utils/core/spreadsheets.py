"""XLSX files of any length, written row by row: their memory does not grow with the rows.

Dates and numbers are real cells. Text is text, whatever it begins with: neither a formula nor a link.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from tempfile import TemporaryDirectory
from typing import IO, Any

import xlsxwriter

ROWS_OF_SHEET = 1_000_000
"""After so many, the next sheet begins: programs read 1,048,576 at most."""
MAX_TEXT = 32_767
"""Characters that a cell can have."""
_OPTIONS = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
_FIRST_DAY = date(1900, 3, 1)
"""Before it, spreadsheets count days in different ways."""


def write_workbook(file: IO[bytes], title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Writes the workbook into the file. `title` is the name of its sheet. Returns the number of rows. Cells may be text, numbers,
    booleans, dates, local times without a zone, or None."""
    with TemporaryDirectory() as folder:
        book = xlsxwriter.Workbook(file, {**_OPTIONS, "tmpdir": folder})
        try:
            return _write(book, title, header, rows)
        finally:
            book.close()


def _write(book: Any, title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    bold = book.add_format({"bold": True})
    formats: dict[type, Any] = {
        date: book.add_format({"num_format": "yyyy-mm-dd"}),
        datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
    }
    sheet, count = _sheet(book, title, header, bold), 0
    for count, row in enumerate(rows, 1):
        line = (count - 1) % ROWS_OF_SHEET + 1
        if line == 1 and count > 1:
            sheet = _sheet(book, f"{title} {(count - 1) // ROWS_OF_SHEET + 1}", header, bold)
        for column, value in enumerate(row):
            _cell(sheet, line, column, value, formats)
    return count


def _sheet(book: Any, title: str, header: Sequence[str], bold: Any) -> Any:
    sheet = book.add_worksheet(title)
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, max(0, len(header) - 1), 16)
    for column, name in enumerate(header):
        sheet.write_string(0, column, name, bold)
    return sheet


def _cell(sheet: Any, line: int, column: int, value: object, formats: dict[type, Any]) -> None:
    if value is None or value == "":
        return
    if isinstance(value, bool):
        sheet.write_boolean(line, column, value)
    elif isinstance(value, (int, float, Decimal)):
        sheet.write_number(line, column, value)
    elif isinstance(value, date):  # or a time
        if (value.date() if isinstance(value, datetime) else value) < _FIRST_DAY:
            sheet.write_string(line, column, value.isoformat())
        else:
            sheet.write_datetime(line, column, value, formats[type(value)])
    else:
        sheet.write_string(line, column, str(value)[:MAX_TEXT])
