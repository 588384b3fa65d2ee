"""Stores what was read from a terminal. Everything may be stored again: what is known already is ignored.

Functions take an open session and never commit. A log is stored in chunks, each in a transaction of the caller's, so that a long log does
not keep other writers waiting; a process that dies between two chunks has stored the first ones, and the next poll stores the others.
"""

import hashlib
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import Punch, QuarantinedRecord, RawLog, Source, Terminal, TerminalUserRow
from request_tracker_utils.attendance.models.punches import MAX_USER_ID, MAX_USER_NAME
from request_tracker_utils.attendance.plausibility import Plausibility, resume
from request_tracker_utils.attendance.zones import Passes, Recorded, constant_offset, is_repeated
from request_tracker_utils.imports import bulk

CHUNK = 10_000
"""Records per transaction."""
RAW_LOGS = 3
"""Logs of an unknown record size that are kept for each terminal: each contains the former ones, unless the log was cleared."""
PUSHED = -1
"""The position of a record that was pushed."""
DAY = timedelta(days=1)
COLUMNS: tuple[str, ...] = (
    "user_id",
    "uid",
    "terminal_time",
    "occurrence",
    "punched_at",
    "in_gap",
    "status",
    "punch_state",
    "work_code",
    "implausible",
)
Row = tuple[Any, ...]


class Recordable(Protocol):
    """A record of a log, pulled or pushed: see `decoding.Record`."""

    @property
    def user_id(self) -> str: ...
    @property
    def uid(self) -> int | None: ...
    @property
    def time(self) -> datetime: ...
    @property
    def status(self) -> int: ...
    @property
    def punch(self) -> int: ...
    @property
    def work_code(self) -> int | str | None: ...


@dataclass(frozen=True)
class Receipt:
    """How records came: from which terminal, with its settings at that time, and when."""

    terminal_id: int
    timezone: str
    cutoff: datetime | None
    source: Source
    received_at: datetime

    @classmethod
    def of(cls, terminal: Terminal, source: Source, received_at: datetime) -> "Receipt":
        return cls(terminal.id, terminal.timezone, terminal.cutoff, source, received_at)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


@dataclass
class Placing:
    """Turns records into rows, in the order of the log. It remembers what came before, so that all records of a log go through the same
    one."""

    receipt: Receipt
    passes: Passes
    plausibility: Plausibility

    def rows(self, records: Iterable[Recordable]) -> Iterator[Row]:
        """Records from before the cutoff are left out."""
        place, judge, cutoff = self.passes.place, self.plausibility.judge, self.receipt.cutoff
        for record in records:
            if cutoff is not None and record.time < cutoff:
                continue
            placed = place(record.user_id, record.time)
            yield (
                record.user_id,
                record.uid,
                record.time,
                placed.occurrence,
                placed.at,
                placed.in_gap,
                record.status,
                record.punch,
                None if record.work_code is None else str(record.work_code),
                judge(record.time, placed.at),
            )


def prepare(session: Session, receipt: Receipt, records: Iterable[Recordable], *, days: Iterable[date], follows: bool) -> Placing:
    """Before the first chunk. `days` are those of the records, and `follows` says that the records come after those that are stored: they
    are the end of a log, or were pushed."""
    passes = Passes(receipt.zone)
    for recorded, occurrence in _stored_repeats(session, receipt, days):
        passes.stored.setdefault(recorded, []).append(occurrence)
        if follows:
            passes.resume(recorded, occurrence)
    first = next(iter(records), None) if follows else None
    judged = Plausibility(receipt.received_at) if first is None else resume(session, receipt.terminal_id, first.time, receipt.received_at)
    return Placing(receipt, passes, judged)


def chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """The rows of one transaction each."""
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def store_punches(session: Session, receipt: Receipt, rows: Sequence[Row]) -> int:
    """Returns how many are new."""
    return store_all_punches(session, [(receipt, rows)])[receipt.terminal_id]


def store_all_punches(session: Session, received: Sequence[tuple[Receipt, Sequence[Row]]]) -> Counter[int]:
    """The punches of several terminals, which came at the same time and in the same way. Returns how many are new of each."""
    reassigned = _reassigned_uids(session, [receipt.terminal_id for receipt, _rows in received])
    new = [(receipt, _without_known(session, receipt, rows, reassigned.get(receipt.terminal_id, set()))) for receipt, rows in received]
    if not new:
        return Counter()
    receipt, rows = new[0]
    names, of_terminal = COLUMNS, {"terminal_id": receipt.terminal_id, "timezone": receipt.timezone}
    if len(new) > 1:
        names, of_terminal = (*COLUMNS, *of_terminal), {}
        rows = [(*row, each.terminal_id, each.timezone) for each, of_each in new for row in of_each]
    shared = of_terminal | {"source": receipt.source, "received_at": receipt.received_at}
    return bulk.insert_new_by(session, Punch.__table__, "terminal_id", names, rows, shared)  # type: ignore[arg-type]


def store_users(session: Session, terminal_id: int, users: Sequence[Any], *, now: datetime) -> None:
    """See `store_all_users`."""
    store_all_users(session, {terminal_id: users}, now=now)


