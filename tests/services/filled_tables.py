"""A row in every table with a value in every column, also where no use of the program would write one."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    String,
    Text,
    Time,
    delete,
    insert,
    text,
)
from sqlalchemy.types import TypeDecorator

from request_tracker_utils.calendars.models import Calendar
from request_tracker_utils.core.db import Base, db

LONG = '<b>Ünï & "quotes";\t=1+1\' \u2028 ' * 1_000
JSON_VALUE = {"list": [1, None, 'é"<'], "text": "=1", "nested": {"a": {"b": []}}}
AT = datetime(2026, 1, 31, 8, 15, 30, 123456, tzinfo=UTC)
ROWS = 2


def fill(app: Flask) -> None:
    """Adds ROWS rows to each table, without triggers and constraints, which this test database then lacks."""
    with app.app_context(), db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execution_options(reads=True)  # no transaction on SQLite either: its pragmas do nothing in one
        _remove_constraints(connection)
        connection.execute(delete(Calendar))  # each installation begins with a default calendar, and there is one at most
        for table in Base.metadata.tables.values():
            for number in range(1, ROWS + 1):
                values = {column.name: _value(column, 1_000 + number) for column in table.columns}
                connection.execute(insert(table), values)
        connection.invalidate()  # other users of the pool get the usual settings


def _remove_constraints(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("PRAGMA ignore_check_constraints=ON")
        for name in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all():
            connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
        return
    connection.execute(text("SET session_replication_role = replica"))
    found = "SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
    for table, name in connection.execute(text(found)).all():
        connection.execute(text(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"'))


def _value(column: Column[Any], number: int) -> Any:
    kind = column.type.impl if isinstance(column.type, TypeDecorator) else column.type
    match kind:
        case JSON():
            return JSON_VALUE
        case Boolean():
            return bool(number % 2)
        case Integer():
            return number
        case Float():
            return number / 7
        case DateTime():
            return AT
        case Time():
            return time(22, 30)
        case Date():
            return date(2026, 2, 28) + timedelta(days=number)
        case LargeBinary():
            return b"\x00\xff\xfe" * 1_000
        case Text():
            return LONG
        case String():
            return f"{number}{LONG}"[: kind.length or len(LONG)]
    raise AssertionError(f"no value for {column}: {column.type!r}")
