"""Creations that are under way or have ended, and lists of assets that are about to be created."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.assets.names import RECOVER_CREATIONS
from request_tracker_utils.core.db import Base, Instant
from request_tracker_utils.core.outbox import UNREACHABLE, Backoff, Outbox


class CreationState(StrEnum):
    CLAIMED = "claimed"
    """The serial number is held; nothing was sent to the directory yet."""
    SENT = "sent"
    """The directory may have been told, and has not answered yet; a tag is reserved."""
    UNKNOWN = "unknown"
    """The directory did not answer: a job finds out whether the asset exists."""
    CREATED = "created"
    FAILED = "failed"
    """It was not created; `problem` says why."""


SENT = (CreationState.SENT, CreationState.UNKNOWN)
"""The directory may have the asset."""
OPEN = (CreationState.CLAIMED, *SENT)
IS_OPEN = text("state IN ('claimed', 'sent', 'unknown')")
IS_DUE, HAS_ITEM = text("due_at IS NOT NULL"), text("item_id IS NOT NULL")


class Creation(Base):
    """An asset that somebody creates. While it is open nobody else creates one with its serial number: the index decides."""

    __tablename__ = "asset_creations"
    __table_args__ = (
        CheckConstraint("state IN ('claimed', 'sent', 'unknown', 'created', 'failed')", name="state"),
        CheckConstraint("(due_at IS NOT NULL) = (state IN ('claimed', 'sent', 'unknown'))", name="due_while_open"),
        CheckConstraint("state NOT IN ('sent', 'unknown') OR (tag_id IS NOT NULL AND sent_at IS NOT NULL)", name="sent_with_tag"),
        CheckConstraint("state <> 'created' OR asset_id IS NOT NULL", name="created_has_asset"),
        Index("uq_asset_creations_serial_key_open", "serial_key", unique=True, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN),
        Index("ix_asset_creations_due_at", "due_at", sqlite_where=IS_DUE, postgresql_where=IS_DUE),
        Index("ix_asset_creations_started_by_id", "started_by", "id"),
        Index("ix_asset_creations_item_id", "item_id", sqlite_where=HAS_ITEM, postgresql_where=HAS_ITEM),
        Index("ix_asset_creations_ended_at", "ended_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    serial: Mapped[str] = mapped_column(String(50))
    serial_key: Mapped[str] = mapped_column(String(50))
    """The serial number in small letters: numbers are compared without case."""
    description: Mapped[str] = mapped_column(String(300))
    """Manufacturer and model, for people."""
    state: Mapped[str] = mapped_column(String(10))
    tag_id: Mapped[int | None] = mapped_column(ForeignKey("asset_tags.id"))
    """The tag that was reserved for it at `sent_at`."""
    asset_id: Mapped[int | None] = mapped_column(BigInteger)
    item_id: Mapped[int | None]
    """The item of a task that asked for it: a task that is taken up again finds by this what it has created already."""
    problem: Mapped[str | None] = mapped_column(Text)
    looks: Mapped[int] = mapped_column(default=0)
    """How often the directory was searched for it without finding it."""
    started_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(Instant)
    sent_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    due_at: Mapped[datetime | None] = mapped_column(Instant)
    """When a job looks after it, if it is still open then."""

    @property
    def has_failed(self) -> bool:
        return self.state == CreationState.FAILED


RECOVERY = Outbox(
    Creation,
    due=Creation.due_at,
    problem=Creation.problem,
    job=RECOVER_CREATIONS,
    lease=timedelta(minutes=1),
    backoff=Backoff(first=UNREACHABLE),
    only=Creation.state.in_(SENT),
    unchanged=(Creation.state,),
)
"""Creations that were sent and not confirmed."""


class Intake(Base):
    """A list of assets as somebody pasted or dropped it, checked, and perhaps created by a task."""

    __tablename__ = "asset_intakes"
    __table_args__ = (Index("ix_asset_intakes_started_by_id", "started_by", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(200))
    """The file's name; empty for a list that was pasted or scanned."""
    rows: Mapped[list[list[str]]] = mapped_column(JSON)
    """The cells as they were read, without the heading."""
    head: Mapped[list[str]] = mapped_column(JSON)
    """The file's heading; empty where it has none."""
    columns: Mapped[dict[str, int]] = mapped_column(JSON)
    """Field → number of the column that holds it, from 0."""
    defaults: Mapped[dict[str, str]] = mapped_column(JSON)
    """Field → what holds where the row says nothing."""
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """What the last check found, an entry a row: its `line`, `values`, `problems`, and `asset_id` and `tag` of the asset that has the
    serial number already."""
    checked_at: Mapped[datetime | None] = mapped_column(Instant)
    task_id: Mapped[int | None] = mapped_column(ForeignKey("tasks.id", ondelete="SET NULL"))
    started_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(Instant)