def store_all_users(session: Session, tables: Mapping[int, Sequence[Any]], *, now: datetime) -> None:
    """The tables of users of several terminals as they are now. Users that a table lacks are marked as removed: their punches remain
    theirs."""
    stored: dict[int, dict[str, TerminalUserRow]] = {terminal_id: {} for terminal_id in tables}
    for row in session.scalars(select(TerminalUserRow).where(TerminalUserRow.terminal_id.in_(tables))) if tables else ():
        stored[row.terminal_id][row.user_id] = row
    new = list[Row]()
    for terminal_id, users in tables.items():
        known = stored[terminal_id]
        found = {user.user_id: (user.uid, user.name[:MAX_USER_NAME]) for user in users if 0 < len(user.user_id) <= MAX_USER_ID}
        new += [(terminal_id, user_id, *values) for user_id, values in found.items() if user_id not in known]
        for user_id, row in known.items():
            if user_id not in found:
                row.removed_at = row.removed_at or now
            elif (row.uid, row.name) != found[user_id] or row.removed_at:
                (row.uid, row.name), row.changed_at, row.removed_at = found[user_id], now, None
    shared = {"first_seen_at": now, "changed_at": now}
    bulk.insert_new(session, TerminalUserRow.__table__, ("terminal_id", "user_id", "uid", "name"), new, shared)  # type: ignore[arg-type]


def quarantine(session: Session, receipt: Receipt, records: Sequence[tuple[bytes, str, int]]) -> int:
    """Stores records that could not be decoded: bytes, reason and position. Returns how many are new."""
    rows = [(raw, hashlib.sha256(raw).digest(), reason[:200], position) for raw, reason, position in records]
    shared = {"terminal_id": receipt.terminal_id, "source": receipt.source, "received_at": receipt.received_at}
    return bulk.insert_new(session, QuarantinedRecord.__table__, ("raw", "digest", "reason", "position"), rows, shared)  # type: ignore[arg-type]


def keep_raw_log(session: Session, receipt: Receipt, raw: bytes, *, records: int, problem: str) -> None:
    """Stores a log with records of an unknown size, and deletes the oldest of several."""
    row = (zlib.compress(raw, 6), hashlib.sha256(raw).digest(), len(raw), records)
    shared = {"terminal_id": receipt.terminal_id, "problem": problem, "received_at": receipt.received_at}
    names = ("content", "digest", "length", "records")
    bulk.insert_new(session, RawLog.__table__, names, [row], shared)  # type: ignore[arg-type]
    of_terminal = RawLog.terminal_id == receipt.terminal_id
    oldest = select(RawLog.id).where(of_terminal).order_by(RawLog.id.desc()).offset(RAW_LOGS - 1).limit(1).scalar_subquery()
    session.execute(delete(RawLog).where(of_terminal, RawLog.id < oldest))


def _stored_repeats(session: Session, receipt: Receipt, days: Iterable[date]) -> list[tuple[Recorded, int]]:
    """Stored punches of repeated hours on these days, in the order in which they were stored."""
    found = []
    for day in sorted({each for each in days if constant_offset(receipt.zone, each) is None}):
        begin = datetime.combine(day, time())
        on_day = (Punch.terminal_id == receipt.terminal_id, Punch.terminal_time >= begin, Punch.terminal_time < begin + DAY)
        for user_id, at, occurrence in session.execute(
            select(Punch.user_id, Punch.terminal_time, Punch.occurrence).where(*on_day).order_by(Punch.id)
        ):
            if is_repeated(receipt.zone, at):
                found.append(((user_id, at), occurrence))
    return found


def _reassigned_uids(session: Session, terminal_ids: Sequence[int]) -> dict[int, set[int | None]]:
    """The uids of each terminal that have belonged to several user IDs."""
    of_terminals = (TerminalUserRow.terminal_id.in_(terminal_ids), TerminalUserRow.uid.is_not(None))
    uid = (TerminalUserRow.terminal_id, TerminalUserRow.uid)
    found: dict[int, set[int | None]] = {}
    for terminal_id, number in session.execute(select(*uid).where(*of_terminals).group_by(*uid).having(func.count() > 1)):
        found.setdefault(terminal_id, set()).add(number)
    return found


def _without_known(session: Session, receipt: Receipt, rows: Sequence[Row], reassigned: set[int | None]) -> Sequence[Row]:
    """The rows without those that are stored with the same uid, time and pass, for reassigned uids. Where records identify users by their
    uid alone, an old record would otherwise come back as a punch of the new user."""
    times = [row[2] for row in rows if row[1] in reassigned] if reassigned else []
    if not times:
        return rows
    between = (Punch.terminal_id == receipt.terminal_id, Punch.terminal_time.between(min(times), max(times)))
    stored = session.execute(select(Punch.uid, Punch.terminal_time, Punch.occurrence).where(*between, Punch.uid.in_(reassigned)))
    known = {(row[0], row[1], row[2]) for row in stored}
    return [row for row in rows if (row[1], row[2], row[3]) not in known]
