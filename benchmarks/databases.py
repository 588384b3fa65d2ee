"""Both databases, one after the other."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.services.databases import PostgreSQL, SQLite


def both() -> "Iterator[tuple[str, SQLite | PostgreSQL]]":
    """The name and the server of each database. A server is stopped before the next one starts. Commits wait for the disk, as they do in an
    installation."""
    from tests.services.databases import PostgreSQL, SQLite  # not for worker processes, which import this again

    with TemporaryDirectory() as folder:
        yield "SQLite", SQLite(Path(folder))
    with TemporaryDirectory() as folder:
        server = PostgreSQL(Path(folder), durable=True)
        try:
            yield "PostgreSQL", server
        finally:
            server.stop()
