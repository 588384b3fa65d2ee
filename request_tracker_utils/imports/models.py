"""Files that were uploaded for import."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant


class ImportState(StrEnum):
    UPLOADED = "read"
    """Not previewed with the current columns."""
    PREVIEWED = "checked"
    """`report` says what the file would change."""
    IMPORTED = "imported"
    """`report` says what the file has changed."""


class ImportFile(Base):
    """An uploaded file. Only its mapped columns are stored, in parts, so that any process can stream them, and only until it is imported,
    deleted, or a day old. It belongs to the person who has uploaded it; administrators see all."""

    __tablename__ = "rosters"
    __table_args__ = (
        # A domain that adds a row type adds its name here and in a migration.
        CheckConstraint("subject IN ('students', 'devices', 'stock', 'deliveries', 'people')", name="subject"),
        CheckConstraint("state IN ('read', 'checked', 'imported')", name="state"),
        Index("ix_rosters_started_by_id", "started_by", "id"),
        Index("ix_rosters_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(10))
    """Name of the row type."""
    source: Mapped[str] = mapped_column(String(200))
    """The file's name."""
    size: Mapped[int]
    """Bytes of the file; 0 while it is being uploaded."""
    stored_size: Mapped[int] = mapped_column(default=0)
    """Bytes of its parts; 0 once they are deleted."""
    encoding: Mapped[str] = mapped_column(String(20))
    separator: Mapped[str] = mapped_column(String(1))
    head: Mapped[list[str]] = mapped_column(JSON)
    """The headers of the stored columns; empty if the file has none."""
    left_out: Mapped[list[str]] = mapped_column(JSON)
    """The headers of columns that were not stored."""
    emptied: Mapped[list[int]] = mapped_column(JSON)
    """Stored columns whose cells were deleted, because they are not mapped any more."""
    sample: Mapped[list[list[str]]] = mapped_column(JSON)
    """The stored columns of the first rows, shown where columns are mapped; empty once the parts are deleted."""
    columns: Mapped[dict[str, int]] = mapped_column(JSON)
    """Field → its stored column, from 0."""
    deactivate_missing: Mapped[bool] = mapped_column(default=False)
    """Whether records that the file does not contain become inactive."""
    match_zeros: Mapped[bool] = mapped_column(default=False)
    """Whether numbers that differ from existing ones only in leading zeros are those."""
    state: Mapped[str] = mapped_column(String(10))
    report: Mapped[dict[str, Any]] = mapped_column(JSON)
    """See `report.ImportReport`; also `lines`, the approximate number of rows, and `reached`, the progress of a run."""
    task_id: Mapped[int | None] = mapped_column(ForeignKey("tasks.id", ondelete="SET NULL"))
    """The latest task that previews or imports the file."""
    started_by: Mapped[str] = mapped_column(String(100))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    """The owner's account; None for commands and callers without an account."""
    created_at: Mapped[datetime] = mapped_column(Instant)
    checked_at: Mapped[datetime | None] = mapped_column(Instant)
    """When it was previewed."""
    imported_at: Mapped[datetime | None] = mapped_column(Instant)


class ImportRun(Base):
    """An import of a file: what it has changed can be undone until the file is deleted. A file may have several."""

    __tablename__ = "roster_runs"
    __table_args__ = (Index("ix_roster_runs_roster_id", "roster_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    roster_id: Mapped[int] = mapped_column(ForeignKey("rosters.id", ondelete="CASCADE"))
    started_by: Mapped[str] = mapped_column(String(100))
    started_at: Mapped[datetime] = mapped_column(Instant)
    created: Mapped[int] = mapped_column(default=0)
    """Records that it has created."""
    changed: Mapped[int] = mapped_column(default=0)
    """Records that it has changed or deactivated."""
    followed_up: Mapped[int] = mapped_column(default=0)
    """Second steps of rows, such as assigned devices."""
    undone_at: Mapped[datetime | None] = mapped_column(Instant)
    undone_by: Mapped[str | None] = mapped_column(String(100))

    @property
    def total(self) -> int:
        return self.created + self.changed + self.followed_up


class ImportChanges(Base):
    """What one transaction of an import has changed, with the values before: deleted when the import is undone, and with its file."""

    __tablename__ = "roster_changes"
    __table_args__ = (Index("ix_roster_changes_run_id", "run_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("roster_runs.id", ondelete="CASCADE"))
    changed_at: Mapped[datetime] = mapped_column(Instant)
    """`updated_at` of the records. One with another value has changed since."""
    content: Mapped[bytes] = mapped_column(LargeBinary)
    """See `changes.Changes`; compressed."""


class ImportFilePart(Base):
    """Some rows of an uploaded file, see `stored_rows`."""

    __tablename__ = "roster_parts"

    roster_id: Mapped[int] = mapped_column(ForeignKey("rosters.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)
