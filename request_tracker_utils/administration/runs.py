"""Jobs and their recorded runs."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.jobs import Job, JobRun
from request_tracker_utils.core.schedules import plan
from request_tracker_utils.core.settings import Settings

PAGE = 50


class RunState(StrEnum):
    NEVER = "never run"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """The process that ran it has ended."""


@dataclass(frozen=True)
class JobRow:
    """A job and its latest run. `at` is the local time of a job that runs once a day. `next_at` is None if no schedule runs, before the
    first run, and while the job is running."""

    name: str
    summary: str
    every: timedelta
    at: time | None
    state: RunState
    started_at: datetime | None = None
    seconds: float | None = None
    rows: int = 0
    error: str | None = None
    next_at: datetime | None = None


@dataclass(frozen=True)
class RunRow:
    run: JobRun
    state: RunState
    seconds: float | None


@dataclass(frozen=True)
class RunPage:
    """`more` says that there is a next page."""

    runs: list[RunRow]
    page: int
    more: bool


def overview(session: Session, jobs: Sequence[Job], settings: Settings) -> list[JobRow]:
    """Every job with its schedule under these settings, and its latest run."""
    newest = select(func.max(JobRun.id)).group_by(JobRun.job).scalar_subquery()
    runs = {run.job: run for run in session.scalars(select(JobRun).where(JobRun.id.in_(newest)))}
    return [_job_row(job, runs.get(job.name), settings) for job in jobs]


def page_of(session: Session, job: str, *, page: int) -> RunPage:
    """The job's runs, the newest first. `page` counts from 1."""
    query = select(JobRun).where(JobRun.job == job).order_by(JobRun.id.desc()).offset((page - 1) * PAGE).limit(PAGE + 1)
    runs = [RunRow(run, _state(run), _seconds(run)) for run in session.scalars(query)]
    return RunPage(runs[:PAGE], page, len(runs) > PAGE)


def _job_row(job: Job, run: JobRun | None, settings: Settings) -> JobRow:
    planned = plan(job.schedule, settings)
    if run is None:
        return JobRow(job.name, job.summary, planned.interval, planned.at, RunState.NEVER)
    state = _state(run)
    return JobRow(
        job.name,
        job.summary,
        planned.interval,
        planned.at,
        state,
        run.started_at,
        _seconds(run),
        run.rows,
        run.error,
        planned.next_run(run.started_at, utc_now()) if settings.scheduler and state is not RunState.RUNNING else None,
    )


def _state(run: JobRun) -> RunState:
    if run.ended_at is None:
        return RunState.INTERRUPTED if _is_gone(run.process) else RunState.RUNNING
    return RunState.DONE if run.error is None else RunState.FAILED


def _seconds(run: JobRun) -> float | None:
    return (run.ended_at - run.started_at).total_seconds() if run.ended_at else None


def _is_gone(process: str) -> bool:
    """Whether a process on this machine has ended. Processes on other machines count as running."""
    host, _, pid = process.rpartition(":")
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
