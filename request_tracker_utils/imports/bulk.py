"""Thousands of records selected, inserted and updated with one statement each, as tuples: ORM objects would cost ten times as much."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Connection, Integer, SmallInteger, Table
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import Instant, affected

CACHE_KIB = 16_384
CHECKPOINT_PAGES = 10_000
"""Pages of SQLite's write-ahead log, 40 MB, between checkpoints: most pages change several times in the meantime."""
Tuples = Sequence[tuple[Any, ...]]


class ConcurrentInsert(Exception):
    """Another transaction has inserted one of the rows."""


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


def insert(session: Session, table: Table, names: Sequence[str], rows: Tuples, shared: Mapping[str, Any]) -> None:
    """`shared` are columns that have the same value in all rows. Raises ConcurrentInsert."""
    connection = session.connection()
    columns = ", ".join([*names, *shared])
    bound = _bound(connection, shared)
    if _is_sqlite(connection):
        marks = ", ".join([*names, *("?" for _ in shared)])
        with _staged(connection, names, rows) as incoming:
            connection.exec_driver_sql(f"INSERT INTO {table.name} ({columns}) SELECT {marks} FROM {incoming}", tuple(bound))
        return
    marks = ", ".join([*(f"new.{name}" for name in names), *("%s" for _ in shared)])
    statement = f"INSERT INTO {table.name} ({columns}) SELECT {marks} FROM {_unnest(table, names, 'new')} ON CONFLICT DO NOTHING"
    inserted = connection.exec_driver_sql(statement, (*bound, *_arrays(rows)))
    if affected(inserted) != len(rows):
        raise ConcurrentInsert


def update(session: Session, table: Table, names: Sequence[str], rows: Tuples, shared: Mapping[str, Any]) -> None:
    """Each of `rows` is a record's id and its new values. Records are locked in the order of their ids, so that concurrent updates do not
    deadlock."""
    connection = session.connection()
    bound = _bound(connection, shared)
    if _is_sqlite(connection):
        with _staged(connection, ("id", *names), rows) as incoming:
            sets = ", ".join([*(f"{name} = {incoming}.{name}" for name in names), *(f"{name} = ?" for name in shared)])
            statement = f"UPDATE {table.name} SET {sets} FROM {incoming} WHERE {table.name}.id = {incoming}.id"
            connection.exec_driver_sql(statement, tuple(bound))
        return
    ids = sorted(row[0] for row in rows)
    connection.exec_driver_sql(f"SELECT id FROM {table.name} WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", (ids,))
    sets = ", ".join([*(f"{name} = new.{name}" for name in names), *(f"{name} = %s" for name in shared)])
    statement = f"UPDATE {table.name} SET {sets} FROM {_unnest(table, ('id', *names), 'new')} WHERE {table.name}.id = new.id"
    connection.exec_driver_sql(statement, (*bound, *_arrays(rows)))


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


def _type(table: Table, name: str) -> str:
    column_type = table.c[name].type
    if isinstance(column_type, Boolean):
        return "boolean"
    if isinstance(column_type, SmallInteger):
        return "smallint"
    return "integer" if isinstance(column_type, Integer) else "text"


def _arrays(rows: Tuples) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
