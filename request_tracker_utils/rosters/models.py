"""School years that began with a rollover."""

from datetime import datetime

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant


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
