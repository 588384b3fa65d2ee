"""Alerts about terminals: each problem is noticed, reported once, and reported again when it has ended.

`terminal_problems.py` finds the problems.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.contact import alert_recipients
from request_tracker_utils.attendance.alert_messages import ALERT_BEGAN, ALERT_ENDED, values_of
from request_tracker_utils.attendance.models import PendingTerminal, Terminal, TerminalAlert
from request_tracker_utils.attendance.terminal_problems import Detail, Kind, Limits, Problems
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import is_over
from request_tracker_utils.core.locks import lock_until_commit
from request_tracker_utils.core.messages import Messenger

LOCK_SPACE = 7062
CONFIRMED_AFTER = timedelta(minutes=5)
"""How long a terminal has to be noticed as silent: after a pause of this program, all of them are, until they are polled or push."""
MOST_PENDING = 10
"""Open alerts of pending terminals: anyone can make up serial numbers."""


Subject = tuple[int | None, str | None]
"""The ID of a terminal, or the serial number of a pending one."""


@dataclass(frozen=True)
class Alerts:
    """Sends messages to `addresses`, or to all administrators if there are none. `messenger` is None if the app sends no messages."""

    limits: Limits = field(default_factory=Limits)
    messenger: Messenger | None = None
    addresses: tuple[str, ...] = ()


def check(session: Session, alerts: Alerts, *, actor: Actor, now: datetime) -> int:
    """Begins and ends alerts; returns how many. Processes that check at the same time wait for each other, so each message is sent once."""
    lock_until_commit(session, LOCK_SPACE, ["terminal alerts"])
    terminals = {terminal.id: terminal for terminal in session.scalars(select(Terminal).order_by(Terminal.id))}
    unended = session.scalars(select(TerminalAlert).where(TerminalAlert.ended_at.is_(None)))
    open_alerts = {(each.terminal_id, each.serial_number, each.kind): each for each in unended}
    problems = Problems.load(session, alerts.limits, now)
    found: dict[tuple[int | None, str | None, str], Detail] = {
        (terminal.id, None, str(kind)): detail for terminal in terminals.values() for kind, detail in problems.of(terminal).items()
    }
    open_serials = {serial for _terminal, serial, _kind in open_alerts if serial is not None}
    found |= {(*subject, str(Kind.PENDING)): detail for subject, detail in _pending(session, open_serials)}
    changed = 0
    for (terminal_id, serial_number, kind), detail in found.items():
        alert = open_alerts.pop((terminal_id, serial_number, kind), None)
        if alert is None:
            alert = TerminalAlert(terminal_id=terminal_id, serial_number=serial_number, kind=kind, detail=detail, began_at=now)
            session.add(alert)
            session.flush()
            changed += 1
        terminal = terminals.get(terminal_id or 0)
        if alert.sent_at is None and _is_confirmed(alert, terminal, now):
            alert.sent_at, alert.detail = now, detail
            _send(session, alerts, alert, terminal, actor=actor, now=now)
    for alert in open_alerts.values():
        changed += 1
        if alert.sent_at is None:
            session.delete(alert)
            continue
        alert.ended_at = now
        _send(session, alerts, alert, terminals.get(alert.terminal_id or 0), actor=actor, now=now)
    return changed


def _is_confirmed(alert: TerminalAlert, terminal: Terminal | None, now: datetime) -> bool:
    """Whether the problem has lasted long enough for a message. Punches that are recorded while a log is read make it incomplete, but
    not twice in a row."""
    if alert.kind == Kind.SILENT:
        return is_over(alert.began_at, CONFIRMED_AFTER, now)
    if alert.kind == Kind.INCOMPLETE:
        last = terminal.last_error_at if terminal is not None and not terminal.failures else None
        return last is not None and last > alert.began_at
    return True


def _pending(session: Session, open_serials: set[str]) -> Iterator[tuple[Subject, Detail]]:
    """Pending terminals that nobody has accepted or ignored: those with an alert, and as many others as there is room for."""
    waiting = select(PendingTerminal).where(PendingTerminal.ignored_at.is_(None)).order_by(PendingTerminal.id)
    pending = {each.serial_number: each for each in session.scalars(waiting)}
    room = MOST_PENDING - len(open_serials & pending.keys())
    for serial_number, each in pending.items():
        if serial_number not in open_serials:
            if room <= 0:
                continue
            room -= 1
        yield (None, serial_number), {"address": each.address}


def _send(session: Session, alerts: Alerts, alert: TerminalAlert, terminal: Terminal | None, *, actor: Actor, now: datetime) -> None:
    """That the alert has begun, or ended."""
    if alerts.messenger is None:
        return
    kind, event = (ALERT_BEGAN, "began") if alert.ended_at is None else (ALERT_ENDED, "ended")
    values = values_of(alert, terminal)
    recipients, about = alert_recipients(session, alerts.addresses), f"terminal alert {alert.id} {event}"
    alerts.messenger.send(session, kind, recipients, about=about, values=values, actor=actor, now=now)
