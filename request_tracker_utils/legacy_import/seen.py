"""What this run has met so far: in a file that SQLite makes for itself and drops, so that memory stays flat."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from types import TracebackType
from typing import NamedTuple, Self


class Met(NamedTuple):
    """What another row of the older file is known by here: a student's number or a device's tag, and which row it was."""

    name: str
    row: str


class Seen:
    """`claim` is for what may be there once: it says who came before, if anybody did."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.executescript("""
            PRAGMA journal_mode = OFF;
            CREATE TABLE claims (kind TEXT, what TEXT, name TEXT, row TEXT, PRIMARY KEY (kind, what)) WITHOUT ROWID;
            CREATE TABLE digests (digest TEXT PRIMARY KEY, count INTEGER) WITHOUT ROWID;
            BEGIN;
        """)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def claim(self, kind: str, what: str, name: str, row: str) -> Met | None:
        """None for the first who claims it, who has it from then on."""
        if self._file.execute("INSERT OR IGNORE INTO claims VALUES (?, ?, ?, ?)", (kind, what, name, row)).rowcount:
            return None
        return self.met(kind, what)

    def met(self, kind: str, what: str) -> Met | None:
        with closing(self._file.execute("SELECT name, row FROM claims WHERE kind = ? AND what = ?", (kind, what))) as found:
            row = found.fetchone()
        return Met(*row) if row else None

    def note(self, kind: str, whats: Iterable[str]) -> None:
        self._file.executemany("INSERT OR IGNORE INTO claims VALUES (?, ?, '', '')", ((kind, what) for what in whats))

    def times(self, digest: str) -> int:
        """How often this was asked for the digest, this time counted."""
        upsert = "INSERT INTO digests VALUES (?, 1) ON CONFLICT (digest) DO UPDATE SET count = count + 1 RETURNING count"
        with closing(self._file.execute(upsert, (digest,))) as found:
            return int(found.fetchone()[0])
