"""Runs of the computation: of what has changed since the last run, and of a range of days.

**What has changed** is found by two things: punches with an ID behind the last one that was processed, and the queue of days with
other changes of their punches (`attendance/changed_days.py`). Both are recorded as done after the days are written, so a run that is
killed is repeated. Days are computed in chunks of users, each in a short transaction under one lock, so that a second run in another
process waits for each chunk and then finds nothing to write.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import and_, delete, exists, func, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.effective import EFFECTIVE_AT
from request_tracker_utils.attendance.models import ChangedDays, ClockRepair, Punch
from request_tracker_utils.core.db import StoredValue, Transaction, store_once, stored_value
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.imports import bulk
from request_tracker_utils.workdays import pay_adjustments
from request_tracker_utils.workdays.computing import Computed, How, compute, lock
from request_tracker_utils.workdays.models import Workday
from request_tracker_utils.workdays.windows import FIRST_DAY, LAST_DAY, date_of, day_of, local_datetime

MARK = "workdays: punches up to"
PUNCHES = 50_000
"""New punches that are processed together."""
CHUNK_DAYS = 5_000
"""Days of users that are computed in one transaction: a few tenths of a second, during which SQLite has no other writer."""
CHANGES = 10_000
"""Rows of the queue that are processed together."""
Stretch = tuple[int, int]
"""From one day to another."""
_OF_REPAIR = and_(Punch.terminal_id == ClockRepair.terminal_id, Punch.id.between(ClockRepair.first_punch_id, ClockRepair.last_punch_id))


@dataclass(frozen=True)
class Processor:
    """What runs need from the app."""

    transaction: Transaction
    reading: Callable[[], AbstractContextManager[Session]]
    how: Callable[[Session], How]
    """Reads schedules and holidays, for each chunk."""
    settled_id: Callable[[Session], int]
    """The largest ID of a punch before which no other can still appear, see `attendance/punch_counts.py`."""
    stopping: Callable[[], bool] = lambda: False
    progress: Callable[[int, int], None] = lambda _done, _total: None
    """Called with how many days of users were computed, and how many there are."""


@dataclass
class Summary:
    """What a run has done. `failed` are days of users that could not be written; the next run computes them again."""

    punches: int = 0
    days: int = 0
    outliers: int = 0
    written: int = 0
    failed: int = 0
    complete: bool = True
    """Whether the run has not been stopped."""

    def add(self, done: Computed) -> None:
        self.punches += done.punches
        self.days += done.days
        self.outliers += done.outliers
        self.written += done.written


@dataclass
class _Work:
    """The stretches of days to compute, by user ID."""

    stretches: dict[str, list[Stretch]] = field(default_factory=lambda: defaultdict(list))

    def add(self, user_id: str, first: int, last: int) -> None:
        self.stretches[user_id].append((first, last))

    def chunks(self) -> Iterator[tuple[set[str], Stretch]]:
        """Users with stretches that are near each other, and the days of all of them."""
        each = sorted((*stretch, user_id) for user_id, stretches in self.stretches.items() for stretch in _merged(stretches))
        users, first, last = set[str](), 0, 0
        for begin, end, user_id in each:
            if users and (max(last, end) - first + 1) * (len(users | {user_id})) > CHUNK_DAYS:
                yield users, (first, last)
                users = set()
            first, last = (min(first, begin), max(last, end)) if users else (begin, end)
            users.add(user_id)
        if users:
            yield users, (first, last)


def process_changes(run: Processor) -> Summary:
    """Computes what has changed since the last run. Every punch that could be seen at its beginning is in its days afterwards."""
    done = Summary()
    _process_queue(run, done)
    while done.complete and not done.failed:
        with run.reading() as session:
            settled = run.settled_id(session)
            mark = int(stored_value(session, MARK) or 0)
            following = select(Punch.id).where(Punch.id > mark).order_by(Punch.id).limit(PUNCHES).subquery()
            newest, found = session.execute(select(func.max(following.c.id), func.count())).one()
            between = Punch.id.between(mark + 1, newest or 0)
            new = session.execute(select(Punch.user_id, func.date(Punch.terminal_time)).where(between).distinct()).all()
        work = _Work()
        for user_id, day in new:
            number = day_of(date.fromisoformat(day) if isinstance(day, str) else day)
            work.add(user_id, max(number - 1, FIRST_DAY), min(number + 1, LAST_DAY))
        _process(run, work, done)
        if not done.complete or done.failed or not new:
            break
        # What came before a punch that cannot be seen yet is looked at again.
        processed = min(newest, settled)
        if processed > mark:
            with run.transaction(durable=False) as session:
                _advance(session, processed)
        if found < PUNCHES or processed <= mark:
            break
    return done


def process_range(run: Processor, first: date, last: date) -> Summary:
    """Computes all workdays from one day to another."""
    done, work = Summary(), _Work()
    with run.reading() as session:
        _add_range(session, work, day_of(first), day_of(last))
    _process(run, work, done)
    return done


def _process_queue(run: Processor, done: Summary) -> None:
    while done.complete and not done.failed:
        with run.reading() as session:
            rows = session.scalars(select(ChangedDays).order_by(ChangedDays.id).limit(CHANGES)).all()
            work = _Work()
            for row in rows:
                first, last = day_of(row.first_day), day_of(row.last_day)
                if row.user_id is None:
                    _add_range(session, work, first, last)
                else:
                    work.add(row.user_id, first, last)
            _clip(session, work)
        _process(run, work, done)
        if not rows or not done.complete or done.failed:
            return
        with run.transaction(durable=False) as session:
            session.execute(delete(ChangedDays).where(bulk.id_in(session, ChangedDays.__table__, [row.id for row in rows])))  # type: ignore[arg-type]


def _process(run: Processor, work: _Work, done: Summary) -> None:
    chunks = list(work.chunks())
    sizes = [len(users) * (last - first + 1) for users, (first, last) in chunks]
    if not chunks:
        return
    finished = 0
    for (users, (first, last)), size in zip(chunks, sizes, strict=True):
        if run.stopping():
            done.complete = False
            return
        try:
            done.add(bulk.retry(_not_durable(run.transaction), lambda session, u=users, s=(first, last): _chunk(session, u, s, run.how)))  # type: ignore[misc]
        except Unavailable:
            done.failed += size
        finished += size
        run.progress(finished, sum(sizes))


def _chunk(session: Session, users: Collection[str], stretch: Stretch, rules: Callable[[Session], How]) -> Computed:
    lock(session)
    how = rules(session)  # under the lock: another process may have computed these days by newer hours or holidays already
    pay_adjustments.lock_periods(session, date_of(stretch[0]), date_of(stretch[1]))  # before the rows, as reviews do: no deadlock
    computed = compute(session, users, *stretch, how)
    pay_adjustments.record_changes(session, computed.changed, how.now)
    return computed


def _not_durable(transaction: Transaction) -> Transaction:
    """What is computed can be computed again, so nobody waits for the disk."""

    def without_waiting(*, durable: bool = False) -> AbstractContextManager[Session]:
        return transaction(durable=durable)

    return without_waiting


def _advance(session: Session, punch_id: int) -> None:
    """Never back: another process may have processed more."""
    store_once(session, MARK, "0")
    session.execute(select(StoredValue.value).where(StoredValue.name == MARK).with_for_update())
    if int(stored_value(session, MARK) or 0) < punch_id:
        session.execute(update(StoredValue).where(StoredValue.name == MARK).values(value=str(punch_id)))


def _add_range(session: Session, work: _Work, first: int, last: int) -> None:
    """All users who have punches or workdays on these days."""
    begin, end = local_datetime((max(first, FIRST_DAY + 2) - 1) * 86_400), local_datetime((min(last, LAST_DAY - 2) + 2) * 86_400)
    users = set(session.scalars(select(Punch.user_id).where(Punch.terminal_time >= begin, Punch.terminal_time < end).distinct()))
    users |= set(session.scalars(select(Workday.user_id).where(Workday.date.between(date_of(first), date_of(last))).distinct()))
    users |= set(session.scalars(select(Punch.user_id).join(ClockRepair, _OF_REPAIR).where(ClockRepair.reversed_at.is_(None)).distinct()))
    for user_id in users:
        work.add(user_id, first, last)


def _clip(session: Session, work: _Work) -> None:
    """Limits stretches to the days on which a user has punches or workdays: people are changed from any day on."""
    is_repaired = session.scalar(select(exists().where(ClockRepair.reversed_at.is_(None))))
    for user_id, stretches in work.stretches.items():
        punched = select(func.min(Punch.terminal_time), func.max(Punch.terminal_time)).where(Punch.user_id == user_id)
        computed = select(func.min(Workday.date), func.max(Workday.date)).where(Workday.user_id == user_id)
        moved = select(func.min(EFFECTIVE_AT), func.max(EFFECTIVE_AT)).join(ClockRepair, _OF_REPAIR).where(Punch.user_id == user_id)
        queries = (punched, computed, moved.where(ClockRepair.reversed_at.is_(None))) if is_repaired else (punched, computed)
        found = [each for query in queries for each in session.execute(query).one() if each is not None]
        days = [day_of(each) for each in found]
        if not days:
            stretches.clear()
            continue
        begin, end = min(days) - 1, max(days) + 1
        stretches[:] = [(max(first, begin), min(last, end)) for first, last in stretches if first <= end and last >= begin]


def _merged(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Without overlaps, in order."""
    found: list[Stretch] = []
    for first, last in sorted(stretches):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found
