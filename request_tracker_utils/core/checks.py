"""What is looked at in every house: the database, its tables, the jobs, the room on the disk."""

import shutil
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import looking, reading
from request_tracker_utils.core.health import Finding, HealthCheck, Status
from request_tracker_utils.core.jobs import Jobs, last_starts
from request_tracker_utils.core.resources import MIGRATIONS
from request_tracker_utils.core.settings import Settings

MEGABYTE = 1024 * 1024
LITTLE, TOO_LITTLE = 500 * MEGABYTE, 50 * MEGABYTE
SHORTEST_WAIT = timedelta(minutes=2)
"""For which no job needs to have begun, however often jobs are due."""


def core_checks(settings: Settings, jobs: Jobs) -> list[HealthCheck]:
    begun = utc_now()
    return [
        HealthCheck("database", look_at_database, essential=True),
        HealthCheck("migrations", look_at_migrations, essential=True),
        HealthCheck("scheduler", lambda: look_at_jobs(jobs, runs=settings.scheduler, begun=begun), essential=False),
        HealthCheck("disk", lambda: look_at_disk(settings.instance_path), essential=True),
    ]


def longest_wait(every: timedelta) -> timedelta:
    """For which a job that is due so often need not have begun."""
    return max(3 * every, SHORTEST_WAIT)


def look_at_database() -> Finding:
    with looking() as connection:
        connection.execute(text("SELECT name FROM kept_values LIMIT 1")).all()  # `SELECT 1` would not so much as open SQLite's file
        return Finding(
            Status.OK, "It answers.", f"{connection.dialect.name} {'.'.join(map(str, connection.dialect.server_version_info or ()))}"
        )


def look_at_migrations() -> Finding:
    with looking() as connection:
        here = MigrationContext.configure(connection).get_current_revision()
    if here == _head():
        return Finding(Status.OK, "The tables are those of this program.", f"Revision {here}.")
    wrong = "The tables are not those of this program. Run `rtutils db upgrade`."
    return Finding(Status.DOWN, wrong, f"They are at revision {here}; the program wants {_head()}.")


def look_at_jobs(jobs: Jobs, *, runs: bool, begun: datetime) -> Finding:
    """`begun` is when this process began: jobs of an installation that was just started have their first turn before them."""
    if not runs:
        return Finding(Status.OK, "off")
    wait, now = longest_wait(min(job.every for job in jobs)), utc_now()
    with reading() as session:
        newest = max(last_starts(session).values(), default=None)
    if newest is not None and newest > now - wait:
        return Finding(Status.OK, "Jobs run.", f"The last one began {_ago(now - newest)} ago.")
    if begun > now - wait:
        return Finding(Status.OK, "Started a moment ago; no job was due yet.")
    last = f"The last one began {_ago(now - newest)} ago." if newest else "None has ever begun."
    return Finding(Status.DOWN, f"No job has begun for {_ago(wait)}. Start the program anew; its log says what hinders them.", last)


def look_at_disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    detail = f"{free // MEGABYTE} MB are free at {folder}."
    if free < TOO_LITTLE:
        return Finding(Status.DOWN, "The disk with the data is full. Make room on it.", detail)
    if free < LITTLE:
        return Finding(Status.DEGRADED, "The disk with the data is nearly full. Make room on it.", detail)
    return Finding(Status.OK, "There is room for the data.", detail)


@cache
def _head() -> str | None:
    """The program's own revision: read once, as it means reading every migration."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def _ago(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
