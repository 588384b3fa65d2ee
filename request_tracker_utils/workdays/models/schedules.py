"""Staff groups, who belongs to them, and their weekly hours. Both are dated, and begin today at the earliest."""

from datetime import date, datetime, time

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, SmallInteger, String, Text, Time, text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant

MAX_GROUP_NAME = 100
MAX_GRACE = 120


class StaffGroup(Base):
    """People with the same hours."""

    __tablename__ = "staff_groups"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(MAX_GROUP_NAME))
    name_key: Mapped[str] = mapped_column(String(3 * MAX_GROUP_NAME), unique=True)
    notes: Mapped[str] = mapped_column(Text, default="")
    created_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(Instant)


class StaffGroupMember(Base):
    """The group of a person from a day on, until another row of theirs begins; none if it is empty."""

    __tablename__ = "staff_group_members"
    __table_args__ = (
        Index("uq_staff_group_members_person_id", "person_id", "valid_from", unique=True),
        Index("ix_staff_group_members_group_id", "group_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int]
    """Not a foreign key: a person who is deleted is in their group again when that is undone."""
    group_id: Mapped[int | None] = mapped_column(ForeignKey("staff_groups.id", ondelete="CASCADE"))
    valid_from: Mapped[date] = mapped_column(Date)
    created_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(Instant)


class ScheduleVersion(Base):
    """The weekly hours of a group from a day on, until another version begins, or to its own last day. Where no version is valid, the
    default hours apply: the versions without a group, which record what WORK_START_TIME and WORK_END_TIME were."""

    __tablename__ = "schedule_versions"
    __table_args__ = (
        CheckConstraint("valid_until IS NULL OR valid_from <= valid_until", name="valid"),
        CheckConstraint("grace_minutes BETWEEN 0 AND 120", name="grace"),
        Index("uq_schedule_versions_group_id", "group_id", "valid_from", unique=True),
        Index(
            "uq_schedule_versions_default",
            "valid_from",
            unique=True,
            sqlite_where=text("group_id IS NULL"),
            postgresql_where=text("group_id IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("staff_groups.id", ondelete="CASCADE"))
    valid_from: Mapped[date] = mapped_column(Date)
    valid_until: Mapped[date | None] = mapped_column(Date)
    grace_minutes: Mapped[int] = mapped_column(default=0)
    """How much later than the start, or earlier than the end, is not late or early."""
    created_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(Instant)


class ScheduleHours(Base):
    """The hours of a weekday. A weekday without a row is a day off. If they end before they start, they end on the next day."""

    __tablename__ = "schedule_hours"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("starts_at <> ends_at", name="hours"),
        Index("uq_schedule_hours_weekday", "version_id", "weekday", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("schedule_versions.id", ondelete="CASCADE"))
    weekday: Mapped[int] = mapped_column(SmallInteger)
    """0 is Monday."""
    starts_at: Mapped[time] = mapped_column(Time)
    ends_at: Mapped[time] = mapped_column(Time)
