"""What counts of a workday: its times after a decision of a person, judged by the rules, and what the CRM gets.

The computation and the decisions both end here, so that a day looks the same whichever came last.
"""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from request_tracker_utils.workdays.content import changed_content, content_digest, sent_of
from request_tracker_utils.workdays.models import DayKind, Decision, ReviewState, ScheduleVersion, Workday, WorkdayDecision
from request_tracker_utils.workdays.rules import NO_PUNCHES, UNJUDGED, Judgement, judge
from request_tracker_utils.workdays.schedule_days import ScheduledDay
from request_tracker_utils.workdays.windows import EPOCH, epoch_of, to_local, utc_datetime


class Effective(NamedTuple):
    """The columns of a workday that depend on a decision, in the order of COLUMNS. Times are seconds since 1970 in UTC."""

    clock_in: int | None
    clock_out: int | None
    worked_seconds: int
    is_incomplete: bool
    is_outlier: bool
    outlier_reason: str
    is_late: bool
    is_early: bool
    is_half_day: bool
    review_state: ReviewState
    content_digest: str


COLUMNS = Effective._fields


def effective(
    first_at: int | None, last_at: int | None, zone: str, scheduled: ScheduledDay, decision: WorkdayDecision | None = None
) -> Effective:
    """What counts, from what the punches say and a valid decision."""
    clock_in, clock_out = first_at, last_at
    corrected = decision is not None and decision.decision == Decision.CORRECTED
    if decision is not None and corrected:
        clock_in, clock_out = _epoch(decision.clock_in), _epoch(decision.clock_out)
    emptied = first_at is None and not corrected
    if emptied:
        judged = Judgement(NO_PUNCHES)
    elif clock_in is None:
        judged = UNJUDGED
    else:
        judged = judge(scheduled, to_local(zone, clock_in), None if clock_out is None else to_local(zone, clock_out))
    is_incomplete = not emptied and (clock_in is None or clock_out is None)
    if decision is not None:
        state = ReviewState(decision.decision)
    else:
        state = ReviewState.OPEN if (judged.reason and not emptied) or is_incomplete else ReviewState.NONE
    worked = clock_out - clock_in if clock_in is not None and clock_out is not None else 0
    reason, late, early, half = judged
    digest = content_digest(clock_in, clock_out, reason)
    return Effective(clock_in, clock_out, worked, is_incomplete, bool(reason), reason, late, early, half, state, digest)


def apply_decision(session: Session, workday: Workday, decision: WorkdayDecision | None, now: datetime) -> None:
    """Writes what counts after a decision, or after it was undone (None), and makes the row due for the CRM if that has changed. The caller
    has locked the row."""
    version = None if workday.schedule_version_id is None else session.get(ScheduleVersion, workday.schedule_version_id)
    scheduled = ScheduledDay(
        DayKind(workday.day_kind),
        None if workday.starts_at is None else _local_seconds(workday.starts_at),
        None if workday.ends_at is None else _local_seconds(workday.ends_at),
        0 if version is None else 60 * version.grace_minutes,
        workday.schedule_version_id,
        workday.starts_at,
        workday.ends_at,
    )
    found = effective(_epoch(workday.first_at), _epoch(workday.last_at), workday.timezone, scheduled, decision)
    columns = dict(zip(COLUMNS, stored_columns(found), strict=True))
    for name, value in {**changed_content(sent_of(workday), found.content_digest, now), **columns}.items():
        setattr(workday, name, value)
    workday.updated_at = now
    session.flush()


def stored_columns(found: Effective) -> tuple[Any, ...]:
    """As they are stored, in their order."""
    return (_instant(found.clock_in), _instant(found.clock_out), *found[2:])


def _epoch(at: datetime | None) -> int | None:
    return None if at is None else epoch_of(at)


def _instant(at: int | None) -> datetime | None:
    return None if at is None else utc_datetime(at)


def _local_seconds(at: datetime) -> int:
    return int((at - EPOCH).total_seconds())
