"""Requests of people for punches that they have missed."""

from datetime import date, datetime, time
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String, Text, Time, text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant


class RequestState(StrEnum):
    PENDING = "pending"
    WITHDRAWN = "withdrawn"
    APPROVED = "approved"
    REJECTED = "rejected"


class MissedPunchRequest(Base):
    """When a person says that they came or left. Someone else approves it as a correction of the workday, or rejects it."""

    __tablename__ = "missed_punch_requests"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'withdrawn', 'approved', 'rejected')", name="state"),
        CheckConstraint("(state = 'pending') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("clock_in IS NOT NULL OR clock_out IS NOT NULL", name="times"),
        Index(
            "uq_missed_punch_requests_pending",
            "person_id",
            "date",
            unique=True,
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        Index("ix_missed_punch_requests_person_id", "person_id", "id"),
        Index("ix_missed_punch_requests_state", "id", sqlite_where=text("state = 'pending'"), postgresql_where=text("state = 'pending'")),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("attendance_people.id", ondelete="CASCADE"))
    date: Mapped[date] = mapped_column(Date)
    clock_in: Mapped[time | None] = mapped_column(Time)
    clock_out: Mapped[time | None] = mapped_column(Time)
    """By the clocks where the person works, as they said it."""
    reason: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default=RequestState.PENDING)
    note: Mapped[str] = mapped_column(Text, default="")
    """Written by the person who has decided."""
    workday_id: Mapped[int | None] = mapped_column(ForeignKey("workdays.id", ondelete="SET NULL"))
    """The day that was corrected."""
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    asked_by: Mapped[str] = mapped_column(String(100))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    decided_by: Mapped[str | None] = mapped_column(String(100))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
