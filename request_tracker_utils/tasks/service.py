"""Starting, finding, cancelling, resuming and deleting tasks."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import affected
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tasks.models import OPEN, TASKS, ItemState, Task, TaskItem, TaskNotFound, TaskNotOpen, TaskState

RETENTION = timedelta(days=180)
"""How long after its end a task is deleted."""
PAGE_SIZE = 50
MAX_LABEL_LENGTH = 300


@dataclass(frozen=True)
class NewItem:
    """`label` names it for people; `data` is what the work needs."""

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
    """Adds a task that runs soon after the commit. With items, the total is their number."""
    task = Task(
        kind=kind,
        title=title[:200],
        arguments=arguments or {},
        state=TaskState.PENDING,
        done=0,
        failed=0,
        attempts=0,
        started_by=actor.name,
        user_id=actor.user_id,
        created_at=now,
    )
    session.add(task)
    TASKS.mark_due(task, now=now)
    session.flush()  # its id, for the items
    add_items(session, task, items)
    return task


def add_items(session: Session, task: Task, items: Iterable[NewItem], *, state: ItemState = ItemState.PENDING) -> None:
    """Appends items to a task that has not ended. Items that are only to be shown are added as done."""
    first = task.total or 0
    rows = [
        {
            "task_id": task.id,
            "position": first + number,
            "label": item.label[:MAX_LABEL_LENGTH],
            "data": item.data,
            "state": state,
        }
        for number, item in enumerate(items)
    ]
    if rows:
        session.execute(insert(TaskItem), rows)
        task.total = first + len(rows)


def strip_items(session: Session, task_id: int, *, keep: Collection[str]) -> None:
    """Deletes what the work needs to process the items, except these keys of their data. Results, notes and labels stay."""
    rows = session.execute(select(TaskItem.id, TaskItem.data).where(TaskItem.task_id == task_id)).all()
    stripped = [{"id": item_id, "data": {key: data[key] for key in keep if key in data}} for item_id, data in rows if set(data) - set(keep)]
    if stripped:
        session.execute(update(TaskItem), stripped)


def get(session: Session, task_id: int) -> Task:
    """Raises TaskNotFound."""
    task = session.get(Task, task_id)
    if task is None:
        raise TaskNotFound(_("Task %(id)s does not exist.", id=task_id), task_id=task_id)
    return task


def recent(session: Session, *, page: int) -> tuple[list[Task], bool]:
    """A page of tasks, newest first, and whether there are more."""
    query = select(Task).order_by(Task.id.desc()).offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE + 1)
    tasks = list(session.scalars(query))
    return tasks[:PAGE_SIZE], len(tasks) > PAGE_SIZE


def open_task(session: Session, kind: str) -> Task | None:
    """The newest task of the kind that has not ended."""
    return session.scalar(select(Task).where(Task.kind == kind, Task.state.in_(OPEN)).order_by(Task.id.desc()).limit(1))


def last_done(session: Session, kind: str) -> Task | None:
    """The task of the kind that was done most recently."""
    done = select(Task).where(Task.kind == kind, Task.state == TaskState.DONE)
    return session.scalar(done.order_by(Task.id.desc()).limit(1))


def items(session: Session, task_id: int, state: ItemState, *, limit: int | None = None, after: int = -1) -> list[TaskItem]:
    """Items in this state, in order, after the position `after`."""
    query = select(TaskItem).where(TaskItem.task_id == task_id, TaskItem.state == state, TaskItem.position > after)
    return list(session.scalars(query.order_by(TaskItem.position).limit(limit)))


def count_items(session: Session, task_id: int) -> dict[str, int]:
    """How many items are in each state."""
    rows = session.execute(select(TaskItem.state, func.count()).where(TaskItem.task_id == task_id).group_by(TaskItem.state))
    return {state: count for state, count in rows}  # noqa: C416 — mypy does not accept dict(rows)


def cancel(session: Session, task_id: int, *, now: datetime) -> Task:
    """Ends the task; items that are being processed are still finished. Raises TaskNotFound, TaskNotOpen."""
    task = _locked(session, task_id)
    if task.state not in OPEN:
        raise TaskNotOpen(_("The task has already ended: it is %(state)s.", state=task.state))
    task.state, task.ended_at, task.due_at, task.error = TaskState.CANCELLED, now, None, None
    return task


def resume(session: Session, task_id: int, *, now: datetime) -> Task:
    """Continues the task with the items that are pending or failed; a postponed one continues immediately.

    Raises TaskNotFound; TaskNotOpen when it is running, or all items are done.
    """
    task = _locked(session, task_id)
    if task.state == TaskState.RUNNING:
        raise TaskNotOpen(_("The task is already running."))
    if task.state == TaskState.DONE and not task.failed:
        raise TaskNotOpen(_("All items of the task are done."))
    failed = update(TaskItem).where(TaskItem.task_id == task.id, TaskItem.state == ItemState.FAILED)
    session.execute(failed.values(state=ItemState.PENDING, note=None))
    task.state, task.ended_at, task.summary, task.failed = TaskState.PENDING, None, None, 0
    TASKS.mark_due(task, now=now)
    return task


def delete_old(session: Session, *, now: datetime) -> int:
    """Returns how many were deleted."""
    return affected(session.execute(delete(Task).where(Task.ended_at < now - RETENTION)))


def _locked(session: Session, task_id: int) -> Task:
    task = session.scalar(select(Task).where(Task.id == task_id).with_for_update())
    if task is None:
        raise TaskNotFound(_("Task %(id)s does not exist.", id=task_id), task_id=task_id)
    return task
