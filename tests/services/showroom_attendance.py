"""Terminals, punches and people for a showroom, with something to show on each of their pages."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import User
from request_tracker_utils.attendance import alerts, clock_repairs, current, people_changes
from request_tracker_utils.attendance.clock_repairs import NewRepair
from request_tracker_utils.attendance.feature import feature
from request_tracker_utils.attendance.models import Punch, Terminal, TerminalPoll
from request_tracker_utils.attendance.people_changes import PersonFields
from request_tracker_utils.attendance.push import pending
from request_tracker_utils.attendance.push.contacts import Contact
from request_tracker_utils.attendance.service import NewTerminal
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from tests.services.punching import people_with_punches, punched

POLLS = ((40, "stored", 8, None), (20, "failed", 0, "The terminal did not answer in time."), (0, "unchanged", 0, None))
"""How many minutes ago, the outcome, new punches, and the problem."""


def attendance_pages(app: Flask, actor: Actor) -> dict[str, str]:
    """Fills the app. The actor is the account that is linked to a person. Name → path of each page."""
    now = utc_now()
    with app.app_context():
        with transaction() as session:
            _pushing_terminals(session, actor, now)
        punched()
        person = people_with_punches()
        assert feature.demo is not None
        feature.demo.fill()
        with transaction() as session:
            account_id = session.scalars(select(User.id).where(User.name == actor.name)).one()
            people_changes.change(session, person, PersonFields(account_id=account_id), actor=actor, now=now)
            entrance, gym = (_terminal_id(session, name) for name in ("Main entrance", "High school gym"))
            _repairs(session, gym, actor, now)
            _polls(session, entrance, actor, now)
            replaced = _replaced(session, now)
            alerts.check(session, current.alerts(), actor=actor, now=now)
            first, *_others, last = _punch_ids(session, entrance)[1:4]
    repair = f"terminal={entrance}&first_punch={first}&last_punch={last}&offset=-0:15:00&reason=The+clock+was+fast"
    return {
        "punches": "/punches",
        "punches-repaired": f"/punches?from=&to=&terminal={gym}",
        "punches-none": "/punches?user_id=0",
        "punches-person-only": f"/punches?from=&to=&person={person}",
        "terminals": "/terminals",
        "terminals-pending": "/terminals/pending",
        "terminal": f"/terminals/{entrance}",
        "terminal-pushing": f"/terminals/{gym}",
        "terminal-replaced": f"/terminals/{replaced}",
        "terminal-edit": f"/terminals/{entrance}/edit",
        "terminal-new": "/terminals/new",
        "punches-review": "/punches/review",
        "punches-quarantine": "/punches/quarantine",
        "punches-completeness": "/punches/completeness",
        "punches-people": "/punches/people",
        "punches-person": f"/punches/people/{person}",
        "punches-person-new": "/punches/people/new",
        "punches-people-conflicts": "/punches/people/conflicts",
        "punches-people-changes": "/punches/people/changes",
        "my-punches": "/punches/mine",
        "clock-repairs": "/punches/clock-repairs",
        "clock-repair-preview": f"/punches/clock-repairs/preview?{repair}",
        "settings-terminals": "/admin/settings/terminals",
    }


def _pushing_terminals(session: Session, actor: Actor, now: datetime) -> None:
    """Two that are pending, one that is ignored, and one that was accepted."""
    change = pending.Change(actor, now, lambda text: text)
    for number in range(4):
        pending.record(session, Contact.of(f"CKUH21186000{number}", f"10.20.0.{50 + number}", now, version="2.4.1"))
    pending.accept(session, "CKUH211860000", NewTerminal("West gate", "America/Chicago"), push_key="", change=change)
    pending.ignore(session, "CKUH211860001", actor=actor, now=now)


def _repairs(session: Session, terminal_id: int, actor: Actor, now: datetime) -> None:
    """One that is applied, and one that was reversed."""
    ids = _punch_ids(session, terminal_id)
    for first, last in ((ids[0], ids[3]), (ids[-9], ids[-1])):
        new = NewRepair(terminal_id, first, last, -95, "The clock was 95 seconds fast.")
        repair = clock_repairs.apply(session, new, actor=actor, now=now)
        if first == ids[0]:
            clock_repairs.reverse(session, repair.id, actor=actor, now=now)


def _polls(session: Session, terminal_id: int, actor: Actor, now: datetime) -> None:
    for minutes, outcome, new, problem in POLLS:
        at = now - timedelta(minutes=minutes)
        poll = {"started_at": at, "ended_at": at, "outcome": outcome, "new_punches": new, "problem": problem}
        session.add(TerminalPoll(terminal_id=terminal_id, started_by=actor.name if problem else "", **poll))


def _replaced(session: Session, now: datetime) -> int:
    """A terminal with another serial number than before, and an error. Returns its ID."""
    terminal = session.get_one(Terminal, _terminal_id(session, "Gym"))
    terminal.serial_number, terminal.reported_serial_number, terminal.replaced_at = "CKUH211860020", "CKUH211860021", now
    terminal.last_error, terminal.last_error_at = "The terminal Gym was replaced. Accept the replacement first.", now
    return terminal.id


def _terminal_id(session: Session, name: str) -> int:
    return session.scalars(select(Terminal.id).where(Terminal.name == name)).one()


def _punch_ids(session: Session, terminal_id: int) -> Sequence[int]:
    return session.scalars(select(Punch.id).where(Punch.terminal_id == terminal_id).order_by(Punch.id)).all()
