"""When jobs run: APScheduler in each server process; one process is the leader."""

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

    Every process runs the jobs that its own commits ask for; only the leader runs them on schedule. Leadership is a shared lock, so another
    process takes over when the leader ends, however it ends.
    """

    def __init__(self, app_context: Callable[[], AbstractContextManager[object]], registry: Jobs) -> None:
        self._app_context, self._registry = app_context, registry
        with app_context():
            self._lock = SharedLock(db.engine, "scheduler")
        self._is_leader = False
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
        """Waits for running jobs, then releases the leader lock. Long jobs check `stopping` and release what they have not started."""
        self._stopping.set()
        self._background.shutdown(wait=True)
        self._lock.release()

    def stopping(self) -> bool:
        """Whether this process is shutting down."""
        return self._stopping.is_set()

    def run_soon(self, name: str, after: timedelta) -> None:
        """Runs the job once in this process. At most two runs are queued: the first that was requested, and the last."""
        once = {"run_date": utc_now() + after, "args": [self._registry.named(name)]}
        try:
            self._background.add_job(self._run, "date", id=f"{name} soon", **once)
        except ConflictingIdError:
            # The queued run may be too early for the rows of this request.
            self._background.add_job(self._run, "date", id=f"{name} soon again", replace_existing=True, **once)

    def _lead(self) -> None:
        try:
            leads = self._lock.still_held() if self._is_leader else self._lock.acquire(wait=False)
        except SQLAlchemyError as error:
            log.warning("leadership unknown", error=str(error))
            leads = False
        if leads == self._is_leader:
            return
        self._is_leader = leads
        log.info("leadership acquired" if leads else "leadership lost")
        for job in self._registry:
            if leads:
                schedule = {"seconds": job.every.total_seconds(), "next_run_time": utc_now()}
                self._background.add_job(self._run, "interval", args=[job], id=job.name, replace_existing=True, **schedule)
            else:
                self._background.remove_job(job.name)

    def _run(self, job: Job) -> None:
        with self._app_context():
            try:
                jobs.run(job)
            except AppError as error:
                log.warning("job failed", job=job.name, error=error.message)
            except Exception:
                # The run is recorded with the error; the schedule continues, since the next run may succeed.
                log.exception("job failed", job=job.name)
                raise
