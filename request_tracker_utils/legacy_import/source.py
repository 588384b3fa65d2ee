"""The SQLite file of an older installation, read and never written.

It comes in two forms, and a file may have only some of the tables or columns, or further ones: each table is taken for what its own
columns say (`Table.is_documented`).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from request_tracker_utils.core.errors import Conflict, Invalid

TABLES = ("students", "device_info", "device_logs")
"""In the order in which they are taken over: devices name students, and logs name both."""
DOCUMENTED = {"students": "student_id", "device_info": "current_student_id", "device_logs": "action"}
"""The column by which each table's documented form is told from the one in the field."""
CHUNK = 2_000
LOCKED_SECONDS = 5
"""How long another program may keep the file locked."""


@dataclass(frozen=True)
class Row:
    """`id` is what a person finds it by. `values` has its columns in small letters, without those that are NULL."""

    id: str
    values: dict[str, Any]

    def text(self, column: str) -> str:
        return text_of(self.values.get(column)).strip()


@dataclass(frozen=True)
class Table:
    """`clocked` are the columns that SQLite itself fills with the time, in UTC."""

    name: str
    columns: tuple[str, ...]
    clocked: frozenset[str]
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
        """The table's rows, in the order in which they were written, some thousands at a time."""
        quoted = _quoted(self._names[table.name])
        try:
            self._connection.execute(f"SELECT rowid FROM {quoted} LIMIT 0")  # noqa: S608 — a name of a table of the file, quoted
            query, at = f"SELECT rowid, * FROM {quoted} ORDER BY rowid", 1  # noqa: S608
        except sqlite3.OperationalError:  # a table without rowids
            query, at = f"SELECT * FROM {quoted}", 0  # noqa: S608
        rows, places = self._connection.execute(query), count(1)
        while found := rows.fetchmany(CHUNK):
            chunk = []
            for raw, place in zip(found, places, strict=False):
                values = {name: value for name, value in zip(table.columns, raw[at:], strict=True) if value is not None}
                chunk.append(Row(text_of(values.get("id")) or str(raw[0] if at else place), values))
            yield chunk

    def distinct(self, table: Table, column: str) -> Iterator[Any]:
        for (value,) in self._connection.execute(f"SELECT DISTINCT {_quoted(column)} FROM {_quoted(self._names[table.name])}"):  # noqa: S608
            yield value

    def latest(self, table: Table, column: str, *, of: str, by: str) -> Iterator[tuple[Any, Any]]:
        """Each value of the column `of`, with what the column says in that row of it in which `by` is greatest."""
        head, tail = f"{_quoted(of)}, {_quoted(column)}, max({_quoted(by)})", _quoted(self._names[table.name])
        for value, said, _ in self._connection.execute(f"SELECT {head} FROM {tail} GROUP BY 1"):  # noqa: S608
            yield value, said

    def _table(self, name: str) -> Table:
        quoted = _quoted(self._names[name])
        columns = self._connection.execute(f"PRAGMA table_info({quoted})").fetchall()
        ((size,),) = self._connection.execute(f"SELECT count(*) FROM {quoted}")  # noqa: S608
        clocked = frozenset(column[1].lower() for column in columns if str(column[4]).upper().strip("()") == "CURRENT_TIMESTAMP")
        return Table(name, tuple(column[1].lower() for column in columns), clocked, size)


@contextmanager
def opened(file: Path) -> Iterator[Source]:
    """The file as it is at this moment, whoever writes into it meanwhile. Raises Invalid for what is no older installation's database,
    Conflict while another program keeps it locked."""
    if not file.is_file():
        raise Invalid(f"There is no file {file}. Name the older installation’s database.")
    if not file.stat().st_size:
        raise Invalid(f"{file} is empty. Name the older installation’s database; its usual name is instance/database.sqlite.")
    try:
        address = f"{file.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=LOCKED_SECONDS, isolation_level=None)) as connection:
            connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
            connection.execute("BEGIN")
            source = Source(connection)
            _refuse_others(source, file)
            yield source
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Conflict(f"Another program keeps {file} locked. End the older installation, and run this again.") from None
        raise Invalid(
            f"{file} cannot be read as an SQLite database: {error}. Name the older installation’s database, or a copy of it "
            "(with the files -wal and -shm beside it, if there are any) in a folder that can be written."
        ) from None


def text_of(value: Any) -> str:
    """What a column of whatever kind says, as text; whole numbers without a point."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).replace("\0", "\ufffd")


def says_yes(value: Any) -> bool:
    """Of a column that is a yes or no, however the older program wrote it."""
    return text_of(value).strip().lower() not in ("", "0", "false", "no", "n", "none", "null", "off")


def _refuse_others(source: Source, file: Path) -> None:
    if source.is_ours:
        raise Invalid(f"{file} is a database of this program, and no older installation’s. Name the older one.")
    if not source.tables:
        raise Invalid(f"{file} holds none of the tables {', '.join(TABLES)}. Name the older installation’s database.")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
