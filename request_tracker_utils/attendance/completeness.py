"""Proof that nothing is missing: how many records the terminal has of each day, and how many of them are stored."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, select
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
    """That the terminal has had, without those that repeat another one."""
    stored: int

    @property
    def missing(self) -> int:
        """Records that the terminal has and we lack. Pushed punches that the log has lost do not make up for others."""
        return max(0, self.records - self.stored)


def count_days(session: Session, receipt: Receipt, by_day: Mapping[date, int], records: Iterable[Recordable], *, whole: bool) -> None:
    """After a complete log was stored. `records` are all of them, or only the new ones unless `whole`. The count of a day never decreases:
    somebody may have cleared the log."""
    days = {day: count for day, count in by_day.items() if receipt.cutoff is None or datetime.combine(day, time()) >= receipt.cutoff}
    if not whole:
        touched = {record.time.date() for record in records}
        days = {day: count for day, count in days.items() if day in touched}
    if not days:
        return
    between = (DayCount.terminal_id == receipt.terminal_id, DayCount.day.between(min(days), max(days)))
    counted = {row.day: row for row in session.scalars(select(DayCount).where(*between))}
    stored = stored_per_day(session, receipt.terminal_id, min(days), max(days))
    repeated = _repeated(records, {day for day, count in days.items() if stored[day] < count})
    new = [(day, count, repeated[day]) for day, count in days.items() if day not in counted]
    shared = {"terminal_id": receipt.terminal_id, "counted_at": receipt.received_at}
    bulk.insert_new(session, DayCount.__table__, ("day", "records", "repeated"), new, shared)  # type: ignore[arg-type]
    for day, row in counted.items():
        if day in days and days[day] >= row.records:
            row.repeated = repeated[day] if whole else row.repeated + repeated[day]
            row.records, row.counted_at = days[day], receipt.received_at


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


def _repeated(records: Iterable[Recordable], days: set[date]) -> Counter[date]:
    """How many records of these days repeat another one: same user, same second."""
    if not days:
        return Counter()
    several = Counter((record.user_id, record.time) for record in records if record.time.date() in days)
    found: Counter[date] = Counter()
    for (_user_id, at), count in several.items():
        found[at.date()] += count - 1
    return found
