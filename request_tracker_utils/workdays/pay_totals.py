"""What a pay period contains: hours by person, warnings, and adjustments.

The sum of a person is rounded, not their days. Times that overlap, such as those at two terminals on the same day, count once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, func, literal, select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import AttendancePerson, ChangedDays, Punch, TerminalUserRow
from request_tracker_utils.attendance.terminal_names import site_keys
from request_tracker_utils.core.db import stored_value
from request_tracker_utils.workdays.models import (
    MissedPunchRequest,
    PayAdjustment,
    PayPeriod,
    PayPeriodDay,
    RequestState,
    ReviewState,
    Workday,
    WorkdayDecision,
)
from request_tracker_utils.workdays.pay_adjustments import Key
from request_tracker_utils.workdays.processing import MARK

CHUNK = 5_000
LONG_AGO = datetime.min.replace(tzinfo=UTC)
Who = tuple[int, str, str]
"""The ID of a person, or 0 with the site and the user ID of somebody unknown."""


class Day(NamedTuple):
    terminal_id: int
    user_id: str
    date: date
    person_id: int | None
    person_name: str
    clock_in: datetime | None
    clock_out: datetime | None
    is_incomplete: bool

    @property
    def key(self) -> Key:
        return Key(self.user_id, self.date, self.terminal_id)


@dataclass
class PersonTotal:
    """`seconds` are those at the closing of the period, or now if it is open; `adjusted` are those after the adjustments."""

    who: Who
    name: str
    user_ids: set[str] = field(default_factory=set)
    dates: set[date] = field(default_factory=set)
    incomplete: int = 0
    seconds: int = 0
    adjusted: int = 0
    _until: datetime = LONG_AGO

    @property
    def days(self) -> int:
        return len(self.dates)

    def add(self, day: Day) -> None:
        """Days come in the order of their clock-in."""
        self.name = self.name or day.person_name
        self.user_ids.add(day.user_id)
        if day.clock_in is not None:
            self.dates.add(day.date)
        self.incomplete += day.is_incomplete
        if day.clock_in is not None and day.clock_out is not None and day.clock_out > self._until:
            self.seconds += int((day.clock_out - max(day.clock_in, self._until)).total_seconds())
            self._until = day.clock_out


@dataclass(frozen=True)
class Warnings:
    """What somebody should look at before the period is closed."""

    open_reviews: int = 0
    incomplete: int = 0
    unsynced: int = 0
    requests: int = 0
    to_compute: int = 0
    """Changes and new punches that wait for the computation."""
    own_decisions: int = 0
    """Workdays that were reviewed by an account that is linked to their own person now: before it was, or before people were merged."""


def rounded(seconds: int, minutes: int) -> int:
    """Minutes, rounded to a multiple of `minutes`; half of it is rounded up."""
    unit = 60 * minutes
    return (2 * seconds + unit) // (2 * unit) * minutes


def totals(session: Session, period: PayPeriod) -> list[PersonTotal]:
    """By name."""
    sites = site_keys(session)
    changes = _latest(session, period, sites)
    of_changed: dict[Who, dict[Key, tuple[datetime | None, datetime | None]]] = {who: {} for who, _key in changes}
    found: dict[Who, PersonTotal] = {}
    for day in days_of(session, period):
        who = _who(day, sites)
        found.setdefault(who, PersonTotal(who, "")).add(day)
        if who in of_changed:
            of_changed[who][day.key] = (day.clock_in, day.clock_out)
    for (who, key), change in changes.items():
        of_changed[who][key] = (change.clock_in, change.clock_out)
        total = found.setdefault(who, PersonTotal(who, change.person_name))
        total.name = total.name or change.person_name
        total.user_ids.add(change.user_id)
    for who, total in found.items():
        total.adjusted = _union(of_changed[who].values()) if who in of_changed else total.seconds
    return sorted(found.values(), key=lambda each: (not each.name, each.name.casefold(), each.who))


def days_of(session: Session, period: PayPeriod) -> Iterator[Day]:
    """In the order of their clock-in: as they were when the period was closed, or as they are."""
    if period.closed_at is None:
        days = current_days(period).subquery()
        query = select(*(days.c[name] for name in Day._fields)).order_by(days.c.clock_in)
    else:
        columns = (getattr(PayPeriodDay, name) for name in Day._fields)
        query = select(*columns).where(PayPeriodDay.period_id == period.id).order_by(PayPeriodDay.clock_in)
    for row in session.execute(query.execution_options(yield_per=CHUNK)):
        yield Day(*row)


def current_days(period: PayPeriod, *, period_id: int = 0) -> Select[*tuple[Any, ...]]:
    """The workdays of the period with the names of their people. Those that have lost all their times are left out."""
    of_terminal = and_(TerminalUserRow.terminal_id == Workday.terminal_id, TerminalUserRow.user_id == Workday.user_id)
    name = func.coalesce(AttendancePerson.name, TerminalUserRow.name, "").label("person_name")
    columns = (Workday.clock_in, Workday.clock_out, Workday.worked_seconds, Workday.is_incomplete)
    query: Select[*tuple[Any, ...]] = select(
        literal(period_id).label("period_id"), Workday.terminal_id, Workday.user_id, Workday.date, Workday.person_id, name, *columns
    )
    query = query.outerjoin(AttendancePerson, AttendancePerson.id == Workday.person_id).outerjoin(TerminalUserRow, of_terminal)
    return query.where(*_within(period), Workday.clock_in.is_not(None))


def warnings(session: Session, period: PayPeriod, *, has_crm: bool = True) -> Warnings:
    """Without a CRM, nothing is unsynced."""

    def count(*conditions: Any) -> int:
        return session.scalar(select(func.count()).select_from(Workday).where(*_within(period), *conditions)) or 0

    within = (MissedPunchRequest.date >= period.first_day, MissedPunchRequest.date < period.ends_before)
    requests = select(func.count()).where(MissedPunchRequest.state == RequestState.PENDING, *within)
    changed = (ChangedDays.first_day < period.ends_before, ChangedDays.last_day >= period.first_day)
    to_compute = select(func.count()).select_from(ChangedDays).where(*changed)
    begin, end = (datetime.combine(day, time()) for day in (period.first_day, period.ends_before + timedelta(days=1)))
    new = (Punch.id > int(stored_value(session, MARK) or 0), Punch.terminal_time >= begin, Punch.terminal_time < end)
    own = select(func.count()).select_from(WorkdayDecision).join(Workday, Workday.id == WorkdayDecision.workday_id)
    own = own.join(AttendancePerson, AttendancePerson.id == Workday.person_id)
    own = own.where(*_within(period), WorkdayDecision.ended_at.is_(None), WorkdayDecision.decided_by_id == AttendancePerson.account_id)
    return Warnings(
        open_reviews=count(Workday.review_state == ReviewState.OPEN),
        incomplete=count(Workday.is_incomplete),
        unsynced=count(~Workday.synced_to_crm) if has_crm else 0,
        requests=session.scalar(requests) or 0,
        to_compute=(session.scalar(to_compute) or 0) + (session.scalar(select(func.count()).select_from(Punch).where(*new)) or 0),
        own_decisions=session.scalar(own) or 0,
    )


def adjustments(session: Session, period: PayPeriod, *, limit: int | None = None) -> Iterator[PayAdjustment]:
    """In the order in which they came."""
    query = select(PayAdjustment).where(PayAdjustment.period_id == period.id).order_by(PayAdjustment.id).limit(limit)
    yield from session.scalars(query.execution_options(yield_per=CHUNK))


def _within(period: PayPeriod) -> tuple[Any, ...]:
    return (Workday.date >= period.first_day, Workday.date < period.ends_before)


def _latest(session: Session, period: PayPeriod, sites: dict[int, str]) -> dict[tuple[Who, Key], PayAdjustment]:
    """The last adjustment of each day and person."""
    return {(_who(each, sites), Key(each.user_id, each.date, each.terminal_id)): each for each in adjustments(session, period)}


def _who(day: Day | PayAdjustment, sites: dict[int, str]) -> Who:
    return (day.person_id, "", "") if day.person_id is not None else (0, sites.get(day.terminal_id, ""), day.user_id)


def _union(spans: Iterable[tuple[datetime | None, datetime | None]]) -> int:
    """Seconds that are in at least one of the spans."""
    seconds, until = 0, LONG_AGO
    for begin, end in sorted((begin, end) for begin, end in spans if begin is not None and end is not None):
        if end > until:
            seconds += int((end - max(begin, until)).total_seconds())
            until = end
    return seconds
