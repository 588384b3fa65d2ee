"""Proof that nothing is missing: how many records the terminal has of each day, and how many of them are stored."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import DayCount, Punch
from request_tracker_utils.attendance.storing import Receipt, Recordable
from request_tracker_utils.imports import bulk

DAY = timedelta(days=1)


@dataclass(frozen=True)
class DayProof:
    """A day of a terminal, by its own time."""

    day: date
    records: int
    """Records that the terminal has had, without those that repeat another one."""
    stored: int

    @property
    def missing(self) -> int:
        """Records that the terminal has and we lack. Pushed punches that the log has lost do not make up for others."""
        return max(0, self.records - self.stored)


@dataclass(frozen=True)
class Counted:
    """What a complete log has of each day. `records` are all of the log, or only the new ones unless `whole`; `all_new` says that each of
    them was stored just now, so that none repeats another one."""

    receipt: Receipt
    by_day: Mapping[date, int]
    records: Sequence[Recordable]
    whole: bool
    all_new: bool = False

    @property
    def days(self) -> dict[date, int]:
        """The days of these records, without those before the cutoff."""
        cutoff = self.receipt.cutoff
        days = {day: count for day, count in self.by_day.items() if cutoff is None or datetime.combine(day, time()) >= cutoff}
        if self.whole:
            return days
        touched = {record.time.date() for record in self.records}
        return {day: count for day, count in days.items() if day in touched}


def count_days(session: Session, receipt: Receipt, by_day: Mapping[date, int], records: Sequence[Recordable], *, whole: bool) -> None:
    """See `count_all_days`."""
    count_all_days(session, [Counted(receipt, by_day, records, whole)])


def count_all_days(session: Session, logs: Sequence[Counted]) -> None:
    """After complete logs of several terminals were stored. The count of a day never decreases: somebody may have cleared the log."""
    counted = [(each, days) for each in logs if (days := each.days)]
    if not counted:
        return
    of_terminals = [
        and_(DayCount.terminal_id == each.receipt.terminal_id, DayCount.day.between(min(days), max(days))) for each, days in counted
    ]
    rows: dict[int, dict[date, DayCount]] = {}
    for row in session.scalars(select(DayCount).where(or_(*of_terminals))):
        rows.setdefault(row.terminal_id, {})[row.day] = row
    new = list[tuple[Any, ...]]()
    for each, days in counted:
        terminal_id, known, repeated = each.receipt.terminal_id, rows.get(each.receipt.terminal_id, {}), _repeats(session, each, days)
        at = each.receipt.received_at
        new += [(terminal_id, day, count, repeated[day], at) for day, count in days.items() if day not in known]
        for day, row in known.items():
            if day in days and days[day] >= row.records:
                row.repeated = repeated[day] if each.whole else row.repeated + repeated[day]
                row.records, row.counted_at = days[day], at
    bulk.insert_new(session, DayCount.__table__, ("terminal_id", "day", "records", "repeated", "counted_at"), new, {})  # type: ignore[arg-type]


def proofs(session: Session, terminal_id: int, first: date, last: date) -> list[DayProof]:
    """The days on which the terminal has records, from the first to the last."""
    stored = stored_per_day(session, terminal_id, first, last)
    between = (DayCount.terminal_id == terminal_id, DayCount.day.between(first, last))
    rows = session.scalars(select(DayCount).where(*between).order_by(DayCount.day))
    return [DayProof(row.day, row.records - row.repeated, stored[row.day]) for row in rows]


def stored_per_day(session: Session, terminal_id: int, first: date, last: date) -> Counter[date]:
    """Stored punches by day, of the terminal's own time."""
    begin, end = datetime.combine(first, time()), datetime.combine(last, time()) + DAY
    day = func.date(Punch.terminal_time)
    of_days = (Punch.terminal_id == terminal_id, Punch.terminal_time >= begin, Punch.terminal_time < end)
    found = session.execute(select(day, func.count()).where(*of_days).group_by(day))
    return Counter({date.fromisoformat(each) if isinstance(each, str) else each: count for each, count in found})


def _repeats(session: Session, log: Counted, days: Mapping[date, int]) -> Counter[date]:
    """How many records of each day repeat another one: same user, same second."""
    found: Counter[date] = Counter()
    if log.all_new:
        return found
    stored = stored_per_day(session, log.receipt.terminal_id, min(days), max(days))
    several = {day for day, count in days.items() if stored[day] < count}
    if several:
        records = Counter((record.user_id, record.time) for record in log.records if record.time.date() in several)
        for (_user_id, at), count in records.items():
            found[at.date()] += count - 1
    return found
