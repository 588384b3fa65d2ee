"""Creations of assets, and imports: lists of assets to create."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant
from request_tracker_utils.core.outbox import UNREACHABLE, Backoff, Outbox
from request_tracker_utils.tags.models import GRACE_PERIOD

RECOVER_CREATIONS = "recover-creations"
"""The job that finds out whether assets exist that Request Tracker did not confirm."""


class CreationState(StrEnum):
    CLAIMED = "claimed"
    """The serial number is claimed; nothing was sent to the asset store yet."""
    SENT = "sent"
    """A tag is reserved, and the asset may have been sent to the asset store, which has not answered yet."""
    UNKNOWN = "unknown"
    """The asset store did not answer: a job finds out whether the asset exists."""
    CREATED = "created"
    FAILED = "failed"
    """It was not created; `problem` says why."""


SENT = (CreationState.SENT, CreationState.UNKNOWN)
"""The asset may exist."""
OPEN = (CreationState.CLAIMED, *SENT)
IS_OPEN = text("state IN ('claimed', 'sent', 'unknown')")
IS_DUE, HAS_ITEM = text("due_at IS NOT NULL"), text("item_id IS NOT NULL")


class Creation(Base):
    """The creation of an asset. While it is open, no other creation of its serial number can start: a unique index enforces that."""

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
    """The serial number in lower case."""
    description: Mapped[str] = mapped_column(String(300))
    """Manufacturer and model."""
    state: Mapped[str] = mapped_column(String(10))
    tag_id: Mapped[int | None] = mapped_column(ForeignKey("asset_tags.id"))
    """The tag that was reserved at `sent_at`; a batch reserves tags before it sends."""
    asset_id: Mapped[int | None] = mapped_column(BigInteger)
    item_id: Mapped[int | None]
    """The task item that it belongs to: a resumed task finds the assets that it created before."""
    problem: Mapped[str | None] = mapped_column(Text)
    looks: Mapped[int] = mapped_column(default=0)
    """How many searches of the asset store did not find it."""
    started_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(Instant)
    sent_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    due_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the recovery job checks it, if it is still open then."""

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
    longest_wait=GRACE_PERIOD,
    only=Creation.state.in_(SENT),
    unchanged=(Creation.state,),
)
"""Creations that were sent and not confirmed."""


class AssetImport(Base):
    """A list of assets that was pasted, scanned or uploaded. It is checked, and then created by a task.

    Only its mapped columns are stored, and only until all its assets are created, it is deleted, or a day old. Rows that a person has
    confirmed stay until a day after the end of their task. It belongs to the person who has added it; administrators see all.
    """

    __tablename__ = "asset_intakes"
    __table_args__ = (Index("ix_asset_intakes_started_by_id", "started_by", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(200))
    """The file's name; empty if the list was pasted or scanned."""
    rows: Mapped[list[list[str]]] = mapped_column(JSON)
    """The cells of the mapped columns, without the header row; empty once they are deleted."""
    stored_size: Mapped[int] = mapped_column(default=0)
    """Bytes of `head` and `rows`; 0 once they are deleted."""
    head: Mapped[list[str]] = mapped_column(JSON)
    """The headers of the mapped columns; empty if there is no header row."""
    left_out: Mapped[list[str]] = mapped_column(JSON, default=list)
    """The headers of columns that were not stored."""
    columns: Mapped[dict[str, int]] = mapped_column(JSON)
    """Field → its stored column, from 0."""
    defaults: Mapped[dict[str, str]] = mapped_column(JSON)
    """Field → the default for rows without a value."""
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """The result of the last check, one entry a row: its `line`, `values`, `problems`, and `asset_id` and `tag` of the asset that has the
    serial number already. Once the rows are deleted, only the serial number is left of `values`."""
    checked_at: Mapped[datetime | None] = mapped_column(Instant)
    task_id: Mapped[int | None] = mapped_column(ForeignKey("tasks.id", ondelete="SET NULL"))
    started_by: Mapped[str] = mapped_column(String(100))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    """The owner's account; None for commands and callers without an account."""
    created_at: Mapped[datetime] = mapped_column(Instant)
