"""Where a text is stored: in which tables, and in which files of SQLite."""

import subprocess
import zlib
from contextlib import suppress
from pathlib import Path

from flask import Flask
from sqlalchemy import select

from request_tracker_utils.core.db import Base, db, reading


def traces(app: Flask, needle: str) -> list[str]:
    """Every column of every table of the database and, with SQLite, every file in its folder."""
    found = []
    with app.app_context(), reading() as session:
        for table in Base.metadata.sorted_tables:
            for row in session.execute(select(table)).mappings():
                found += [f"{table.name}.{column}" for column, value in row.items() if needle in _readable(value)]
        file = db.engine.url.database if db.engine.dialect.name == "sqlite" else None
    return found + (traces_in(Path(file).parent, needle) if file else [])


def traces_in(folder: Path, needle: str) -> list[str]:
    """Which files contain the text. Another process reads them: closing a file of SQLite here would end its locks in this process."""
    found = subprocess.run(["grep", "-rlaF", "--", needle, str(folder)], capture_output=True, text=True, check=False)
    assert found.returncode in (0, 1), found.stderr
    return found.stdout.splitlines()


def _readable(value: object) -> str:
    if isinstance(value, bytes):
        with suppress(zlib.error):
            value = zlib.decompress(value)
        return value.decode(errors="replace")
    return str(value)
