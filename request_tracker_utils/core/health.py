"""Health checks: those of every installation, and running all of them.

Each check runs in a thread of its own, so that one that hangs does not delay the others.
"""

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cache, partial
from pathlib import Path

import structlog
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from request_tracker_utils.core.clock import is_over, utc_now
from request_tracker_utils.core.db import read_connection, reading
from request_tracker_utils.core.disk import DiskUnavailable, disk_problem, temporary_folder, try_writing
from request_tracker_utils.core.durability import unsafe_settings
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.jobs import Jobs, last_starts
from request_tracker_utils.core.settings import MIGRATIONS, Settings
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.core.write_lock import LockHeld, WriteLock

log = structlog.get_logger(__name__)

TIMEOUT = 3.0
"""Seconds until a check counts as failed."""


class Status(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True)
class CheckResult:
    """`summary` is public: no versions, addresses or paths. `detail` is added for administrators."""

    status: Status
    summary: str
    detail: str = ""

    def text(self, *, full: bool) -> str:
        return f"{self.summary} {self.detail}".rstrip() if full else self.summary


@dataclass(frozen=True)
class HealthCheck:
    """`run` runs in the app context. The program is down without an `essential` one. A result is reused for `ttl` seconds from the start
    of the check; with 0 each caller waits for a new one.
    """

    name: str
    run: Callable[[], CheckResult]
    essential: bool
    ttl: float = 0.0


@dataclass(frozen=True)
class Report:
    status: Status
    results: dict[str, CheckResult]

    @property
    def failing(self) -> list[str]:
        return [name for name, result in self.results.items() if result.status is not Status.OK]


class _Runner:
    """One check and its last result. At most one run is in progress."""

    def __init__(self, check: HealthCheck, inside: Callable[[], AbstractContextManager[object]]) -> None:
        self.check, self._inside = check, inside
        self._changed = threading.Condition()
        self._last: CheckResult | None = None
        self._started_at = float("-inf")
        self._started = self._done = 0

    def start(self) -> bool:
        """Starts a run unless one is in progress or the last result is still fresh. Returns whether to wait for a new result."""
        with self._changed:
            if self._started > self._done:
                return self._last is None or not self.check.ttl
            if time.monotonic() - self._started_at < self.check.ttl:
                return False
            self._started, self._started_at = self._started + 1, time.monotonic()
        threading.Thread(target=self._run, name=f"health {self.check.name}", daemon=True).start()
        return True

    def result(self, *, wait: bool) -> CheckResult:
        """The result of the run in progress if it ends in time; without `wait` the last one."""
        with self._changed:
            awaited, left = self._started, self._started_at + TIMEOUT - time.monotonic()
            if wait and not self._changed.wait_for(lambda: self._done >= awaited, max(left, 0)):
                self._last = CheckResult(Status.DOWN, _("No answer within %(seconds)s s.", seconds=f"{TIMEOUT:g}"))
            if self._last is None:
                raise RuntimeError("the check has not been started")
            return self._last

    def _run(self) -> None:
        result = CheckResult(Status.DOWN, _("The check itself failed. See the log for the reason."))
        try:
            with self._inside():
                result = self.check.run()
        except (AppError, SQLAlchemyError, OSError) as error:
            result = CheckResult(Status.DOWN, _("No answer."), str(getattr(error, "orig", None) or error))
        except Exception:
            log.exception("a health check failed", check=self.check.name)
            raise
        finally:
            with self._changed:
                self._last, self._done = result, self._done + 1
                self._changed.notify_all()


class Health:
    """All checks. `inside` returns the context that they run in."""

    def __init__(self, checks: Sequence[HealthCheck], inside: Callable[[], AbstractContextManager[object]]) -> None:
        self._runners = [_Runner(check, inside) for check in checks]

    def report(self) -> Report:
        """Runs all checks in parallel. Takes as long as the slowest one, and TIMEOUT at most."""
        started = [(runner, runner.start()) for runner in self._runners]
        results = {runner.check.name: runner.result(wait=wait) for runner, wait in started}
        essential = {results[runner.check.name].status for runner in self._runners if runner.check.essential}
        if Status.DOWN in essential:
            return Report(Status.DOWN, results)
        well = all(result.status is Status.OK for result in results.values())
        return Report(Status.OK if well else Status.DEGRADED, results)


MEGABYTE = 1024 * 1024
LOW_SPACE, NO_SPACE = 500 * MEGABYTE, 50 * MEGABYTE
MIN_DELAY = timedelta(minutes=2)
"""Jobs are not overdue before this, however short their interval is."""


