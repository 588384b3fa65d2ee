"""Thousands of records selected, inserted and updated with one statement each, as tuples: ORM objects would cost ten times as much."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    CursorResult,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    any_,
    func,
    literal,
    select,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from request_tracker_utils.core.db import Instant, Transaction
from request_tracker_utils.core.durability import NotOnDisk
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.core.translation import gettext as _

T = TypeVar("T")
ATTEMPTS, PAUSE = 20, 0.25
"""Retries of a transaction that conflicts with others, and the seconds between them."""
LOCK_TIMEOUT = 400
"""Milliseconds that it waits for a row that another transaction has locked. Less than PostgreSQL's deadlock_timeout."""
CACHE_KIB = 16_384
CHECKPOINT_PAGES = 10_000
"""Pages of SQLite's write-ahead log, 40 MB, between checkpoints: most pages change several times in the meantime."""
Tuples = Sequence[tuple[Any, ...]]


class ConcurrentChange(Exception):
    """Another transaction has inserted or changed one of the rows since they were read."""


def select_existing(session: Session, table: Table, key: str, keys: list[str], names: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """Key → id and the columns `names`, of the records that exist."""
    columns = ", ".join([key, "id", *names])
    connection = session.connection()
    if _is_sqlite(connection):
        where, parameter = f"{key} IN (SELECT value FROM json_each(?))", (json.dumps(keys),)
    else:
        where, parameter = f"{key} = ANY(%s)", (keys,)  # type: ignore[assignment]
    found = connection.exec_driver_sql(f"SELECT {columns} FROM {table.name} WHERE {where}", parameter)
    return {row[0]: tuple(row[1:]) for row in found}


def insert(session: Session, table: Table, names: Sequence[str], rows: Tuples, shared: Mapping[str, Any]) -> list[int]:
    """Returns the ids. `shared` are columns that have the same value in all rows. Raises ConcurrentChange."""
    connection = session.connection()
    columns = ", ".join([*names, *shared])
    bound = _bound(connection, shared)
    if _is_sqlite(connection):
        marks = ", ".join([*names, *("?" for _ in shared)])
        with _staged(connection, names, rows) as incoming:
            statement = f"INSERT INTO {table.name} ({columns}) SELECT {marks} FROM {incoming} RETURNING id"
            return list(connection.exec_driver_sql(statement, tuple(bound)).scalars())
    marks = ", ".join([*(f"new.{name}" for name in names), *("%s" for _ in shared)])
    source = _unnest(table, names, "new")
    statement = f"INSERT INTO {table.name} ({columns}) SELECT {marks} FROM {source} ON CONFLICT DO NOTHING RETURNING id"
    ids = list(connection.exec_driver_sql(statement, (*bound, *_arrays(rows))).scalars())
    if len(ids) != len(rows):
        raise ConcurrentChange
    return ids


def insert_new(session: Session, table: Table, names: Sequence[str], rows: Tuples, shared: Mapping[str, Any]) -> int:
    """Inserts the rows that are new to all unique indexes of the table, in their order, and returns how many. A known row costs one lookup
    in an index."""
    return _insert_new(session, table, names, rows, shared, lambda result: result.rowcount) if rows else 0


def insert_new_by(session: Session, table: Table, key: str, names: Sequence[str], rows: Tuples, shared: Mapping[str, Any]) -> Counter[Any]:
    """As `insert_new`, and returns how many rows are new for each value of the column `key`."""
    if not rows:
        return Counter()
    return _insert_new(session, table, names, rows, shared, lambda result: Counter(result.scalars()), f" RETURNING {key}")


def _insert_new(
    session: Session,
    table: Table,
    names: Sequence[str],
    rows: Tuples,
    shared: Mapping[str, Any],
    take: Callable[[CursorResult[Any]], T],
    returning: str = "",
) -> T:
    connection = session.connection()
    columns = ", ".join([*names, *shared])
    bound = _bound(connection, shared)
    if _is_sqlite(connection):
        marks = ", ".join([*names, *("?" for _ in shared)])
        values = list(zip(*_columns(connection, table, names, rows), strict=True))
        with _staged(connection, names, values) as incoming:
            # Without a condition, SQLite takes ON for that of a join.
            statement = f"INSERT INTO {table.name} ({columns}) SELECT {marks} FROM {incoming} WHERE true ON CONFLICT DO NOTHING{returning}"
            return take(connection.exec_driver_sql(statement, tuple(bound)))
    marks = ", ".join([*(f"new.{name}" for name in names), *("%s" for _ in shared)])
    source = _unnest(table, names, "new")
    statement = f"INSERT INTO {table.name} ({columns}) SELECT {marks} FROM {source} ON CONFLICT DO NOTHING{returning}"
    return take(connection.exec_driver_sql(statement, (*bound, *_columns(connection, table, names, rows))))


def update(
    session: Session,
    table: Table,
    names: Sequence[str],
    rows: Tuples,
    shared: Mapping[str, Any],
    *,
    versions: dict[int, Any] | None = None,
) -> None:
    """Each of `rows` is a record's id and its new values. Records are locked in the order of their ids, so that concurrent updates do not
    deadlock. `versions` are the values of `updated_at` when the records were read. Raises ConcurrentChange if one has another by now."""
    connection = session.connection()
    bound = _bound(connection, shared)
    if _is_sqlite(connection):
        with _staged(connection, ("id", *names), rows) as incoming:
            sets = ", ".join([*(f"{name} = {incoming}.{name}" for name in names), *(f"{name} = ?" for name in shared)])
            statement = f"UPDATE {table.name} SET {sets} FROM {incoming} WHERE {table.name}.id = {incoming}.id"
            connection.exec_driver_sql(statement, tuple(bound))
        return
    ids = sorted(row[0] for row in rows)
    locking = f"SELECT id, updated_at FROM {table.name} WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
    locked = connection.exec_driver_sql(locking, (ids,)).all()
    if versions is not None and {id: version for id, version in locked} != versions:  # noqa: C416 — mypy does not accept dict(rows)
        raise ConcurrentChange
    sets = ", ".join([*(f"{name} = new.{name}" for name in names), *(f"{name} = %s" for name in shared)])
    statement = f"UPDATE {table.name} SET {sets} FROM {_unnest(table, ('id', *names), 'new')} WHERE {table.name}.id = new.id"
    connection.exec_driver_sql(statement, (*bound, *_arrays(rows)))


def id_in(session: Session, table: Table, ids: Sequence[int]) -> ColumnElement[bool]:
    """Matches the records with these ids, as one parameter."""
    if _is_sqlite(session.connection()):
        return table.c.id.in_(select(func.json_each(json.dumps(list(ids))).table_valued("value").c.value))
    return table.c.id == any_(literal(list(ids), ARRAY(Integer)))


def lock(session: Session, table: Table, key: str, ids: Sequence[int], *, to_delete: bool = False) -> None:
    """Locks records in the order of their keys. SQLite has locked the database already."""
    if not _is_sqlite(session.connection()):
        locked = select(table.c.id).where(id_in(session, table, ids)).order_by(table.c[key]).with_for_update(key_share=not to_delete)
        session.execute(select(func.count()).select_from(locked.subquery()))


def stored_time(session: Session, value: datetime) -> Any:
    """As the columns of `select_existing` and `update` have it."""
    return _bound_value(session.connection(), value)


def retry(transaction: Transaction, do: Callable[[Session], T], *, commit: bool = True) -> T:
    """Runs `do` in a transaction, and again when it conflicts with other transactions. Raises Unavailable."""
    for _attempt in range(ATTEMPTS):
        try:
            with transaction() as session:
                tune(session, lock_timeout=LOCK_TIMEOUT)
                result = do(session)
                if not commit:
                    session.rollback()
                return result
        except (ConcurrentChange, OperationalError) as error:
            if isinstance(error, OperationalError) and isinstance(error.orig, NotOnDisk):
                raise  # it is committed
            time.sleep(PAUSE)
    raise Unavailable(_("The records are locked by other changes. The task will be retried."))


def tune(session: Session, *, lock_timeout: int) -> None:
    """Prepares a transaction for many rows.

    On PostgreSQL, statements fail after waiting `lock_timeout` milliseconds for a row: less than deadlock_timeout, so that the import
    backs off before a transaction at the scan station is aborted. SQLite has one writer at a time; a larger cache and fewer checkpoints
    make up for the random writes into indexes.
    """
    connection = session.connection()
    if _is_sqlite(connection):
        connection.exec_driver_sql(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    else:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {lock_timeout}")


@contextmanager
def _staged(connection: Connection, names: Sequence[str], rows: Tuples) -> Iterator[str]:
    """A temporary table of SQLite with the rows. One statement that reads from it fires triggers at half the cost of a statement per
    row."""
    columns, marks = ", ".join(names), ", ".join("?" * len(names))
    connection.exec_driver_sql(f"CREATE TEMP TABLE incoming ({columns})")
    connection.exec_driver_sql(f"INSERT INTO incoming VALUES ({marks})", list(rows))
    yield "incoming"
    connection.exec_driver_sql("DROP TABLE incoming")


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _bound(connection: Connection, values: Mapping[str, Any]) -> list[Any]:
    """Values as the driver expects them."""
    return [_bound_value(connection, value) for value in values.values()]


def _bound_value(connection: Connection, value: Any) -> Any:
    if isinstance(value, datetime):
        process = Instant().dialect_impl(connection.dialect).bind_processor(connection.dialect)
        return process(value) if process else value
    return json.dumps(value) if isinstance(value, list) else value


def _unnest(table: Table, names: Sequence[str], alias: str) -> str:
    arrays = ", ".join(f"%s::{_type(table, name)}[]" for name in names)
    return f"unnest({arrays}) AS {alias}({', '.join(names)})"


_TYPES: Sequence[tuple[type[TypeEngine[Any]], str]] = (
    (Boolean, "boolean"),
    (SmallInteger, "smallint"),
    (BigInteger, "bigint"),
    (Integer, "integer"),
    (Instant, "timestamptz"),
    (DateTime, "timestamp"),
    (Date, "date"),
    (LargeBinary, "bytea"),
)
"""PostgreSQL's name of a column's type. The first that fits; `text` if none does."""


def _type(table: Table, name: str) -> str:
    column_type = table.c[name].type
    return next((of_postgresql for kind, of_postgresql in _TYPES if isinstance(column_type, kind)), "text")


class _TimeTexts(dict[datetime, str]):
    """Times and their texts. Many rows and columns share a time, and making its text takes longer than finding it."""

    def __init__(self, zone: str) -> None:
        self._zone = zone

    def __missing__(self, value: datetime) -> str:
        text = self[value] = _time_text(value, zone=self._zone)
        return text


def _columns(connection: Connection, table: Table, names: Sequence[str], rows: Tuples) -> list[Any]:
    """The values of each column, as the driver passes them on: converting each value in SQLAlchemy or psycopg takes longer than the insert.
    For PostgreSQL, arrays as text."""
    columns = zip((table.c[name].type for name in names), _arrays(rows), strict=True)
    if _is_sqlite(connection):
        times = _TimeTexts("")
        return [_converted(values, _as_sqlite_text(kind, times)) for kind, values in columns]
    times = _TimeTexts("+00")
    texts = ([str(value) for value in _converted(values, _as_array_text(kind, times), null="NULL")] for kind, values in columns)
    return ["{" + ",".join(each) + "}" for each in texts]


def _converted(values: list[Any], convert: Callable[[Any], Any] | None, *, null: Any = None) -> list[Any]:
    if convert is None:
        return values if null is None else [null if value is None else value for value in values]
    return [null if value is None else convert(value) for value in values]


def _as_sqlite_text(kind: TypeEngine[Any], times: _TimeTexts) -> Callable[[Any], Any] | None:
    """What SQLite stores for a value of this type; None if that is the value itself."""
    if isinstance(kind, DateTime | Instant):
        return times.__getitem__
    return date.isoformat if isinstance(kind, Date) else None


def _as_array_text(kind: TypeEngine[Any], times: _TimeTexts) -> Callable[[Any], Any] | None:
    """A value in PostgreSQL's text of an array; None if `str` is enough."""
    if isinstance(kind, DateTime | Instant):
        return times.__getitem__
    if isinstance(kind, LargeBinary):
        return lambda value: f"\\\\x{value.hex()}"
    if isinstance(kind, String):
        return lambda value: '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return None


def _time_text(value: datetime, *, zone: str) -> str:
    """As SQLAlchemy stores a time in SQLite. One with a zone is in UTC, which is written as `zone`."""
    if value.tzinfo is None or value.tzinfo is UTC:
        text = value.isoformat(" ", "microseconds")
    else:
        text = value.astimezone(UTC).isoformat(" ", "microseconds")
    return text if value.tzinfo is None else text.removesuffix("+00:00") + zone


def _arrays(rows: Tuples) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
