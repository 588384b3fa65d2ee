"""Changes of workdays in pay periods that are closed: each becomes a listed adjustment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple, Self

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import AttendancePerson
from request_tracker_utils.workdays.models import PayAdjustment, PayPeriod, PayPeriodDay, Workday

_LOOKED_UP = 300
"""Days in one query."""


class Key(NamedTuple):
    """What a workday is unique by."""

    user_id: str
    date: date
    terminal_id: int


class Times(NamedTuple):
    clock_in: datetime | None = None
    clock_out: datetime | None = None
    worked_seconds: int = 0


NO_TIMES = Times()


@dataclass(frozen=True)
class ChangedDay:
    """A workday as it is after a change; without times if it was deleted."""

    key: Key
    person_id: int | None
    times: Times = NO_TIMES

    @classmethod
    def of(cls, workday: Workday) -> Self:
        key = Key(workday.user_id, workday.date, workday.terminal_id)
        return cls(key, workday.person_id, Times(workday.clock_in, workday.clock_out, workday.worked_seconds))


class _Recorded(NamedTuple):
    """What is known of a day of a closed period: from its closing, or from the last adjustment."""

    person_id: int | None = None
    person_name: str = ""
    times: Times = NO_TIMES


def record_changes(session: Session, changed: Sequence[ChangedDay], now: datetime, *, by: str = "") -> int:
    """Called with every workday that was added, changed or deleted, in the transaction that does it, after it. Days of open periods are
    ignored. Returns how many adjustments were written."""
    if not changed:
        return 0
    days = [each.key.date for each in changed]
    periods = _periods(session, min(days), max(days))
    found = [(period, each) for each in changed for period in periods if period.has(each.key.date)]
    written = 0
    for start in range(0, len(found), _LOOKED_UP):
        written += _record(session, found[start : start + _LOOKED_UP], now, by)
    return written


def lock_periods(session: Session, first: date, last: date) -> None:
    """Keeps the pay periods with these days from being closed until the transaction ends. To be called before workdays are locked."""
    _periods(session, first, last)


def has_closed_period(session: Session) -> bool:
    """Periods are closed under the lock of the computation, so this remains as it is until its transaction ends."""
    return session.scalar(select(PayPeriod.id).where(PayPeriod.closed_at.is_not(None)).limit(1)) is not None


class _Closed(NamedTuple):
    id: int
    first_day: date
    ends_before: date

    def has(self, day: date) -> bool:
        return self.first_day <= day < self.ends_before


def _periods(session: Session, first: date, last: date) -> list[_Closed]:
    """Closed periods with these days. Open ones are locked too, so that nobody closes them before this change is committed."""
    columns = (PayPeriod.id, PayPeriod.first_day, PayPeriod.ends_before, PayPeriod.closed_at)
    query = select(*columns).where(PayPeriod.first_day <= last, PayPeriod.ends_before > first).order_by(PayPeriod.id)
    rows = session.execute(query.with_for_update(read=True))
    return [_Closed(period_id, begin, end) for period_id, begin, end, closed_at in rows if closed_at is not None]


def _record(session: Session, found: Sequence[tuple[_Closed, ChangedDay]], now: datetime, by: str) -> int:
    recorded = _recorded(session, [each.key for _period, each in found])
    people = {each.person_id for _period, each in found if each.person_id is not None}
    names = dict(session.execute(select(AttendancePerson.id, AttendancePerson.name).where(AttendancePerson.id.in_(people))).all())
    written = 0
    for period, each in found:
        before = recorded.get(each.key, _Recorded())
        after = _Recorded(each.person_id, names.get(each.person_id or 0, ""), each.times)
        if before.times == NO_TIMES or before.person_id == after.person_id:
            steps = [(after, before.times, after.times)]
        else:
            steps = [(before, before.times, NO_TIMES), (after, NO_TIMES, after.times)]
        for person, old, new in steps:
            if old != new:
                session.add(_adjustment(period.id, each.key, person, old, new, now, by))
                written += 1
        recorded[each.key] = after
    session.flush()
    return written


def _recorded(session: Session, keys: Sequence[Key]) -> dict[Key, _Recorded]:
    found: dict[Key, _Recorded] = {}
    for table in (PayPeriodDay, PayAdjustment):
        columns = (table.user_id, table.date, table.terminal_id)
        values = (table.person_id, table.person_name, table.clock_in, table.clock_out, table.worked_seconds)
        query: Select[*tuple[Any, ...]] = select(*columns, *values).where(tuple_(*columns).in_(keys)).order_by(*columns, table.id)
        for user_id, day, terminal_id, person_id, name, *times in session.execute(query):
            found[Key(user_id, day, terminal_id)] = _Recorded(person_id, name, Times(*times))  # the last one counts
    return found


def _adjustment(period_id: int, key: Key, person: _Recorded, old: Times, new: Times, now: datetime, by: str) -> PayAdjustment:
    return PayAdjustment(
        period_id=period_id,
        **key._asdict(),
        person_id=person.person_id,
        person_name=person.person_name,
        before_in=old.clock_in,
        before_out=old.clock_out,
        before_seconds=old.worked_seconds,
        **new._asdict(),
        changed_by=by[:100],
        created_at=now,
    )
