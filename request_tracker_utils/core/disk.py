"""Disks that are full, read-only or broken: which errors mean that, and what people are told."""

import errno
import os
import sqlite3
import tempfile
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from request_tracker_utils.core.durability import NotOnDisk
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.core.translation import gettext as _

_PAGE = 4096
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_SQL_DISK_FULL, _SQL_READ_ONLY, _SQL_IO_ERROR = "53100", "25006", "58030"


class DiskUnavailable(Unavailable):
    """Nothing can be saved, because a disk is full, read-only or broken. Reading still works."""


def disk_problem(error: BaseException, folder: Path | None = None) -> DiskUnavailable | None:
    """What to answer if the error was caused by a disk; None for all other errors. `folder` is that of a SQLite database: SQLite has one
    error for several causes."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, NotOnDisk) and cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(cause, folder)
    number, state = cause.errno if isinstance(cause, OSError) else None, getattr(cause, "sqlstate", None)
    if number in _FULL or state == _SQL_DISK_FULL:
        return _full()
    if number == errno.EROFS:
        return _read_only()
    if state == _SQL_READ_ONLY:
        return DiskUnavailable(
            _("The database is read-only, so nothing can be saved. Viewing still works. Ask an administrator to check the database server.")
        )
    return _broken() if number == errno.EIO or state == _SQL_IO_ERROR else None


def try_writing(folder: Path) -> None:
    """Writes a file without a name to the folder. Raises OSError: free space alone says nothing about quotas and broken disks."""
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        if file.write(bytes(_PAGE)) < _PAGE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def temporary_folder() -> Path:
    """The folder for large uploads. Python chooses it on first use, and finds none while the disk is full."""
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:
        tempfile.tempdir = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 — as Python would
        return Path(tempfile.tempdir)


def _of_sqlite(error: sqlite3.Error, folder: Path | None) -> DiskUnavailable | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the details of an extended code
    if code == sqlite3.SQLITE_FULL:
        return _full()
    if code == sqlite3.SQLITE_READONLY:
        return _read_only()
    if code not in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        return None
    if folder is not None:
        try:
            try_writing(folder)
        except OSError as reason:
            return disk_problem(reason)
    return _broken() if code == sqlite3.SQLITE_IOERR else None


def _full() -> DiskUnavailable:
    return DiskUnavailable(
        _("The server's disk is full, so nothing can be saved. Viewing still works. Ask an administrator to free up space, then try again.")
    )


def _read_only() -> DiskUnavailable:
    return DiskUnavailable(
        _("The server's disk is read-only, so nothing can be saved. Viewing still works. Ask an administrator to check the disk.")
    )


def _broken() -> DiskUnavailable:
    return DiskUnavailable(_("The server's disk reported an error. Try again in a moment. If it happens again, tell an administrator."))
