"""The clocks of terminals: how far they were off, and repairs of the times of punches."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, DateTime, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant


class ClockReading(Base):
    """What a terminal's clock has shown, and how many seconds it was ahead."""

    __tablename__ = "clock_readings"
    __table_args__ = (Index("ix_clock_readings_terminal_id", "terminal_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    terminal_id: Mapped[int] = mapped_column(ForeignKey("terminals.id", ondelete="CASCADE"))
    read_at: Mapped[datetime] = mapped_column(Instant)
    terminal_time: Mapped[datetime] = mapped_column(DateTime)
    drift: Mapped[int]


class ClockRepair(Base):
    """Seconds that are added to the times of a stretch of a terminal's punches, from one punch to another in the order in which they were
    received. The punches themselves never change."""

    __tablename__ = "clock_repairs"
    __table_args__ = (
        CheckConstraint("first_punch_id <= last_punch_id", name="stretch"),
        CheckConstraint("(reversed_at IS NULL) = (reversed_by IS NULL)", name="reversed"),
        Index("ix_clock_repairs_terminal_id", "terminal_id", "first_punch_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    terminal_id: Mapped[int] = mapped_column(ForeignKey("terminals.id"))
    first_punch_id: Mapped[int] = mapped_column(ForeignKey("punches.id"))
    last_punch_id: Mapped[int] = mapped_column(ForeignKey("punches.id"))
    seconds: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)
    proof: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """The clock readings that show the offset."""
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Instant)
    reversed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    reversed_by: Mapped[str | None] = mapped_column(Text)
    reversed_at: Mapped[datetime | None] = mapped_column(Instant)
