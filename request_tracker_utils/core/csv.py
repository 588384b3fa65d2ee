"""CSV files that a spreadsheet opens without evaluating formulas, and the original text of their cells.

They begin with a byte order mark: without it, Excel assumes another encoding than UTF-8 and garbles accents. Text that a spreadsheet would
evaluate gets a leading apostrophe, and so does text that looks escaped already. So removing one apostrophe restores every text, also a name
that begins with a sign.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator

BYTE_ORDER_MARK = "\ufeff"
_SIGNS = "=+@＝＋－＠\\-"
_FORMULA = re.compile(rf"'*[{_SIGNS}\t\r\n]")
"""The beginning of a formula, perhaps behind apostrophes."""
_INNER_FORMULA = re.compile(rf"([;\t]\s*+)('*+[{_SIGNS}])?")
"""The same behind a semicolon or a tab, at which spreadsheets of many locales split columns. Also matches a separator without a formula, so
that no space is read twice: text of tabs alone would take time that grows with the square of its length."""


def csv_lines(header: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """The file line by line, to be encoded as UTF-8, with formulas escaped. None becomes an empty cell."""
    buffer = io.StringIO()
    buffer.write(BYTE_ORDER_MARK)
    writer = csv.writer(buffer)
    writer.writerow(header)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
        yield _drain(buffer)
    yield _drain(buffer)


def escape_formula(text: str) -> str:
    """The text for a cell of a file that a spreadsheet may open."""
    if _FORMULA.match(text):
        text = f"'{text}"
    return _INNER_FORMULA.sub(_escape_inner, text) if ";" in text or "\t" in text else text


def unescape_formula(text: str) -> str:
    """The original of an escaped text; any other text unchanged."""
    if "'" not in text:
        return text
    text = _INNER_FORMULA.sub(_unescape_inner, text)
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _escape_inner(found: re.Match[str]) -> str:
    return f"{found[1]}'{found[2]}" if found[2] else found[1]


def _unescape_inner(found: re.Match[str]) -> str:
    return found[1] + (found[2] or "").removeprefix("'")


def _cell(value: object) -> object:
    if isinstance(value, str):
        return escape_formula(value)
    return "" if value is None else value


def _drain(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
