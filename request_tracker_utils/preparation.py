"""What has to be so before the first request: a folder for the data, a secret key, a database that is ours and up to date."""

import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

import structlog
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import upgrade
from pydantic import SecretStr
from sqlalchemy import inspect, text

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.db import db, transaction
from request_tracker_utils.core.locks import holding
from request_tracker_utils.core.resources import MIGRATIONS
from request_tracker_utils.core.settings import Settings, SettingsError
from request_tracker_utils.core.stored_values import keep
from request_tracker_utils.web.registry import registry

log = structlog.get_logger(__name__)

FOREIGN_TABLES = "DATABASE_URL: the database holds tables that are not this program's; it was not touched. Name an empty database."
OLDER_INSTALLATION = (
    "DATABASE_PATH: {file} is the database of an older installation; it was not touched. Set DATABASE_PATH to a new file, or move this "
    "file away. Then run `rtutils db upgrade`, and bring the old data over with `rtutils import-legacy {file}`, or from where it is then."
)


class NotReady(Exception):
    """The database cannot be used as it is; the message says what to do."""


def with_secret_key(settings: Settings) -> Settings:
    """Makes the data folder and, where SECRET_KEY is not set, the key that is kept in it (readable by its owner only).

    Raises SettingsError when the folder cannot be written.
    """
    folder = settings.instance_path.resolve()
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        _writable(folder)
        key = settings.secret_key or SecretStr(_kept_key(folder / "secret_key"))
    except OSError as error:
        raise SettingsError([f"INSTANCE_PATH: {error}. Make the folder writable, or name another one."]) from None
    try:
        _writable(settings.database_file.parent if settings.database_file else folder)
    except OSError as error:
        raise SettingsError([f"DATABASE_PATH: {error}. Make the folder, and writable, or name another file."]) from None
    # What was set stays what was set: a key that was made is none of it.
    return Settings.model_construct(settings.model_fields_set, **{**dict(settings), "secret_key": key, "instance_path": folder})


def prepare(app: Flask, settings: Settings) -> None:
    """Migrates the database, one process at a time. Raises NotReady for an older installation's database, or another directory's."""
    with app.app_context():
        _refuse_older_installation(settings)
    with app.app_context(), holding(db.engine, "migration"):
        if not _is_current():
            upgrade(directory=str(MIGRATIONS))
        prepare_rows()


def prepare_rows() -> None:
    """What the current app wants to find in a migrated database. Raises NotReady for another asset store's database."""
    _refuse_other_asset_store()
    for step in registry().preparations:
        step()


def check_schema(app: Flask, settings: Settings) -> None:
    """Raises NotReady unless the database is as this version of the program wants it."""
    with app.app_context():
        _refuse_older_installation(settings)
        if not _is_current():
            raise NotReady("The database is not up to date. Run `rtutils db upgrade` first.")


def _is_current() -> bool:
    """Whether the database needs no migration. Raises NotReady when a newer version of this program made it."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    with db.engine.connect() as connection:
        here = MigrationContext.configure(connection).get_current_revision()
    if here is not None and here not in {step.revision for step in scripts.walk_revisions()}:
        raise NotReady("The database was made by a newer version of this program. Install that one, or bring back an older backup.")
    return here == scripts.get_current_head()


def _writable(folder: Path) -> None:
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{folder} {'cannot be written by this user' if folder.exists() else 'does not exist'}")


def _kept_key(path: Path) -> str:
    """The key in the file, made now if it is not there; of two processes that make it at once one wins."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    if not path.exists():
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            os.link(fresh, path)
        except FileExistsError:
            log.debug("another process made the secret key")
        finally:
            fresh.unlink()
    key = path.read_text().strip()
    if len(key) < 16:
        raise OSError(f"{path} holds no usable key; delete it to have a new one made (people then sign in again)")
    return key


def _refuse_older_installation(settings: Settings) -> None:
    file = settings.database_file
    if file is None and inspect(db.engine).has_table("alembic_version"):
        return
    tables = set(_tables_of_file(file) if file else inspect(db.engine).get_table_names())
    if tables and "alembic_version" not in tables:
        raise NotReady(OLDER_INSTALLATION.format(file=file) if file else FOREIGN_TABLES)


def _tables_of_file(file: Path) -> list[str]:
    """Read without our engine: that one would switch the file to another journal, and so change it."""
    if not file.exists():
        return []
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=20)) as connection:
            return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    except sqlite3.DatabaseError as error:
        raise NotReady(f"DATABASE_PATH: {file} cannot be read as a database: {error}. Name another file, or bring back a backup.") from None


def _refuse_other_asset_store() -> None:
    """Numbers of assets mean nothing in another directory: tags of the one must not be taken for tags of the other."""
    kind = asset_store().kind
    with transaction() as session:
        known = keep(session, "directory", kind)
        if known != kind and not session.execute(text("SELECT 1 FROM asset_tags LIMIT 1")).first():
            session.execute(text("UPDATE kept_values SET value = :kind WHERE name = 'directory'"), {"kind": kind})
            session.execute(text("UPDATE tag_sequences SET adopted_at = NULL"))  # what the other directory held says nothing of this one
            session.execute(text("DELETE FROM waiting_assets"))
            known = kind
    if known != kind:
        words = {"rt": "Request Tracker", "embedded": "the embedded directory (no RT_URL)"}
        raise NotReady(
            f"This database holds tags of assets in {words[known]}, and now {words[kind]} is configured. "
            "Set RT_URL as it was, or start with a new database (DATABASE_PATH or DATABASE_URL)."
        )
