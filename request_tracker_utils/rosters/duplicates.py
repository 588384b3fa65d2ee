"""Which numbers a file had so far: in a file that the system throws away, so that a million of them need no memory."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self


class Seen:
    """Key → the line in which it came first."""

    def __enter__(self) -> Self:
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for statement in (
            "PRAGMA journal_mode = OFF",
            "PRAGMA synchronous = OFF",
            "CREATE TABLE seen (key TEXT PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID",
        ):
            self._db.execute(statement)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._db.close()

    def among(self, keys: Iterable[str]) -> dict[str, int]:
        """Those of the keys that came, with their lines."""
        query = "SELECT key, line FROM seen WHERE key IN (SELECT value FROM json_each(?))"
        return dict(self._db.execute(query, (json.dumps(list(keys)),)))

    def add(self, keys: Sequence[tuple[str, int]]) -> dict[str, int]:
        """Takes keys with their lines, and returns the lines in which they came first where any of them came before; nothing otherwise."""
        self._db.execute("BEGIN")
        added = self._db.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", keys).rowcount
        self._db.execute("COMMIT")
        return {} if added == len(keys) else self.among(key for key, _ in keys)
