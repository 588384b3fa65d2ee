"""What survives a power failure: commits on SQLite that share one sync of the disk, and whether a PostgreSQL server syncs at all.

SQLite writes a commit to the write-ahead log (`-wal`) and, with `synchronous=NORMAL`, does not wait for the disk. With FULL it waits while
it has the write lock, so all writers together are as slow as one disk. Here the commit releases the lock first, and then everyone who has
committed waits for the same sync of the log. See "Transactions" in docs/architecture.md.

SQLite has no locks on the `-wal` file itself, so opening and closing it here releases none.
"""

import errno
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, text

REPAIR_TIMEOUT = 5.0
"""Seconds that the repair after a failed sync waits for readers and writers."""
_sync_file = os.fdatasync


class NotOnDisk(OSError):
    """The transaction is committed, but the disk reported that it could not store it: it may be lost in a power failure."""


class WriteAheadLog:
    """The write-ahead log of a SQLite file, as one process syncs it. Other processes sync for themselves."""

    def __init__(self, database: Path) -> None:
        self._database, self._path = database, Path(f"{database}-wal")
        self._changed = threading.Condition()
        self._begun = self._ended = self._stored = 0
        """Numbers of syncs: the last one that has begun, ended, and succeeded."""
        self._error: Exception | None = None
        self._file: int | None = None
        self._incomplete = False

    def wait_until_stored(self) -> None:
        """Returns once everything that was committed before the call, by any process, survives a power failure. Raises NotOnDisk.

        Callers that arrive during a sync wait for the next one, because the current one may not include their commit.
        """
        with self._changed:
            needed = self._begun + 1
            while self._ended < needed:
                if self._begun > self._ended:
                    self._changed.wait()
                else:
                    self._run_next()
            if self._stored < needed:
                raise NotOnDisk(getattr(self._error, "errno", errno.EIO), str(self._error), str(self._path)) from self._error

    def close(self) -> None:
        """Closes the file. The next sync opens it again."""
        with self._changed:
            self._changed.wait_for(lambda: self._begun == self._ended)
            self._close()

    def _run_next(self) -> None:
        """One sync, without the lock. The caller has the lock before and after."""
        self._begun += 1
        number, stored = self._begun, False
        self._changed.release()
        try:
            self._sync()
            stored = True
        except (OSError, sqlite3.Error) as error:
            self._error = error
        finally:
            self._changed.acquire()
            self._ended = number
            if stored:
                self._stored = number
            self._changed.notify_all()

    def _sync(self) -> None:
        if self._incomplete:
            self._start_over()
            return
        descriptor = self._open()
        if descriptor is None:
            return
        try:
            _sync_file(descriptor)
        except OSError:
            self._incomplete = True
            raise

    def _start_over(self) -> None:
        """Copies everything into the database, syncs that, and lets the next writer begin the log again.

        After a failed sync the log may have a hole on the disk, although further syncs succeed: Linux reports the error once and forgets
        what it could not write. After a power failure SQLite reads the log up to the hole, so no later commit in it would be safe.
        """
        with closing(sqlite3.connect(self._database, timeout=REPAIR_TIMEOUT)) as connection:
            connection.execute("PRAGMA synchronous=FULL")
            busy, _pages, _copied = connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        if busy:
            raise sqlite3.OperationalError("the log could not be restarted after a failed sync, because the database is busy")
        self._incomplete = False

    def _open(self) -> int | None:
        """The descriptor of the current log. None without a log: whoever closed the database last has copied everything and synced it."""
        try:
            current = os.stat(self._path)
        except FileNotFoundError:
            self._close()
            return None
        if self._file is not None and not os.path.samestat(os.fstat(self._file), current):
            self._close()
        if self._file is None:
            try:
                self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
            sync_folder(self._path.parent)
        return self._file

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def sync_folder(folder: Path) -> None:
    """Makes the names of files that were created or renamed in the folder survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unsafe_settings(connection: Connection) -> list[str]:
    """Settings of the PostgreSQL server with which a power failure takes back what was committed. SQLite has none: we set them."""
    if connection.dialect.name != "postgresql":
        return []
    return [
        name
        for name in ("fsync", "full_page_writes", "synchronous_commit")
        if connection.execute(text("SELECT current_setting(:name)"), {"name": name}).scalar_one() == "off"
    ]
