"""When jobs run: APScheduler in each server process; one process is the leader."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, Lock, Thread
from time import monotonic

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from sqlalchemy.exc import SQLAlchemyError

from request_tracker_utils.core import jobs
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, reading
from request_tracker_utils.core.disk import disk_problem
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.jobs import Job, Jobs
from request_tracker_utils.core.locks import SharedLock
from request_tracker_utils.core.schedules import Plan, plan
from request_tracker_utils.core.settings import Settings

log = structlog.get_logger(__name__)

LEADER_CHECK = timedelta(seconds=5)
CLOCK_CHECK = timedelta(seconds=2)
TOLERANCE = timedelta(seconds=1)
AT_ONCE = timedelta(minutes=1)
"""A new leader runs jobs with intervals up to this at once, because they complete what another process has left."""
QUEUED_STARTS = 100
"""Starts of one schedule that may wait for the thread that makes them. It is late on a busy machine, and APScheduler warns about more."""


@dataclass
class _Slot:
    """A job runs once at a time in its slot. `requested` are the first and the last time (of the monotonic clock) for which a run is
    requested and has not started: rows of an earlier request may not be due when an earlier run starts."""

    job: Job
    requested: list[float] = field(default_factory=list)
    is_running: bool = False


class _Trigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no type hints
    """APScheduler asks it for the next start after each one. `last` is the start before, or the last recorded run."""

    def __init__(self, plan: Plan, last: datetime | None = None) -> None:
        self.plan, self.last = plan, last

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        self.last = previous_fire_time or self.last
        return self.plan.next_run(self.last, now)

    def first(self, now: datetime) -> datetime:
        """The first start in this process."""
        if self.plan.interval <= AT_ONCE:
            return now
        return min(max(self.plan.next_run(self.last, now), now), now + self.plan.longest)


class Scheduler:
    """Runs jobs in the background of this process.

    Every process runs the jobs that its own commits ask for; only the leader runs them on schedule. Leadership is a shared lock, so another
    process takes over when the leader ends, however it ends. A new leader goes on from the recorded runs.

    Each job has two slots, one for its schedule and one for the runs that commits ask for. APScheduler only decides when a slot is started:
    it would skip a run that is due while the one before it runs, and with it the rows for which it was requested.
    """

    def __init__(self, app_context: Callable[[], AbstractContextManager[object]], registry: Jobs, settings: Settings) -> None:
        self._app_context, self._registry, self._settings = app_context, registry, settings
        with app_context():
            self._lock = SharedLock(db.engine, "scheduler")
        self._is_leader = False
        self._stopping = Event()
        self._slots: dict[str, _Slot] = {}
        self._mutex = Lock()
        """Protects the slots. While APScheduler shuts down, adding a job to it would wait forever, so jobs are added with this lock too."""
        self._background = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(4), "lead": ThreadPoolExecutor(1), "schedule": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def start(self) -> None:
        self._background.add_job(self._lead, _Trigger(Plan(LEADER_CHECK)), next_run_time=utc_now(), executor="lead")
        self._background.start()
        Thread(target=self._watch_clock, name="clock", daemon=True).start()

    def stop(self) -> None:
        """Waits for running jobs, then releases the leader lock. Long jobs check `stopping` and release what they have not started."""
        with self._mutex:
            self._stopping.set()
        self._background.shutdown(wait=True)
        self._lock.release()

    def stopping(self) -> bool:
        """Whether this process is shutting down."""
        return self._stopping.is_set()

    def run_soon(self, name: str, after: timedelta) -> None:
        """Runs the job once in this process, after other requested runs of it. Requests that one run can answer are answered by one."""
        job = self._registry.named(name)
        with self._mutex:
            self._request(f"{name} soon", job, monotonic() + after.total_seconds())

    def _run_on_schedule(self, job: Job) -> None:
        """Skips the run if the previous one has not ended."""
        with self._mutex:
            slot = self._slots.get(f"{job.name} scheduled")
            if slot is None or not slot.is_running:
                self._request(f"{job.name} scheduled", job, monotonic())

    def _watch_clock(self) -> None:
        """APScheduler waits for times of the system clock. If that is set back, nothing would run until the old time comes
        again."""
        while not self._stopping.wait(CLOCK_CHECK.total_seconds()):
            with self._mutex:
                if not self._stopping.is_set():
                    self._bring_forward()

    def _bring_forward(self) -> None:
        """Starts what is planned later than one interval from now, and sets the timers of requested runs anew."""
        now = utc_now()
        for planned in self._background.get_jobs():
            slot, at = self._slots.get(planned.id), planned.next_run_time
            if slot is None and at is not None and at > now + planned.trigger.plan.longest + TOLERANCE:
                log.warning("the clock was set back", schedule=planned.id, seconds=round((at - now).total_seconds()))
                planned.modify(next_run_time=now)
            elif slot is not None and at is not None and slot.requested and at > _on_the_clock(slot.requested[0]) + TOLERANCE:
                self._set_timer(planned.id, slot)

    def _lead(self) -> None:
        try:
            leads = self._lock.still_held() if self._is_leader else self._lock.acquire(wait=False)
            triggers = self._triggers() if leads and not self._is_leader else {}
        except (SQLAlchemyError, OSError) as error:
            log.warning("leadership unknown", error=str(error))
            if not self._is_leader:
                self._lock.release()  # another process may read the recorded runs
            leads, triggers = False, {}
        if leads == self._is_leader:
            return
        self._is_leader = leads
        log.info("leadership acquired" if leads else "leadership lost")
        with self._mutex:
            if self._stopping.is_set():
                return
            for job in self._registry:
                if leads:
                    trigger = triggers[job.name]
                    schedule = {"next_run_time": trigger.first(utc_now()), "executor": "schedule", "max_instances": QUEUED_STARTS}
                    self._background.add_job(self._run_on_schedule, trigger, args=[job], id=job.name, replace_existing=True, **schedule)
                else:
                    self._background.remove_job(job.name)

    def _triggers(self) -> dict[str, _Trigger]:
        """Job → its trigger, which knows the last run in any process."""
        with self._app_context(), reading() as session:
            last = jobs.last_completed(session)
        return {job.name: _Trigger(plan(job.schedule, self._settings), last.get(job.name)) for job in self._registry}

    def _request(self, slot_name: str, job: Job, at: float) -> None:
        slot = self._slots.setdefault(slot_name, _Slot(job))
        is_starting = slot.is_running or (bool(slot.requested) and slot.requested[0] <= monotonic())
        has_timer = bool(slot.requested) and slot.requested[0] <= at
        slot.requested = sorted({*slot.requested, at})
        del slot.requested[1:-1]
        if not is_starting and not has_timer:  # a timer costs more than most requests that ask for a run
            self._set_timer(slot_name, slot)

    def _set_timer(self, slot_name: str, slot: _Slot) -> None:
        """For the first requested run. A timer that fires at the same moment cannot be replaced: the slot is then started twice, which is
        harmless."""
        if slot.requested and not self._stopping.is_set():
            timer = {
                "run_date": _on_the_clock(slot.requested[0]),
                "id": slot_name,
                "args": [slot_name],
                "replace_existing": True,
                "max_instances": 3,
            }
            self._background.add_job(self._start, "date", **timer)

    def _start(self, slot_name: str) -> None:
        """Runs the slot's job for all requests that are due."""
        with self._mutex:
            slot, now = self._slots[slot_name], monotonic()
            if slot.is_running:
                return  # its end sets the timer
            slot.is_running = any(at <= now for at in slot.requested)
            slot.requested = [at for at in slot.requested if at > now]
            if not slot.is_running:
                self._set_timer(slot_name, slot)  # started too early: the clock was set forward
                return
        try:
            self._run(slot.job)
        finally:
            with self._mutex:
                slot.is_running = False
                self._set_timer(slot_name, slot)

    def _run(self, job: Job) -> None:
        with self._app_context():
            try:
                jobs.run(job)
            except AppError as error:
                log.warning("job failed", job=job.name, error=error.message)
            except Exception as error:
                problem = disk_problem(error)
                if problem is None:
                    # The run is recorded with the error; the schedule continues, since the next run may succeed.
                    log.exception("job failed", job=job.name)
                    raise
                log.warning("job failed", job=job.name, error=problem.message)


def _on_the_clock(at: float) -> datetime:
    """The time on the system clock at a time of the monotonic clock."""
    return utc_now() + timedelta(seconds=at - monotonic())
