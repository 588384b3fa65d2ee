"""The current time, always with a time zone, and which stored times are believed.

The system clock can be set back or forward while times are stored. **A stored time further in the future than its own longest pause is not
believed**: what waits for it is due at once, and what began then has lasted long enough. Clocks of several servers may differ by SKEW.
Within a process, pauses and timeouts use `time.monotonic()`, which nobody sets.

A clock that is set forward ends leases and pauses early, which each of them tolerates (`core/outbox.py`). `steady_now` keeps it from
deleting what is not old.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import StoredValue, store_once

SKEW = timedelta(seconds=30)
LONGEST_STEP = timedelta(days=7)


def utc_now() -> datetime:
    return datetime.now(UTC)


def is_believed(at: datetime, now: datetime) -> bool:
    """Whether a time at which something has happened is not in the future."""
    return at <= now + SKEW


def is_over(since: datetime, pause: timedelta, now: datetime) -> bool:
    """Whether the pause that began at `since` has ended."""
    return now - since >= pause or not is_believed(since, now)


def column_is_over(since: Any, pause: timedelta, now: datetime) -> ColumnElement[bool]:
    """The same of a column."""
    return or_(since <= now - pause, since > now + SKEW)


def column_is_due(at: Any, longest: timedelta, now: datetime) -> ColumnElement[bool]:
    """Whether the time in the column has come. Nothing is ever due later than `longest` from now. False for NULL."""
    return and_(at.is_not(None), or_(at <= now, at > now + longest + SKEW))


def steady_now(session: Session, job: str, now: datetime) -> datetime:
    """The time for a job that deletes by age: now, but at most LONGEST_STEP after its last run, so that an hour with a wrong year deletes
    little. After a longer time without the program, the daily runs catch up a week at a time."""
    name = f"clock of {job}"
    last = datetime.fromisoformat(store_once(session, name, now.isoformat()))
    steady = min(now, last + LONGEST_STEP)
    session.execute(update(StoredValue).where(StoredValue.name == name).values(value=steady.isoformat()))
    return steady
