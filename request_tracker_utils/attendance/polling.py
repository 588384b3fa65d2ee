"""Polls a terminal: reads it without a transaction, and stores what it says in short ones.

A poll may be killed at every step. What it has stored remains, the rest is read and stored again, and `last_sync_at` changes only when
everything of the log is committed. Only the last transaction waits for the disk, which makes the others durable too.
Polls that begin or end at the same time share a transaction, so that hundreds of terminals are stored as soon as they have answered.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import leases
from request_tracker_utils.attendance.addresses import check_address
from request_tracker_utils.attendance.batches import Batches
from request_tracker_utils.attendance.errors import PollFailed
from request_tracker_utils.attendance.leases import Lease, Wanted
from request_tracker_utils.attendance.models import Outcome, Terminal
from request_tracker_utils.attendance.reading import KnownLog, Layout, Reading, Target, Transport
from request_tracker_utils.attendance.reads import PROBLEMS, PollResult, Read, placed_rows, record_contacts, store_reads
from request_tracker_utils.attendance.storing import CHUNK, Receipt, Row, chunks, store_punches
from request_tracker_utils.core.clock import is_over
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.imports import bulk

log = structlog.get_logger(__name__)
FULL_READ = timedelta(hours=24)
"""The whole log is read at least this often, with the table of users."""


class Reader(Protocol):
    """Reads terminals: `reading.TerminalReader`, or what a test puts in its place."""

    def read(self, target: Target, *, deadline: float, known: KnownLog | None, full: bool, with_users: bool) -> Reading: ...


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
    beginnings: Batches[Wanted, Lease] = field(default_factory=Batches)
    endings: Batches[Read, PollResult] = field(default_factory=lambda: Batches(CHUNK))

    def poll(self, terminal_id: int, *, full: bool = False, started_by: str = "") -> PollResult:
        """Raises TerminalNotFound, TerminalNotPolled, TerminalBusy, TerminalReplaced, SerialNumberTaken, PollFailed, and what reading
        raises. An error is recorded with the terminal before it is raised."""
        lease = self.beginnings.run(Wanted(terminal_id, full, started_by), self._begin)
        try:
            return self._poll(lease, full=full or _needs_full_read(lease.terminal, self.clock()))
        except AppError as error:
            self._record_failure(lease, error)
            raise
        except Exception as error:
            # Without the end of its lease, nobody could poll the terminal again; and it costs no other terminal of the round.
            log.exception("a poll failed unexpectedly", terminal=lease.terminal.name)
            failure = PollFailed(_("The poll failed unexpectedly. Look at the log of the server."))
            self._record_failure(lease, failure)
            raise failure from error

    def target(self, terminal: Terminal) -> Target:
        """How to reach a terminal now. Raises InvalidTerminalField if its address is not allowed now."""
        address = check_address(terminal.address or "", allow_loopback=self.allow_loopback)
        transport, layout = Transport(terminal.transport), Layout(terminal.layout)
        return Target(address, terminal.port, transport, self.comm_key(terminal), terminal.timeout or self.timeout, layout)

    def _begin(self, wanted: Sequence[Wanted]) -> Sequence[Lease | AppError]:
        def begin(session: Session) -> Sequence[Lease | AppError]:
            return leases.begin(session, wanted, longest_read=timedelta(seconds=self.deadline), now=self.clock())

        return bulk.retry(partial(self.transaction, durable=False), begin)

    def _poll(self, lease: Lease, *, full: bool) -> PollResult:
        known = known_log(lease.terminal)
        reading = self.reader.read(self.target(lease.terminal), deadline=self.deadline, known=known, full=full, with_users=full)
        read = Read(lease, reading, full)
        if read.records > CHUNK:
            self._store_beginning(read)
        return self.endings.run(read, self._store, weight=CHUNK if read.rest is not None else read.records)

    def _store_beginning(self, read: Read) -> None:
        """All but the last chunk of a long log, each in a transaction."""
        soon, log = partial(self.transaction, durable=False), read.reading.log

        def prepare(session: Session) -> tuple[Receipt, Iterator[Row]] | None:
            owned, refused = record_contacts(session, [read], self.clock())
            if refused or log is None:
                return None
            return owned[0].receipt, placed_rows(session, owned[0].terminal, log, owned[0].receipt)

        with self.endings.alone():
            prepared = bulk.retry(soon, prepare)
        if prepared is None:
            return  # it is refused again when the rest is stored
        receipt, rows = prepared
        for chunk in chunks(rows):
            if len(chunk) < CHUNK:
                read.rest = chunk
                return

            def store(session: Session, rows: list[Row] = chunk) -> int:
                if leases.renewed(session, [read.lease], self.clock()) == [None]:
                    raise leases.taken_over()
                return store_punches(session, receipt, rows)

            with self.endings.alone():
                read.new += bulk.retry(soon, store)
            read.begun += len(chunk)
        read.rest = []

    def _store(self, reads: Sequence[Read]) -> Sequence[PollResult | AppError]:
        return bulk.retry(self.transaction, lambda session: store_reads(session, reads, self.clock()))

    def _record_failure(self, lease: Lease, error: AppError) -> None:
        now, code, sentence = self.clock(), error.code, error.message
        if left_disabled := "left_disabled" in error.fields:
            code, sentence = "left_disabled", f"{error.message} {_(PROBLEMS['left_disabled'])}"

        def record(session: Session) -> None:
            # The terminal is locked before its poll, as in other transactions.
            terminal = session.get(Terminal, lease.terminal.id, with_for_update=True)
            if (poll := lease.poll(session)) is not None:
                poll.ended_at, poll.outcome, poll.code, poll.problem = now, Outcome.FAILED, code, sentence
            if terminal is None or terminal.lease_id != lease.id:
                return
            terminal.failures += 1
            terminal.last_error_code, terminal.last_error, terminal.last_error_at = code, sentence, now
            if left_disabled:
                terminal.fully_read_at = None
            leases.end(terminal)

        with self.endings.alone():
            bulk.retry(partial(self.transaction, durable=False), record)


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
