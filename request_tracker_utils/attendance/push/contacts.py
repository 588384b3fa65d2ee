"""Which terminal pushes, and whether it may. Decided before the body of a request is read."""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import Terminal
from request_tracker_utils.attendance.models.terminals import MAX_SERIAL
from request_tracker_utils.attendance.push.errors import InvalidPush, PushRefused, TerminalPending, WrongPushKey
from request_tracker_utils.core.clock import is_over
from request_tracker_utils.core.translation import gettext as _

REMEMBERED = timedelta(seconds=30)
"""Terminals call every few seconds. Contacts in between are not recorded."""
MAX_VERSION, MAX_PUSH_KEY = 40, 64
SERIAL_FORM = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.-]{{0,{MAX_SERIAL - 1}}}")
PushKey = Callable[[Terminal], str]
"""Decrypts the push key of a terminal that has one."""


@dataclass(frozen=True)
class Contact:
    """A request of a terminal. `key` and `version` are sent only when it introduces itself."""

    serial_number: str
    address: str
    at: datetime
    key: str | None = None
    version: str | None = None

    @classmethod
    def of(cls, serial_number: str, address: str, at: datetime, *, key: str | None = None, version: str | None = None) -> "Contact":
        """Raises InvalidPush for what is not a serial number."""
        if not SERIAL_FORM.fullmatch(serial_number):
            raise InvalidPush(_("SN is missing, or not the serial number of a terminal."), field="SN")
        printable = version if version and version.isascii() and version.isprintable() else None
        return cls(serial_number, address, at, key, printable[:MAX_VERSION] if printable else None)


def admitted(session: Session, contact: Contact, push_key: PushKey) -> Terminal:
    """The terminal that pushes. Raises TerminalPending, WrongPushKey, PushRefused, and what `push_key` raises."""
    terminal = session.scalar(select(Terminal).where(Terminal.serial_number == contact.serial_number))
    if terminal is None or not terminal.push_enabled:
        raise TerminalPending(_("The terminal %(number)s has not been accepted.", number=contact.serial_number))
    check_enabled(terminal)
    if terminal.push_key_cipher is not None:
        _check_key(contact, push_key(terminal), terminal.push_address)
    return terminal


def check_enabled(terminal: Terminal) -> None:
    """Raises PushRefused."""
    if not (terminal.enabled and terminal.push_enabled):
        raise PushRefused(_("The terminal %(name)s is disabled. It keeps its data.", name=terminal.name))


def is_news(terminal: Terminal, contact: Contact) -> bool:
    """Whether the contact has to be recorded."""
    if terminal.last_push_at is None or terminal.push_address != contact.address:
        return True
    return contact.version not in (None, terminal.push_version) or is_over(terminal.last_push_at, REMEMBERED, contact.at)


def record(terminal: Terminal, contact: Contact) -> None:
    """That the terminal has pushed, and from where."""
    terminal.last_push_at = terminal.last_contact_at = contact.at
    terminal.push_address, terminal.push_version = contact.address, contact.version or terminal.push_version


def _check_key(contact: Contact, key: str, known_address: str | None) -> None:
    """Terminals send their key only when they introduce themselves. Afterwards, their address identifies them."""
    if contact.key is not None:
        if hmac.compare_digest(contact.key.encode(), key.encode()):
            return
    elif contact.address == known_address:
        return
    raise WrongPushKey(_("The push key of the terminal is missing or wrong. Enter it on the terminal, and restart the terminal."))
