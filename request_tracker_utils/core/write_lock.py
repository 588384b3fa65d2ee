"""Whether a transaction keeps others from writing for seconds: on SQLite all others, on PostgreSQL those that need the same rows."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, text

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, read_connection
from request_tracker_utils.core.disk import disk_problem
from request_tracker_utils.core.translation import gettext as _

HELD = 2.0
"""Seconds that a transaction may take. The longest of ours, undoing an import of 100,000 rows, takes one."""
_POLL_INTERVAL = 0.1
_WRITE_LOCK_BYTE = 120
"""Of the file -shm, which SQLite locks for writing."""


class LockHeld(Exception):
    """`message` says what is locked and since when, `holder` which process holds it, as far as that is known."""

    def __init__(self, message: str, holder: str = "") -> None:
        super().__init__(message)
        self.message, self.holder = message, holder


class WriteLock:
    """Watches the lock of the current app's database. Used by one thread at a time."""

    def __init__(self) -> None:
        self._probe: _SqliteProbe | None = None

    def check(self) -> None:
        """Takes HELD seconds at most. Raises LockHeld, or DiskUnavailable if nothing can be written."""
        if db.engine.dialect.name == "sqlite":
            if self._probe is None:
                self._probe = _SqliteProbe(db.engine)
            self._probe.check()
        else:
            _check_postgresql()


class _SqliteProbe:
    """Tries to take the lock, on a connection of its own. While others hold it, each commit shows that the holder has changed."""

    def __init__(self, engine: Engine) -> None:
        self._file = Path(str(engine.url.database))
        self._connection: sqlite3.Connection | None = None
        self._version: int | None = None
        self._since = utc_now()
        self._started = 0.0

    def check(self) -> None:
        until = time.monotonic() + HELD
        while not self._is_free():
            seconds = time.monotonic() - self._started
            if seconds >= HELD:
                raise LockHeld(_since(self._since), self._holder())
            if time.monotonic() >= until + 2 * _POLL_INTERVAL:
                return  # many short transactions
            time.sleep(_POLL_INTERVAL)

    def _is_free(self) -> bool:
        try:
            if self._connection is None:
                address = f"{self._file.as_uri()}?mode=rw"  # never creates the file
                self._connection = sqlite3.connect(address, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
            if self._could_begin(self._connection):
                self._forget()
                return True
            self._watch(self._connection)
        except sqlite3.DatabaseError as error:
            self._forget()
            raise (disk_problem(error, self._file.parent) or OSError(str(error))) from None
        return False

    def _could_begin(self, connection: sqlite3.Connection) -> bool:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                return False
            raise
        connection.execute("ROLLBACK")
        return True

    def _watch(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version, self._since, self._started = version, utc_now(), time.monotonic()

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._version = None

    def _holder(self) -> str:
        """By the kernel's list of locks: opening the locked file here, and closing it, would end our own locks on it."""
        with suppress(OSError):
            found = os.stat(f"{self._file}-shm")
            inode = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
            for fields in _file_locks():
                kind, pid, file, first, last = fields[3], fields[4], fields[5], fields[6], fields[7]
                if (kind, file, first) == ("WRITE", inode, str(_WRITE_LOCK_BYTE)) and last == first:
                    return _("Process %(pid)s of this server holds it.", pid=pid)
        return ""


def _file_locks() -> Iterator[list[str]]:
    with open("/proc/locks", encoding="ascii") as lines:
        for line in lines:
            if len(fields := line.split()) == 8:
                yield fields


def _check_postgresql() -> None:
    with read_connection() as connection:
        found = connection.execute(_WAITING, {"seconds": timedelta(seconds=HELD)}).first()
    if found is not None:
        since, pids = found
        raise LockHeld(_since(since), _("Processes of the database server that hold locks: %(pids)s.", pids=pids))


_WAITING = text("""
    SELECT MIN(query_start), string_agg(DISTINCT array_to_string(pg_blocking_pids(pid), ', '), ', ') FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user AND wait_event_type = 'Lock'
        AND query_start < clock_timestamp() - CAST(:seconds AS interval)
    HAVING COUNT(*) > 0""")
"""Statements of ours that wait. A statement waits since its start: ours take far less time themselves."""


def _since(since: datetime) -> str:
    return _(
        "A transaction has kept others from writing since %(time)s UTC. If it does not end, find out which program it belongs to.",
        time=f"{since:%Y-%m-%d %H:%M:%S}",
    )
