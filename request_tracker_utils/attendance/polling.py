"""Polls a terminal: reads it without a transaction, and stores what it says in short ones.

A poll may be killed at every step. What it has stored remains, the rest is read and stored again, and `last_sync_at` changes only after
everything of the log is committed. The last transaction waits for the disk, and the others for nothing: it makes them durable too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import clocks, leases
from request_tracker_utils.attendance.addresses import check_address
from request_tracker_utils.attendance.completeness import count_days
from request_tracker_utils.attendance.errors import SerialNumberTaken, TerminalReplaced
from request_tracker_utils.attendance.leases import Lease
from request_tracker_utils.attendance.models import Outcome, Source, Terminal
from request_tracker_utils.attendance.reading import KnownLog, Layout, Log, Reading, Target, Transport
from request_tracker_utils.attendance.storing import (
    CHUNK,
    Placing,
    Receipt,
    Row,
    chunks,
    keep_raw_log,
    prepare,
    quarantine,
    store_punches,
    store_users,
)
from request_tracker_utils.core.clock import is_over
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.imports import bulk

FULL_READ = timedelta(hours=24)
"""The whole log is read at least this often, with the table of users."""
PROBLEMS = {
    "count_changed": gettext_noop("Punches were recorded while the log was read. It is read again with the next poll."),
    "lost_tail": gettext_noop("The terminal sent only a part of its log. It is read again with the next poll."),
    "trailing_bytes": gettext_noop("The terminal sent more than its log. It is read again with the next poll."),
    "unknown_size": gettext_noop(
        "The records of the log have an unknown size. The log is kept as it came; choose the layout of its records."
    ),
    "unknown_users": gettext_noop("The users of the terminal could not be read. The log is read again with the next poll."),
    "left_disabled": gettext_noop("The terminal could not be enabled after it was read. Restart it if nobody can punch."),
}
"""What is wrong with a read, as a sentence, by the code of `Log.problem`."""


class Reader(Protocol):
    """Reads terminals: `reading.TerminalReader`, or what a test puts in its place."""

    def read(self, target: Target, *, deadline: float, known: KnownLog | None, full: bool, with_users: bool) -> Reading: ...


@dataclass(frozen=True)
class PollResult:
    """How a poll has ended. `fetched` are the records that were downloaded and decoded, `new_punches` those that were not known before."""

    terminal: Terminal
    outcome: Outcome
    records: int
    fetched: int = 0
    new_punches: int = 0
    quarantined: int = 0
    problem: str | None = None
    """Code of what was wrong; see PROBLEMS."""


@dataclass(frozen=True)
class Poller:
    """Polls terminals of this installation. `comm_key` decrypts the communication key of one."""

    reader: Reader
    comm_key: Callable[[Terminal], int]
    transaction: Transaction
    clock: Callable[[], datetime]
    timeout: float
    """Seconds for each answer, of terminals without a timeout of their own."""
    deadline: float
    """Seconds for a whole read."""
    allow_loopback: bool = False

    def poll(self, terminal_id: int, *, full: bool = False, started_by: str = "") -> PollResult:
        """Raises TerminalNotFound, TerminalNotPolled, TerminalBusy, TerminalReplaced, SerialNumberTaken, and what reading raises. An error
        is recorded with the terminal before it is raised."""
        now, longest_read = self.clock(), timedelta(seconds=self.deadline)
        with self.transaction(durable=False) as session:
            lease = leases.begin(session, terminal_id, longest_read=longest_read, full=full, started_by=started_by, now=now)
        try:
            return self._poll(lease, full=full or _needs_full_read(lease.terminal, now))
        except AppError as error:
            self._record_failure(lease, error)
            raise

    def _poll(self, lease: Lease, *, full: bool) -> PollResult:
        target = self.target(lease.terminal)
        reading = self.reader.read(target, deadline=self.deadline, known=known_log(lease.terminal), full=full, with_users=full)
        log, placing = reading.log, None
        with self.transaction(durable=False) as session:
            contact = self._record_contact(session, lease, reading)
            if contact is None and log is not None:
                placing = self._prepare(session, lease, log)
        if contact is not None:
            raise contact
        if log is None or placing is None:
            return self._finish(lease, reading, PollResult(lease.terminal, Outcome.UNCHANGED, reading.info.records), full=full)
        return self._finish(lease, reading, self._store(lease, log, placing), full=full)

    def target(self, terminal: Terminal) -> Target:
        """How to reach a terminal now. Raises InvalidTerminalField if its address is not allowed any more."""
        address = check_address(terminal.address or "", allow_loopback=self.allow_loopback)
        transport, layout = Transport(terminal.transport), Layout(terminal.layout)
        return Target(address, terminal.port, transport, self.comm_key(terminal), terminal.timeout or self.timeout, layout)

    def _record_contact(self, session: Session, lease: Lease, reading: Reading) -> AppError | None:
        """What the terminal says about itself. An error if it is not the terminal that it was: then nothing is stored."""
        now = self.clock()
        terminal, info = lease.renewed(session, now), reading.info
        terminal.last_contact_at = now
        if (refused := _check_serial_number(session, terminal, info.serial_number or "", now)) is not None:
            return refused
        terminal.firmware, terminal.platform, terminal.device_name = info.firmware, info.platform, info.device_name
        terminal.record_count, terminal.capacity = info.records, info.capacity
        if terminal.user_count not in (None, info.users) and reading.users is None:
            terminal.fully_read_at = None  # somebody was added: the next poll reads names
        terminal.user_count = info.users
        if reading.clock is not None:
            clocks.record(session, terminal, reading.clock, reading.clock_read_at)
        if reading.users is not None:
            store_users(session, terminal.id, reading.users, now=now)
        return None

    def _prepare(self, session: Session, lease: Lease, log: Log) -> Placing:
        receipt = Receipt.of(lease.terminal, Source.POLL, self.clock())
        days = {record.time.date() for record in log.records} if log.tail_only else log.by_day
        cleared = (lease.terminal.known_records or 0) > log.total
        return prepare(session, receipt, log.records, days=days, follows=log.tail_only or cleared)

    def _store(self, lease: Lease, log: Log, placing: Placing) -> PollResult:
        """A short log in one transaction: with hundreds of terminals at once, each transaction keeps the others waiting."""
        new, last, soon = 0, list[Row](), partial(self.transaction, durable=False)
        for chunk in chunks(placing.rows(log.records)):
            if len(chunk) < CHUNK:
                last = chunk
                continue

            def store(session: Session, rows: list[Row] = chunk) -> int:
                lease.renewed(session, self.clock())
                return store_punches(session, placing.receipt, rows)

            new += bulk.retry(soon, store)

        def store_rest(session: Session) -> tuple[int, int]:
            lease.renewed(session, self.clock())
            stored = store_punches(session, placing.receipt, last)
            quarantined = quarantine(session, placing.receipt, [(each.raw, each.reason, each.position) for each in log.undecodable])
            if log.raw is not None:
                keep_raw_log(session, placing.receipt, log.raw, records=log.total, problem=log.problem or "")
            if log.complete:
                count_days(session, placing.receipt, log.by_day, log.records, whole=not log.tail_only)
            return stored, quarantined

        stored, quarantined = bulk.retry(soon, store_rest)
        outcome = Outcome.STORED if log.complete else Outcome.INCOMPLETE
        return PollResult(lease.terminal, outcome, log.total, len(log.records), new + stored, quarantined, log.problem)

    def _finish(self, lease: Lease, reading: Reading, result: PollResult, *, full: bool) -> PollResult:
        """After everything is committed."""
        now, problem, log = self.clock(), result.problem or ("left_disabled" if reading.left_disabled else None), reading.log
        with self.transaction() as session:
            terminal = lease.renewed(session, now)
            if log is not None and log.complete and log.known is not None:
                terminal.known_records, terminal.known_length, terminal.known_digest = log.known.records, log.known.length, log.known.digest
                terminal.verified_at = log.known.verified_at
                if not log.tail_only:
                    terminal.fully_read_at = now
            if result.outcome is not Outcome.INCOMPLETE:
                terminal.last_sync_at = now
            if reading.left_disabled:
                terminal.fully_read_at = None
            terminal.failures = 0
            terminal.last_error_code, terminal.last_error = problem, _(PROBLEMS[problem]) if problem else None
            terminal.last_error_at = now if problem else None
            if (poll := lease.poll(session)) is not None:
                poll.full, poll.ended_at, poll.outcome, poll.code = full, now, result.outcome, problem
                poll.problem, poll.records, poll.fetched = terminal.last_error, reading.info.records, result.fetched
                poll.new_punches, poll.quarantined = result.new_punches, result.quarantined
            leases.end(terminal)
        return PollResult(terminal, result.outcome, result.records, result.fetched, result.new_punches, result.quarantined, problem)

    def _record_failure(self, lease: Lease, error: AppError) -> None:
        now, code, sentence = self.clock(), error.code, error.message
        if left_disabled := "left_disabled" in error.fields:
            code, sentence = "left_disabled", f"{error.message} {_(PROBLEMS['left_disabled'])}"
        with self.transaction(durable=False) as session:
            if (poll := lease.poll(session)) is not None:
                poll.ended_at, poll.outcome, poll.code, poll.problem = now, Outcome.FAILED, error.code, sentence
            if (terminal := session.get(Terminal, lease.terminal.id, with_for_update=True)) is None or terminal.lease_id != lease.id:
                return
            terminal.failures += 1
            terminal.last_error_code, terminal.last_error, terminal.last_error_at = code, sentence, now
            if left_disabled:
                terminal.fully_read_at = None
            leases.end(terminal)


def known_log(terminal: Terminal) -> KnownLog | None:
    """What the last verified read of the terminal saw."""
    values = (terminal.known_records, terminal.known_length, terminal.known_digest, terminal.verified_at)
    records, length, digest, verified_at = values
    if records is None or length is None or digest is None or verified_at is None:
        return None
    return KnownLog(records, length, digest, verified_at)


def forget_log(terminal: Terminal) -> None:
    """The next poll reads and stores the whole log."""
    terminal.known_records = terminal.known_length = terminal.known_digest = terminal.verified_at = terminal.fully_read_at = None


def _needs_full_read(terminal: Terminal, now: datetime) -> bool:
    """Once a day; and after a poll that may have left the terminal disabled, since a full read enables it even if nothing is new."""
    return terminal.fully_read_at is None or is_over(terminal.fully_read_at, FULL_READ, now)


def _check_serial_number(session: Session, terminal: Terminal, reported: str, now: datetime) -> AppError | None:
    if terminal.serial_number is None and reported:
        try:
            with session.begin_nested():
                session.execute(update(Terminal).where(Terminal.id == terminal.id).values(serial_number=reported))
        except IntegrityError:
            if terminal.reported_serial_number != reported:
                terminal.reported_serial_number, terminal.replaced_at = reported, now
            return SerialNumberTaken(_("Another terminal has the serial number %(number)s. Check both addresses.", number=reported))
    elif terminal.serial_number not in (None, reported):
        if terminal.reported_serial_number != reported:
            terminal.reported_serial_number, terminal.replaced_at = reported, now
        values = {"name": terminal.name, "number": terminal.serial_number, "reported": reported or "–"}
        sentence = _(
            "The terminal %(name)s had the serial number %(number)s and now has %(reported)s. Accept the replacement first.", **values
        )
        return TerminalReplaced(sentence)
    terminal.reported_serial_number = terminal.replaced_at = None
    return None