def core_checks(settings: Settings, jobs: Jobs) -> list[HealthCheck]:
    return [
        HealthCheck("database", check_database, essential=True),
        HealthCheck("migrations", check_migrations, essential=True),
        HealthCheck("scheduler", lambda: check_jobs(jobs, runs=settings.scheduler), essential=False),
        HealthCheck("disk", lambda: check_disks(settings), essential=True),
        HealthCheck("write_lock", partial(check_write_lock, WriteLock()), essential=False, ttl=1.0),
    ]


def max_delay(every: timedelta) -> timedelta:
    """How long after its last start a job with this interval is overdue."""
    return max(3 * every, MIN_DELAY)


def check_database() -> CheckResult:
    with read_connection() as connection:
        connection.execute(text("SELECT name FROM kept_values LIMIT 1")).all()  # `SELECT 1` would not even open the SQLite file
        detail = f"{connection.dialect.name} {'.'.join(map(str, connection.dialect.server_version_info or ()))}"
        unsafe = unsafe_settings(connection)
    if unsafe:
        summary = _("After a power failure of the database server, saved changes can be lost. Correct the server's settings.")
        return CheckResult(Status.DEGRADED, summary, _("%(database)s; off: %(settings)s.", database=detail, settings=", ".join(unsafe)))
    return CheckResult(Status.OK, _("The database answers."), detail)


def check_migrations() -> CheckResult:
    with read_connection() as connection:
        here = MigrationContext.configure(connection).get_current_revision()
    if here == _head():
        return CheckResult(Status.OK, _("The schema is up to date."), _("Revision %(revision)s.", revision=here))
    wrong = _("The schema is out of date. Run `rtutils db upgrade`.")
    return CheckResult(Status.DOWN, wrong, _("Revision %(present)s; expected %(expected)s.", present=here, expected=_head()))


def check_jobs(jobs: Jobs, *, runs: bool) -> CheckResult:
    """Whether jobs start in time. Right after the process has started none needs to have run."""
    if not runs:
        return CheckResult(Status.OK, _("Off."))
    fixed = [job.schedule for job in jobs if isinstance(job.schedule, timedelta)]  # the shortest intervals
    wait, now = max_delay(min(fixed, default=timedelta(days=1))), utc_now()
    with reading() as session:
        newest = max(last_starts(session).values(), default=None)
    if newest is not None and not is_over(newest, wait, now):
        return CheckResult(Status.OK, _("Jobs are running."), _("The last one started %(duration)s ago.", duration=_duration(now - newest)))
    if not is_over(jobs.started_at, wait, now):
        return CheckResult(Status.OK, _("Just started; no job was due yet."))
    last = _("The last one started %(duration)s ago.", duration=_duration(now - newest)) if newest else _("No job has run yet.")
    return CheckResult(
        Status.DOWN, _("No job has started for %(duration)s. Check the log, then restart the program.", duration=_duration(wait)), last
    )


def check_disks(settings: Settings) -> CheckResult:
    """The disks of the data and the database, without which the program is down; then those of logs and uploads."""
    data = check_disk(settings.instance_path)
    if data.status is Status.OK and settings.database_file:
        data = check_disk(settings.database_file.parent)
    if data.status is not Status.OK:
        return data
    for folder in (settings.log_file.parent if settings.log_file else None, temporary_folder()):
        if folder is not None and (other := check_disk(folder)).status is Status.DOWN:
            return CheckResult(Status.DEGRADED, _("The disk for logs or uploads is full. Free up space."), other.detail)
    return data


def check_disk(folder: Path) -> CheckResult:
    """Whether there is space, and a file can be written."""
    free = shutil.disk_usage(folder).free
    detail = _("%(size)s MB free in %(folder)s.", size=free // MEGABYTE, folder=folder)
    try:
        try_writing(folder)
    except OSError as error:
        problem = disk_problem(error)
        if problem is None:
            raise
        return CheckResult(Status.DOWN, problem.message, detail)
    if free < NO_SPACE:
        return CheckResult(Status.DOWN, _("The data disk is full, or will be soon. Free up space."), detail)
    if free < LOW_SPACE:
        return CheckResult(Status.DEGRADED, _("The data disk is almost full. Free up space."), detail)
    return CheckResult(Status.OK, _("There is enough disk space."), detail)


def check_write_lock(lock: WriteLock) -> CheckResult:
    try:
        lock.check()
    except LockHeld as held:
        return CheckResult(Status.DEGRADED, held.message, held.holder)
    except DiskUnavailable as error:
        return CheckResult(Status.DEGRADED, error.message)
    return CheckResult(Status.OK, _("Transactions can write."))


@cache
def _head() -> str | None:
    """The latest revision. Cached, because finding it reads every migration."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def _duration(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
