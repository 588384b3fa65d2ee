"""Keys that a file has contained so far, in a temporary file: a million keys need no memory."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self


class KeyIndex:
    """Key → line of its first occurrence. Use as a context manager; the temporary file is deleted on exit."""

    def __enter__(self) -> Self:
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for statement in (
            "PRAGMA journal_mode = OFF",
            "PRAGMA synchronous = OFF",
            "CREATE TABLE keys (key TEXT PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID",
        ):
            self._db.execute(statement)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._db.close()

    def first_lines(self, keys: Iterable[str]) -> dict[str, int]:
        """The lines of those keys that have occurred."""
        query = "SELECT key, line FROM keys WHERE key IN (SELECT value FROM json_each(?))"
        return dict(self._db.execute(query, (json.dumps(list(keys)),)))

    def add(self, keys: Sequence[str], lines: Sequence[int]) -> dict[str, int]:
        """Adds keys with their lines. Returns the first line of each key when any of them is a duplicate, otherwise nothing."""
        self._db.execute("BEGIN")
        added = self._db.executemany("INSERT OR IGNORE INTO keys VALUES (?, ?)", zip(keys, lines, strict=True)).rowcount
        self._db.execute("COMMIT")
        return {} if added == len(keys) else self.first_lines(keys)
