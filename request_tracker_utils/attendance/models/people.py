"""People, and the user IDs by which the terminals of each site know them."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.attendance.models.punches import MAX_USER_ID
from request_tracker_utils.attendance.models.terminals import MAX_NAME, MAX_SITE
from request_tracker_utils.core.db import Base, Instant


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
    """A user ID at a site: two sites use the same one for different people."""

    __tablename__ = "attendance_person_ids"
    __table_args__ = (
        Index("uq_attendance_person_ids_user_id", "user_id", "site_key", unique=True),
        Index("ix_attendance_person_ids_person_id", "person_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("attendance_people.id", ondelete="CASCADE"))
    site: Mapped[str] = mapped_column(String(MAX_SITE))
    site_key: Mapped[str] = mapped_column(String(3 * MAX_SITE))
    user_id: Mapped[str] = mapped_column(String(MAX_USER_ID))
    created_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(Instant)
