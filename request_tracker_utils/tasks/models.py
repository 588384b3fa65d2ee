"""Tasks and the items that they work through. The row is the queue: what is not done yet is a state of it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant


class TaskState(StrEnum):
    WAITING = "waiting"
    """For its turn, or, with `error` set, for what hindered it to pass."""
    RUNNING = "running"
    DONE = "done"
    """Every item was worked on; those that failed say why."""
    CANCELLED = "cancelled"
    FAILED = "failed"
    """It broke off; `error` says why."""


OPEN = (TaskState.WAITING, TaskState.RUNNING)


class ItemState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class Task(Base):
    """Long work that somebody started. While it runs `due_at` is a lease: past it the process that ran it has died."""

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
    state: Mapped[str] = mapped_column(String(10), default=TaskState.WAITING)
    total: Mapped[int | None]
    """Steps to take; empty until that is known."""
    done: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    started_by: Mapped[str] = mapped_column(String(100))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(Instant)
    started_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    due_at: Mapped[datetime | None] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(default=0)
    """How often it was taken up. Who took it up earlier, and comes back late, sees by this that it is not theirs any more."""
    summary: Mapped[str | None] = mapped_column(Text)
    """What came of it, a sentence."""
    error: Mapped[str | None] = mapped_column(Text)
    """What hinders it, or why it broke off."""


class TaskItem(Base):
    """One thing that a task works on."""

    __tablename__ = "task_items"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'done', 'failed')", name="state"),
        Index("ix_task_items_task_id_state_position", "task_id", "state", "position"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"))
    position: Mapped[int]
    label: Mapped[str] = mapped_column(String(300))
    """What people call it."""
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    state: Mapped[str] = mapped_column(String(10), default=ItemState.WAITING)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    note: Mapped[str | None] = mapped_column(Text)
    """What came of it, or why it failed."""
