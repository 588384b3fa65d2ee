"""When jobs run: APScheduler inside each server process, of which one is the leader."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from threading import Event

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import ConflictingIdError
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import SQLAlchemyError

from request_tracker_utils.core import jobs
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.jobs import Job, Jobs
from request_tracker_utils.core.locks import SharedLock

log = structlog.get_logger(__name__)

LEADER_CHECK = timedelta(seconds=5)


class Scheduler:
    """Runs jobs in the background of this process.

    Every process runs what it is nudged to run; the leader alone runs the schedules. Leadership is a shared lock, so it
    passes on when the leader's process ends, however it ends.
    """

    def __init__(self, in_app: Callable[[], AbstractContextManager[object]], registry: Jobs) -> None:
        self._in_app, self._registry = in_app, registry
        with in_app():
            self._lock = SharedLock(db.engine, "scheduler")
        self._leads = False
        self._stopping = Event()
        self._background = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(4), "lead": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def start(self) -> None:
        self._background.add_job(self._lead, "interval", seconds=LEADER_CHECK.total_seconds(), next_run_time=utc_now(), executor="lead")
        self._background.start()

    def stop(self) -> None:
        """Waits for the jobs that run, and gives leadership up. Long work is told, and puts down what it has not begun."""
        self._stopping.set()
        self._background.shutdown(wait=True)
        self._lock.release()

    def stopping(self) -> bool:
        """Whether this process ends: what takes long stops where it can go on later."""
        return self._stopping.is_set()

    def run_soon(self, name: str, after: timedelta) -> None:
        """Runs the job once, soon, in this process. Two runs wait at most: the first asked for, and the last."""
        run_soon = {"run_date": utc_now() + after, "args": [self._registry.named(name)]}
        try:
            self._background.add_job(self._run, "date", id=f"nudge {name}", **run_soon)
        except ConflictingIdError:
            # That one may run too early for what this one is about.
            self._background.add_job(self._run, "date", id=f"nudge {name} again", replace_existing=True, **run_soon)

    def _lead(self) -> None:
        try:
            leads = self._lock.still_held() if self._leads else self._lock.acquire(wait=False)
        except SQLAlchemyError as error:
            log.warning("cannot ask who leads", error=str(error))
            leads = False
        if leads == self._leads:
            return
        self._leads = leads
        log.info("leads the scheduled jobs" if leads else "leads the scheduled jobs no more")
        for job in self._registry:
            if leads:
                schedule = {"seconds": job.every.total_seconds(), "next_run_time": utc_now()}
                self._background.add_job(self._run, "interval", args=[job], id=job.name, replace_existing=True, **schedule)
            else:
                self._background.remove_job(job.name)

    def _run(self, job: Job) -> None:
        with self._in_app():
            try:
                jobs.run(job)
            except AppError as error:
                log.warning("job failed", job=job.name, error=error.message)
            except Exception:
                # The run's entry has the error, and the schedule goes on: the next run may find the cause gone.
                log.exception("job failed", job=job.name)
                raise
