"""Health checks of every installation: database, schema, jobs, disk space."""

import shutil
from datetime import timedelta
from functools import cache
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import read_connection, reading
from request_tracker_utils.core.health import CheckResult, HealthCheck, Status
from request_tracker_utils.core.jobs import Jobs, last_starts
from request_tracker_utils.core.resources import MIGRATIONS
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.core.translation import gettext as _

MEGABYTE = 1024 * 1024
LOW_SPACE, NO_SPACE = 500 * MEGABYTE, 50 * MEGABYTE
MIN_DELAY = timedelta(minutes=2)
"""Jobs are not overdue before this, however short their interval is."""


def core_checks(settings: Settings, jobs: Jobs) -> list[HealthCheck]:
    return [
        HealthCheck("database", check_database, essential=True),
        HealthCheck("migrations", check_migrations, essential=True),
        HealthCheck("scheduler", lambda: check_jobs(jobs, runs=settings.scheduler), essential=False),
        HealthCheck("disk", lambda: check_disk(settings.instance_path), essential=True),
    ]


def max_delay(every: timedelta) -> timedelta:
    """How long after its last start a job with this interval is overdue."""
    return max(3 * every, MIN_DELAY)


def check_database() -> CheckResult:
    with read_connection() as connection:
        connection.execute(text("SELECT name FROM kept_values LIMIT 1")).all()  # `SELECT 1` would not even open the SQLite file
        return CheckResult(
            Status.OK,
            _("The database answers."),
            f"{connection.dialect.name} {'.'.join(map(str, connection.dialect.server_version_info or ()))}",
        )


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
    wait, now = max_delay(min(job.every for job in jobs)), utc_now()
    with reading() as session:
        newest = max(last_starts(session).values(), default=None)
    if newest is not None and newest > now - wait:
        return CheckResult(Status.OK, _("Jobs are running."), _("The last one started %(duration)s ago.", duration=_duration(now - newest)))
    if jobs.started_at > now - wait:
        return CheckResult(Status.OK, _("Just started; no job was due yet."))
    last = _("The last one started %(duration)s ago.", duration=_duration(now - newest)) if newest else _("No job has run yet.")
    return CheckResult(
        Status.DOWN, _("No job has started for %(duration)s. Check the log, then restart the program.", duration=_duration(wait)), last
    )


def check_disk(folder: Path) -> CheckResult:
    free = shutil.disk_usage(folder).free
    detail = _("%(size)s MB free in %(folder)s.", size=free // MEGABYTE, folder=folder)
    if free < NO_SPACE:
        return CheckResult(Status.DOWN, _("The data disk is full. Free up space."), detail)
    if free < LOW_SPACE:
        return CheckResult(Status.DEGRADED, _("The data disk is almost full. Free up space."), detail)
    return CheckResult(Status.OK, _("There is enough disk space."), detail)


@cache
def _head() -> str | None:
    """The latest revision. Cached, because finding it reads every migration."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def _duration(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
