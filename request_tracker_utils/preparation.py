"""Startup before the first request: the data folder, the generated keys, and an up-to-date database that belongs to this program."""

import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import structlog
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import upgrade
from pydantic import SecretStr
from sqlalchemy import inspect, text

from request_tracker_utils.accounts import demo
from request_tracker_utils.accounts.current.messages import password_address
from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, reading, store_once, stored_value, transaction
from request_tracker_utils.core.disk import disk_problem, temporary_folder
from request_tracker_utils.core.durability import sync_folder
from request_tracker_utils.core.locks import holding
from request_tracker_utils.core.private_files import beside, create_folder, open_private, tighten
from request_tracker_utils.core.settings import MIGRATIONS, Settings, SettingsError
from request_tracker_utils.web.registry import registry

log = structlog.get_logger(__name__)

FOREIGN_TABLES = "DATABASE_URL: the database contains tables of another program and was not changed. Choose an empty database."
OLDER_INSTALLATION = (
    "DATABASE_PATH: {file} is the database of a legacy installation and was not changed. Set DATABASE_PATH to a new file, or move this "
    "file. Then run `rtutils db upgrade`, and import the old data with `rtutils import-legacy {file}` (or its new path)."
)


class NotReady(Exception):
    """The database cannot be used; the message says what to do."""


class StoredKey(NamedTuple):
    """A setting whose value is generated and stored in a file of its name if it is not set."""

    name: str
    shortest: int
    lost: str
    """What deleting the file does."""


STORED_KEYS = (
    StoredKey("secret_key", 16, "everyone must then sign in again"),
    StoredKey("token_key", 32, "access tokens and emailed links then stop working"),
)


def with_stored_keys(settings: Settings) -> Settings:
    """Creates the data folder and, where SECRET_KEY or TOKEN_KEY is not set, the key stored in it (readable only by its owner).

    Raises SettingsError if the folder is not writable, or its disk is full.
    """
    folder = settings.instance_path.resolve()
    try:
        create_folder(folder)
        _check_writable(folder)
        keys = {key.name: getattr(settings, key.name) or SecretStr(_stored_key(folder, key)) for key in STORED_KEYS}
    except OSError as error:
        advice = disk_problem(error) or f"{error}. Make the folder writable, or choose another one."
        raise SettingsError([f"INSTANCE_PATH: {advice}"]) from None
    try:
        _check_writable(settings.database_file.parent if settings.database_file else folder)
    except OSError as error:
        advice = disk_problem(error) or f"{error}. Create the folder and make it writable, or choose another file."
        raise SettingsError([f"DATABASE_PATH: {advice}"]) from None
    # `model_fields_set` stays as it was: a generated key was not set by the administrator.
    return Settings.model_construct(settings.model_fields_set, **{**dict(settings), **keys, "instance_path": folder})


def prepare(app: Flask, settings: Settings) -> None:
    """Migrates the database, one process at a time. Raises NotReady for the database of a legacy installation or another asset store."""
    temporary_folder()
    _tighten_files(settings)
    with app.app_context():
        _check_not_legacy(settings)
    with app.app_context(), holding(db.engine, "migration"):
        if not _is_current():
            upgrade(directory=str(MIGRATIONS))
        prepare_rows()


def prepare_new(app: Flask, settings: Settings) -> None:
    """Migrates a database without tables. Leaves any other as it is; raises NotReady unless its schema matches this version."""
    with app.app_context():
        _check_not_legacy(settings)
        is_new = not inspect(db.engine).has_table("alembic_version")
    if is_new:
        prepare(app, settings)
    else:
        check_schema(app, settings)


def is_without_data() -> bool:
    """Whether no domain has any data, and assets are not in Request Tracker. Accounts do not count."""
    return all(each.is_empty() for each in registry().demos)


def seed(app: Flask, settings: Settings) -> list[tuple[str, str]]:
    """With RUN_SEED_ON_START, creates demo accounts in a prepared database without any accounts and data; returns their names and password
    links. Of several processes that start at the same time, one does so."""
    if not settings.run_seed_on_start:
        return []
    with app.app_context(), holding(db.engine, "seed"):
        with reading() as session:
            is_new = not demo.has_accounts(session)
        if not is_new or not is_without_data():
            log.info("seed skipped", reason="RUN_SEED_ON_START never adds demo accounts to a database with accounts or data")
            return []
        with transaction() as session:
            return [(user.name, password_address(key)) for user, key in demo.seed(session, now=utc_now())]


