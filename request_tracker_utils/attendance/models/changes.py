"""Days on which something about punches has changed after they were stored."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, String
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.attendance.models.punches import MAX_USER_ID
from request_tracker_utils.core.db import Base, Instant


class ChangedDays(Base):
    """A queue: whatever is computed from punches is computed again for these days, and then the row is deleted. Written in the transaction
    of the change."""

    __tablename__ = "attendance_changed_days"
    __table_args__ = (CheckConstraint("first_day <= last_day", name="days"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[str | None] = mapped_column(String(MAX_USER_ID))
    """Of all users if empty."""
    first_day: Mapped[date] = mapped_column(Date)
    last_day: Mapped[date] = mapped_column(Date)
    """Local days of the terminals."""
    created_at: Mapped[datetime] = mapped_column(Instant)
