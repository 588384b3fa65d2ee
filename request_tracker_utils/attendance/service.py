"""Terminals: adding, finding and replacing them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.addresses import check_address
from request_tracker_utils.attendance.errors import InvalidTerminalField, NotReplaced, SerialNumberTaken, TerminalExists
from request_tracker_utils.attendance.leases import find_terminal
from request_tracker_utils.attendance.models import Terminal, TerminalEvent
from request_tracker_utils.attendance.models.terminals import DEFAULT_PORT, MAX_COMM_KEY, MAX_NAME, MAX_SITE
from request_tracker_utils.attendance.polling import forget_log
from request_tracker_utils.attendance.push.options import forget_stamps
from request_tracker_utils.attendance.reading import Layout, Transport
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.text import clean, unprintable_character
from request_tracker_utils.core.translation import gettext as _

LONGEST_TIMEOUT = 60
"""Seconds for one answer."""
Encrypt = Callable[[str], str]


@dataclass(frozen=True)
class NewTerminal:
    """A terminal as somebody enters it. Without an address, it only pushes."""

    name: str
    timezone: str
    address: str | None = None
    port: int = DEFAULT_PORT
    transport: str = Transport.TCP
    layout: str = Layout.AUTO
    timeout: float | None = None
    comm_key: int = 0
    site: str = ""
    cutoff: datetime | None = None
    """By the terminal's own time."""
    enabled: bool = True
    notes: str = ""


def add(session: Session, new: NewTerminal, *, encrypt: Encrypt, allow_loopback: bool, actor: Actor, now: datetime) -> Terminal:
    """Raises InvalidTerminalField and TerminalExists."""
    values = stored_values(vars(new), encrypt=encrypt, allow_loopback=allow_loopback)
    terminal = Terminal(**values, created_at=now, updated_at=now)
    try:
        with session.begin_nested():
            session.add(terminal)
    except IntegrityError:
        raise TerminalExists(_("Another terminal has this name, or this address and port.")) from None
    record_event(session, terminal, "added", actor=actor, now=now)
    return terminal


def stored_values(fields: Mapping[str, Any], *, encrypt: Encrypt, allow_loopback: bool) -> dict[str, Any]:
    """Columns of a terminal from some or all fields of a NewTerminal. Raises InvalidTerminalField."""
    given = dict(fields)
    columns: dict[str, Any] = {}
    if "name" in given:
        columns["name"] = _checked_text(given["name"], "name", MAX_NAME)
        columns["name_key"] = columns["name"].casefold()
        if not columns["name"]:
            raise InvalidTerminalField(_("Enter a name."), field="name")
    if "site" in given:
        columns["site"] = _checked_text(given["site"], "site", MAX_SITE)
        columns["site_key"] = columns["site"].casefold()
    checks: dict[str, Callable[[Any], object]] = {
        "address": lambda text: check_address(text, allow_loopback=allow_loopback) if text else None,
        "port": lambda port: _in_range(port, "port", 1, 65535),
        "transport": lambda value: _one_of(value, "transport", list(Transport)),
        "layout": lambda value: _one_of(value, "layout", list(Layout)),
        "timeout": lambda seconds: None if seconds is None else _in_range(seconds, "timeout", 1, LONGEST_TIMEOUT),
        "timezone": _checked_zone,
        "enabled": bool,
        "cutoff": lambda cutoff: cutoff,
        "notes": clean,
    }
    columns |= {field: check(given[field]) for field, check in checks.items() if field in given}
    if "comm_key" in given:
        columns["comm_key_cipher"] = encrypted_comm_key(given["comm_key"], encrypt)
    return columns


def all_terminals(session: Session) -> Sequence[Terminal]:
    """By name."""
    return session.scalars(select(Terminal).order_by(Terminal.name_key, Terminal.id)).all()


def accept_replacement(session: Session, terminal_id: int, *, actor: Actor, now: datetime) -> Terminal:
    """The other terminal at the address takes the place of the former one: its records are stored from the next poll on. Raises
    TerminalNotFound, NotReplaced, SerialNumberTaken."""
    terminal = find_terminal(session, terminal_id, with_for_update=True)
    former, accepted = terminal.serial_number, terminal.reported_serial_number
    if accepted is None:
        raise NotReplaced(_("The terminal %(name)s was not replaced.", name=terminal.name))
    try:
        with session.begin_nested():
            terminal.serial_number = accepted or None
    except IntegrityError:
        raise SerialNumberTaken(_("Another terminal has the serial number %(number)s.", number=accepted)) from None
    terminal.reported_serial_number = terminal.replaced_at = None
    terminal.updated_at = now
    forget_log(terminal)
    forget_stamps(session, terminal_id)
    record_event(session, terminal, "replaced", actor=actor, now=now, former=former, accepted=accepted)
    return terminal


def record_event(session: Session, terminal: Terminal, event: str, *, actor: Actor, now: datetime, **detail: object) -> None:
    """What a person has done to a terminal. Never with keys."""
    values = {"terminal_id": terminal.id, "terminal": terminal.name, "actor_user_id": actor.user_id, "actor": actor.name}
    session.add(TerminalEvent(event=event, detail=detail, created_at=now, **values))


def encrypted_comm_key(comm_key: int, encrypt: Encrypt) -> str | None:
    """As it is stored. None for 0, which means that the terminal has none. Raises InvalidTerminalField."""
    _in_range(comm_key, "comm_key", 0, MAX_COMM_KEY)
    return encrypt(str(comm_key)) if comm_key else None


def _checked_text(text: str, field: str, longest: int) -> str:
    cleaned = " ".join(clean(text).split())
    if character := unprintable_character(cleaned):
        raise InvalidTerminalField(_("Remove the character %(character)s.", character=character), field=field)
    if len(cleaned) > longest:
        raise InvalidTerminalField(_("Enter at most %(number)s characters.", number=longest), field=field)
    return cleaned


def _checked_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidTerminalField(_("Enter a time zone such as America/Chicago."), field="timezone") from None
    return name


def _one_of(value: str, field: str, options: Sequence[str]) -> str:
    if value not in options:
        raise InvalidTerminalField(_("Choose one of %(options)s.", options=", ".join(options)), field=field)
    return str(value)


def _in_range(value: float, field: str, least: int, most: int) -> float:
    if not least <= value <= most:
        raise InvalidTerminalField(_("Enter a number from %(least)s to %(most)s.", least=least, most=most), field=field)
    return value
