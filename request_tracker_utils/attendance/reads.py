"""Stores what was read from terminals: of several that end at the same time, in one transaction.

Everything may be stored again: a transaction that fails is repeated, and a poll that was killed reads the same again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import clocks, leases
from request_tracker_utils.attendance.clocks import Shown
from request_tracker_utils.attendance.completeness import Counted, count_all_days
from request_tracker_utils.attendance.errors import SerialNumberTaken, TerminalReplaced
from request_tracker_utils.attendance.leases import Lease
from request_tracker_utils.attendance.models import Outcome, Source, Terminal, TerminalPoll
from request_tracker_utils.attendance.reading import Log, Reading
from request_tracker_utils.attendance.storing import Receipt, Row, keep_raw_log, prepare, quarantine, store_all_punches, store_all_users
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.imports import bulk

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


@dataclass
class Read:
    """A terminal that was read by the poll with this lease. `full` says that the whole log was asked for.

    `begun` is how many rows of a long log are stored already, `new` how many of these were new, and `rest` are the rows that are left.
    """

    lease: Lease
    reading: Reading
    full: bool
    begun: int = 0
    new: int = 0
    rest: list[Row] | None = None

    @property
    def records(self) -> int:
        """That are to be stored."""
        return 0 if self.reading.log is None else len(self.reading.log.records)


@dataclass
class _Owned:
    """A read that still has its lease, with the terminal's row."""

    read: Read
    terminal: Terminal
    receipt: Receipt
    new: int = 0
    quarantined: int = 0
    rows: Sequence[Row] = field(default_factory=list)


def store_reads(session: Session, reads: Sequence[Read], now: datetime) -> list[PollResult | AppError]:
    """A result for each, or PollTakenOver, TerminalReplaced or SerialNumberTaken."""
    owned, refused = record_contacts(session, reads, now)
    accepted = [each for each in owned if each.read.lease.id not in refused]
    _store_logs(session, [(each, each.read.reading.log) for each in accepted if each.read.reading.log is not None])
    polls = _polls(session, accepted)
    results = {each.read.lease.id: _end(each, polls.get(each.read.lease.poll_id), now) for each in accepted}
    return [refused.get(each.lease.id) or results[each.lease.id] for each in reads]


def record_contacts(session: Session, reads: Sequence[Read], now: datetime) -> tuple[list[_Owned], dict[str, AppError]]:
    """What terminals say about themselves. With an error, by lease, if one is not the terminal that it was: then nothing of it is
    stored."""
    rows = leases.renewed(session, [each.lease for each in reads], now)
    refused: dict[str, AppError] = {each.lease.id: leases.taken_over() for each, row in zip(reads, rows, strict=True) if row is None}
    owned = [_Owned(each, row, Receipt.of(row, Source.POLL, now)) for each, row in zip(reads, rows, strict=True) if row is not None]
    refused |= _check_serial_numbers(session, owned, now)
    shown, tables = [], {}
    for each in owned:
        terminal, info, reading = each.terminal, each.read.reading.info, each.read.reading
        terminal.last_contact_at = now
        if each.read.lease.id in refused:
            continue
        terminal.firmware, terminal.platform, terminal.device_name = info.firmware, info.platform, info.device_name
        terminal.record_count, terminal.capacity = info.records, info.capacity
        if terminal.user_count not in (None, info.users) and reading.users is None:
            terminal.fully_read_at = None  # somebody was added: the next poll reads names
        terminal.user_count = info.users
        if reading.clock is not None:
            shown.append(Shown(terminal, reading.clock, reading.clock_read_at))
        if reading.users is not None:
            tables[terminal.id] = reading.users
    clocks.record(session, shown)
    store_all_users(session, tables, now=now)
    return owned, refused


def placed_rows(session: Session, terminal: Terminal, log: Log, receipt: Receipt) -> Iterator[Row]:
    """The rows of a log's records."""
    days = {record.time.date() for record in log.records} if log.tail_only else log.by_day
    cleared = (terminal.known_records or 0) > log.total
    return prepare(session, receipt, log.records, days=days, follows=log.tail_only or cleared).rows(log.records)


