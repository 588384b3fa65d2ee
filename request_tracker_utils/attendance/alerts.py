"""Alerts about terminals: each problem is noticed, reported once, and reported again when it has ended.

Problems are derived from what is stored with the terminals. While a terminal does not answer, what it has said last remains.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.contact import alert_recipients
from request_tracker_utils.attendance.alert_messages import ALERT_BEGAN, ALERT_ENDED, values_of
from request_tracker_utils.attendance.models import PendingTerminal, Terminal, TerminalAlert
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import is_over
from request_tracker_utils.core.db import affected
from request_tracker_utils.core.locks import lock_until_commit
from request_tracker_utils.core.messages import Messenger

LOCK_SPACE = 7062
NEARLY_FULL, NEARLY_FULL_UNTIL = 90, 85
"""Percent of a terminal's memory at which an alert begins, and below which it ends."""
CONFIRMED_AFTER = timedelta(minutes=5)
"""How long a terminal has to be noticed as silent: after a pause of this program, all of them are, until they are polled or push."""
MOST_PENDING = 10
"""Open alerts of pending terminals: anyone can make up serial numbers."""


class Kind(StrEnum):
    """A problem of a terminal. The values are stored."""

    SILENT = "silent"
    NEARLY_FULL = "nearly_full"
    DRIFT = "drift"
    REPLACED = "replaced"
    UNKNOWN_SIZE = "unknown_size"
    LEFT_DISABLED = "left_disabled"
    PENDING = "pending"


Detail = dict[str, str | int]
Subject = tuple[int | None, str | None]
"""The ID of a terminal, or the serial number of a pending one."""


@dataclass(frozen=True)
class Limits:
    """When silence and drift become problems."""

    silent: timedelta = timedelta(hours=1)
    drift: int = 60
    """Seconds. An alert ends at half of them, so that it does not begin and end again and again."""


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
    found = {
        (*subject, str(kind)): detail
        for terminal in terminals.values()
        for subject, kind, detail in _problems(
            terminal, {kind for owner, _serial, kind in open_alerts if owner == terminal.id}, alerts.limits, now
        )
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
        if alert.sent_at is None and (kind != Kind.SILENT or is_over(alert.began_at, CONFIRMED_AFTER, now)):
            alert.sent_at, alert.detail = now, detail
            _send(session, alerts, alert, terminals.get(terminal_id or 0), actor=actor, now=now)
    for alert in open_alerts.values():
        changed += 1
        if alert.sent_at is None:
            session.delete(alert)
            continue
        alert.ended_at = now
        _send(session, alerts, alert, terminals.get(alert.terminal_id or 0), actor=actor, now=now)
    return changed


def delete_ended(session: Session, *, before: datetime) -> int:
    """Returns how many."""
    return affected(session.execute(delete(TerminalAlert).where(TerminalAlert.ended_at < before)))


def problems(terminal: Terminal, already: set[str], limits: Limits, now: datetime) -> Mapping[Kind, Detail]:
    """Of a terminal, with what a message says about them. `already` are the kinds of its open alerts. Disabled terminals have none."""
    if not terminal.enabled:
        return {}
    found: dict[Kind, Detail] = {}
    since = terminal.last_contact_at or terminal.created_at
    # One that is polled is not silent before a poll has failed, however long the interval is.
    if is_over(since, limits.silent, now) and (terminal.address is None or terminal.failures > 0):
        minutes = max(int((now - since).total_seconds() // 60), 0)
        found[Kind.SILENT] = {"minutes": minutes, "error": terminal.last_error or ""}
    if terminal.record_count is not None and terminal.capacity:
        percent = terminal.record_count * 100 // terminal.capacity
        if percent >= (NEARLY_FULL_UNTIL if Kind.NEARLY_FULL in already else NEARLY_FULL):
            found[Kind.NEARLY_FULL] = {"records": terminal.record_count, "capacity": terminal.capacity, "percent": percent}
    drift = terminal.clock_drift or 0
    if abs(drift) > (limits.drift // 2 if Kind.DRIFT in already else limits.drift):
        found[Kind.DRIFT] = {"seconds": drift}
    if terminal.reported_serial_number is not None:
        found[Kind.REPLACED] = {"number": terminal.serial_number or "–", "reported": terminal.reported_serial_number or "–"}
    for kind in (Kind.UNKNOWN_SIZE, Kind.LEFT_DISABLED):
        if terminal.last_error_code == kind or (terminal.failures > 0 and kind in already):
            found[kind] = {}
    return found


def _problems(terminal: Terminal, already: set[str], limits: Limits, now: datetime) -> Iterator[tuple[Subject, Kind, Detail]]:
    for kind, detail in problems(terminal, already, limits, now).items():
        yield (terminal.id, None), kind, detail


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
