"""What people decide about workdays. Decisions are an overlay: neither punches nor what they say about the day are changed."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant


class Decision(StrEnum):
    ACCEPTED = "accepted"
    CORRECTED = "corrected"


class DecisionEnd(StrEnum):
    UNDONE = "undone"
    REPLACED = "replaced"
    """By another decision."""
    REOPENED = "reopened"
    """The punches of the day have changed since."""


class WorkdayDecision(Base):
    """An outlier or incomplete day that was accepted, or corrected to other times. It is valid while `ended_at` is empty, and
    as long as the punches say what they said then (`first_at`, `last_at`)."""

    __tablename__ = "workday_decisions"
    __table_args__ = (
        CheckConstraint("decision IN ('accepted', 'corrected')", name="decision"),
        CheckConstraint("decision = 'corrected' OR (clock_in IS NULL AND clock_out IS NULL)", name="times"),
        CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="ended"),
        CheckConstraint("end_reason IN ('undone', 'replaced', 'reopened')", name="end_reason"),
        Index(
            "uq_workday_decisions_valid",
            "workday_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_workday_decisions_workday_id", "workday_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    workday_id: Mapped[int] = mapped_column(ForeignKey("workdays.id", ondelete="CASCADE"))
    decision: Mapped[str] = mapped_column(String(10))
    clock_in: Mapped[datetime | None] = mapped_column(Instant)
    clock_out: Mapped[datetime | None] = mapped_column(Instant)
    reason: Mapped[str] = mapped_column(Text)
    first_at: Mapped[datetime | None] = mapped_column(Instant)
    last_at: Mapped[datetime | None] = mapped_column(Instant)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    decided_by: Mapped[str] = mapped_column(String(100))
    decided_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_by: Mapped[str | None] = mapped_column(String(100))
    end_reason: Mapped[str | None] = mapped_column(String(10))
