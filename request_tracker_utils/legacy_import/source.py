"""The SQLite file of a legacy installation, which is only read, and the values in its columns.

It exists in two forms, and a file may have only some of the tables or columns, or additional ones. Each table's form is recognized by its
own columns, see `Table.is_documented`.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from request_tracker_utils.core.errors import Conflict, Invalid
from request_tracker_utils.core.translation import gettext as _

TABLES = ("students", "device_info", "device_logs")
"""In the order of the import: devices refer to students, and the history to both."""
DOCUMENTED = {"students": "student_id", "device_info": "current_student_id", "device_logs": "action"}
"""The column by which the documented form of each table is distinguished from the field form."""
CHUNK = 2_000
LOCK_TIMEOUT = 5
"""Seconds to wait while another program locks the file."""
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""Earlier times are not plausible."""

_NUMBER = re.compile(r"-?\d{1,19}(\.\d+)?")
_SQLITE_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
"""As CURRENT_TIMESTAMP writes it."""
_US_TIME = re.compile(
    r"(?:(?P<year>\d{4})-(?P<month>\d\d?)-(?P<day>\d\d?)|(?P<us_month>\d\d?)/(?P<us_day>\d\d?)/(?P<us_year>\d{4}))"
    r"(?: +(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?: ?(?P<half>[AP])M)?)?",
    re.IGNORECASE,
)
"""Such as `10/08/2025 7:00 AM`."""
_MILLISECONDS, _MICROSECONDS = 1e11, 1e14
"""Numbers from here on are in these units: as seconds they would be thousands of years ahead."""


@dataclass(frozen=True)
class Row:
    """`id` identifies the row for people. `values` has the columns in lower case, without those that are NULL."""

    id: str
    values: dict[str, Any]

    def text(self, column: str) -> str:
        return text_of(self.values.get(column)).strip()


@dataclass(frozen=True)
class Table:
    """`clock_columns` are filled with the time by SQLite, in UTC."""

    name: str
    columns: tuple[str, ...]
    clock_columns: frozenset[str]
    size: int

    @property
    def is_documented(self) -> bool:
        return DOCUMENTED[self.name] in self.columns or (self.name == "device_info" and "student_id" not in self.columns)


class Source:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        names = {name.lower(): name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        self._names = {name: names[name] for name in TABLES if name in names}
        self.is_ours = "alembic_version" in names
        self.tables = {name: self._table(name) for name in self._names}

    def chunks(self, table: Table) -> Iterator[list[Row]]:
        """The rows of the table in insertion order."""
        quoted = _quoted(self._names[table.name])
        try:
            self._connection.execute(f"SELECT rowid FROM {quoted} LIMIT 0")  # noqa: S608 — the quoted name of a table in the file
            query, offset = f"SELECT rowid, * FROM {quoted} ORDER BY rowid", 1  # noqa: S608
        except sqlite3.OperationalError:  # a table WITHOUT ROWID
            query, offset = f"SELECT * FROM {quoted}", 0  # noqa: S608
        rows, positions = self._connection.execute(query), count(1)
        while found := rows.fetchmany(CHUNK):
            chunk = []
            for raw, position in zip(found, positions, strict=False):
                values = {name: value for name, value in zip(table.columns, raw[offset:], strict=True) if value is not None}
                chunk.append(Row(text_of(values.get("id")) or str(raw[0] if offset else position), values))
            yield chunk

    def distinct(self, table: Table, column: str) -> Iterator[Any]:
        for (value,) in self._connection.execute(f"SELECT DISTINCT {_quoted(column)} FROM {_quoted(self._names[table.name])}"):  # noqa: S608
            yield value

    def latest(self, table: Table, column: str, *, of: str, by: str) -> Iterator[tuple[Any, Any]]:
        """Each value of the column `of`, with the value of `column` in its row with the greatest `by`."""
        head, tail = f"{_quoted(of)}, {_quoted(column)}, max({_quoted(by)})", _quoted(self._names[table.name])
        for value, latest, _by in self._connection.execute(f"SELECT {head} FROM {tail} GROUP BY 1"):  # noqa: S608
            yield value, latest

