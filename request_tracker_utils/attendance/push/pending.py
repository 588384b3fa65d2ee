"""Terminals that push and that nobody has accepted yet: listing, accepting and ignoring them.

Serial numbers are not secret, and anyone can make one up. So few are listed at a time, fewer from one address, and each is written at most
once a minute.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import service
from request_tracker_utils.attendance.errors import InvalidTerminalField
from request_tracker_utils.attendance.leases import find_terminal
from request_tracker_utils.attendance.models import PendingTerminal, Terminal
from request_tracker_utils.attendance.polling import forget_log
from request_tracker_utils.attendance.push.contacts import MAX_PUSH_KEY, Contact
from request_tracker_utils.attendance.push.errors import PendingTerminalNotFound, TerminalPushesAlready
from request_tracker_utils.attendance.push.options import forget_stamps
from request_tracker_utils.attendance.service import Encrypt, NewTerminal
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import is_over
from request_tracker_utils.core.translation import gettext as _

MOST, MOST_PER_ADDRESS = 200, 50
"""Rows. A dozen terminals may share the address of their router."""
REMEMBERED = timedelta(minutes=1)
FORGOTTEN = timedelta(days=30)
"""After so long without a contact, a row that nobody has ignored makes room for others."""


@dataclass(frozen=True)
class Change:
    """Who accepts a terminal, when, and how its push key is encrypted."""

    actor: Actor
    now: datetime
    encrypt: Encrypt


def is_news(session: Session, contact: Contact) -> bool:
    """Whether the contact has to be recorded. Those of ignored terminals are not."""
    found = _with_serial_number(session, contact.serial_number)
    if found is None:
        return _has_room(session, contact)
    return found.ignored_at is None and is_over(found.last_seen_at, REMEMBERED, contact.at)


def record(session: Session, contact: Contact) -> None:
    """That an unknown terminal has pushed."""
    found = _with_serial_number(session, contact.serial_number)
    if found is not None:
        found.contacts += 1
        found.address, found.last_seen_at, found.push_version = contact.address, contact.at, contact.version or found.push_version
        return
    forgotten = (PendingTerminal.ignored_at.is_(None), PendingTerminal.last_seen_at < contact.at - FORGOTTEN)
    session.execute(delete(PendingTerminal).where(*forgotten))
    if not _has_room(session, contact):
        return
    values = {"address": contact.address, "push_version": contact.version, "first_seen_at": contact.at, "last_seen_at": contact.at}
    try:
        with session.begin_nested():
            session.add(PendingTerminal(serial_number=contact.serial_number, **values))
    except IntegrityError:
        return  # another request of the same terminal was faster


def all_pending(session: Session) -> Sequence[PendingTerminal]:
    """Ignored ones last, otherwise the latest first."""
    order = (PendingTerminal.ignored_at.is_not(None), PendingTerminal.first_seen_at.desc(), PendingTerminal.id.desc())
    return session.scalars(select(PendingTerminal).order_by(*order)).all()


def pushing(session: Session) -> Sequence[Terminal]:
    """Accepted terminals, by name."""
    return session.scalars(select(Terminal).where(Terminal.push_enabled).order_by(Terminal.name_key, Terminal.id)).all()


def accept(session: Session, serial_number: str, new: NewTerminal, *, push_key: str, change: Change) -> Terminal:
    """Adds the terminal. Raises PendingTerminalNotFound, InvalidTerminalField, TerminalExists, TerminalPushesAlready."""
    pending = _locked(session, serial_number)
    terminal = service.add(session, new, encrypt=change.encrypt, allow_loopback=False, actor=change.actor, now=change.now)
    return _accepted(session, terminal, pending, push_key, change)


def join(session: Session, serial_number: str, terminal_id: int, *, push_key: str, change: Change) -> Terminal:
    """The terminal is one that exists. With another serial number, it replaces that one, and has a log of its own. Raises
    PendingTerminalNotFound, TerminalNotFound, InvalidTerminalField, TerminalPushesAlready."""
    pending = _locked(session, serial_number)
    terminal = find_terminal(session, terminal_id, with_for_update=True)
    if terminal.serial_number not in (None, pending.serial_number):
        forget_log(terminal)
        terminal.record_count = terminal.capacity = terminal.user_count = None
    return _accepted(session, terminal, pending, push_key, change)


def ignore(session: Session, serial_number: str, *, actor: Actor, now: datetime) -> PendingTerminal:
    """The terminal stays refused, and its contacts are not recorded. Raises PendingTerminalNotFound."""
    pending = _locked(session, serial_number)
    pending.ignored_at, pending.ignored_by = now, actor.name
    return pending


def restore(session: Session, serial_number: str) -> PendingTerminal:
    """Stops ignoring the terminal. Raises PendingTerminalNotFound."""
    pending = _locked(session, serial_number)
    pending.ignored_at = pending.ignored_by = None
    return pending


def set_push_key(session: Session, terminal_id: int, push_key: str, change: Change) -> Terminal:
    """Sets the push key, or removes it if it is empty. Raises TerminalNotFound, InvalidTerminalField."""
    terminal = find_terminal(session, terminal_id, with_for_update=True)
    _set_key(terminal, push_key, change)
    service.record_event(session, terminal, "push_key_set" if push_key else "push_key_removed", actor=change.actor, now=change.now)
    return terminal


def stop(session: Session, terminal_id: int, change: Change) -> Terminal:
    """The terminal is refused and pending from now on. What it has pushed remains. Raises TerminalNotFound."""
    terminal = find_terminal(session, terminal_id, with_for_update=True)
    terminal.push_enabled = False
    service.record_event(session, terminal, "push_stopped", actor=change.actor, now=change.now)
    return terminal


def _accepted(session: Session, terminal: Terminal, pending: PendingTerminal, push_key: str, change: Change) -> Terminal:
    former, accepted = terminal.serial_number, pending.serial_number
    try:
        with session.begin_nested():
            terminal.serial_number = accepted
    except IntegrityError:
        raise TerminalPushesAlready(_("Another terminal has the serial number %(number)s.", number=accepted)) from None
    terminal.push_enabled, terminal.reported_serial_number, terminal.replaced_at = True, None, None
    terminal.updated_at = change.now
    _set_key(terminal, push_key, change)
    forget_stamps(session, terminal.id)
    session.delete(pending)
    service.record_event(session, terminal, "push_accepted", actor=change.actor, now=change.now, former=former, accepted=accepted)
    return terminal


def _set_key(terminal: Terminal, push_key: str, change: Change) -> None:
    """A terminal that has pushed before has to send the new key."""
    if len(push_key) > MAX_PUSH_KEY or not (push_key.isascii() and push_key.isprintable()):
        raise InvalidTerminalField(_("Enter at most %(number)s ASCII characters.", number=MAX_PUSH_KEY), field="push_key")
    terminal.push_key_cipher = change.encrypt(push_key) if push_key else None
    terminal.push_address = None


def _locked(session: Session, serial_number: str) -> PendingTerminal:
    pending = session.scalar(select(PendingTerminal).where(PendingTerminal.serial_number == serial_number).with_for_update())
    if pending is None:
        raise PendingTerminalNotFound(_("This terminal is not pending. It was accepted or ignored in the meantime."))
    return pending


def _with_serial_number(session: Session, serial_number: str) -> PendingTerminal | None:
    return session.scalar(select(PendingTerminal).where(PendingTerminal.serial_number == serial_number))


def _has_room(session: Session, contact: Contact) -> bool:
    counted = select(func.count(PendingTerminal.id)).where(PendingTerminal.last_seen_at >= contact.at - FORGOTTEN)
    if (session.scalar(counted) or 0) >= MOST:
        return False
    return (session.scalar(counted.where(PendingTerminal.address == contact.address)) or 0) < MOST_PER_ADDRESS
