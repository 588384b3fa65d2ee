"""Reviews, missed punches and pay periods for a showroom, with something to show on each of their pages."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts import service as accounts
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.workdays import missed_punches, pay_periods, review_queue, reviews
from request_tracker_utils.workdays.missed_punches import NewRequest
from request_tracker_utils.workdays.models import MissedPunchRequest, PayLength, Workday
from request_tracker_utils.workdays.pay_adjustments import ChangedDay, Key, Times
from request_tracker_utils.workdays.pay_periods import Clocks, NewPeriods

REASON = "The door was open, so I forgot to punch."


def review_pages(app: Flask, actor: Actor) -> dict[str, str]:
    """Fills the app, which has workdays. Name → path of each page."""
    now = utc_now()
    with app.app_context(), transaction() as session:
        reviewer = Actor(actor.name, user_id=accounts.user_named(session, actor.name).id)
        first = now.date() - timedelta(days=60)
        pay_periods.create(session, NewPeriods(PayLength.BIWEEKLY, 5, 15, first), actor=actor, now=now)
        periods = pay_periods.list_periods(session, limit=5)[::-1]
        clocks = Clocks(time(4), ZoneInfo("UTC"))
        pay_periods.close(session, periods[0].id, clocks, accept_warnings=True, actor=actor, now=now)
        _adjusted(session, first, now)
        accepted = review_queue.batch(session, now, review_queue.QueueFilter(), reviewer).days[0]
        reviews.accept(session, accepted.id, reviews.seen_of(session, accepted), actor=reviewer, now=now)
        _requests(session, reviewer, now)
    return {
        "workdays-review": "/workdays/review",
        "workdays-review-one": f"/workdays/review/{accepted.id}",
        "workdays-review-batch": "/workdays/review/batch?kind=outlier",
        "workdays-requests": "/workdays/requests",
        "my-missed-punches": "/workdays/mine/requests",
        "pay-periods": "/workdays/pay-periods",
        "pay-period": f"/workdays/pay-periods/{periods[1].id}",
        "pay-period-closed": f"/workdays/pay-periods/{periods[0].id}",
    }


def _adjusted(session: Session, first: date, now: datetime) -> None:
    within = (Workday.date >= first, Workday.date < first + timedelta(days=14), Workday.clock_out.is_not(None))
    for number, each in enumerate(session.scalars(select(Workday).where(*within).order_by(Workday.id).limit(2)).all()):
        assert each.clock_out is not None
        times = Times(each.clock_in, each.clock_out + timedelta(minutes=90 - 130 * number), each.worked_seconds + 5400 - 7800 * number)
        changed = ChangedDay(Key(each.user_id, each.date, each.terminal_id), each.person_id, times)
        pay_periods.record_changes(session, [changed], now, by="lee" if number else "")


def _requests(session: Session, reviewer: Actor, now: datetime) -> None:
    """Two of the reviewer's own, and two of others."""
    day = now.date() - timedelta(days=2)
    missed_punches.ask(session, NewRequest(day, None, time(17), REASON), actor=reviewer, now=now)
    missed_punches.withdraw(session, 1, actor=reviewer, now=now)
    missed_punches.ask(session, NewRequest(day, time(7, 55), time(16, 30), REASON), actor=reviewer, now=now)
    own = missed_punches.person_of(session, reviewer).id
    others = session.scalars(select(Workday.person_id).where(Workday.person_id != own).distinct().order_by(Workday.person_id).limit(2))
    for person_id in others.all():
        about = {"date": day, "clock_in": time(8), "clock_out": time(17, 5), "reason": REASON, "asked_by": "grace", "asked_at": now}
        session.add(MissedPunchRequest(person_id=person_id, **about))