def _store_logs(session: Session, owned: Sequence[tuple[_Owned, Log]]) -> None:
    for each, log in owned:
        rest = each.read.rest
        each.rows = list(placed_rows(session, each.terminal, log, each.receipt)) if rest is None else rest
    stored = store_all_punches(session, [(each.receipt, each.rows) for each, _log in owned])
    counted = []
    for each, log in owned:
        each.new = each.read.new + stored[each.terminal.id]
        each.quarantined = quarantine(session, each.receipt, [(record.raw, record.reason, record.position) for record in log.undecodable])
        if log.raw is not None:
            keep_raw_log(session, each.receipt, log.raw, records=log.total, problem=log.problem or "")
        if log.complete:
            all_new = each.new == each.read.begun + len(each.rows)
            counted.append(Counted(each.receipt, log.by_day, log.records, whole=not log.tail_only, all_new=all_new))
    count_all_days(session, counted)


def _polls(session: Session, owned: Sequence[_Owned]) -> Mapping[int, TerminalPoll]:
    """The rows of these polls, by ID; the history may have been deleted."""
    ids = [each.read.lease.poll_id for each in owned]
    return {row.id: row for row in session.scalars(select(TerminalPoll).where(TerminalPoll.id.in_(ids)))} if ids else {}


def _end(owned: _Owned, poll: TerminalPoll | None, now: datetime) -> PollResult:
    reading, terminal = owned.read.reading, owned.terminal
    log, problem = reading.log, None if reading.log is None else reading.log.problem
    outcome = Outcome.UNCHANGED if log is None else Outcome.STORED if log.complete else Outcome.INCOMPLETE
    problem = problem or ("left_disabled" if reading.left_disabled else None)
    if log is not None and log.complete and log.known is not None:
        terminal.known_records, terminal.known_length, terminal.known_digest = log.known.records, log.known.length, log.known.digest
        terminal.verified_at = log.known.verified_at
        if not log.tail_only:
            terminal.fully_read_at = now
    if outcome is not Outcome.INCOMPLETE:
        terminal.last_sync_at = now
    if reading.left_disabled:
        terminal.fully_read_at = None
    terminal.failures = 0
    terminal.last_error_code, terminal.last_error = problem, _(PROBLEMS[problem]) if problem else None
    terminal.last_error_at = now if problem else None
    fetched = 0 if log is None else len(log.records)
    if poll is not None:
        poll.full, poll.ended_at, poll.outcome, poll.code = owned.read.full, now, outcome, problem
        poll.problem, poll.records, poll.fetched = terminal.last_error, reading.info.records, fetched
        poll.new_punches, poll.quarantined = owned.new, owned.quarantined
    leases.end(terminal)
    records = reading.info.records if log is None else log.total
    return PollResult(terminal, outcome, records, fetched, owned.new, owned.quarantined, problem)


def _check_serial_numbers(session: Session, owned: Sequence[_Owned], now: datetime) -> dict[str, AppError]:
    """Learns the serial numbers of terminals that answer for the first time. Errors by lease."""
    refused: dict[str, AppError] = {}
    first = {each.read.reading.info.serial_number for each in owned if each.terminal.serial_number is None}
    numbers = [number for number in first if number]
    taken = set(session.scalars(select(Terminal.serial_number).where(Terminal.serial_number.in_(numbers)))) if numbers else set()
    for each in owned:
        terminal, reported = each.terminal, each.read.reading.info.serial_number or ""
        if terminal.serial_number is None and reported:
            if reported in taken:
                _notice(terminal, reported, now)
                refused[each.read.lease.id] = SerialNumberTaken(
                    _("Another terminal has the serial number %(number)s. Check both addresses.", number=reported)
                )
                continue
            terminal.serial_number = reported
            taken.add(reported)
        elif terminal.serial_number not in (None, reported):
            refused[each.read.lease.id] = _replaced(terminal, reported, now)
            continue
        terminal.reported_serial_number = terminal.replaced_at = None
    try:
        session.flush()
    except IntegrityError as error:
        raise bulk.ConcurrentChange from error  # another transaction has just learned the same number
    return refused


def _replaced(terminal: Terminal, reported: str, now: datetime) -> TerminalReplaced:
    _notice(terminal, reported, now)
    values = {"name": terminal.name, "number": terminal.serial_number, "reported": reported or "–"}
    return TerminalReplaced(
        _("The terminal %(name)s had the serial number %(number)s and now has %(reported)s. Accept the replacement first.", **values)
    )


def _notice(terminal: Terminal, reported: str, now: datetime) -> None:
    """Another serial number than expected has answered; alerts and pages say since when."""
    if terminal.reported_serial_number != reported:
        terminal.reported_serial_number, terminal.replaced_at = reported, now
