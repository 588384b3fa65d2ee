"""Errors that mean a disk is full, read-only or broken, and what survives them: counters and the log."""

import errno
import logging
import os
import sqlite3
from pathlib import Path

import psycopg
import pytest
import structlog
from prometheus_client.mmap_dict import MmapedDict
from sqlalchemy.exc import InternalError, OperationalError

from request_tracker_utils.core import disk, log, metrics_files
from request_tracker_utils.core.disk import disk_problem
from request_tracker_utils.core.durability import NotOnDisk
from request_tracker_utils.core.metrics_files import CountsFile
from request_tracker_utils.core.settings import load_settings
from tests.services.tables import check_all

ENOSPC = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def sqlite_error(code: int) -> OperationalError:
    error = sqlite3.OperationalError("an error")
    error.sqlite_errorcode = code
    return OperationalError("UPDATE", {}, error)


def not_stored(cause: OSError) -> OperationalError:
    error = NotOnDisk("the log")
    error.__cause__ = cause
    return OperationalError("COMMIT", None, error)


def test_errors_of_disks_are_told_from_others(tmp_path: Path) -> None:
    rows = [
        (ENOSPC, "full"),
        (OSError(errno.EDQUOT, "quota"), "full"),
        (OSError(errno.EROFS, "read-only"), "read-only"),
        (OSError(errno.EIO, "broken"), "error"),
        (OSError(errno.ECONNRESET, "reset"), ""),
        (FileNotFoundError(errno.ENOENT, "no such file"), ""),
        (ValueError("no"), ""),
        (sqlite_error(sqlite3.SQLITE_FULL), "full"),
        (sqlite_error(sqlite3.SQLITE_READONLY_DBMOVED), "read-only"),
        (sqlite_error(sqlite3.SQLITE_IOERR_WRITE), "error"),
        (sqlite_error(sqlite3.SQLITE_BUSY), ""),
        (sqlite_error(sqlite3.SQLITE_CANTOPEN), ""),
        (OperationalError("UPDATE", {}, psycopg.errors.DiskFull("could not extend file")), "full"),
        (OperationalError("UPDATE", {}, psycopg.errors.IoError("could not read block")), "error"),
        (InternalError("UPDATE", {}, psycopg.errors.ReadOnlySqlTransaction("cannot execute UPDATE")), "read-only"),
        (OperationalError("UPDATE", {}, psycopg.errors.AdminShutdown("terminating")), ""),
        (InternalError("UPDATE", {}, psycopg.errors.InFailedSqlTransaction("aborted")), ""),
        (not_stored(ENOSPC), "full"),
        (not_stored(OSError(errno.EIO, "broken")), "error"),
    ]

    def check(error: Exception, word: str) -> None:
        problem = disk_problem(error, tmp_path)
        assert (problem is not None) == bool(word)
        assert problem is None or (word in problem.message and problem.status == 503)

    check_all(rows, check)


def test_one_error_of_sqlite_for_several_causes_is_told_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_folder: Path) -> None:
        raise ENOSPC

    monkeypatch.setattr(disk, "try_writing", fail)
    for code in (sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_CANTOPEN):
        problem = disk_problem(sqlite_error(code), tmp_path)
        assert problem is not None
        assert "full" in problem.message


def counts(file: Path) -> dict[str, float]:
    """As the library reads them."""
    return {key: value for key, value, _, _ in MmapedDict.read_all_values_from_file(str(file))}


def test_counts_are_written_in_the_format_that_the_library_reads(tmp_path: Path) -> None:
    file = tmp_path / "new" / "counter_1.db"
    written = CountsFile(str(file))
    assert counts(file) == {}
    for number in range(200):
        assert written.read_value(f"kéy {number}") == (0.0, 0.0)
        written.write_value(f"kéy {number}", number, 0.0)
    written.write_value("kéy 7", 7.5, 3.0)
    assert written.read_value("kéy 7") == (7.5, 3.0)
    assert counts(file) == {f"kéy {number}": 7.5 if number == 7 else number for number in range(200)}
    assert file.stat().st_mode & 0o777 == 0o600
    written.close()


def test_counts_that_cannot_be_written_are_written_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_files, "RETRY_INTERVAL", 0.0)
    file, space = tmp_path / "counter_1.db", [True]
    really = os.pwrite

    def pwrite(descriptor: int, content: bytes, at: int) -> int:
        if not space[0]:
            really(descriptor, content[:3], at)  # as much as fits
            return 3
        return really(descriptor, content, at)

    monkeypatch.setattr(os, "pwrite", pwrite)
    written = CountsFile(str(file))
    written.write_value("a", 1, 0)
    space[0] = False
    written.write_value("b", 1, 0)
    written.write_value("b", 2, 0)
    assert (written.read_value("b"), counts(file)) == ((2.0, 0.0), {"a": 1.0})
    assert [each.name for each in tmp_path.iterdir()] == [file.name]
    space[0] = True
    written.write_value("c", 3, 0)
    assert counts(file) == {"a": 1.0, "b": 2.0, "c": 3.0}
    written.close()


def test_counts_without_a_file_are_written_once_one_can_be_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_files, "RETRY_INTERVAL", 0.0)
    folder = tmp_path / "folder"
    folder.write_text("no folder")
    written = CountsFile(str(folder / "counter_1.db"))
    written.write_value("a", 1, 0)
    folder.unlink()
    written.write_value("a", 2, 0)
    assert counts(folder / "counter_1.db") == {"a": 2.0}
    written.close()


@pytest.mark.usefixtures("logging_as_before")
def test_lines_that_a_full_disk_lost_are_counted_before_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "program.log"
    log.configure(load_settings({"LOG_FILE": str(file)}))
    structlog.get_logger("test").warning("first")
    handler = next(each for each in logging.getLogger().handlers if isinstance(each, log.LogFile))
    really = handler.do_open

    def open_full(mode: str | None = None) -> object:
        stream = really(mode)
        stream.flush = lambda: (_ for _ in ()).throw(ENOSPC)  # type: ignore[method-assign]
        return stream

    monkeypatch.setattr(handler, "do_open", open_full)
    handler.stream = None
    for _ in range(3):
        structlog.get_logger("test").warning("lost")
    monkeypatch.undo()
    structlog.get_logger("test").warning("later")
    lines = file.read_text().splitlines()
    assert "event=first" in lines[0]
    assert "lines=3" in lines[-2]
    assert "event=later" in lines[-1]
    told = capsys.readouterr().err
    assert (told.count("LOG_FILE cannot be written"), "Traceback" in told) == (1, False)