    def _table(self, name: str) -> Table:
        quoted = _quoted(self._names[name])
        columns = self._connection.execute(f"PRAGMA table_info({quoted})").fetchall()
        ((size,),) = self._connection.execute(f"SELECT count(*) FROM {quoted}")  # noqa: S608
        clock_columns = frozenset(column[1].lower() for column in columns if str(column[4]).upper().strip("()") == "CURRENT_TIMESTAMP")
        return Table(name, tuple(column[1].lower() for column in columns), clock_columns, size)


@contextmanager
def open_source(file: Path) -> Iterator[Source]:
    """A consistent snapshot of the file, regardless of concurrent writes. Raises Invalid for a file that is not a legacy installation's
    database, Conflict while another program locks it."""
    if not file.is_file():
        raise Invalid(_("The file %(file)s does not exist. Specify the path of the legacy installation’s database.", file=file))
    if not file.stat().st_size:
        message = _(
            "%(file)s is empty. Specify the path of the legacy installation’s database, which is usually instance/database.sqlite.",
            file=file,
        )
        raise Invalid(message)
    try:
        address = f"{file.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=LOCK_TIMEOUT, isolation_level=None)) as connection:
            connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
            connection.execute("BEGIN")
            source = Source(connection)
            _check_source(source, file)
            yield source
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            message = _("Another program has locked %(file)s. Stop the legacy installation, then run this command again.", file=file)
            raise Conflict(message) from None
        message = _(
            "%(file)s cannot be read as an SQLite database: %(error)s. Specify the path of the legacy installation’s database, or a copy "
            "(with its -wal and -shm files, if there are any) in a writable folder.",
            file=file,
            error=error,
        )
        raise Invalid(message) from None


def text_of(value: Any) -> str:
    """The value of a column of any type as text; integers without a decimal point."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).replace("\0", "\ufffd")


def is_yes(value: Any) -> bool:
    """The value of a boolean column in any spelling of the legacy program."""
    return text_of(value).strip().lower() not in ("", "0", "false", "no", "n", "none", "null", "off")


def parse_time(value: Any, zone: ZoneInfo, *, is_clock: bool = False) -> datetime:
    """The time in UTC of seconds, milliseconds or microseconds since 1970, or of a date and time with a zone or in `zone`. What SQLite
    itself wrote (`is_clock`) is in UTC. Raises ValueError for anything else, or a time before EARLIEST."""
    text = text_of(value).strip()
    try:
        time = _epoch_time(float(text)) if _NUMBER.fullmatch(text) else _written_time(text, zone, is_clock=is_clock)
    except OverflowError:
        raise ValueError(text) from None
    if time < EARLIEST:
        raise ValueError(text)
    return time


def _epoch_time(number: float) -> datetime:
    if number >= _MILLISECONDS:
        number /= 1_000_000 if number >= _MICROSECONDS else 1_000
    return datetime.fromtimestamp(number, UTC)


def _written_time(text: str, zone: ZoneInfo, *, is_clock: bool) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = _us_time(text)
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC if is_clock and _SQLITE_TIME.fullmatch(text) else zone)
    return time.astimezone(UTC)


def _us_time(text: str) -> datetime:
    found = _US_TIME.fullmatch(text)
    if found is None:
        raise ValueError(text)
    year, month, day = (int(found[part] or found[f"us_{part}"]) for part in ("year", "month", "day"))
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    if found["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(text)
        hour = hour % 12 + (12 if found["half"] in "Pp" else 0)
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 — the caller adds the zone


def _check_source(source: Source, file: Path) -> None:
    """Raises Invalid for other databases."""
    if source.is_ours:
        raise Invalid(_("%(file)s is a database of this program. Specify the path of the legacy installation’s database.", file=file))
    if not source.tables:
        message = _(
            "%(file)s does not contain any of the tables %(tables)s. Specify the path of the legacy installation’s database.",
            file=file,
            tables=", ".join(TABLES),
        )
        raise Invalid(message)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
