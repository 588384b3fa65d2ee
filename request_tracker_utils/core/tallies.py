"""Tallies: counts that triggers maintain, so that a page adds up a few rows regardless of how many rows are counted.

A domain's table has one row for each combination of keys and each shard: its primary key is the keys and `shard`, and `count` is an
integer. The count of a combination is the sum over its shards. On PostgreSQL each connection has a shard of its own, so that transactions
do not wait for each other's counters; a scheduled job merges the shards into shard 0. SQLite only uses shard 0.

The domain's triggers contain the statements that `sqlite_step` or `sqlite_steps`, and `postgresql_steps` build.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, inspect, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import upsert_into


def sqlite_step(table: str, keys: Mapping[str, str], step: int) -> str:
    """The statement of a row trigger that adds `step` to a count. `keys` maps the columns to SQL expressions."""
    columns = ", ".join(keys)
    return (
        f"INSERT INTO {table} ({columns}, shard, count) "
        f"VALUES ({', '.join(keys.values())}, 0, {step}) "
        f"ON CONFLICT ({columns}, shard) DO UPDATE SET count = count + {step};"
    )


def sqlite_steps(table: str, keys: Sequence[str], rows: str) -> str:
    """The statement of a row trigger that adds the column `step` of `rows`, a query with the columns `keys`. What `rows` both adds and
    removes is not written."""
    columns = ", ".join(keys)
    return (
        f"INSERT INTO {table} ({columns}, shard, count) SELECT {columns}, 0, sum(step) FROM ({rows}) WHERE true "
        f"GROUP BY {columns} HAVING sum(step) <> 0 ON CONFLICT ({columns}, shard) DO UPDATE SET count = count + excluded.count;"
    )


def postgresql_steps(table: str, constants: Mapping[str, str], keys: Sequence[str], rows: str) -> str:
    """The statement of a statement trigger that adds the column `step` of `rows`, a query with the columns `keys`. `constants` maps
    further key columns to SQL expressions. Counters are updated in the order of their keys, so that transactions do not deadlock."""
    columns, grouped = ", ".join([*constants, *keys]), ", ".join(keys)
    return (
        f"INSERT INTO {table} ({columns}, shard, count) "
        f"SELECT {', '.join([*constants.values(), *keys])}, pg_backend_pid(), sum(step) FROM ({rows}) AS changed "
        f"GROUP BY {grouped} HAVING sum(step) <> 0 ORDER BY {grouped} "
        f"ON CONFLICT ({columns}, shard) DO UPDATE SET count = {table}.count + excluded.count; "
    )


def merge_shards(session: Session, model: Any) -> int:
    """Merges all shards of a tally table into shard 0; returns how many rows were merged. Rows that a running transaction has locked are
    merged by a later run."""
    keys = [column.name for column in inspect(model).primary_key if column.name != "shard"]
    rows = session.scalars(select(model).where(model.shard != 0).with_for_update(skip_locked=True)).all()
    merged: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        merged[tuple(getattr(row, key) for key in keys)] += row.count
    for values in sorted(merged):
        insert = upsert_into(session)(model).values(**dict(zip(keys, values, strict=True)), shard=0, count=merged[values])
        increment = {"count": model.count + insert.excluded.count}
        session.execute(insert.on_conflict_do_update(index_elements=[*keys, "shard"], set_=increment))
    for row in rows:
        session.delete(row)
    session.flush()
    session.execute(delete(model).where(model.shard == 0, model.count == 0))
    return len(rows)
