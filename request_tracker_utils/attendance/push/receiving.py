"""Stores what a terminal has pushed: punches, and names of users. What comes again changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.leases import find_terminal
from request_tracker_utils.attendance.models import Source, TerminalUserRow
from request_tracker_utils.attendance.push import contacts, counts, options
from request_tracker_utils.attendance.push.contacts import Contact
from request_tracker_utils.attendance.push.lines import LONGEST_LINE, Punches, PushedUser, parse_punches, parse_users
from request_tracker_utils.attendance.push.options import ATTLOG, OPERLOG
from request_tracker_utils.attendance.storing import PUSHED, Receipt, prepare, quarantine, store_punches
from request_tracker_utils.imports import bulk

log = structlog.get_logger(__name__)

WITH_PUNCHES = "RTLOG"
"""Events of models for access control. They contain punches in a form of their own, so that their lines are quarantined."""


@dataclass(frozen=True)
class Upload:
    """The body of a request: the table that it belongs to, and the stamp that goes back when it is stored."""

    table: str
    stamp: str
    body: bytes


@dataclass(frozen=True)
class Received:
    """What an upload has contained: lines that are acknowledged, and what is new of them."""

    lines: int
    new_punches: int = 0
    quarantined: int = 0


def receive(session: Session, terminal_id: int, contact: Contact, upload: Upload) -> Received:
    """Everything of the upload, or nothing. Raises PushRefused if the terminal was disabled in the meantime."""
    terminal = find_terminal(session, terminal_id, with_for_update=True)
    contacts.check_enabled(terminal)
    contacts.record(terminal, contact)
    table, receipt = upload.table.upper(), Receipt.of(terminal, Source.PUSH, contact.at)
    if table == ATTLOG:
        received = _store_punches(session, receipt, parse_punches(upload.body))
    elif table == WITH_PUNCHES:
        lines = [line[:LONGEST_LINE] for line in upload.body.split(b"\n") if line.strip()]
        received = Received(len(lines), quarantined=_quarantine(session, receipt, [(line, "unknown_table") for line in lines]))
    elif table == OPERLOG:
        _store_names(session, terminal_id, parse_users(upload.body), now=contact.at)
        received = Received(_line_count(upload.body))
    elif table == counts.OPTIONS:
        counts.record(session, terminal, counts.from_options(upload.body), contact.at)
        received = Received(_line_count(upload.body))
    else:
        log.info("discarded what a terminal has pushed", terminal=terminal.name, table=table[:40])
        received = Received(_line_count(upload.body))
    if table in (ATTLOG, OPERLOG) and received.lines:
        options.remember(session, terminal_id, table, upload.stamp, contact.at)
    return received


def _store_punches(session: Session, receipt: Receipt, punches: Punches) -> Received:
    new = 0
    if records := punches.records:
        placing = prepare(session, receipt, records, days={each.time.date() for each in records}, follows=True)
        new = store_punches(session, receipt, list(placing.rows(records)))
    return Received(len(punches), new, _quarantine(session, receipt, punches.damaged))


def _quarantine(session: Session, receipt: Receipt, damaged: Sequence[tuple[bytes, str]]) -> int:
    return quarantine(session, receipt, [(line, reason, PUSHED) for line, reason in damaged])


def _store_names(session: Session, terminal_id: int, users: Sequence[PushedUser], *, now: datetime) -> None:
    """Only these users: nothing says that others were removed."""
    stored = {row.user_id: row for row in session.scalars(select(TerminalUserRow).where(TerminalUserRow.terminal_id == terminal_id))}
    for user_id, name in users:
        if (row := stored.get(user_id)) is not None and (row.name != name or row.removed_at):
            row.name, row.changed_at, row.removed_at = name, now, None
    new = [(user_id, name) for user_id, name in users if user_id not in stored]
    shared = {"terminal_id": terminal_id, "first_seen_at": now, "changed_at": now}
    bulk.insert_new(session, TerminalUserRow.__table__, ("user_id", "name"), new, shared)  # type: ignore[arg-type]


def _line_count(body: bytes) -> int:
    return sum(1 for line in body.split(b"\n") if line.strip(b"\0\r \t"))
