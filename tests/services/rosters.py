"""Lists for tests: kept like a file that somebody brought, looked through, and imported."""

from collections.abc import Iterable
from typing import Any

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.rosters import service
from request_tracker_utils.rosters.findings import Findings, of_report
from request_tracker_utils.rosters.models import Roster
from request_tracker_utils.tasks import jobs
from request_tracker_utils.tasks.models import Task, TaskState
from request_tracker_utils.tasks.running import claim
from tests.services.school import ADA, NOW

HEAD = "Student ID,First Name,Last Name,Grade Level,Homeroom,School,Email"
GRACE = "1001,Grace,Hopper,9,H1,North High,grace@example.org"
ALAN = "1002,Alan,Turing,10,H2,North High,alan@example.org"


def csv(*lines: str, head: str = HEAD) -> bytes:
    return ("\n".join([head, *lines]) + "\n").encode()


def keep(data: bytes | Iterable[bytes], subject: str = "students", **columns: int) -> Roster:
    pieces = [data] if isinstance(data, bytes) else data
    roster = service.keep(transaction, pieces, subject=subject, source="list.csv", actor=ADA, now=NOW)
    if columns:
        with transaction() as session:
            service.map_columns(session, roster.id, columns, deactivate_missing=False)
    return roster


def run(start: Any, roster_id: int) -> Task:
    """Does the task that `start` begins."""
    now = utc_now()
    with transaction() as session:
        task = start(session, roster_id, actor=ADA, now=now)
        claimed = claim(session, now=now, task_id=task.id)
    assert claimed is not None
    jobs.run(claimed)
    with reading() as session:
        return session.get_one(Task, task.id)


def found(roster_id: int) -> Findings:
    with reading() as session:
        return of_report(service.get(session, roster_id).report)


def check(data: bytes, subject: str = "students", *, deactivate_missing: bool = False) -> Findings:
    """What the list would change."""
    roster = keep(data, subject)
    with transaction() as session:
        service.map_columns(session, roster.id, roster.columns, deactivate_missing=deactivate_missing)
    run(service.start_check, roster.id)
    return found(roster.id)


def bring(data: bytes, subject: str = "students", *, deactivate_missing: bool = False) -> Findings:
    """Imports the list, and returns what was changed."""
    roster = keep(data, subject)
    with transaction() as session:
        service.map_columns(session, roster.id, roster.columns, deactivate_missing=deactivate_missing)
    run(service.start_check, roster.id)
    task = run(service.start_import, roster.id)
    assert task.state == TaskState.DONE, task.error
    return found(roster.id)


def told(findings: Findings) -> list[tuple[int, str]]:
    return [(problem.line, problem.message) for problem in findings.problems]
