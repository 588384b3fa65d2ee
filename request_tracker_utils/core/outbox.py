"""The outbox: rows that are still to be sent to another system, and the one mechanism that claims, settles, postpones and retries them.

The row itself is the queue. A domain describes the columns of its table once (`Outbox(Device, due=Device.rt_due_at, …)`), marks a row as
due in the transaction that changes it, and a job sends what is due:

    while claims := OUTBOX.claim_due(transaction, clock, limit=100):
        with OUTBOX.recording(transaction, claims, clock):           # if the other system is unreachable, all are due again soon
            for claim in claims:
                with OUTBOX.attempt(transaction, claim, clock):      # another error affects this row only
                    send(claim.row)                                  # no transaction is open here
                    with transaction() as session:
                        OUTBOX.settle(session, claim)

A claim is a lease: if its process dies, the row is claimed again after the lease has ended. So everything is sent at least once, and the
sender must make a repetition harmless (by an idempotency key, or by searching first). **A lost claim writes nothing**: each write compares
the row with the claim (lease, attempts), so a late process never overwrites the result of another one. So a clock that is set back or
forward does no harm either: a row is claimed again early, and none waits longer than its own pause (`core/clock.py`).
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

from sqlalchemy import ColumnElement, and_, case, func, inspect, literal, or_, select, true, update
from sqlalchemy.orm import InstrumentedAttribute, Session, object_session
from sqlalchemy.orm.attributes import set_committed_value

from request_tracker_utils.core.clock import SKEW, column_is_due
from request_tracker_utils.core.db import Transaction, affected, after_commit, upsert_into
from request_tracker_utils.core.errors import AppError, Unavailable, UpstreamRefused

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
V = TypeVar("V")

LEASE = timedelta(minutes=5)
"""Default duration of a claim. Longer than any batch takes."""
UNREACHABLE = timedelta(seconds=30)
"""How long a row waits after the other system could not be reached. That is no failed attempt of the row."""


@dataclass(frozen=True)
class Backoff:
    """The pause before the next attempt: it grows by `factor` from `first` to `longest`."""

    first: timedelta = timedelta(seconds=5)
    factor: int = 3
    longest: timedelta = timedelta(hours=1)

    def pause(self, attempts: int) -> timedelta:
        """After so many failed attempts."""
        growth: int = self.factor ** min(max(attempts - 1, 0), 20)
        return min(self.longest, self.first * growth)


class Rejected(UpstreamRefused):
    """The other system will never accept this: retries are useless until the data is corrected."""

    code = "rejected"


@dataclass(frozen=True)
class Claim(Generic[R]):
    """A row that this process works on until `leased_until`. `row` is detached, as it was when it was claimed."""

    row: R
    id: Any
    attempts: int
    """Including this one; 0 where the table counts none."""
    leased_until: datetime
    unchanged: tuple[Any, ...]


@dataclass(frozen=True)
class Outbox(Generic[R]):
    """Maps a table's columns to the mechanism. All methods but two take an open session, write, and never commit."""

    model: type[R]
    due: InstrumentedAttribute[datetime | None]
    """When the row is claimed next. While it is claimed, the end of the lease; empty when nothing is left to do."""
    problem: InstrumentedAttribute[str | None]
    """Why the last attempt failed. With `due` empty: why no further one is made."""
    attempts: Any = None
    """An integer column. Without it nothing is counted: each pause is `backoff.first`."""
    key: InstrumentedAttribute[str] | None = None
    """A unique column: `add` writes one row for each value, however often it is called."""
    job: str | None = None
    """The job that processes this outbox. It runs soon after each commit that makes a row due."""
    lease: timedelta = LEASE
    backoff: Backoff = Backoff()
    max_attempts: int | None = None
    """After so many the row has failed for good. Without it, attempts go on for ever."""
    only: ColumnElement[bool] | None = None
    """Rows that do not fit this are never claimed or counted, due or not."""
    unchanged: tuple[InstrumentedAttribute[Any], ...] = ()
    """More columns that end the claim when another process changes them."""
    longest_wait: timedelta = timedelta(0)
    """The longest pause that the domain itself sets, if it is longer than the lease."""
    renewed: bool = False
    """The lease is renewed while the work runs (`renew`), so it identifies no claim: `attempts` alone does, and never goes down."""
    resend_lost: bool = False
    """The row describes a state, not a message. Where a claim was lost, an older state may have arrived last: the row is due again."""

    # Making rows due

    def mark_due(self, row: R, *, now: datetime) -> None:
        """Makes a row of a session due, as new work. Raises ValueError if the row is not in a session."""
        session = object_session(row)
        if session is None:
            raise ValueError("add the row to a session first")
        for name, value in self._new_work(now).items():
            setattr(row, name, value)
        self._run_soon(session)

    def mark_all_due(self, session: Session, *where: ColumnElement[bool], now: datetime) -> int:
        """The same for all rows that fit; returns how many."""
        self._run_soon(session)
        return affected(session.execute(update(self.model).where(*where).values(self._new_work(now))))

    def add(self, session: Session, *, now: datetime, **values: object) -> R | None:
        """Inserts a row that is due. None when there is one with its key: the same event is never sent twice."""
        if self.key is None:
            raise ValueError("this outbox has no idempotency key")
        insert = upsert_into(session)(self.model).values({**self._new_work(now), **values})
        row: R | None = session.scalar(insert.on_conflict_do_nothing(index_elements=[self.key]).returning(self.model))
        self._run_soon(session)
        return row

    def retry(self, session: Session, *where: ColumnElement[bool], now: datetime) -> int:
        """Retries rows with a problem soon, including those that failed permanently. Returns how many. Their problem remains until then."""
        again = self._new_work(now)
        del again[self.problem.key]
        self._run_soon(session)
        return affected(session.execute(update(self.model).where(self._fits, self.problem.is_not(None), *where).values(again)))

    # Claiming

    def claim(self, session: Session, *where: ColumnElement[bool], now: datetime, limit: int, **values: object) -> list[Claim[R]]:
        """Claims the rows that are due longest, sets these values, and skips what others are claiming at this moment."""
        query = select(self.model).where(self._is_due(now), self._fits, *where).order_by(self.due, self._id).limit(limit)
        rows = list(session.scalars(query.with_for_update(skip_locked=True)))
        if not rows:
            return []
        taken = {self.due.key: now + self.lease, **values}
        counted = {} if self.attempts is None else {self.attempts.key: self.attempts + 1}
        claimed = update(self.model).where(self._id.in_([self._id_of(row) for row in rows])).values({**taken, **counted})
        session.execute(claimed.execution_options(synchronize_session=False))
        for row in rows:  # what was written, without reading it back
            for name, value in taken.items():
                set_committed_value(row, name, value)
            if self.attempts is not None:
                set_committed_value(row, self.attempts.key, getattr(row, self.attempts.key) + 1)
        return [self._claim_of(row, now + self.lease) for row in rows]

    def claim_due(self, transaction: Transaction, clock: Callable[[], datetime], *, limit: int) -> list[Claim[R]]:
        """`claim` in a transaction of its own."""
        with transaction() as session:
            return self.claim(session, now=clock(), limit=limit)

    def locked(self, session: Session, claim: Claim[R]) -> R | None:
        """The row as it is now, locked until the transaction ends; None when the claim was lost."""
        query = select(self.model).where(*self._still(claim)).with_for_update()
        return session.scalar(query.execution_options(populate_existing=True))

    def renew(self, session: Session, claim: Claim[R], *, now: datetime) -> bool:
        """Extends the lease. Like the methods below, it returns whether the claim was still valid; otherwise nothing was written."""
        return self._write(session, claim, {self.due.key: now + self.lease})

    def update(self, session: Session, claim: Claim[R], **values: object) -> bool:
        """Writes values and keeps the claim."""
        return self._write(session, claim, values)

    # Ending a claim

    def settle(self, session: Session, claim: Claim[R], **values: object) -> bool:
        """The other system knows it: nothing is left to do."""
        done: dict[str, object] = {self.due.key: None, self.problem.key: None}
        if self.attempts is not None and not self.renewed:
            done[self.attempts.key] = 0
        return self._write(session, claim, {**done, **values})

    def postpone(self, session: Session, claim: Claim[R], problem: str, *, now: datetime, **values: object) -> bool:
        """The attempt failed: the next one is after a pause that grows, unless this was the last."""
        if self.max_attempts is not None and claim.attempts >= self.max_attempts:
            return self.fail(session, claim, problem, **values)
        due = now + self.backoff.pause(claim.attempts)
        return self._write(session, claim, {self.due.key: due, self.problem.key: self._fitting(problem), **values})

    def put_back(self, session: Session, claim: Claim[R], *, now: datetime, pause: timedelta = UNREACHABLE, **values: object) -> bool:
        """The row was not tried, or the other system could not be reached: it is due again soon, and this was no attempt."""
        back: dict[str, object] = {self.due.key: now + pause}
        if self.attempts is not None and not self.renewed:
            back[self.attempts.key] = claim.attempts - 1
        return self._write(session, claim, {**back, **values})

    def fail(self, session: Session, claim: Claim[R], problem: str, **values: object) -> bool:
        """Makes no further attempt until `retry`."""
        return self._write(session, claim, {self.due.key: None, self.problem.key: self._fitting(problem), **values})

    def record(self, session: Session, claim: Claim[R], error: AppError, *, now: datetime) -> bool:
        """Ends the claim as the error demands: unreachable, rejected for good, or refused for now."""
        if isinstance(error, Unavailable):
            return self.put_back(session, claim, now=now)
        if isinstance(error, Rejected):
            return self.fail(session, claim, error.message)
        return self.postpone(session, claim, error.message, now=now)

    @contextmanager
    def recording(self, transaction: Transaction, claims: Sequence[Claim[R]], clock: Callable[[], datetime]) -> Iterator[None]:
        """Records an AppError for those of the claims that are not settled yet, and raises it."""
        try:
            yield
        except AppError as error:
            with transaction() as session:
                for claim in claims:
                    self.record(session, claim, error, now=clock())
            raise

    @contextmanager
    def attempt(self, transaction: Transaction, claim: Claim[R], clock: Callable[[], datetime]) -> Iterator[None]:
        """One attempt to send a row. Records an AppError and ends there, so that the next row follows; only Unavailable is raised."""
        try:
            with self.recording(transaction, [claim], clock):
                yield
        except Unavailable:
            raise
        except AppError:
            pass  # recorded; it affects this row only

    # What the status page, metrics and lists show

    def counts(self, session: Session) -> dict[str, int]:
        """`pending`: still to be sent. `failing`: those of them with a problem. `failed`: those that are not retried."""
        pending, given_up, has_problem = self.due.is_not(None), self.due.is_(None), self.problem.is_not(None)
        states = {"pending": (pending,), "failing": (pending, has_problem), "failed": (given_up, has_problem)}
        # One subquery each: a partial index covers each of them, but no index covers all.
        tallies = [select(func.count()).select_from(self.model).where(self._fits, *state).scalar_subquery() for state in states.values()]
        return dict(zip(states, session.execute(select(*tallies)).one(), strict=True))

    def failing(self, session: Session, *, limit: int) -> list[R]:
        """Rows that are still to be sent and met with a problem."""
        query = select(self.model).where(self._fits, self.due.is_not(None), self.problem.is_not(None))
        return list(session.scalars(query.order_by(self._id).limit(limit)))

    # Inside

    @property
    def _id(self) -> Any:
        return inspect(self.model, raiseerr=True).primary_key[0]

    def _id_of(self, row: R) -> Any:
        return getattr(row, self._id.key)

    @property
    def _fits(self) -> ColumnElement[bool]:
        return true() if self.only is None else self.only

    def _is_due(self, now: datetime) -> ColumnElement[bool]:
        """No row waits longer than its lease, or the pause after so many attempts: a later time is from before the clock was set back."""
        shortest = max(self.lease, UNREACHABLE, self.longest_wait, self.backoff.first)
        is_due = column_is_due(self.due, shortest, now)
        if self.attempts is None or shortest >= self.backoff.longest:
            return is_due
        pauses: list[timedelta] = []
        while not pauses or pauses[-1] < self.backoff.longest:
            pauses.append(self.backoff.pause(len(pauses) + 1))
        latest = [literal(now + SKEW + max(shortest, pause), self.due.type) for pause in pauses]
        by_attempts = case(*((self.attempts <= n, at) for n, at in enumerate(latest, 1)), else_=latest[-1])
        return and_(is_due, or_(self.due <= now, self.due > by_attempts))

    def _claim_of(self, row: R, leased_until: datetime) -> Claim[R]:
        attempts = 0 if self.attempts is None else getattr(row, self.attempts.key)
        return Claim(row, self._id_of(row), attempts, leased_until, tuple(getattr(row, column.key) for column in self.unchanged))

    def _still(self, claim: Claim[R]) -> list[ColumnElement[bool]]:
        """The row is as it was claimed."""
        same = [self._id == claim.id, self.due.is_not(None) if self.renewed else self.due == claim.leased_until]
        if self.attempts is not None:
            same.append(self.attempts == claim.attempts)
        return same + [column.is_not_distinct_from(value) for column, value in zip(self.unchanged, claim.unchanged, strict=True)]

    def _write(self, session: Session, claim: Claim[R], values: Mapping[str, object]) -> bool:
        if affected(session.execute(update(self.model).where(*self._still(claim)).values(values))):
            return True
        if self.resend_lost:
            claimed_at = claim.leased_until - self.lease
            self.mark_all_due(session, self._id == claim.id, now=claimed_at)
        return False

    def _new_work(self, now: datetime) -> dict[str, Any]:
        counted = {} if self.attempts is None or self.renewed else {self.attempts.key: 0}
        return {self.due.key: now, self.problem.key: None, **counted}

    def _fitting(self, problem: str) -> str:
        return problem[: getattr(self.problem.type, "length", None)]

    def _run_soon(self, session: Session) -> None:
        if self.job is not None:
            after_commit(session, self.job)


