"""Runs migrations inside the app, on whichever database is configured, in one transaction."""

import sqlite3

import structlog
from alembic import context
from flask import current_app
from sqlalchemy import Connection, text

from request_tracker_utils.core.db import Base, Instant, db

log = structlog.get_logger(__name__)


def render_item(kind: str, item: object, autogen: object) -> str | bool:
    """Points in time are stored as the dialect's own type: a migration must not change when our class does."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Instant) else False


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render_item,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


def migrate_sqlite() -> None:
    """SQLite rebuilds a table to change it; with foreign keys on, the rows that point to it would go with the old one.

    The switch works outside a transaction only. What the rebuilding may have broken is looked for before the commit.
    """
    with db.engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        raw.execute("PRAGMA foreign_keys=OFF")
        (synchronous,) = raw.execute("PRAGMA synchronous").fetchone()
        raw.execute("PRAGMA synchronous=FULL")
        try:
            with connection.execution_options(writes=True).begin():
                migrate(connection)
                broken = connection.execute(text("PRAGMA foreign_key_check")).all()
                if broken:
                    raise RuntimeError(f"the migration leaves rows that point nowhere: {broken[:5]}")
            if connection.info.pop("rewrite", False):
                rewrite(raw)
        finally:
            raw.execute("PRAGMA foreign_keys=ON")
            raw.execute(f"PRAGMA synchronous={synchronous}")


def rewrite(raw: sqlite3.Connection) -> None:
    """Without its free pages, which may have what was deleted earlier."""
    try:
        raw.execute("VACUUM")
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError as error:
        log.warning("deleted rows may still be in the database file: run VACUUM when there is space", error=str(error))


if context.is_offline_mode():
    raise SystemExit("Migrations need a database to run on.")
with current_app.app_context():
    if db.engine.dialect.name == "sqlite":
        migrate_sqlite()
    else:
        with db.engine.begin() as engine_connection:
            migrate(engine_connection)
