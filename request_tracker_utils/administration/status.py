"""The status page: every feature's section, each collected in its own thread so that a slow one does not delay the page."""

import platform
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import structlog
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from request_tracker_utils.administration import runs
from request_tracker_utils.administration.runs import JobRow, RunState
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.health import Status, check_disk, check_migrations, max_delay
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.feature import SectionContent, StatusSection
from request_tracker_utils.web.registry import registry, settings

log = structlog.get_logger(__name__)

TIMEOUT = 4.0
"""Seconds that the page waits for all sections together."""


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
    """`size` is in bytes. `revision` is the last migration; None before the first."""

    kind: str
    version: str
    size: int
    revision: str | None


@dataclass(frozen=True)
class Section:
    """A section to show. Without `facts` only its problems are shown."""

    title: str
    template: str
    facts: Mapping[str, object] | None = None
    problems: Sequence[str] = field(default_factory=tuple)


def collect(app: Flask, sections: Sequence[StatusSection]) -> list[Section]:
    """All sections, including those that failed or timed out. Takes at most TIMEOUT."""
    pool = ThreadPoolExecutor(max_workers=max(len(sections), 1), thread_name_prefix="status")
    futures = [pool.submit(_content, app, section) for section in sections]
    wait(futures, timeout=TIMEOUT)
    pool.shutdown(wait=False, cancel_futures=True)
    return [_section(section, future) for section, future in zip(sections, futures, strict=True)]


def _content(app: Flask, section: StatusSection) -> SectionContent:
    with app.app_context():
        return section.content()


def _section(section: StatusSection, future: Future[SectionContent]) -> Section:
    if not future.done():
        return Section(
            section.title,
            section.template,
            problems=[_("%(section)s: no answer within %(seconds)s s.", section=section.title, seconds=f"{TIMEOUT:g}")],
        )
    error = future.exception()
    if error is None:
        condition = future.result()
        return Section(section.title, section.template, condition.facts, condition.problems)
    if isinstance(error, AppError):
        return Section(section.title, section.template, problems=[error.message])
    log.error("a section of the status page failed", section=section.title, exc_info=error)
    return Section(
        section.title, section.template, problems=[_("%(section)s: cannot be shown. See the log for the reason.", section=section.title)]
    )


def program() -> SectionContent:
    """Versions, uptime, server settings, disk space."""
    disk = check_disk(settings().instance_path)
    facts = {
        "versions": versions(),
        "started_at": registry().started_at,
        "uptime": utc_now() - registry().started_at,
        "disk": disk.detail,
    }
    return SectionContent(facts, [] if disk.status is Status.OK else [disk.text(full=True)])


def database() -> SectionContent:
    """Kind, version, size, and whether the schema is up to date."""
    tables = check_migrations()
    with reading() as session:
        facts = database_facts(session, settings().database_file)
    return SectionContent(
        {"database": facts, "file": settings().database_file}, [] if tables.status is Status.OK else [tables.text(full=True)]
    )


def scheduled_jobs() -> SectionContent:
    """Each job's latest run. A run that failed, was interrupted or is overdue is a problem."""
    with reading() as session:
        rows = runs.overview(session, list(registry().jobs), registry().page_settings.current())
    return SectionContent({"jobs": rows}, [problem for row in rows for problem in _problems(row)])


def _problems(row: JobRow) -> list[str]:
    if row.state is RunState.FAILED:
        return [_("The job %(job)s failed: %(error)s", job=row.name, error=row.error)]
    if row.state is RunState.INTERRUPTED:
        return [_("The job %(job)s was interrupted: its process ended.", job=row.name)]
    since = max(row.started_at or registry().started_at, registry().started_at)
    if settings().scheduler and row.state is not RunState.RUNNING and utc_now() - since > max_delay(row.every):
        return [_("The job %(job)s is overdue. Check the log, then restart the program.", job=row.name)]
    return []


def versions() -> dict[str, str]:
    """Versions of Python and the main libraries, by name."""
    return {"Python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def database_facts(session: Session, file: Path | None) -> DatabaseFacts:
    """`file` is the SQLite file; None for PostgreSQL."""
    revision = session.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if file is not None:
        sizes = (part.stat().st_size for part in _parts(file))
        return DatabaseFacts("SQLite", str(session.execute(text("SELECT sqlite_version()")).scalar()), sum(sizes), revision)
    row = session.execute(text("SELECT current_setting('server_version'), pg_database_size(current_database())")).one()
    return DatabaseFacts("PostgreSQL", row[0], row[1], revision)


def _parts(file: Path) -> Iterable[Path]:
    """The file and its write-ahead log."""
    return (part for part in (file, file.with_name(f"{file.name}-wal")) if part.exists())


sections = [
    StatusSection("Program", "administration/program.html", program, order=10),
    StatusSection("Database", "administration/database.html", database, order=20),
    StatusSection("Jobs", "administration/jobs-status.html", scheduled_jobs, order=30),
]
