"""Workdays: what the punches of a person, or of a user of a terminal, say about a day; and what the CRM knows of it."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Date, DateTime, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.attendance.models.punches import MAX_USER_ID
from request_tracker_utils.core.db import Base, Instant

MAX_PROBLEM = 1_000


class DayKind(StrEnum):
    """What the schedule says about a day."""

    WORK = "work"
    OFF = "off"
    HOLIDAY = "holiday"


class ReviewState(StrEnum):
    NONE = "none"
    """Nothing to review."""
    OPEN = "open"
    """An outlier or incomplete. It waits for a review as soon as the day's window has closed."""
    ACCEPTED = "accepted"
    CORRECTED = "corrected"


def _partial(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


class Workday(Base):
    """A day of a user of a terminal. Where the person is known, one row may be about several terminals; it keeps the first one.

    `first_at` and `last_at` are what the punches say. `clock_in` and `clock_out` count: they are the same, or what a person has corrected
    them to. The outlier reason and the flags are about those. A row that has lost all of its punches after the CRM had it stays, without
    times, so that the CRM hears of it.
    """

    __tablename__ = "workdays"
    __table_args__ = (
        CheckConstraint("day_kind IN ('work', 'off', 'holiday')", name="day_kind"),
        CheckConstraint("review_state IN ('none', 'open', 'accepted', 'corrected')", name="review_state"),
        CheckConstraint("last_at IS NULL OR first_at <= last_at", name="punched"),
        CheckConstraint("clock_out IS NULL OR clock_in <= clock_out", name="clocked"),
        CheckConstraint("is_outlier = (outlier_reason <> '')", name="reason"),
        CheckConstraint("(starts_at IS NULL) = (ends_at IS NULL)", name="scheduled"),
        CheckConstraint("revision >= 1 AND attempted_revision <= revision AND accepted_revision <= attempted_revision", name="revision"),
        CheckConstraint("synced_to_crm = (accepted_revision IS NOT NULL AND accepted_revision = revision)", name="synced"),
        CheckConstraint("punches >= 0 AND worked_seconds >= 0 AND sync_attempts >= 0 AND crm_attempts >= 0", name="counts"),
        Index("uq_workdays_user_id", "user_id", "date", "terminal_id", unique=True),
        Index("ix_workdays_date", "date", "id"),
        Index("ix_workdays_person_id", "person_id", "date"),
        Index("ix_workdays_terminal_id", "terminal_id", "date", "id"),
        Index("ix_workdays_outliers", "date", "id", **_partial("is_outlier")),
        Index("ix_workdays_unsynced", "date", "id", **_partial("NOT synced_to_crm")),
        Index("ix_workdays_failed", "id", **_partial("NOT synced_to_crm AND sync_attempts >= 3")),
        Index("ix_workdays_review", "date", "id", **_partial("review_state = 'open'")),
        Index("ix_workdays_crm_due_at", "crm_due_at", "id", **_partial("crm_due_at IS NOT NULL")),
        Index("ix_workdays_crm_problem", "id", **_partial("crm_problem IS NOT NULL")),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    terminal_id: Mapped[int] = mapped_column(ForeignKey("terminals.id"))
    user_id: Mapped[str] = mapped_column(String(MAX_USER_ID))
    date: Mapped[date] = mapped_column(Date)
    """On which it began, by the terminal's own time."""
    person_id: Mapped[int | None] = mapped_column(ForeignKey("attendance_people.id", ondelete="SET NULL"))
    timezone: Mapped[str] = mapped_column(String(60))
    """The zone of the first punch. Local times of the row are in it."""
    punches: Mapped[int]
    """Those that count, without repeated ones."""
    first_at: Mapped[datetime | None] = mapped_column(Instant)
    last_at: Mapped[datetime | None] = mapped_column(Instant)
    """Empty if there is one punch only."""
    window_ends_at: Mapped[datetime] = mapped_column(Instant)
    """From then on, punches belong to the next day."""

    day_kind: Mapped[str] = mapped_column(String(10))
    schedule_version_id: Mapped[int | None] = mapped_column(ForeignKey("schedule_versions.id", ondelete="SET NULL"))
    starts_at: Mapped[datetime | None] = mapped_column(DateTime)
    ends_at: Mapped[datetime | None] = mapped_column(DateTime)
    """The scheduled hours in local time; empty on a day off."""

    clock_in: Mapped[datetime | None] = mapped_column(Instant)
    clock_out: Mapped[datetime | None] = mapped_column(Instant)
    worked_seconds: Mapped[int] = mapped_column(default=0)
    """From clock-in to clock-out; 0 while one of them is missing."""
    is_incomplete: Mapped[bool] = mapped_column(default=False)
    is_outlier: Mapped[bool] = mapped_column(default=False)
    outlier_reason: Mapped[str] = mapped_column(Text, default="")
    """In English, since the CRM gets it."""
    is_late: Mapped[bool] = mapped_column(default=False)
    is_early: Mapped[bool] = mapped_column(default=False)
    is_half_day: Mapped[bool] = mapped_column(default=False)
    review_state: Mapped[str] = mapped_column(String(10), default=ReviewState.NONE)

    content_digest: Mapped[str] = mapped_column(String(64))
    """A digest of what the CRM gets, without the terminal's name and address."""
    revision: Mapped[int] = mapped_column(default=1)
    """Incremented when the content changes after a revision was sent."""
    attempted_revision: Mapped[int] = mapped_column(default=0)
    """The last one that was sent, with whatever answer."""
    accepted_revision: Mapped[int | None]
    accepted_digest: Mapped[str | None] = mapped_column(String(64))
    synced_to_crm: Mapped[bool] = mapped_column(default=False)
    synced_at: Mapped[datetime | None] = mapped_column(Instant)
    sync_attempts: Mapped[int] = mapped_column(default=0)
    """Runs that have sent this revision."""
    last_sync_attempt: Mapped[datetime | None] = mapped_column(Instant)
    crm_due_at: Mapped[datetime | None] = mapped_column(Instant)
    crm_attempts: Mapped[int] = mapped_column(default=0)
    """Claims of this revision, see `core/outbox.py`."""
    crm_problem: Mapped[str | None] = mapped_column(String(MAX_PROBLEM))
    crm_answer: Mapped[str | None] = mapped_column(String(MAX_PROBLEM))
    """What the CRM has answered to the last request: the status and the beginning of the text."""
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


class OutlierNotice(Base):
    """A reason of a workday that was in a digest by email. Each is sent once."""

    __tablename__ = "outlier_notices"
    __table_args__ = (Index("uq_outlier_notices_reason", "workday_id", "reason_digest", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    workday_id: Mapped[int] = mapped_column(ForeignKey("workdays.id", ondelete="CASCADE"))
    reason_digest: Mapped[str] = mapped_column(String(64))
    sent_at: Mapped[datetime] = mapped_column(Instant)
