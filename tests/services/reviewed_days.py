"""Workdays, people and accounts for tests of reviews, missed punches and pay periods."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts import service as accounts
from request_tracker_utils.attendance import people_changes
from request_tracker_utils.attendance.models import Terminal
from request_tracker_utils.attendance.people_changes import PersonFields, SiteId
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.workdays import pay_periods
from request_tracker_utils.workdays.models import DayKind, MissedPunchRequest, PayLength, ReviewState, Workday
from request_tracker_utils.workdays.pay_periods import NewPeriods
from tests.services.attendance import NOW, ZONE, added

MONDAY = date(2026, 3, 2)
AFTER = datetime(2026, 3, 20, 12, tzinfo=UTC)
"""When all days of the tests have ended."""
LEE = Actor("lee", user_id=None)


def instant(day: date, text: str, zone: str = ZONE) -> datetime:
    """`HH:MM` by the clocks of the zone; of the next day after 24:00."""
    hours, minutes = map(int, text.split(":"))
    local = datetime.combine(day, time()) + timedelta(hours=hours, minutes=minutes)
    return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def stored_day(
    user_id: str = "17",
    day: date = MONDAY,
    clock_in: str = "08:00",
    clock_out: str | None = "17:00",
    *,
    terminal_id: int = 1,
    person_id: int | None = None,
    reason: str = "",
    zone: str = ZONE,
) -> int:
    """A workday as the computation stores it. Returns its ID."""
    first = instant(day, clock_in, zone)
    last = None if clock_out is None else instant(day, clock_out, zone)
    is_open = bool(reason) or last is None
    with transaction() as session:
        row = Workday(
            terminal_id=terminal_id,
            user_id=user_id,
            date=day,
            person_id=person_id,
            timezone=zone,
            punches=1 if last is None else 2,
            first_at=first,
            last_at=last,
            window_ends_at=instant(day, "28:00", zone),
            day_kind=DayKind.WORK,
            starts_at=datetime.combine(day, time(8)),
            ends_at=datetime.combine(day, time(18)),
            clock_in=first,
            clock_out=last,
            worked_seconds=0 if last is None else int((last - first).total_seconds()),
            is_incomplete=last is None,
            is_outlier=bool(reason),
            outlier_reason=reason,
            review_state=ReviewState.OPEN if is_open else ReviewState.NONE,
            content_digest="0" * 64,
            created_at=NOW,
            updated_at=NOW,
        )
        session.add(row)
        session.flush()
        return row.id


def day(workday_id: int) -> Workday:
    """As it is stored."""
    with reading() as session:
        return session.scalars(select(Workday).where(Workday.id == workday_id)).one()


def person(name: str, *ids: str, account: str = "") -> int:
    """A person with these user IDs at all terminals without a site, and perhaps an account. Returns the ID."""
    with transaction() as session:
        account_id = accounts.user_named(session, account).id if account else 0
        fields = PersonFields(name, account_id, ids=[SiteId(each) for each in ids])
        return people_changes.create(session, fields, actor=LEE, now=NOW).id


def account(name: str, role: str = "admin") -> Actor:
    """A new account."""
    with transaction() as session:
        made = accounts.create_user(session, name=name, role=role, actor=LEE, now=NOW)
        return Actor(made.name, user_id=made.id)


def two_terminals() -> tuple[Terminal, Terminal]:
    return added(), added("Gym", "10.0.0.51")


def change_times(session: Session, workday_id: int, clock_in: str, clock_out: str | None) -> Workday:
    """As the computation does when punches come later."""
    row = session.scalars(select(Workday).where(Workday.id == workday_id)).one()
    row.clock_in = row.first_at = instant(row.date, clock_in)
    row.clock_out = row.last_at = None if clock_out is None else instant(row.date, clock_out)
    row.worked_seconds = int((row.clock_out - row.clock_in).total_seconds()) if row.clock_out else 0
    session.flush()
    return row


def to_review(person_id: int) -> date:
    """An incomplete day of the person a few days ago, a request for its missed punch, and its pay period. Returns the day."""
    now = utc_now()
    day = now.date() - timedelta(days=3)
    stored_day("17", day, clock_out=None, person_id=person_id)
    with transaction() as session:
        values = {"date": day, "clock_out": time(17), "reason": "Forgot to punch", "asked_by": "grace", "asked_at": now}
        session.add(MissedPunchRequest(person_id=person_id, **values))
        pay_periods.create(session, NewPeriods(PayLength.WEEKLY, first_day=day - timedelta(days=6)), actor=LEE, now=now)
    return day
