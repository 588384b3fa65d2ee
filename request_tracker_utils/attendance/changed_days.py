"""The queue of days to compute again. Punches that are stored need no entry: they are found by their ID."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.effective import EFFECTIVE_AT
from request_tracker_utils.attendance.models import ChangedDays, Punch
from request_tracker_utils.core.db import after_commit
from request_tracker_utils.imports import bulk

FIRST_DAY, LAST_DAY = date.min, date.max
"""From or to any day."""
DAY = timedelta(days=1)
PROCESS = "process-attendance"
"""The job that works on the queue. It belongs to a higher room, and may be missing."""


def mark(session: Session, user_ids: Iterable[str | None], first: date, last: date, *, now: datetime) -> None:
    """The days of these users have changed; None stands for all users. The job runs soon after the commit."""
    rows = [(user_id,) for user_id in dict.fromkeys(user_ids)]
    if rows:
        shared = {"first_day": first, "last_day": last, "created_at": now}
        bulk.insert(session, ChangedDays.__table__, ("user_id",), rows, shared)  # type: ignore[arg-type]
        after_commit(session, PROCESS)


def mark_punches(session: Session, *where: object, now: datetime) -> None:
    """The days of the punches that fit have changed. Call it before and after a change that moves punches to other days."""
    found = select(Punch.user_id, EFFECTIVE_AT).where(*where).execution_options(yield_per=10_000)  # type: ignore[arg-type]
    days: dict[str, list[date]] = {}
    for user_id, at in session.execute(found):
        day = at.date()
        known = days.setdefault(user_id, [day, day])
        known[0], known[1] = min(known[0], day), max(known[1], day)
    rows = [(user_id, _before(first), _after(last)) for user_id, (first, last) in days.items()]
    if rows:
        bulk.insert(session, ChangedDays.__table__, ("user_id", "first_day", "last_day"), rows, {"created_at": now})  # type: ignore[arg-type]
        after_commit(session, PROCESS)


def _before(day: date) -> date:
    """UTC and local days differ by one at most."""
    return day - DAY if day > FIRST_DAY else day


def _after(day: date) -> date:
    return day + DAY if day < LAST_DAY else day
