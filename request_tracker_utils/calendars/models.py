"""Tables of calendars: holidays, and a record of each change, which can be undone."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant

MAX_NAME = 100
_IS_DEFAULT = text("is_default")


class CalendarChange(StrEnum):
    CREATED = "created"
    RENAMED = "renamed"
    DEFAULT = "default"
    """The calendar has become the default."""
    DELETED = "deleted"
    HOLIDAY_ADDED = "holiday_added"
    HOLIDAY_CHANGED = "holiday_changed"
    HOLIDAY_DELETED = "holiday_deleted"
    IMPORTED = "imported"


class Calendar(Base):
    """A set of holidays. One calendar is the default, which applies where no other is chosen."""

    __tablename__ = "calendars"
    __table_args__ = (
        Index("uq_calendars_is_default", "is_default", unique=True, sqlite_where=_IS_DEFAULT, postgresql_where=_IS_DEFAULT),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    """Never used again: an undo restores it."""
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    name_key: Mapped[str] = mapped_column(String(3 * MAX_NAME), unique=True)
    is_default: Mapped[bool] = mapped_column(default=False)


class Holiday(Base):
    """Days on which nobody works. Holidays with different names may overlap, such as a break and a holiday within it."""

    __tablename__ = "holidays"
    __table_args__ = (
        CheckConstraint("first_day <= last_day", name="days"),
        Index("uq_holidays_name_key", "calendar_id", "name_key", "first_day", unique=True),
        Index("ix_holidays_first_day", "first_day", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    calendar_id: Mapped[int] = mapped_column(ForeignKey("calendars.id", ondelete="CASCADE"))
    first_day: Mapped[date] = mapped_column(Date)
    last_day: Mapped[date] = mapped_column(Date)
    """The last one that is free."""
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    name_key: Mapped[str] = mapped_column(String(3 * MAX_NAME))


class RecordedCalendarChange(Base):
    """Who changed what: the rows of calendars and holidays before and after it."""

    __tablename__ = "calendar_changes"
    __table_args__ = (CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="undone"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(300))
    """Names of the calendars and holidays, as they were called."""
    before: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)
    after: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)
    """These may be large, and are read only by an undo."""
    actor_user_id: Mapped[int | None]
    actor: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(Instant)
    undone_at: Mapped[datetime | None] = mapped_column(Instant)
    undone_by: Mapped[str | None] = mapped_column(String(100))
