"""Terminals that push their records over HTTP: those that nobody has accepted, and what they have sent last."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.attendance.models.terminals import MAX_ADDRESS, MAX_SERIAL
from request_tracker_utils.core.db import Base, Instant


class PendingTerminal(Base):
    """An unknown serial number that has pushed. It keeps its data until somebody accepts it."""

    __tablename__ = "pending_terminals"
    __table_args__ = (CheckConstraint("(ignored_at IS NULL) = (ignored_by IS NULL)", name="ignored"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    serial_number: Mapped[str] = mapped_column(String(MAX_SERIAL), unique=True)
    address: Mapped[str] = mapped_column(String(MAX_ADDRESS))
    push_version: Mapped[str | None] = mapped_column(String(40))
    contacts: Mapped[int] = mapped_column(default=1)
    first_seen_at: Mapped[datetime] = mapped_column(Instant)
    last_seen_at: Mapped[datetime] = mapped_column(Instant)
    ignored_at: Mapped[datetime | None] = mapped_column(Instant)
    ignored_by: Mapped[str | None] = mapped_column(String(100))


class PushStamp(Base):
    """The stamp of the last upload that was stored. Terminals send what comes after it."""

    __tablename__ = "push_stamps"

    terminal_id: Mapped[int] = mapped_column(ForeignKey("terminals.id", ondelete="CASCADE"), primary_key=True)
    content: Mapped[str] = mapped_column(String(20), primary_key=True)
    """The kind of upload: `ATTLOG` or `OPERLOG`. `TimeZone` is the offset from UTC that the terminal was answered last,
    `Counts` the number of records that it has reported last."""
    stamp: Mapped[str] = mapped_column(String(60))
    received_at: Mapped[datetime] = mapped_column(Instant)
