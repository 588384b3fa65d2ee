"""How the program fares: every room's section, each made in a thread of its own so that none holds up the page."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import structlog
from flask import Flask

from request_tracker_utils.administration import runs, service
from request_tracker_utils.administration.runs import JobRow, RunState
from request_tracker_utils.core.checks import longest_wait, look_at_disk, look_at_migrations
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.health import Status
from request_tracker_utils.web.feature import Condition, StatusSection
from request_tracker_utils.web.registry import registry, settings

log = structlog.get_logger(__name__)

PATIENCE = 4.0
"""Seconds for which the page waits for its sections, all together."""


@dataclass(frozen=True)
class Section:
    """A section as it is shown. Without `facts` only its problems are."""

    title: str
    template: str
    facts: Mapping[str, object] | None = None
    problems: Sequence[str] = field(default_factory=tuple)


def look(app: Flask, sections: Sequence[StatusSection]) -> list[Section]:
    """All sections, those that failed or are late too; it takes PATIENCE at most."""
    pool = ThreadPoolExecutor(max_workers=max(len(sections), 1), thread_name_prefix="status")
    asked = [pool.submit(_inside, app, section) for section in sections]
    wait(asked, timeout=PATIENCE)
    pool.shutdown(wait=False, cancel_futures=True)
    return [_shown(section, future) for section, future in zip(sections, asked, strict=True)]


def _inside(app: Flask, section: StatusSection) -> Condition:
    with app.app_context():
        return section.content()


def _shown(section: StatusSection, asked: Future[Condition]) -> Section:
    if not asked.done():
        return Section(section.title, section.template, problems=[f"{section.title}: no answer within {PATIENCE:g} s."])
    error = asked.exception()
    if error is None:
        condition = asked.result()
        return Section(section.title, section.template, condition.facts, condition.problems)
    if isinstance(error, AppError):
        return Section(section.title, section.template, problems=[error.message])
    log.error("a section of the status page failed", section=section.title, exc_info=error)
    return Section(section.title, section.template, problems=[f"{section.title}: this cannot be shown; the log says why."])


def program() -> Condition:
    """Versions, how long this process runs, settings of the server, room on the disk."""
    disk = look_at_disk(settings().instance_path)
    facts = {
        "versions": service.versions(),
        "started_at": registry().started_at,
        "uptime": utc_now() - registry().started_at,
        "disk": disk.detail,
    }
    return Condition(facts, [] if disk.status is Status.OK else [disk.told(full=True)])


def database() -> Condition:
    """Kind, version, size, and whether the tables are this program's."""
    tables = look_at_migrations()
    with reading() as session:
        facts = service.database_facts(session, settings().database_file)
    return Condition({"database": facts, "file": settings().database_file}, [] if tables.status is Status.OK else [tables.told(full=True)])


def scheduled_jobs() -> Condition:
    """Each job's last run. What failed, broke off or did not begin in its time is a problem."""
    with reading() as session:
        rows = runs.overview(session, list(registry().jobs), scheduled=settings().scheduler)
    return Condition({"jobs": rows}, [problem for row in rows for problem in _problems(row)])


def _problems(row: JobRow) -> list[str]:
    if row.state is RunState.FAILED:
        return [f"The job {row.name} failed: {row.error}"]
    if row.state is RunState.BROKEN_OFF:
        return [f"The job {row.name} broke off: its process ended."]
    since = max(row.started_at or registry().started_at, registry().started_at)
    if settings().scheduler and row.state is not RunState.RUNNING and utc_now() - since > longest_wait(row.every):
        return [f"The job {row.name} has not begun for long. Start the program anew; its log says what hinders it."]
    return []


sections = [
    StatusSection("Program", "administration/program.html", program, order=10),
    StatusSection("Database", "administration/database.html", database, order=20),
    StatusSection("Jobs", "administration/jobs-status.html", scheduled_jobs, order=30),
]