def prepare_rows() -> None:
    """What the current app wants to find in a migrated database. Raises NotReady for another asset store's database."""
    _check_same_asset_store()
    for step in registry().preparations:
        step()


def check_schema(app: Flask, settings: Settings) -> None:
    """Raises NotReady unless the schema matches this version of the program."""
    _tighten_files(settings)
    with app.app_context():
        _check_not_legacy(settings)
        if not _is_current():
            raise NotReady("The database schema is out of date. Run `rtutils db upgrade` first.")


def _tighten_files(settings: Settings) -> None:
    """Earlier versions, and commands of administrators, left the mode of some files to the umask."""
    files = [settings.instance_path / key.name for key in STORED_KEYS]
    for file in (settings.database_file, settings.log_file):
        if file is not None:
            files += beside(file)
    for changed in tighten(files):
        log.warning("others could access a file of this program; now only its owner can", file=str(changed))


def _is_current() -> bool:
    """Whether the schema is current. Raises NotReady if a newer version of this program has migrated it."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    with db.engine.connect() as connection:
        here = MigrationContext.configure(connection).get_current_revision()
    if here is not None and here not in {step.revision for step in scripts.walk_revisions()}:
        raise NotReady("The database was migrated by a newer version of this program. Install that version, or restore an older backup.")
    return here == scripts.get_current_head()


def _check_writable(folder: Path) -> None:
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{folder} {'is not writable for this user' if folder.exists() else 'does not exist'}")


def _stored_key(folder: Path, wanted: StoredKey) -> str:
    """The key in the file, generated if it does not exist. If two processes generate it concurrently, one wins."""
    path = folder / wanted.name
    fresh = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    if not path.exists():
        with open(fresh, "x", opener=open_private) as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())  # after a power failure, an empty key would keep the program from starting
        try:
            os.link(fresh, path)
            sync_folder(path.parent)
        except FileExistsError:
            log.debug("another process created the key", file=str(path))
        finally:
            fresh.unlink()
    key = path.read_text().strip()
    if len(key) < wanted.shortest:
        raise OSError(f"{path} does not contain a valid key. Delete it to generate a new one; {wanted.lost}")
    return key


def _check_not_legacy(settings: Settings) -> None:
    file = settings.database_file
    if file is None and inspect(db.engine).has_table("alembic_version"):
        return
    tables = set(_tables_of_file(file) if file else inspect(db.engine).get_table_names())
    if tables and "alembic_version" not in tables:
        raise NotReady(OLDER_INSTALLATION.format(file=file) if file else FOREIGN_TABLES)


def _tables_of_file(file: Path) -> list[str]:
    """Reads without our engine, which would change the file by switching its journal mode."""
    if not file.exists():
        return []
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=20)) as connection:
            return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    except sqlite3.DatabaseError as error:
        raise NotReady(f"DATABASE_PATH: {file} is not a readable database: {error}. Choose another file, or restore a backup.") from None


def _check_same_asset_store() -> None:
    """Raises NotReady if the asset store is a different one: asset ids of one store mean nothing in another."""
    kind = asset_store().kind
    with reading() as session:
        if stored_value(session, "directory") == kind:
            return  # a process that is started while the disk is full can at least read
    with transaction() as session:
        known = store_once(session, "directory", kind)
        if known != kind and not session.execute(text("SELECT 1 FROM asset_tags LIMIT 1")).first():
            session.execute(text("UPDATE kept_values SET value = :kind WHERE name = 'directory'"), {"kind": kind})
            session.execute(text("UPDATE tag_sequences SET adopted_at = NULL"))  # adopted from the other store
            session.execute(text("DELETE FROM waiting_assets"))
            known = kind
    if known != kind:
        words = {"rt": "Request Tracker", "embedded": "the built-in asset list (no RT_URL)"}
        raise NotReady(
            f"This database contains tags of assets in {words[known]}, but {words[kind]} is configured. "
            "Restore RT_URL, or start with a new database (DATABASE_PATH or DATABASE_URL)."
        )
