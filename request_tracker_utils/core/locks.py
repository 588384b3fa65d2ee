"""Locks that several processes of one installation share.

PostgreSQL keeps them itself (advisory locks of a connection of their own); with SQLite they are locks of files beside the
database. Either way the operating system frees them when the process that holds one dies.
"""

import fcntl
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError


class SharedLock:
    """A named lock, held by at most one process. Not re-entrant; used by one thread."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine, self._name = engine, name
        self._number = zlib.crc32(f"request-tracker-utils:{name}".encode())
        self._file: int | None = None
        self._connection: Connection | None = None

    def acquire(self, *, wait: bool) -> bool:
        """Takes the lock; without `wait`, False when another process has it."""
        if self._engine.dialect.name == "sqlite":
            return self._lock_file(wait)
        return self._lock_row(wait)

    def still_held(self) -> bool:
        """Whether the lock is still ours: a database that was restarted has forgotten it."""
        if self._connection is None:
            return self._file is not None
        try:
            self._connection.execute(text("SELECT 1"))
        except OperationalError:
            self.release()
            return False
        return True

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._connection is not None:
            # Closing alone would free it too, but only when the server has noticed.
            with suppress(OperationalError):
                self._connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": self._number})
            self._connection.invalidate()  # closes it for good, and the lock goes with it in any case
            self._connection.close()
            self._connection = None

    def _lock_file(self, wait: bool) -> bool:
        database = self._engine.url.database
        path = Path(f"{database}.{self._name}.lock")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._file = descriptor
        return True

    def _lock_row(self, wait: bool) -> bool:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        function = "pg_advisory_lock" if wait else "pg_try_advisory_lock"
        if connection.execute(text(f"SELECT {function}(:number)"), {"number": self._number}).scalar() is False:
            connection.close()
            return False
        self._connection = connection
        return True


@contextmanager
def holding(engine: Engine, name: str) -> Iterator[None]:
    """Waits for the lock, and holds it for the block."""
    lock = SharedLock(engine, name)
    lock.acquire(wait=True)
    try:
        yield
    finally:
        lock.release()
