"""People, the user IDs by which the terminals of each site know them, what was changed, and which conflicts were decided."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.attendance.models.punches import MAX_USER_ID
from request_tracker_utils.attendance.models.terminals import MAX_NAME, MAX_SITE
from request_tracker_utils.core.db import Base, Instant

ALWAYS = date.min
"""The first day of a user ID that has always belonged to its person."""


class PeopleChange(StrEnum):
    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"
    MERGED = "merged"
    SPLIT = "split"
    REASSIGNED = "reassigned"
    """A user ID belongs to another person from a day on."""
    IMPORTED = "imported"
    DECIDED = "decided"
    """A conflict of names was left as it is."""


class AttendancePerson(Base):
    """A person with punches. With a linked account they see their own."""

    __tablename__ = "attendance_people"
    __table_args__ = (Index("ix_attendance_people_name_key", "name_key", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    name_key: Mapped[str] = mapped_column(String(3 * MAX_NAME))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), unique=True)
    notes: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


class PersonId(Base):
    """A user ID at a site: two sites use the same one for different people. It belongs to the person from `valid_from` on, until another
    row has the same ID from a later day on."""

    __tablename__ = "attendance_person_ids"
    __table_args__ = (
        Index("uq_attendance_person_ids_user_id", "user_id", "site_key", "valid_from", unique=True),
        Index("ix_attendance_person_ids_person_id", "person_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("attendance_people.id", ondelete="CASCADE"))
    site: Mapped[str] = mapped_column(String(MAX_SITE))
    site_key: Mapped[str] = mapped_column(String(3 * MAX_SITE))
    user_id: Mapped[str] = mapped_column(String(MAX_USER_ID))
    valid_from: Mapped[date] = mapped_column(Date, default=ALWAYS)
    """By the terminal's own time."""
    created_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(Instant)


class RecordedChange(Base):
    """A change of people and their user IDs, which can be undone: all of their rows before and after it."""

    __tablename__ = "attendance_people_changes"
    __table_args__ = (CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="undone"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(300))
    """Names of the people, as they were called."""
    people: Mapped[int]
    """How many people it is about."""
    before: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)
    after: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)
    """These may be large, and are read only by an undo."""
    actor_user_id: Mapped[int | None]
    actor: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(Instant)
    undone_at: Mapped[datetime | None] = mapped_column(Instant)
    undone_by: Mapped[str | None] = mapped_column(String(100))


class NameDecision(Base):
    """A conflict of names that a person has looked at and left as it is. `fingerprint` changes with the names and IDs, so that a new
    conflict is listed again."""

    __tablename__ = "attendance_name_decisions"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)
    decided_by: Mapped[str] = mapped_column(String(100))
    decided_at: Mapped[datetime] = mapped_column(Instant)
