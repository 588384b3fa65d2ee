"""Workdays for a showroom, with something to show on each of their pages."""

import random
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import people_changes
from request_tracker_utils.attendance.models import AttendancePerson, Terminal
from request_tracker_utils.attendance.people_changes import PersonFields, SiteId
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.workdays.models import DayKind, Decision, ReviewState, Workday, WorkdayDecision
from tests.services.workdays import scheduled, workday

NAMES = (
    *("Katherine Johnson", "Dorothy Vaughan", "Mary Jackson", "Emmy Noether", "Lise Meitner", "Maria Mitchell", "Sophie Germain"),
    *("Rosalind Franklin", "Chien-Shiung Wu", "Hedy Lamarr", "Annie Cannon", "Jane Goodall"),
)
DAYS = 400
LATE = "Clock-in at 10:24 is more than 2 hours after the start at 08:00."


def workday_pages(app: Flask, actor: Actor) -> dict[str, str]:
    """Fills the app, which has a person that is linked to the actor's account. Name → path of each page."""
    now, dice = utc_now(), random.Random(4)
    today = (now - timedelta(hours=4)).date()
    with app.app_context(), transaction() as session:
        terminal_id = session.scalars(select(Terminal.id).order_by(Terminal.id)).first() or 1
        own = session.scalars(select(AttendancePerson.id).where(AttendancePerson.account_id.is_not(None))).one()
        people = [own, *(_person(session, number, name, actor, now) for number, name in enumerate(NAMES))]
        hours = {weekday: (time(8), time(17)) for weekday in range(7)}
        scheduled(session, "Office", people, hours, first=today - timedelta(days=DAYS))
        for number, person_id in enumerate(people):
            session.add_all(_year(dice, str(700 + number), person_id, terminal_id, today))
            session.add_all(_today(number, str(700 + number), person_id, terminal_id, today, now))
        session.add(workday("99", today - timedelta(days=1), "07:55-16:10", terminal_id=terminal_id, timezone="UTC"))
        session.flush()
        _failed(session, now)
        corrected = _corrected(session, people[1], actor, now)
    return {
        "workdays": "/workdays",
        "workdays-completeness": "/workdays/completeness",
        "settings-workdays": "/admin/settings/workdays",
        "workdays-outliers": "/workdays?show=outliers",
        "workdays-none": "/workdays?user_id=0",
        "workdays-day": f"/workdays/days/{today - timedelta(days=1 if today.weekday() in range(1, 6) else 3)}",
        "workdays-today": f"/workdays/days/{today}",
        "workdays-person": f"/workdays/people/{people[1]}",
        "workday": f"/workdays/{corrected}",
        "my-workdays": "/workdays/mine",
        "workdays-crm": "/workdays/sync",
        "workdays-crm-unsynced": "/workdays/sync?show=unsynced",
        "workdays-report-month": f"/workdays/reports?by=month&day={today - timedelta(days=31)}",
        "workdays-report-week": f"/workdays/reports?by=week&day={today - timedelta(days=7)}",
    }


def _person(session: Session, number: int, name: str, actor: Actor, now: datetime) -> int:
    fields = PersonFields(name, ids=[SiteId(str(701 + number))])
    return people_changes.create(session, fields, actor=actor, now=now).id


def _year(dice: random.Random, user_id: str, person_id: int, terminal_id: int, today: date) -> Sequence[Workday]:
    found = []
    for back in range(1, DAYS):
        day = today - timedelta(days=back)
        if day.weekday() > 4 or dice.random() < 0.04:
            continue
        start, end = 8 * 60 + dice.randint(-25, 12), 17 * 60 + dice.randint(-20, 45)
        about: dict[str, object] = {"person_id": person_id, "terminal_id": terminal_id, "timezone": "UTC", "synced": dice.random() < 0.97}
        about |= {"starts_at": datetime.combine(day, time(8)), "ends_at": datetime.combine(day, time(17)), "is_late": start > 485}
        kind = dice.random()
        if kind < 0.015:
            found.append(workday(user_id, day, _clock(start), **about))
        elif kind < 0.03:
            found.append(workday(user_id, day, f"10:24-{_clock(end)}", **{**about, "outlier_reason": LATE, "is_late": True}))
        elif kind < 0.05:
            found.append(workday(user_id, day, f"{_clock(start)}-12:05", **{**about, "is_half_day": True, "is_early": True}))
        else:
            found.append(workday(user_id, day, f"{_clock(start)}-{_clock(end)}", **about))
        if (day.month, day.day) in ((12, 25), (1, 1), (7, 4)):
            found[-1].day_kind = DayKind.HOLIDAY
    return found


def _today(number: int, user_id: str, person_id: int, terminal_id: int, today: date, now: datetime) -> Sequence[Workday]:
    about: dict[str, object] = {"person_id": person_id, "terminal_id": terminal_id, "timezone": "UTC", "updated_at": now}
    about |= {"window_ends_at": now + timedelta(hours=2), "starts_at": datetime.combine(today, time(8))}
    about |= {"ends_at": datetime.combine(today, time(17))}
    if number % 5 == 4:
        return []
    start = f"0{7 + number % 3}:{10 + number}"
    hours = f"{start}-{start[:2]}:59" if number % 3 == 1 else start
    return [workday(user_id, today, hours, **{**about, "is_late": start > "08:05"})]


def _failed(session: Session, now: datetime) -> None:
    """What the CRM has not accepted: one workday was rejected, one has failed in three runs, and one in the last one."""
    query = select(Workday).where(Workday.synced_to_crm.is_(False), Workday.window_ends_at < now).order_by(Workday.id).limit(3)
    rejected, failed, retried = session.scalars(query).all()
    for row, runs in ((rejected, 1), (failed, 3), (retried, 1)):
        row.attempted_revision, row.sync_attempts, row.last_sync_attempt = 1, runs, now
        row.crm_due_at, row.crm_problem = now + timedelta(hours=5), "The CRM had an error (503)."
        row.crm_answer = "503 The service is down for maintenance until Monday."
    rejected.crm_due_at, rejected.crm_problem = None, "The CRM rejects the workday (422)."
    rejected.crm_answer = '422 {"user_id": ["No employee has this number."]}'


def _corrected(session: Session, person_id: int, actor: Actor, now: datetime) -> int:
    """A day whose clock-out was missing, after a correction that replaced another decision."""
    query = select(Workday).where(Workday.person_id == person_id, Workday.clock_out.is_not(None)).order_by(Workday.date.desc()).offset(3)
    day = session.scalars(query).first()
    assert day is not None
    day.last_at, day.review_state = None, ReviewState.CORRECTED
    about = {"workday_id": day.id, "first_at": day.first_at, "decided_by": actor.name, "decided_at": now}
    ended = {"ended_at": now, "ended_by": actor.name, "end_reason": "replaced"}
    session.add(WorkdayDecision(decision=Decision.ACCEPTED, reason="Was at a training", **about, **ended))
    session.flush()
    times = {"clock_in": day.clock_in, "clock_out": day.clock_out}
    session.add(WorkdayDecision(decision=Decision.CORRECTED, reason="Forgot to punch after the assembly", **about, **times))
    return day.id


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
