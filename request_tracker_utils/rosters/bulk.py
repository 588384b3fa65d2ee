"""Thousands of rows read, inserted and updated by one statement each, as tuples: an object for each would cost ten times as much."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Connection, Integer, SmallInteger, Table
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import Instant

CACHE_KIB = 16_384
LOG_PAGES = 10_000
"""Of SQLite's log, 40 MB, that are written before they are brought to where they belong: most are written several times meanwhile."""
Tuples = Sequence[tuple[Any, ...]]


class Overtaken(Exception):
    """Somebody else entered one of the rows a moment ago."""


def existing(session: Session, table: Table, key: str, keys: list[str], names: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """Key → id and the columns `names`, of the rows that exist."""
    columns = ", ".join([key, "id", *names])
    connection = session.connection()
    if _is_sqlite(connection):
        where, wanted = f"{key} IN (SELECT value FROM json_each(?))", (json.dumps(keys),)
    else:
        where, wanted = f"{key} = ANY(%s)", (keys,)  # type: ignore[assignment]
    found = connection.exec_driver_sql(f"SELECT {columns} FROM {table.name} WHERE {where}", wanted)
    return {row[0]: tuple(row[1:]) for row in found}


def insert(session: Session, table: Table, names: Sequence[str], rows: Tuples, same: Mapping[str, Any]) -> None:
    """`same` are columns whose value all rows share. Raises Overtaken."""
    connection = session.connection()
    columns = ", ".join([*names, *same])
    shared = _bound(connection, table, same)
    if _is_sqlite(connection):
        marks = ", ".join([*names, *("?" for _ in same)])
        with _laid_down(connection, names, rows) as incoming:
            connection.exec_driver_sql(f"INSERT INTO {table.name} ({columns}) SELECT {marks} FROM {incoming}", tuple(shared))
        return
    marks = ", ".join([*(f"new.{name}" for name in names), *("%s" for _ in same)])
    statement = f"INSERT INTO {table.name} ({columns}) SELECT {marks} FROM {_unnest(table, names, 'new')} ON CONFLICT DO NOTHING"
    inserted = connection.exec_driver_sql(statement, (*shared, *_arrays(rows)))
    if inserted.rowcount != len(rows):
        raise Overtaken


def update(session: Session, table: Table, names: Sequence[str], rows: Tuples, same: Mapping[str, Any]) -> None:
    """Each of `rows` is the row's id and its new values. They are locked in the order of their ids, so that two who do this do not wait
    for each other."""
    connection = session.connection()
    shared = _bound(connection, table, same)
    if _is_sqlite(connection):
        with _laid_down(connection, ("id", *names), rows) as incoming:
            sets = ", ".join([*(f"{name} = {incoming}.{name}" for name in names), *(f"{name} = ?" for name in same)])
            statement = f"UPDATE {table.name} SET {sets} FROM {incoming} WHERE {table.name}.id = {incoming}.id"
            connection.exec_driver_sql(statement, tuple(shared))
        return
    ids = sorted(row[0] for row in rows)
    connection.exec_driver_sql(f"SELECT id FROM {table.name} WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", (ids,))
    sets = ", ".join([*(f"{name} = new.{name}" for name in names), *(f"{name} = %s" for name in same)])
    statement = f"UPDATE {table.name} SET {sets} FROM {_unnest(table, ('id', *names), 'new')} WHERE {table.name}.id = new.id"
    connection.exec_driver_sql(statement, (*shared, *_arrays(rows)))


def prepare(session: Session, *, patience: int) -> None:
    """Readies a transaction for many rows.

    On PostgreSQL it gives up where somebody else has locked a row for more than `patience` milliseconds, before the database looks for
    those who wait for each other: whoever hands out a device at that moment comes first. SQLite has one writer at a time; rows go into
    many places of its indexes, and are kept in memory and in the log until many of them are there.
    """
    connection = session.connection()
    if _is_sqlite(connection):
        connection.exec_driver_sql(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
    else:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {patience}")


@contextmanager
def _laid_down(connection: Connection, names: Sequence[str], rows: Tuples) -> Iterator[str]:
    """A temporary table of SQLite with the rows: one statement takes them from there, where the triggers of a statement for each row cost
    as much again."""
    columns, marks = ", ".join(names), ", ".join("?" * len(names))
    connection.exec_driver_sql(f"CREATE TEMP TABLE incoming ({columns})")
    connection.exec_driver_sql(f"INSERT INTO incoming VALUES ({marks})", list(rows))
    yield "incoming"
    connection.exec_driver_sql("DROP TABLE incoming")


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _bound(connection: Connection, table: Table, values: Mapping[str, Any]) -> list[Any]:
    """As the driver wants them."""
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
    kind = table.c[name].type
    if isinstance(kind, Boolean):
        return "boolean"
    if isinstance(kind, SmallInteger):
        return "smallint"
    return "integer" if isinstance(kind, Integer) else "text"


def _arrays(rows: Tuples) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