class InContext(Protocol):
    """Wraps what runs in another thread, so that it finds the app."""

    def __call__(self, call: Callable[P, V], /) -> Callable[P, V]: ...


@dataclass(frozen=True)
class Delivery(Generic[T, V]):
    """`result` is what the work returned, `error` what it raised. Not `tried` where the destination was unreachable by then, or the
    process is shutting down."""

    item: T
    result: V | None = None
    error: AppError | None = None
    tried: bool = True


def deliver(
    items: Sequence[T],
    work: Callable[[T], V],
    *,
    workers: int,
    destination: Callable[[T], Hashable] = lambda _item: None,
    per_destination: int | None = None,
    in_context: InContext = lambda call: call,
    stopping: Callable[[], bool] = lambda: False,
) -> list[Delivery[T, V]]:
    """Has `work` done for each item in threads, `per_destination` of them at once for each destination. Once one item meets
    Unavailable, nothing more is sent to its destination. In the order of the items; raises only what is no AppError."""
    found: dict[int, Delivery[T, V]] = {}
    queues: dict[Hashable, deque[int]] = {}
    for number, item in enumerate(items):
        queues.setdefault(destination(item), deque()).append(number)

    def run(queue: deque[int], unreachable: Event) -> None:
        while queue:
            try:
                number = queue.popleft()
            except IndexError:  # another thread was faster
                return
            item = items[number]
            if unreachable.is_set() or stopping():
                found[number] = Delivery(item, tried=False)
                continue
            try:
                found[number] = Delivery(item, work(item))
            except AppError as error:
                if isinstance(error, Unavailable):
                    unreachable.set()
                found[number] = Delivery(item, error=error)

    with ThreadPoolExecutor(workers, thread_name_prefix="deliver") as pool:
        lanes = [(queue, Event(), len(queue)) for queue in queues.values()]
        in_thread = in_context(run)
        turns = range(min(workers, per_destination or workers))  # each destination gets its first thread before any gets a second
        futures = [pool.submit(in_thread, queue, event) for turn in turns for queue, event, length in lanes if turn < length]
    for future in futures:
        future.result()
    return [found[number] for number in range(len(items))]


def first_to_accept(providers: Iterable[Callable[[T], V]], message: T) -> V:
    """What the first provider answers that accepts the message. The next one is tried when a provider is unreachable or refuses, not when
    it says that the message itself is unacceptable (Rejected). Raises that, or what the first provider said when none accepts.

    A provider that did not answer may have sent the message all the same: only for what may arrive twice.
    """
    first: AppError | None = None
    for provider in providers:
        try:
            return provider(message)
        except Rejected:
            raise
        except AppError as error:
            first = first or error
    raise first or ValueError("there is no provider")
