"""Pay periods: a chain without gaps, what each contained when it was closed, and what has changed since."""

from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.attendance.models.punches import MAX_USER_ID
from request_tracker_utils.attendance.models.terminals import MAX_NAME
from request_tracker_utils.core.db import Base, Instant

ROUNDINGS = (1, 5, 6, 15)
"""Minutes to which the sum of a person may be rounded."""


class PayLength(StrEnum):
    WEEKLY = "weekly"
    BIWEEKLY = "biweekly"
    MONTHLY = "monthly"


class PayPeriod(Base):
    """Days that are paid together. Each period but the first begins on the day on which another one ends, and no two begin or end on the
    same day: so there are neither gaps nor overlaps."""

    __tablename__ = "pay_periods"
    __table_args__ = (
        CheckConstraint("first_day < ends_before", name="days"),
        CheckConstraint("is_first = (follows IS NULL)", name="first"),
        CheckConstraint("follows = first_day", name="follows"),
        CheckConstraint("length IN ('weekly', 'biweekly', 'monthly')", name="length"),
        CheckConstraint("rounding_minutes IN (1, 5, 6, 15)", name="rounding"),
        CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name="closed"),
        Index("uq_pay_periods_is_first", "is_first", unique=True, sqlite_where=text("is_first"), postgresql_where=text("is_first")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    first_day: Mapped[date] = mapped_column(Date, unique=True)
    ends_before: Mapped[date] = mapped_column(Date, unique=True)
    """The day after the last one."""
    follows: Mapped[date | None] = mapped_column(ForeignKey("pay_periods.ends_before"))
    """The end of the period before: the first day, except in the first period."""
    is_first: Mapped[bool] = mapped_column(default=False)
    length: Mapped[str] = mapped_column(String(10))
    rounding_minutes: Mapped[int] = mapped_column(SmallInteger, default=1)
    created_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    closed_by: Mapped[str | None] = mapped_column(String(100))

    @property
    def last_day(self) -> date:
        return self.ends_before - timedelta(days=1)


class PayPeriodDay(Base):
    """A workday as it was when its period was closed. People are named as they were then, also after they are deleted."""

    __tablename__ = "pay_period_days"
    __table_args__ = (
        Index("uq_pay_period_days_user_id", "user_id", "date", "terminal_id", unique=True),
        Index("ix_pay_period_days_period_id", "period_id", "clock_in"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    period_id: Mapped[int] = mapped_column(ForeignKey("pay_periods.id"))
    terminal_id: Mapped[int] = mapped_column(ForeignKey("terminals.id"))
    user_id: Mapped[str] = mapped_column(String(MAX_USER_ID))
    date: Mapped[date] = mapped_column(Date)
    person_id: Mapped[int | None]
    person_name: Mapped[str] = mapped_column(String(MAX_NAME))
    """Or what the terminal calls the user."""
    clock_in: Mapped[datetime | None] = mapped_column(Instant)
    clock_out: Mapped[datetime | None] = mapped_column(Instant)
    worked_seconds: Mapped[int]
    is_incomplete: Mapped[bool]


class PayAdjustment(Base):
    """A change of a workday after its period was closed, for one person. A day that has moved to another person is two of them."""

    __tablename__ = "pay_adjustments"
    __table_args__ = (
        Index("ix_pay_adjustments_period_id", "period_id", "id"),
        Index("ix_pay_adjustments_user_id", "user_id", "date", "terminal_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    period_id: Mapped[int] = mapped_column(ForeignKey("pay_periods.id"))
    terminal_id: Mapped[int] = mapped_column(ForeignKey("terminals.id"))
    user_id: Mapped[str] = mapped_column(String(MAX_USER_ID))
    date: Mapped[date] = mapped_column(Date)
    person_id: Mapped[int | None]
    person_name: Mapped[str] = mapped_column(String(MAX_NAME))
    before_in: Mapped[datetime | None] = mapped_column(Instant)
    before_out: Mapped[datetime | None] = mapped_column(Instant)
    before_seconds: Mapped[int]
    clock_in: Mapped[datetime | None] = mapped_column(Instant)
    clock_out: Mapped[datetime | None] = mapped_column(Instant)
    worked_seconds: Mapped[int]
    changed_by: Mapped[str] = mapped_column(String(100))
    """Empty if the computation has found it."""
    created_at: Mapped[datetime] = mapped_column(Instant)
