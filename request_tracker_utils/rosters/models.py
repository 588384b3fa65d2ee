"""Lists of students and devices that come as files, and the turn of the school year."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant


class Subject(StrEnum):
    STUDENTS = "students"
    DEVICES = "devices"


class RosterState(StrEnum):
    READ = "read"
    """It is kept; nobody has looked yet what it would change."""
    CHECKED = "checked"
    """`report` says what it would change."""
    IMPORTED = "imported"
    """`report` says what it has changed."""


class Roster(Base):
    """A file as somebody brought it. What it holds lies in parts, so that any process can read it piece by piece."""

    __tablename__ = "rosters"
    __table_args__ = (
        CheckConstraint("subject IN ('students', 'devices')", name="subject"),
        CheckConstraint("state IN ('read', 'checked', 'imported')", name="state"),
        Index("ix_rosters_started_by_id", "started_by", "id"),
        Index("ix_rosters_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(10))
    source: Mapped[str] = mapped_column(String(200))
    """The file's name."""
    size: Mapped[int]
    """Bytes."""
    encoding: Mapped[str] = mapped_column(String(20))
    separator: Mapped[str] = mapped_column(String(1))
    head: Mapped[list[str]] = mapped_column(JSON)
    """The file's heading; empty where it has none."""
    sample: Mapped[list[list[str]]] = mapped_column(JSON)
    """Its first rows, to map columns by."""
    columns: Mapped[dict[str, int]] = mapped_column(JSON)
    """Field → number of the column that holds it, from 0."""
    deactivate_missing: Mapped[bool] = mapped_column(default=False)
    """Whether students who are not in the file become inactive."""
    state: Mapped[str] = mapped_column(String(10))
    report: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Counts, problems by line, and examples of changes."""
    task_id: Mapped[int | None] = mapped_column(ForeignKey("tasks.id", ondelete="SET NULL"))
    """The task that looks through it or imports it, or did so last."""
    started_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(Instant)
    checked_at: Mapped[datetime | None] = mapped_column(Instant)
    imported_at: Mapped[datetime | None] = mapped_column(Instant)


class RosterPart(Base):
    __tablename__ = "roster_parts"

    roster_id: Mapped[int] = mapped_column(ForeignKey("rosters.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class SchoolYear(Base):
    """A turn of the year: everybody went up a grade, and those of the last grade left. One that was taken back frees its name."""

    __tablename__ = "school_years"
    __table_args__ = (
        Index(
            "uq_school_years_name",
            "name",
            unique=True,
            sqlite_where=text("undone_at IS NULL"),
            postgresql_where=text("undone_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    """The year that begins, such as `2026/27`."""
    last_grade: Mapped[str] = mapped_column(String(20))
    """Whose students leave."""
    promoted: Mapped[int]
    leavers: Mapped[int]
    done_at: Mapped[datetime] = mapped_column(Instant)
    done_by: Mapped[str] = mapped_column(String(100))
    undone_at: Mapped[datetime | None] = mapped_column(Instant)
    undone_by: Mapped[str | None] = mapped_column(String(100))
