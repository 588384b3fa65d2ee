"""What terminals have recorded: punches, the users behind them, and records that could not be decoded."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant

MAX_USER_ID, MAX_USER_NAME = 50, 100
PUNCH_ID = BigInteger().with_variant(Integer, "sqlite")
"""On PostgreSQL, punches that are known already use up numbers too."""


class Source(StrEnum):
    POLL = "poll"
    PUSH = "push"


class Implausible(StrEnum):
    """Why the time of a punch is implausible."""

    FUTURE = "future"
    """Later than when it was received, by more than any time zone explains."""
    BEHIND = "behind"
    """About a year or more before the punches that were recorded earlier: the clock was set back."""


class ReviewDecision(StrEnum):
    """What a person says about an implausible punch."""

    ACCEPTED = "accepted"
    IGNORED = "ignored"


class Punch(Base):
    """A record of a terminal's log as it was received. Append-only: nothing changes it."""

    __tablename__ = "punches"
    __table_args__ = (
        CheckConstraint("occurrence IN (1, 2)", name="occurrence"),
        CheckConstraint("source IN ('poll', 'push')", name="source"),
        CheckConstraint("implausible IN ('future', 'behind')", name="implausible"),
        # In the order of time, new punches are added at the end of the index, and the punches of a day are next to each other.
        Index("uq_punches_terminal_time", "terminal_id", "terminal_time", "user_id", "occurrence", unique=True),
        Index("ix_punches_user_id", "user_id", "terminal_time"),
        Index("ix_punches_punched_at", "punched_at", "id"),
        Index(
            "ix_punches_implausible",
            "id",
            sqlite_where=text("implausible IS NOT NULL"),
            postgresql_where=text("implausible IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(PUNCH_ID, primary_key=True)
    terminal_id: Mapped[int] = mapped_column(ForeignKey("terminals.id"))
    user_id: Mapped[str] = mapped_column(String(MAX_USER_ID))
    uid: Mapped[int | None]
    """The terminal's own number of the user."""
    terminal_time: Mapped[datetime] = mapped_column(DateTime)
    """As the terminal recorded it, without a zone."""
    occurrence: Mapped[int] = mapped_column(SmallInteger, default=1)
    """2 in the second pass of an hour that the clocks repeat; else 1."""
    timezone: Mapped[str] = mapped_column(String(60))
    """The terminal's zone when the punch was received."""
    punched_at: Mapped[datetime] = mapped_column(Instant)
    in_gap: Mapped[bool] = mapped_column(default=False)
    """The terminal's time was skipped by its zone; `punched_at` has moved by the gap."""
    status: Mapped[int] = mapped_column(SmallInteger)
    """How the person was verified."""
    punch_state: Mapped[int] = mapped_column(SmallInteger)
    """The button. Models disagree about its meaning."""
    work_code: Mapped[str | None] = mapped_column(String(40))
    source: Mapped[str] = mapped_column(String(4), default=Source.POLL)
    implausible: Mapped[str | None] = mapped_column(String(10))
    received_at: Mapped[datetime] = mapped_column(Instant)


class PunchReview(Base):
    """The decision about an implausible punch. Without one it is excluded from days."""

    __tablename__ = "punch_reviews"
    __table_args__ = (CheckConstraint("decision IN ('accepted', 'ignored')", name="decision"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    punch_id: Mapped[int] = mapped_column(ForeignKey("punches.id"), unique=True)
    decision: Mapped[str] = mapped_column(String(10))
    note: Mapped[str] = mapped_column(Text, default="")
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    decided_by: Mapped[str] = mapped_column(String(100))
    decided_at: Mapped[datetime] = mapped_column(Instant)


class TerminalUserRow(Base):
    """A user of a terminal, as its user table names them. Passwords, cards and templates are never read."""

    __tablename__ = "terminal_users"
    __table_args__ = (
        Index("uq_terminal_users_user_id", "terminal_id", "user_id", unique=True),
        Index("ix_terminal_users_uid", "terminal_id", "uid"),
        Index("ix_terminal_users_of_user", "user_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    terminal_id: Mapped[int] = mapped_column(ForeignKey("terminals.id", ondelete="CASCADE"))
    user_id: Mapped[str] = mapped_column(String(MAX_USER_ID))
    uid: Mapped[int | None]
    name: Mapped[str] = mapped_column(String(MAX_USER_NAME), default="")
    first_seen_at: Mapped[datetime] = mapped_column(Instant)
    changed_at: Mapped[datetime] = mapped_column(Instant)
    removed_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the user was first missing from the terminal."""


class QuarantinedRecord(Base):
    """A record that could not be decoded, as the terminal sent it."""

    __tablename__ = "quarantined_records"
    __table_args__ = (
        CheckConstraint("source IN ('poll', 'push')", name="source"),
        CheckConstraint("(reviewed_at IS NULL) = (reviewed_by IS NULL)", name="reviewed"),
        Index("uq_quarantined_records_digest", "terminal_id", "digest", "position", unique=True),
        Index("ix_quarantined_records_open", "id", sqlite_where=text("reviewed_at IS NULL"), postgresql_where=text("reviewed_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    terminal_id: Mapped[int] = mapped_column(ForeignKey("terminals.id", ondelete="CASCADE"))
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    position: Mapped[int]
    """In the log; -1 for records that were pushed."""
    reason: Mapped[str] = mapped_column(String(200))
    source: Mapped[str] = mapped_column(String(4), default=Source.POLL)
    received_at: Mapped[datetime] = mapped_column(Instant)
    reviewed_at: Mapped[datetime | None] = mapped_column(Instant)
    reviewed_by: Mapped[str | None] = mapped_column(String(100))


class RawLog(Base):
    """A log with records of an unknown size, as it was received, compressed with zlib."""

    __tablename__ = "raw_logs"
    __table_args__ = (Index("uq_raw_logs_digest", "terminal_id", "digest", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    terminal_id: Mapped[int] = mapped_column(ForeignKey("terminals.id", ondelete="CASCADE"))
    content: Mapped[bytes] = mapped_column(LargeBinary)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 before compression."""
    length: Mapped[int]
    records: Mapped[int]
    """As the terminal counted them."""
    problem: Mapped[str] = mapped_column(String(60))
    received_at: Mapped[datetime] = mapped_column(Instant)


class DayCount(Base):
    """How many records the terminal has had of a day, by its own time. Compared with stored punches, it proves that nothing is missing."""

    __tablename__ = "terminal_day_counts"
    __table_args__ = (
        CheckConstraint("records >= 0 AND repeated >= 0 AND repeated <= records", name="records"),
        Index("uq_terminal_day_counts_day", "terminal_id", "day", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    terminal_id: Mapped[int] = mapped_column(ForeignKey("terminals.id", ondelete="CASCADE"))
    day: Mapped[date] = mapped_column(Date)
    records: Mapped[int]
    repeated: Mapped[int] = mapped_column(default=0)
    """Those of them that repeat another record: same user, same second. They are one punch."""
    counted_at: Mapped[datetime] = mapped_column(Instant)


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


APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER punches_no_{verb.lower()} BEFORE {verb} ON punches BEGIN SELECT RAISE(ABORT, 'punches never change'); END"
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE FUNCTION punches_never_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'punches never change'; END $$",
        "CREATE TRIGGER punches_never_change BEFORE UPDATE OR DELETE ON punches FOR EACH ROW EXECUTE FUNCTION punches_never_change()",
    ],
}


def _create_triggers(_table: Table, connection: Any, **_: Any) -> None:
    for statement in APPEND_ONLY[connection.dialect.name]:
        connection.execute(text(statement))


event.listen(Punch.__table__, "after_create", _create_triggers)
