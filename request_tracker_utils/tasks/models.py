"""Tasks, and the items that they process."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant
from request_tracker_utils.core.errors import Conflict, NotFound
from request_tracker_utils.core.outbox import UNREACHABLE, Backoff, Outbox

RUN_TASKS = "run-tasks"
"""The job that does the work of tasks. It runs soon after each commit that starts or resumes one."""
DELETE_OLD_TASKS = "delete-old-tasks"


class TaskState(StrEnum):
    PENDING = "waiting"
    """Not started, or, with `error` set, to be continued later."""
    RUNNING = "running"
    DONE = "done"
    """Every item was processed; those that failed say why."""
    CANCELLED = "cancelled"
    FAILED = "failed"
    """It ended early; `error` says why."""


OPEN = (TaskState.PENDING, TaskState.RUNNING)


class ItemState(StrEnum):
    PENDING = "waiting"
    DONE = "done"
    FAILED = "failed"


class Task(Base):
    """Long work that a person started. While it runs, `due_at` is the end of a lease, which is renewed: after it, the process has died."""

    __tablename__ = "tasks"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'running', 'done', 'cancelled', 'failed')", name="state"),
        CheckConstraint("(due_at IS NOT NULL) = (state IN ('waiting', 'running'))", name="due_while_open"),
        Index("ix_tasks_due_at", "due_at", sqlite_where=text("due_at IS NOT NULL"), postgresql_where=text("due_at IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(200))
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    state: Mapped[str] = mapped_column(String(10), default=TaskState.PENDING)
    total: Mapped[int | None]
    """How many steps there are; empty until that is known."""
    done: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    started_by: Mapped[str] = mapped_column(String(100))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(Instant)
    started_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    due_at: Mapped[datetime | None] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(default=0)
    """Number of claims. A process that returns late recognizes by it that it lost its claim."""
    summary: Mapped[str | None] = mapped_column(Text)
    """A sentence on the result."""
    error: Mapped[str | None] = mapped_column(Text)
    """Why it is postponed, or failed."""


class TaskItem(Base):
    """An item that a task processes."""

    __tablename__ = "task_items"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'done', 'failed')", name="state"),
        Index("ix_task_items_task_id_state_position", "task_id", "state", "position"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"))
    position: Mapped[int]
    label: Mapped[str] = mapped_column(String(300))
    """Names it for people."""
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    state: Mapped[str] = mapped_column(String(10), default=ItemState.PENDING)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    note: Mapped[str | None] = mapped_column(Text)
    """The result for people, or why it failed."""


TASKS = Outbox(
    Task,
    due=Task.due_at,
    attempts=Task.attempts,
    problem=Task.error,
    job=RUN_TASKS,
    lease=timedelta(seconds=45),
    backoff=Backoff(first=UNREACHABLE),
    unchanged=(Task.state,),
    renewed=True,
)


class TaskNotFound(NotFound):
    """The task does not exist, or was deleted because it is old."""

    code = "task_not_found"


class TaskNotOpen(Conflict):
    """The task’s state does not allow this."""

    code = "task_not_open"
