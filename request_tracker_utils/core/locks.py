"""Locks shared by all processes of an installation.

On PostgreSQL they are advisory locks on a connection of their own; on SQLite they are file locks beside the database. Either way a lock is
released when its process dies.
"""

import fcntl
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from request_tracker_utils.core.private_files import open_private


class SharedLock:
    """A named lock that at most one process has. Not reentrant; used by one thread."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine, self._name = engine, name
        self._number = zlib.crc32(f"request-tracker-utils:{name}".encode())
        self._file: int | None = None
        self._connection: Connection | None = None

    def acquire(self, *, wait: bool) -> bool:
        """Acquires the lock. Without `wait`, returns False if another process has it."""
        if self._engine.dialect.name == "sqlite":
            return self._lock_file(wait)
        return self._lock_row(wait)

    def still_held(self) -> bool:
        """Whether the lock is still ours: it is lost when the database restarts."""
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
            # Closing the connection would release it too, but only once the server notices.
            with suppress(OperationalError):
                self._connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": self._number})
            self._connection.invalidate()  # closes it instead of returning it to the pool
            self._connection.close()
            self._connection = None

    def _lock_file(self, wait: bool) -> bool:
        database = self._engine.url.database
        path = Path(f"{database}.{self._name}.lock")
        descriptor = open_private(path, os.O_RDWR)
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


def lock_until_commit(session: Session, space: int, names: Iterable[str]) -> None:
    """Locks names in the session's transaction: others who lock one of them wait until it ends. `space` keeps apart what is locked:
    `accounts/throttling.py` has 7031 and 7032, `inventory/stock.py` 7033, `notifications/phone_confirmation.py` 7041 to 7043,
    `optics/parts.py` 7051, `cable_tickets/kits.py` 7052, `calendars/history.py` 7056, `attendance/people_history.py` 7061,
    `attendance/alerts.py` 7062, `workdays/pay_periods.py` 7091,
    `workdays/missed_punches.py` 7092, `workdays/computing.py` 7071, `workdays/outlier_digest.py` 7072, `workdays/staff_groups.py` 7093.

    Names are locked in one order, so that two calls do not deadlock. SQLite has a single writer anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        for number in sorted({zlib.crc32(name.encode()) - 2**31 for name in names}):
            session.execute(text("SELECT pg_advisory_xact_lock(:space, :number)"), {"space": space, "number": number})


@contextmanager
def holding(engine: Engine, name: str) -> Iterator[None]:
    """Waits for the lock and releases it after the block."""
    lock = SharedLock(engine, name)
    lock.acquire(wait=True)
    try:
        yield
    finally:
        lock.release()
