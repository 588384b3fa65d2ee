"""Pay periods: created as a chain, closed once, and what changes afterwards.

Closing copies the days of the period, and is final. `record_changes` compares what changes later with that copy, and lists the differences
as adjustments. Whatever changes workdays calls it in the same transaction. That locks the period, so that it is closed either with the
change or before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import Terminal
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import find_row
from request_tracker_utils.core.locks import lock_until_commit
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.workdays import computing
from request_tracker_utils.workdays.models import ROUNDINGS, PayLength, PayPeriod, PayPeriodDay, Workday
from request_tracker_utils.workdays.pay_adjustments import ChangedDay, record_changes
from request_tracker_utils.workdays.pay_errors import (
    EarlierPeriodOpen,
    InvalidPayPeriod,
    PayPeriodClosed,
    PayPeriodHasWarnings,
    PayPeriodNotFound,
    PayPeriodNotLast,
    PayPeriodNotOver,
)
from request_tracker_utils.workdays.pay_totals import Warnings, current_days, warnings

__all__ = ["ChangedDay", "Clocks", "NewPeriods", "close", "create", "delete", "ends_at", "find_period", "list_periods", "record_changes"]

LOCK_SPACE = 7091
MOST_PERIODS = 53
FARTHEST = timedelta(days=3660)
"""How far from today the first period may begin."""
LAST_START = 28
"""The last day of a month on which monthly periods may begin: every month has it."""
SNAPSHOT = ("terminal_id", "user_id", "date", "person_id", "person_name", "clock_in", "clock_out", "worked_seconds", "is_incomplete")


@dataclass(frozen=True)
class NewPeriods:
    """`first_day` is that of the very first period; later ones follow the last one."""

    length: PayLength
    count: int = 1
    rounding_minutes: int = 1
    first_day: date | None = None


@dataclass(frozen=True)
class Clocks:
    """When a workday begins, and the zone of this installation, for days without punches. See WORKDAY_BEGINS and TIMEZONE."""

    begins: time
    zone: ZoneInfo


def list_periods(session: Session, *, limit: int, before: int | None = None) -> Sequence[PayPeriod]:
    """The newest first. Their IDs are in the order of their days."""
    query = select(PayPeriod).order_by(PayPeriod.id.desc()).limit(limit)
    return session.scalars(query if before is None else query.where(PayPeriod.id < before)).all()


def find_period(session: Session, period_id: int, *, with_for_update: bool = False) -> PayPeriod:
    """Raises PayPeriodNotFound."""
    found = find_row(session, PayPeriod, period_id, with_for_update=with_for_update, populate_existing=with_for_update)
    if found is None:
        raise PayPeriodNotFound(_("Pay period %(id)s was not found.", id=period_id))
    return found


def create(session: Session, new: NewPeriods, *, actor: Actor, now: datetime) -> list[PayPeriod]:
    """Adds periods after the last one. Raises InvalidPayPeriod."""
    lock_until_commit(session, LOCK_SPACE, ["pay periods"])
    if new.rounding_minutes not in ROUNDINGS:
        raise InvalidPayPeriod(_("Round to 1, 5, 6 or 15 minutes."), field="rounding_minutes")
    if not 0 < new.count <= MOST_PERIODS:
        raise InvalidPayPeriod(_("Create 1 to %(number)s periods at once.", number=MOST_PERIODS), field="count")
    last = session.scalar(select(func.max(PayPeriod.ends_before)))
    if last is None and new.first_day is None:
        raise InvalidPayPeriod(_("Enter the first day of the first period."), field="first_day")
    if last is not None and new.first_day not in (None, last):
        raise InvalidPayPeriod(_("The next period begins on %(day)s, because periods have no gaps.", day=last), field="first_day")
    begin = last or new.first_day or now.date()
    if abs(begin - now.date()) > FARTHEST:
        raise InvalidPayPeriod(_("Choose a first day that is at most ten years from today."), field="first_day")
    if new.length == PayLength.MONTHLY and begin.day > LAST_START:
        raise InvalidPayPeriod(_("Monthly periods begin on a day from 1 to 28."), field="length")
    created = []
    for _number in range(new.count):
        shared = {"length": new.length, "rounding_minutes": new.rounding_minutes, "created_by": actor.name[:100], "created_at": now}
        end = _end(begin, new.length)
        period = PayPeriod(first_day=begin, ends_before=end, follows=last, is_first=last is None, **shared)
        session.add(period)
        session.flush()  # one after another: each refers to the one before
        created.append(period)
        begin = last = end
    return created


def delete(session: Session, period_id: int) -> PayPeriod:
    """Deletes the last period, if it is open. Raises PayPeriodNotFound, PayPeriodClosed, PayPeriodNotLast."""
    lock_until_commit(session, LOCK_SPACE, ["pay periods"])
    period = find_period(session, period_id, with_for_update=True)
    if period.closed_at is not None:
        raise PayPeriodClosed(_("This pay period is closed, so it cannot be deleted."))
    if session.scalar(select(PayPeriod.id).where(PayPeriod.follows == period.ends_before)) is not None:
        raise PayPeriodNotLast(_("Delete the later periods first."))
    session.delete(period)
    return period


def ends_at(session: Session, period: PayPeriod, clocks: Clocks) -> datetime:
    """When no more punches can belong to a day of the period, at any terminal."""
    names = {*session.scalars(select(Terminal.timezone).distinct())}
    zones = [clocks.zone, *(ZoneInfo(name) for name in names)]
    ends = [datetime.combine(period.ends_before, clocks.begins, zone).astimezone(UTC) for zone in zones]
    within = (Workday.date >= period.first_day, Workday.date < period.ends_before)
    latest = session.scalar(select(Workday.window_ends_at).where(*within).order_by(Workday.window_ends_at.desc()).limit(1))
    return max([*ends, latest] if latest else ends)


def close(
    session: Session, period_id: int, clocks: Clocks, *, accept_warnings: bool, actor: Actor, now: datetime, has_crm: bool = True
) -> PayPeriod:
    """Copies the days of the period. That is final. Raises PayPeriodNotFound, PayPeriodClosed, EarlierPeriodOpen, PayPeriodNotOver,
    PayPeriodHasWarnings."""
    computing.lock(session)
    period = find_period(session, period_id, with_for_update=True)
    if period.closed_at is not None:
        raise PayPeriodClosed(_("%(name)s has already closed this pay period.", name=period.closed_by))
    earlier = select(PayPeriod.id).where(PayPeriod.first_day < period.first_day, PayPeriod.closed_at.is_(None))
    if session.scalar(earlier.limit(1)) is not None:
        raise EarlierPeriodOpen(_("An earlier period is open. Close it first."))
    if (end := ends_at(session, period, clocks)) > now:
        raise PayPeriodNotOver(_("The last workday of this period has not ended. Close it later."), ends_at=end.isoformat())
    if not accept_warnings and (found := warnings(session, period, has_crm=has_crm)) != Warnings():
        raise PayPeriodHasWarnings(
            _("Days of this period need attention. Review them, or confirm that you close it with them."), **vars(found)
        )
    days = current_days(period, period_id=period.id).subquery()
    columns = ("period_id", *SNAPSHOT)
    session.execute(insert(PayPeriodDay).from_select(columns, select(*(days.c[name] for name in columns))))
    period.closed_at, period.closed_by_id, period.closed_by = now, actor.user_id, actor.name[:100]
    session.flush()
    return period


def _end(begin: date, length: PayLength) -> date:
    if length == PayLength.MONTHLY:
        return begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
    return begin + timedelta(days=7 if length == PayLength.WEEKLY else 14)
