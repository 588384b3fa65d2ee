"""School years that began with a rollover, and devices of undone imports that are still to be deleted."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant

DELETE_UNDONE_DEVICES = "delete-undone-devices"
"""The job that deletes them."""


class SchoolYear(Base):
    """A rollover: students were promoted, and those of the last grade left school. The name of an undone rollover can be used again."""

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
    """Students of this grade left school."""
    promoted: Mapped[int]
    leavers: Mapped[int]
    done_at: Mapped[datetime] = mapped_column(Instant)
    done_by: Mapped[str] = mapped_column(String(100))
    undone_at: Mapped[datetime | None] = mapped_column(Instant)
    undone_by: Mapped[str | None] = mapped_column(String(100))


class UndoneDevice(Base):
    """A device that an undone import had created and assigned. It is deleted once the asset store no longer shows its student."""

    __tablename__ = "undone_devices"

    device_id: Mapped[int] = mapped_column(ForeignKey("device_info.id", ondelete="CASCADE"), primary_key=True, autoincrement=False)
