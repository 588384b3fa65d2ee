"""A task while it runs: claimed by one process at a time, its progress stored as it goes."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Reading, Transaction
from request_tracker_utils.core.errors import AppError, Unavailable
from request_tracker_utils.core.outbox import Claim, InContext
from request_tracker_utils.tasks.models import TASKS, ItemState, Task, TaskItem, TaskState
from request_tracker_utils.tasks.service import NewItem, add_items

HEARTBEAT_SECONDS = 10.0
"""Between two renewals of a running task’s lease, whose length is in `TASKS`."""
PROGRESS_SECONDS = 0.3
"""Between two updates of the stored progress."""
CHUNK = 200
MOST_UNAVAILABLE = 4
"""Items in a row that met an unreachable system; fewer if there are fewer workers."""
STORE_RESULT = (
    update(TaskItem.__table__)  # type: ignore[arg-type]
    .where(TaskItem.id == bindparam("item_id"), TaskItem.state == ItemState.PENDING)
    .values(state=bindparam("new_state"), result=bindparam("new_result"), note=bindparam("new_note"))
)
"""The first result counts: a process whose claim was lost overwrites nothing."""


class TaskStopped(Exception):
    """This process lost the task: it was cancelled or claimed by another process, or this process is shutting down."""


@dataclass(frozen=True)
class ItemResult:
    """`result` is for programs, `note` for people."""

    result: dict[str, Any] | None = None
    note: str | None = None


Process = Callable[[TaskItem], ItemResult]


class RunningTask:
    """The argument of a kind's `work`. `in_context` wraps what runs in another thread; `stopping` says that this process is shutting
    down."""

    def __init__(
        self,
        transaction: Transaction,
        reading: Reading,
        claim: Claim[Task],
        *,
        clock: Callable[[], datetime],
        stopping: Callable[[], bool],
        in_context: InContext,
    ) -> None:
        task = claim.row
        self.id, self.arguments, self.title = task.id, dict(task.arguments), task.title
        self.actor = Actor(task.started_by, user_id=task.user_id)
        self.done, self.failed = task.done, task.failed
        self.total = task.total
        self._transaction, self._reading, self._clock = transaction, reading, clock
        self._stopping, self._in_context = stopping, in_context
        self._claim = claim
        self._stored_at = time.monotonic()
        self._unstored: list[dict[str, Any]] = []

    def expect(self, total: int) -> None:
        """Sets how many steps there are. Raises TaskStopped."""
        self.total = total
        self._store(total=total)

    def add(self, items: list[NewItem], *, state: ItemState = ItemState.PENDING) -> None:
        """Appends items that the work itself has found. Raises TaskStopped."""
        with self._transaction() as session:
            task = TASKS.locked(session, self._claim)
            if task is None:
                raise TaskStopped
            add_items(session, task, items, state=state)
            self.total = task.total
        self.done += len(items) if state == ItemState.DONE else 0
        self._store()

    def remove_items(self) -> None:
        """Removes what an earlier run had added before it was interrupted."""
        with self._transaction() as session:
            session.execute(delete(TaskItem).where(TaskItem.task_id == self.id))
        self.total, self.done, self.failed = None, 0, 0
        self._store(total=None)

    def save_arguments(self, **arguments: Any) -> None:
        """Stores what a later run of the task has to know."""
        self.arguments |= arguments
        self._store(durable=True, arguments=self.arguments)

    def advance(self, steps: int = 1, *, failed: int = 0) -> None:
        """Counts completed steps. Raises TaskStopped."""
        self.done, self.failed = self.done + steps, self.failed + failed
        if time.monotonic() - self._stored_at >= PROGRESS_SECONDS:
            self._store()

    def each(self, process: Process, *, workers: int, prepare: Callable[[list[TaskItem]], None] | None = None) -> None:
        """Processes every pending item in threads, in the order of the items. `prepare` is called with chunks of them before, for what is
        better done for many at once; an error of it ends the run.

        An AppError fails the item. Unavailable leaves it pending, and ends the run once it was met `MOST_UNAVAILABLE` times in a row: the
        task continues later. Raises that Unavailable, and TaskStopped.
        """
        with ThreadPoolExecutor(workers, thread_name_prefix=f"task-{self.id}") as pool:
            run = self._in_context(process)
            under_way: dict[Future[ItemResult], TaskItem] = {}
            unreachable, limit = 0, min(workers, MOST_UNAVAILABLE)
            try:
                for item in self._pending_items(prepare):
                    under_way[pool.submit(run, item)] = item
                    while len(under_way) >= 2 * workers:  # so that no worker is idle while the progress is stored
                        unreachable = self._collect(under_way, unreachable, limit)
                while under_way:
                    unreachable = self._collect(under_way, unreachable, limit)
            finally:
                for future in under_way:
                    future.cancel()
                wait(under_way)
                for future in [future for future in under_way if not future.cancelled()]:
                    self._record(under_way[future], future)
                self._store(quietly=True)

    def _collect(self, under_way: "dict[Future[ItemResult], TaskItem]", unreachable: int, limit: int) -> int:
        """Records what has ended. Returns how many in a row met Unavailable; raises the last of these when the limit is reached."""
        # The progress is stored soon, even if all others take long.
        ended, _ = wait(under_way, PROGRESS_SECONDS if self._unstored else None, return_when=FIRST_COMPLETED)
        for future in ended:
            error = self._record(under_way.pop(future), future)
            unreachable = unreachable + 1 if error else 0
            if error and unreachable >= limit:
                raise error
        if self._stopping():
            raise TaskStopped
        if time.monotonic() - self._stored_at >= PROGRESS_SECONDS:
            self._store()
        return unreachable

    def _record(self, item: TaskItem, future: "Future[ItemResult]") -> Unavailable | None:
        try:
            done = future.result()
        except Unavailable as error:
            return error
        except AppError as error:
            self._unstored.append({"item_id": item.id, "new_state": ItemState.FAILED, "new_result": None, "new_note": error.message})
            self.failed += 1
            return None
        self._unstored.append({"item_id": item.id, "new_state": ItemState.DONE, "new_result": done.result, "new_note": done.note})
        self.done += 1
        return None

    def _pending_items(self, prepare: Callable[[list[TaskItem]], None] | None) -> Iterator[TaskItem]:
        """Each item at most once in a run, though it may stay pending."""
        after = -1
        while True:
            with self._reading() as session:
                query = select(TaskItem).where(TaskItem.task_id == self.id, TaskItem.state == ItemState.PENDING, TaskItem.position > after)
                chunk = list(session.scalars(query.order_by(TaskItem.position).limit(CHUNK)))
            if not chunk:
                return
            after = chunk[-1].position
            if prepare is not None:
                prepare(chunk)
            yield from chunk

    def _store(self, *, quietly: bool = False, durable: bool = False, **values: Any) -> None:
        """Stores the progress and renews the lease. Raises TaskStopped when the claim was lost, unless `quietly`. After a power
        failure, items may be processed again, as after a crash."""
        self._stored_at = time.monotonic()
        unstored, self._unstored = self._unstored, []
        with self._transaction(durable=durable) as session:
            if unstored:
                session.connection().execute(STORE_RESULT, unstored)
            # Also for a task that has been cancelled: processed items count.
            own_run = (Task.id == self.id, Task.attempts == self._claim.attempts)
            session.execute(update(Task).where(*own_run).values(done=self.done, failed=self.failed, **values))
            claimed = TASKS.renew(session, self._claim, now=self._clock())
        if not quietly and (not claimed or self._stopping()):
            raise TaskStopped

    @contextmanager
    def heartbeat(self) -> Iterator[None]:
        """Renews the lease while a single step takes long."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(HEARTBEAT_SECONDS):
                with self._transaction(durable=False) as session:
                    TASKS.renew(session, self._claim, now=self._clock())

        thread = threading.Thread(target=self._in_context(beat), name=f"task-{self.id}-heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def end(self, state: TaskState, *, summary: str | None = None, error: str | None = None) -> None:
        """Stores how the task ended, unless the claim was lost."""
        ended = {"state": state, "ended_at": self._clock(), "summary": summary, "error": error}
        with self._transaction() as session:
            TASKS.settle(session, self._claim, done=self.done, failed=self.failed, **ended)

    def put_back(self) -> None:
        """Lets another process continue immediately, because this one is shutting down."""
        with self._transaction() as session:
            counts = {"done": self.done, "failed": self.failed}
            TASKS.put_back(session, self._claim, now=self._clock(), pause=timedelta(0), state=TaskState.PENDING, **counts)

    def postpone(self, error: str) -> None:
        """Continues later, after a growing pause: `error` says what prevents the work."""
        with self._transaction() as session:
            counts = {"done": self.done, "failed": self.failed}
            TASKS.postpone(session, self._claim, error, now=self._clock(), state=TaskState.PENDING, **counts)

    def count_pending(self) -> int:
        """How many items are pending."""
        with self._transaction(durable=False) as session:
            return recount(session, session.get_one(Task, self.id))


def claim(session: Session, *, now: datetime, task_id: int | None = None) -> Claim[Task] | None:
    """Claims the task that has been due longest: pending, or left by a process that died. With `task_id`, only that one."""
    chosen = () if task_id is None else (Task.id == task_id,)
    claims = TASKS.claim(session, *chosen, now=now, limit=1, state=TaskState.RUNNING, error=None)
    if not claims:
        return None
    task = claims[0].row
    task.started_at = task.started_at or now
    recount(session, task)
    return claims[0]


def recount(session: Session, task: Task) -> int:
    """Counts what is done and failed from the items, where there are any: an earlier run may have been killed between two updates.
    Returns how many items are pending."""
    rows = session.execute(select(TaskItem.state, func.count()).where(TaskItem.task_id == task.id).group_by(TaskItem.state)).all()
    counts = {state: count for state, count in rows}  # noqa: C416 — mypy does not accept dict(rows)
    if counts:
        task.done, task.failed = counts.get(ItemState.DONE, 0), counts.get(ItemState.FAILED, 0)
    return counts.get(ItemState.PENDING, 0)
