"""Facts about the running program and its database."""

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

LIBRARIES = (
    "flask",
    "sqlalchemy",
    "alembic",
    "psycopg",
    "granian",
    "pydantic",
    "flask-openapi3",
    "flask-admin",
    "apscheduler",
    "requests",
    "argon2-cffi",
)


@dataclass(frozen=True)
class DatabaseFacts:
    """`size` is bytes. `revision` names the last migration that was run; None before any was."""

    kind: str
    version: str
    size: int
    revision: str | None


def versions() -> dict[str, str]:
    """Python, and the libraries that matter, by name."""
    return {"Python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def database_facts(session: Session, file: Path | None) -> DatabaseFacts:
    """`file` is SQLite's, None with PostgreSQL."""
    revision = session.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if file is not None:
        sizes = (part.stat().st_size for part in _parts(file))
        return DatabaseFacts("SQLite", str(session.execute(text("SELECT sqlite_version()")).scalar()), sum(sizes), revision)
    named = session.execute(text("SELECT current_setting('server_version'), pg_database_size(current_database())")).one()
    return DatabaseFacts("PostgreSQL", named[0], named[1], revision)


def _parts(file: Path) -> Iterable[Path]:
    """The file, and the journal beside it that SQLite has not yet written back."""
    return (part for part in (file, file.with_name(f"{file.name}-wal")) if part.exists())
