"""A task while it runs: taken up by one process at a time, its progress written down as it goes."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Reading, Transaction, affected
from request_tracker_utils.core.errors import AppError, Unavailable
from request_tracker_utils.core.outbox import InContext
from request_tracker_utils.tasks.models import OPEN, ItemState, Task, TaskItem, TaskState
from request_tracker_utils.tasks.service import NewItem, add_items

LEASE = timedelta(seconds=45)
"""Until a task whose process has died is taken up by another one."""
HEARTBEAT = 10.0
WRITTEN_EVERY = 0.3
"""Seconds between two writings of the progress."""
LONGEST_PAUSE = timedelta(minutes=30)
CHUNK = 200


class TaskStopped(Exception):
    """The task is not this process's any more: it was cancelled, taken up by another process, or this process ends."""


@dataclass(frozen=True)
class Outcome:
    """What came of an item: `result` for programs, `note` for people."""

    result: dict[str, Any] | None = None
    note: str | None = None


Do = Callable[[TaskItem], Outcome]


class RunningTask:
    """What the work of a kind is given. `in_context` wraps what runs in another thread; `stopping` says that this process ends."""

    def __init__(
        self,
        transaction: Transaction,
        reading: Reading,
        task: Task,
        *,
        clock: Callable[[], datetime],
        stopping: Callable[[], bool],
        in_context: InContext,
    ) -> None:
        self.id, self.arguments, self.title = task.id, dict(task.arguments), task.title
        self.actor = Actor(task.started_by, user_id=task.user_id)
        self.done, self.failed = task.done, task.failed
        self.total = task.total
        self._transaction, self._reading, self._clock = transaction, reading, clock
        self._stopping, self._in_context = stopping, in_context
        self._attempt = task.attempts
        self._written_at = time.monotonic()
        self._unwritten: list[dict[str, Any]] = []

    def expect(self, total: int) -> None:
        """Says how many steps there are. Raises TaskStopped."""
        self.total = total
        self._write(total=total)

    def add(self, items: list[NewItem], *, state: ItemState = ItemState.WAITING) -> None:
        """Appends items that the work itself has found. Raises TaskStopped."""
        with self._transaction() as session:
            task = session.get_one(Task, self.id, with_for_update=True)
            if task.attempts != self._attempt or task.state != TaskState.RUNNING:
                raise TaskStopped
            add_items(session, task, items, state=state)
            self.total = task.total
        self.done += len(items) if state == ItemState.DONE else 0
        self._write()

    def forget_items(self) -> None:
        """Takes back what an earlier run had added before it was broken off."""
        with self._transaction() as session:
            session.execute(delete(TaskItem).where(TaskItem.task_id == self.id))
        self.total, self.done, self.failed = None, 0, 0
        self._write(total=None)

    def remember(self, **arguments: Any) -> None:
        """Keeps what a run that comes after this one has to know."""
        self.arguments |= arguments
        self._write(arguments=self.arguments)

    def advance(self, steps: int = 1, *, failed: int = 0) -> None:
        """Counts steps that are taken. Raises TaskStopped when the work has to end here."""
        self.done, self.failed = self.done + steps, self.failed + failed
        if time.monotonic() - self._written_at >= WRITTEN_EVERY:
            self._write()

    def each(self, do: Do, *, workers: int, prepare: Callable[[list[TaskItem]], None] | None = None) -> None:
        """Has `do` work on every item that waits, in several threads at once, in the items' order as they begin. `prepare` is given them
        by hundreds before, for what is done better for many at once; what it raises ends the run.

        An AppError makes the item a failed one. Unavailable leaves it waiting, and ends the run once as many as there are workers have
        met it in a row: the task goes on later. Raises that Unavailable, and TaskStopped.
        """
        with ThreadPoolExecutor(workers, thread_name_prefix=f"task-{self.id}") as pool:
            run = self._in_context(do)
            under_way: dict[Future[Outcome], TaskItem] = {}
            silent = 0
            try:
                for item in self._waiting_items(prepare):
                    under_way[pool.submit(run, item)] = item
                    if len(under_way) >= 2 * workers:  # so that nobody waits while the progress is written down
                        silent = self._collect(under_way, silent, workers)
                while under_way:
                    silent = self._collect(under_way, silent, workers)
            finally:
                for future in under_way:
                    future.cancel()
                wait(under_way)
                for future in [future for future in under_way if not future.cancelled()]:
                    self._settle(under_way[future], future)
                self._write(quietly=True)

    def _collect(self, under_way: "dict[Future[Outcome], TaskItem]", silent: int, most: int) -> int:
        """Settles what has ended. Returns how many in a row found nobody to ask; raises the last one's error when they are too many."""
        ended, _ = wait(under_way, return_when=FIRST_COMPLETED)
        for future in ended:
            silence = self._settle(under_way.pop(future), future)
            silent = silent + 1 if silence else 0
            if silence and silent >= most:
                raise silence
        if self._stopping():
            raise TaskStopped
        if time.monotonic() - self._written_at >= WRITTEN_EVERY:
            self._write()
        return silent

    def _settle(self, item: TaskItem, future: "Future[Outcome]") -> Unavailable | None:
        try:
            outcome = future.result()
        except Unavailable as error:
            return error
        except AppError as error:
            self._note(item, ItemState.FAILED, None, error.message)
            self.failed += 1
            return None
        self._note(item, ItemState.DONE, outcome.result, outcome.note)
        self.done += 1
        return None

    def _note(self, item: TaskItem, state: ItemState, result: dict[str, Any] | None, note: str | None) -> None:
        self._unwritten.append({"id": item.id, "state": state, "result": result, "note": note})

    def _waiting_items(self, prepare: Callable[[list[TaskItem]], None] | None) -> Iterator[TaskItem]:
        """Those that wait when they are reached; each is handed out once in a run."""
        after = -1
        while True:
            with self._reading() as session:
                query = select(TaskItem).where(TaskItem.task_id == self.id, TaskItem.state == ItemState.WAITING, TaskItem.position > after)
                chunk = list(session.scalars(query.order_by(TaskItem.position).limit(CHUNK)))
            if not chunk:
                return
            after = chunk[-1].position
            if prepare is not None:
                prepare(chunk)
            yield from chunk

    def _write(self, *, quietly: bool = False, **more: Any) -> None:
        """Writes the progress down and renews the lease. Raises TaskStopped, unless `quietly`, when the task is not ours any more."""
        self._written_at = time.monotonic()
        unwritten, self._unwritten = self._unwritten, []
        values = {"done": self.done, "failed": self.failed, **more}
        with self._transaction() as session:
            if unwritten:
                session.execute(update(TaskItem), unwritten)
            ours = self._renew(session, **values)
        if not quietly and (not ours or self._stopping()):
            raise TaskStopped

    def _renew(self, session: Session, **values: Any) -> bool:
        ours = (Task.id == self.id, Task.attempts == self._attempt)
        if affected(session.execute(update(Task).where(*ours).values(**values))) == 0:
            return False
        lease = update(Task).where(*ours, Task.state == TaskState.RUNNING).values(due_at=self._clock() + LEASE)
        return bool(affected(session.execute(lease)))

    @contextmanager
    def heartbeat(self) -> Iterator[None]:
        """Keeps the lease while a single step takes long."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(HEARTBEAT):
                with self._transaction() as session:
                    self._renew(session, done=Task.done)

        thread = threading.Thread(target=self._in_context(beat), name=f"task-{self.id}-heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def end(self, state: TaskState, *, summary: str | None = None, error: str | None = None) -> None:
        """Writes down how the task ended, unless it is not ours any more."""
        self._settle_task(state=state, ended_at=self._clock(), due_at=None, summary=summary, error=error)

    def put_back(self, *, error: str | None = None) -> None:
        """Lets another run go on: at once when this process ends, after a growing pause when something hinders the work."""
        pause = min(LONGEST_PAUSE, timedelta(seconds=15 * 2 ** min(self._attempt - 1, 7))) if error else timedelta(0)
        self._settle_task(state=TaskState.WAITING, due_at=self._clock() + pause, error=error)

    def left(self) -> int:
        """How many items still wait."""
        with self._transaction() as session:
            return recount(session, session.get_one(Task, self.id))

    def _settle_task(self, **values: Any) -> None:
        still_ours = (Task.id == self.id, Task.attempts == self._attempt, Task.state == TaskState.RUNNING)
        with self._transaction() as session:
            session.execute(update(Task).where(*still_ours).values(done=self.done, failed=self.failed, **values))


def claim(session: Session, *, now: datetime, task_id: int | None = None) -> Task | None:
    """Takes up the task that is due longest: one that waits, or one whose process has died. With `task_id` that one or none."""
    due = select(Task).where(Task.due_at <= now, Task.state.in_(OPEN)).order_by(Task.due_at, Task.id).limit(1)
    if task_id is not None:
        due = due.where(Task.id == task_id)
    task = session.scalar(due.with_for_update(skip_locked=True))
    if task is not None:
        task.state, task.due_at, task.error = TaskState.RUNNING, now + LEASE, None
        task.started_at = task.started_at or now
        task.attempts += 1
        recount(session, task)
    return task


def recount(session: Session, task: Task) -> int:
    """Sets what is done and failed from the items, where there are any: whoever ran the task before may have been killed between two
    writings. Returns how many items wait."""
    rows = session.execute(select(TaskItem.state, func.count()).where(TaskItem.task_id == task.id).group_by(TaskItem.state)).all()
    counts = {state: count for state, count in rows}  # noqa: C416 — a row is no pair to the type checker
    if counts:
        task.done, task.failed = counts.get(ItemState.DONE, 0), counts.get(ItemState.FAILED, 0)
    return counts.get(ItemState.WAITING, 0)
