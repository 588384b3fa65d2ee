"""Changing and deleting terminals. Each change is recorded with who made it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import changed_days, leases
from request_tracker_utils.attendance.errors import TerminalExists, TerminalHasPunches
from request_tracker_utils.attendance.leases import find_terminal
from request_tracker_utils.attendance.models import Punch, QuarantinedRecord, RawLog, Terminal
from request_tracker_utils.attendance.polling import forget_log
from request_tracker_utils.attendance.service import Encrypt, record_event, stored_values
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.translation import gettext as _

READ_WITH = ("address", "port", "transport", "layout", "timezone", "cutoff")
"""What a poll uses from beginning to end. These do not change during one."""


@dataclass(frozen=True)
class TerminalChange:
    """Who changes terminals, when, and by which rules. `longest_lease` is the time after which a poll that died is over."""

    actor: Actor
    now: datetime
    encrypt: Encrypt
    allow_loopback: bool
    longest_lease: timedelta


def change_terminal(session: Session, terminal_id: int, fields: Mapping[str, Any], by: TerminalChange) -> Terminal:
    """Changes some fields of a NewTerminal. Raises TerminalNotFound, InvalidTerminalField, TerminalExists, and TerminalBusy for what a
    running poll uses. Stored punches remain as they are: they have the zone of their time."""
    terminal = find_terminal(session, terminal_id, with_for_update=True)
    values = stored_values(fields, encrypt=by.encrypt, allow_loopback=by.allow_loopback)
    if fields.get("comm_key") == 0 and terminal.comm_key_cipher is None:
        values.pop("comm_key_cipher", None)
    changed = {name: (getattr(terminal, name), value) for name, value in values.items() if getattr(terminal, name) != value}
    if not changed:
        return terminal
    if any(name in changed for name in READ_WITH):
        leases.check_free(terminal, by.longest_lease, by.now)
        leases.revoke(terminal)  # it has read with what is changed here
    try:
        with session.begin_nested():
            for name, (_former, value) in changed.items():
                setattr(terminal, name, value)
            terminal.updated_at = by.now
    except IntegrityError:
        raise TerminalExists(_("Another terminal has this name, or this address and port.")) from None
    if "layout" in changed or "cutoff" in changed:
        forget_log(terminal)
    if "site_key" in changed:  # its user IDs belong to other people
        users = session.scalars(select(Punch.user_id).where(Punch.terminal_id == terminal.id).distinct())
        changed_days.mark(session, list(users), changed_days.FIRST_DAY, changed_days.LAST_DAY, now=by.now)
    record_event(session, terminal, "changed", actor=by.actor, now=by.now, **_shown(changed))
    return terminal


def delete_terminal(session: Session, terminal_id: int, by: TerminalChange) -> str:
    """Deletes a terminal without punches and returns its name. Raises TerminalNotFound, TerminalBusy, TerminalHasPunches."""
    terminal = find_terminal(session, terminal_id, with_for_update=True)
    leases.check_free(terminal, by.longest_lease, by.now)
    name = terminal.name
    refused = _("Punches of the terminal %(name)s are stored, and punches are never deleted. Disable the terminal instead.", name=name)
    kept = (select(rows.id).where(rows.terminal_id == terminal_id).limit(1) for rows in (Punch, QuarantinedRecord, RawLog))
    if any(session.scalar(query) is not None for query in kept):
        raise TerminalHasPunches(refused)
    record_event(session, terminal, "deleted", actor=by.actor, now=by.now, serial_number=terminal.serial_number)
    try:
        with session.begin_nested():
            session.delete(terminal)
    except IntegrityError:  # one came in at this moment
        raise TerminalHasPunches(refused) from None
    return name


def _shown(changed: Mapping[str, tuple[object, object]]) -> dict[str, object]:
    """Former and new values by field. Of keys, only that they changed."""
    shown: dict[str, object] = {}
    for name, (former, value) in changed.items():
        if name == "comm_key_cipher":
            shown["comm_key"] = "changed"
        elif not name.endswith("_key"):
            shown[name] = [_plain(former), _plain(value)]
    return shown


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
