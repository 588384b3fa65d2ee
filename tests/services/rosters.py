"""Imports of students and devices for tests: uploaded, previewed, and imported."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.imports import service, undo
from request_tracker_utils.imports.models import ImportFile, ImportRun
from request_tracker_utils.imports.report import ImportReport, report_from
from request_tracker_utils.imports.row_types import RowType
from request_tracker_utils.imports.uploads import inspected
from request_tracker_utils.imports.waiting import Quota
from request_tracker_utils.rosters.device_import import DeviceRows
from request_tracker_utils.rosters.student_import import StudentRows
from request_tracker_utils.tasks import jobs
from request_tracker_utils.tasks.models import Task, TaskState
from request_tracker_utils.tasks.running import claim
from tests.services.school import ADA, NOW

STUDENTS, DEVICES = StudentRows(), DeviceRows()
HEADER = "Student ID,First Name,Last Name,Grade Level,Homeroom,School,Email"
GRACE = "1001,Grace,Hopper,9,H1,North High,grace@example.org"
ALAN = "1002,Alan,Turing,10,H2,North High,alan@example.org"


def csv(*lines: str, header: str = HEADER) -> bytes:
    return ("\n".join([header, *lines]) + "\n").encode()


def upload(data: bytes | Iterable[bytes], rows: RowType = STUDENTS, *, deactivate_missing: bool = False, actor: Actor = ADA) -> ImportFile:
    """The columns are mapped by the header row."""
    chunks = [data] if isinstance(data, bytes) else data
    with inspected(chunks, rows.aliases) as upload:
        columns, quota = upload.layout.columns, Quota(1 << 40, 1 << 40)
        file = service.store(transaction, upload, rows, columns, source="list.csv", actor=actor, now=NOW, quota=quota)
    if deactivate_missing:
        with transaction() as session:
            service.map_columns(session, file.id, rows, file.columns, deactivate_missing=True)
    return file


def run(start: Any, file: ImportFile, rows: RowType = STUDENTS) -> ImportReport:
    """Runs the task that `start` starts, and returns the file's report."""
    now = utc_now()
    with transaction() as session:
        started = start(session, file.id, rows, actor=ADA, now=now)
        claimed = claim(session, now=now, task_id=started.id)
    assert claimed is not None
    jobs.run(claimed)
    with reading() as session:
        task = session.get_one(Task, started.id)
        assert task.state == TaskState.DONE, task.error
        return report_from(service.get(session, file.id).report)


def preview(data: bytes | Iterable[bytes], rows: RowType = STUDENTS, *, deactivate_missing: bool = False) -> ImportReport:
    """What the file would change."""
    return run(service.start_preview, upload(data, rows, deactivate_missing=deactivate_missing), rows)


def import_file(data: bytes | Iterable[bytes], rows: RowType = STUDENTS, *, deactivate_missing: bool = False) -> ImportReport:
    """What the file has changed."""
    file = upload(data, rows, deactivate_missing=deactivate_missing)
    run(service.start_preview, file, rows)
    return run(service.start_import, file, rows)


def problems(report: ImportReport) -> list[tuple[int, str]]:
    return [(problem.line, problem.message) for problem in report.problems]


def newest_import() -> ImportRun:
    with reading() as session:
        return session.scalars(select(ImportRun).order_by(ImportRun.id.desc()).limit(1)).one()


def undo_import(rows: RowType = STUDENTS, *, import_id: int | None = None) -> Task:
    """Runs the task that undoes an import, the newest one by default. Returns the task as it ended."""
    now = utc_now()
    with transaction() as session:
        started = undo.start(session, import_id or newest_import().id, rows, actor=ADA, now=now)
        claimed = claim(session, now=now, task_id=started.id)
    assert claimed is not None
    jobs.run(claimed)
    with reading() as session:
        return session.get_one(Task, started.id)
