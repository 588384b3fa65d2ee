"""How many workdays there are: sums of `workday_tallies`. Only the days before and after whole months are counted one by one."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlalchemy.orm import Session

from request_tracker_utils.workdays.models import Workday, WorkdayTally

SYNCED, FAILED = "synced", "failed"
DAY = timedelta(days=1)

# As the partial indexes have them: SQLite does not recognize `is_outlier = 1`, and PostgreSQL no parameter.
IS_OUTLIER: ColumnElement[bool] = literal_column("workdays.is_outlier")
IS_UNSYNCED: ColumnElement[bool] = literal_column("NOT workdays.synced_to_crm")
IS_OPEN: ColumnElement[bool] = literal_column("workdays.review_state = 'open'")


@dataclass(frozen=True)
class SyncCounts:
    """What the CRM has got. Failed ones are unsynced, too."""

    total: int
    synced: int
    failed: int

    @property
    def unsynced(self) -> int:
        return self.total - self.synced

    @property
    def sync_percentage(self) -> float:
        return round(100 * self.synced / self.total, 2) if self.total else 0.0


@dataclass(frozen=True)
class Counted:
    """What is counted. None is everything."""

    terminal_id: int | None = None
    first: date | None = None
    last: date | None = None
    is_outlier: bool | None = None
    is_synced: bool | None = None


def sync_counts(session: Session) -> SyncCounts:
    rows = session.execute(select(WorkdayTally.state, func.sum(WorkdayTally.count)).group_by(WorkdayTally.state))
    found = {state: int(count) for state, count in rows}
    return SyncCounts(sum(found.values()), found.get(SYNCED, 0), found.get(FAILED, 0))


def count(session: Session, counted: Counted) -> int:
    """Whole months from the tallies, the days before and after them from indexes."""
    first, last = counted.first, counted.last
    if first is not None and last is not None and first > last:
        return 0
    found = 0
    if first is not None and first.day > 1:
        end = _last_of_month(first)
        if last is not None and last <= end:
            return _of_days(session, counted, first, last)
        found, first = _of_days(session, counted, first, end), _next_day(end)
        if first is None:
            return found
    if last is not None and last != _last_of_month(last):
        begin = last.replace(day=1)
        found += _of_days(session, counted, begin, last)
        if begin == date.min:
            return found
        last = begin - DAY
    return found + _of_months(session, counted, first, last)


def _of_months(session: Session, counted: Counted, first: date | None, last: date | None) -> int:
    conditions: list[Any] = []
    if first is not None:
        conditions.append(WorkdayTally.month >= _month(first))
    if last is not None:
        conditions.append(WorkdayTally.month <= _month(last))
    if counted.terminal_id is not None:
        conditions.append(WorkdayTally.terminal_id == counted.terminal_id)
    if counted.is_outlier is not None:
        conditions.append(WorkdayTally.is_outlier.is_(counted.is_outlier))
    if counted.is_synced is not None:
        conditions.append((WorkdayTally.state == SYNCED) if counted.is_synced else (WorkdayTally.state != SYNCED))
    return int(session.scalar(select(func.coalesce(func.sum(WorkdayTally.count), 0)).where(*conditions)) or 0)


def _of_days(session: Session, counted: Counted, first: date, last: date) -> int:
    """Partial indexes have outliers and unsynced workdays; all others are the rest."""
    days: list[ColumnElement[bool]] = [Workday.date >= first, Workday.date <= last]
    if counted.terminal_id is not None:
        days.append(Workday.terminal_id == counted.terminal_id)

    def number(is_outlier: bool | None, is_synced: bool | None) -> int:
        if is_outlier is False:
            return number(None, is_synced) - number(True, is_synced)
        if is_synced:
            return number(is_outlier, None) - number(is_outlier, False)
        conditions = [*days, *([IS_OUTLIER] if is_outlier else []), *([IS_UNSYNCED] if is_synced is False else [])]
        return session.scalar(select(func.count()).select_from(Workday).where(*conditions)) or 0

    return max(0, number(counted.is_outlier, counted.is_synced))


def _last_of_month(day: date) -> date:
    following = (day.replace(day=28) + timedelta(days=4)) if (day.year, day.month) != (date.max.year, 12) else None
    return date.max if following is None else following.replace(day=1) - DAY


def _next_day(day: date) -> date | None:
    return None if day == date.max else day + DAY


def _month(day: date) -> str:
    return day.isoformat()[:7]
