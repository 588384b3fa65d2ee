"""Starting tasks, looking at them, cancelling and resuming them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import affected, after_commit
from request_tracker_utils.tasks.errors import TaskNotFound, TaskNotOpen
from request_tracker_utils.tasks.models import OPEN, ItemState, Task, TaskItem, TaskState
from request_tracker_utils.tasks.names import RUN_TASKS

KEPT = timedelta(days=180)
"""For which a task that has ended is kept."""
PAGE = 50
LONGEST_LABEL = 300


@dataclass(frozen=True)
class NewItem:
    """`label` is what people call it; `data` is what the work needs of it."""

    label: str
    data: dict[str, Any] = field(default_factory=dict)


def start(
    session: Session,
    kind: str,
    *,
    title: str,
    actor: Actor,
    now: datetime,
    arguments: dict[str, Any] | None = None,
    items: Iterable[NewItem] = (),
) -> Task:
    """Writes the task down; the job `run-tasks` takes it up soon after the commit. With items their number is the total."""
    task = Task(
        kind=kind,
        title=title[:200],
        arguments=arguments or {},
        state=TaskState.WAITING,
        done=0,
        failed=0,
        attempts=0,
        started_by=actor.name,
        user_id=actor.user_id,
        created_at=now,
        due_at=now,
    )
    session.add(task)
    session.flush()  # its id, for the items
    add_items(session, task, items)
    after_commit(session, RUN_TASKS)
    return task


def add_items(session: Session, task: Task, items: Iterable[NewItem], *, state: ItemState = ItemState.WAITING) -> None:
    """Appends items to a task that has not ended; those that are there to be looked at only are done already."""
    begin = task.total or 0
    rows = [
        {
            "task_id": task.id,
            "position": begin + number,
            "label": item.label[:LONGEST_LABEL],
            "data": item.data,
            "state": state,
        }
        for number, item in enumerate(items)
    ]
    if rows:
        session.execute(insert(TaskItem), rows)
        task.total = begin + len(rows)


def get(session: Session, task_id: int) -> Task:
    """Raises TaskNotFound."""
    task = session.get(Task, task_id)
    if task is None:
        raise TaskNotFound(f"There is no task {task_id}.", task_id=task_id)
    return task


def recent(session: Session, *, page: int) -> tuple[list[Task], bool]:
    """A page of tasks, the newest first, and whether more follow."""
    query = select(Task).order_by(Task.id.desc()).offset((page - 1) * PAGE).limit(PAGE + 1)
    tasks = list(session.scalars(query))
    return tasks[:PAGE], len(tasks) > PAGE


def open_task(session: Session, kind: str) -> Task | None:
    """The newest task of the kind that has not ended."""
    return session.scalar(select(Task).where(Task.kind == kind, Task.state.in_(OPEN)).order_by(Task.id.desc()).limit(1))


def last_done(session: Session, kind: str) -> Task | None:
    """The task of the kind that was done last."""
    done = select(Task).where(Task.kind == kind, Task.state == TaskState.DONE)
    return session.scalar(done.order_by(Task.ended_at.desc(), Task.id.desc()).limit(1))


def items(session: Session, task_id: int, state: ItemState, *, limit: int | None = None, after: int = -1) -> list[TaskItem]:
    """Items in this state, in their order, beginning behind the position `after`."""
    query = select(TaskItem).where(TaskItem.task_id == task_id, TaskItem.state == state, TaskItem.position > after)
    return list(session.scalars(query.order_by(TaskItem.position).limit(limit)))


def count_items(session: Session, task_id: int) -> dict[str, int]:
    """How many items are in each state."""
    rows = session.execute(select(TaskItem.state, func.count()).where(TaskItem.task_id == task_id).group_by(TaskItem.state))
    return {state: count for state, count in rows}  # noqa: C416 — a row is no pair to the type checker


def cancel(session: Session, task_id: int, *, now: datetime) -> Task:
    """Ends the task; what is being worked on at this moment is still finished. Raises TaskNotFound, TaskNotOpen."""
    task = _locked(session, task_id)
    if task.state not in OPEN:
        raise TaskNotOpen(f"The task has ended already: it is {task.state}.")
    task.state, task.ended_at, task.due_at, task.error = TaskState.CANCELLED, now, None, None
    return task


def resume(session: Session, task_id: int, *, now: datetime) -> Task:
    """Has the task go on with what is left and what failed; one that waits for what hindered it tries at once.

    Raises TaskNotFound; TaskNotOpen when it runs, or nothing is left to do.
    """
    task = _locked(session, task_id)
    if task.state == TaskState.RUNNING:
        raise TaskNotOpen("The task runs already.")
    if task.state == TaskState.DONE and not task.failed:
        raise TaskNotOpen("Nothing of the task is left to do.")
    again = update(TaskItem).where(TaskItem.task_id == task.id, TaskItem.state == ItemState.FAILED)
    session.execute(again.values(state=ItemState.WAITING, note=None))
    task.state, task.due_at, task.ended_at, task.summary, task.error, task.failed = TaskState.WAITING, now, None, None, None, 0
    after_commit(session, RUN_TASKS)
    return task


def put_away(session: Session, *, now: datetime) -> int:
    """Deletes tasks that ended long ago; returns how many."""
    gone = delete(Task).where(Task.ended_at < now - KEPT)
    return affected(session.execute(gone))


def _locked(session: Session, task_id: int) -> Task:
    task = session.scalar(select(Task).where(Task.id == task_id).with_for_update())
    if task is None:
        raise TaskNotFound(f"There is no task {task_id}.", task_id=task_id)
    return task
