"""Scheduled work: what a job is, the record of its runs, and running one.

A job looks for rows that still need work, and claims them in the database (`core/outbox.py`). So it may run twice, be killed at any point,
or run in two processes. `core/scheduler.py` decides when jobs run.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Index, String, Text, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from request_tracker_utils.core import metrics
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import Base, Instant, transaction
from request_tracker_utils.core.errors import AppError, NotFound
from request_tracker_utils.core.schedules import Schedule
from request_tracker_utils.core.translation import gettext as _

log = structlog.get_logger(__name__)

MAX_RUNS = 500
"""Stored runs per job."""


@dataclass(frozen=True)
class Job:
    """`work` runs inside the app's context and returns how many rows it processed. `summary` is translated where it is shown."""

    name: str
    summary: str
    schedule: Schedule
    work: Callable[[], int]


class JobRun(Base):
    """One run. `ended_at` is empty while it runs, or when its process died."""

    __tablename__ = "job_runs"
    __table_args__ = (Index("ix_job_runs_job_started_at", "job", "started_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    job: Mapped[str] = mapped_column(String(60))
    process: Mapped[str] = mapped_column(String(200))
    started_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    rows: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(Text)


class JobNotFound(NotFound):
    """The job does not exist."""

    code = "job_not_found"


class Jobs:
    """Every job of the app. Iterates in the order of their names. `started_at` is when this process started."""

    def __init__(self, jobs: list[Job]) -> None:
        self._jobs = {job.name: job for job in jobs}
        self.started_at = utc_now()
        if len(self._jobs) != len(jobs):
            raise ValueError("two jobs have the same name")

    def __iter__(self) -> Iterator[Job]:
        return iter(sorted(self._jobs.values(), key=lambda job: job.name))

    def named(self, name: str) -> Job:
        """Raises JobNotFound."""
        try:
            return self._jobs[name]
        except KeyError:
            names = ", ".join(sorted(self._jobs))
            raise JobNotFound(_("The job %(name)s does not exist. The jobs are %(names)s.", name=name, names=names)) from None


def run(job: Job) -> int:
    """Runs the job in this thread, and records the run. Returns the number of rows; raises what the job raises."""
    started = time.monotonic()
    with transaction(durable=False) as session:  # only a record: the schedule runs the job again
        entry = JobRun(job=job.name, process=f"{socket.gethostname()}:{os.getpid()}", started_at=utc_now())
        session.add(entry)
        session.flush()  # its id, for recording the end
        run_id = entry.id
    try:
        rows = job.work()
    except BaseException as error:
        metrics.count_job_run(job.name, "failed", time.monotonic() - started)
        _record_end(job.name, run_id, 0, error.message if isinstance(error, AppError) else f"{type(error).__name__}: {error}")
        raise
    metrics.count_job_run(job.name, "ok", time.monotonic() - started)
    _record_end(job.name, run_id, rows, None)
    if rows:
        log.info("job done", job=job.name, rows=rows, seconds=round(time.monotonic() - started, 3))
    return rows


def last_starts(session: Session) -> dict[str, datetime]:
    """Job → the start of its last run. Jobs that never ran are left out."""
    newest = select(func.max(JobRun.id)).group_by(JobRun.job).scalar_subquery()  # not the latest time: the clock may have been set back
    rows = session.execute(select(JobRun.job, JobRun.started_at).where(JobRun.id.in_(newest)))
    return {job: started_at for job, started_at in rows}  # noqa: C416 — mypy does not accept dict(rows)


def last_completed(session: Session) -> dict[str, datetime]:
    """Job → the start of the last run that ended. A run that was cut off does not count: it has to be repeated."""
    newest = select(func.max(JobRun.id)).where(JobRun.ended_at.is_not(None)).group_by(JobRun.job).scalar_subquery()
    rows = session.execute(select(JobRun.job, JobRun.started_at).where(JobRun.id.in_(newest)))
    return {job: started_at for job, started_at in rows}  # noqa: C416 — mypy does not accept dict(rows)


def _record_end(name: str, run_id: int, rows: int, error: str | None) -> None:
    """Deletes all runs without rows except the newest, and all runs except the last MAX_RUNS."""
    with transaction(durable=False) as session:
        session.execute(update(JobRun).where(JobRun.id == run_id).values(ended_at=utc_now(), rows=rows, error=error))
        if not rows and error is None:
            idle = (JobRun.job == name, JobRun.id != run_id, JobRun.rows == 0, JobRun.error.is_(None), JobRun.ended_at.is_not(None))
            session.execute(delete(JobRun).where(*idle))
        oldest = select(JobRun.id).where(JobRun.job == name).order_by(JobRun.id.desc()).offset(MAX_RUNS).limit(1).scalar_subquery()
        session.execute(delete(JobRun).where(JobRun.job == name, JobRun.id <= oldest))
