"""Terminals, the history of their polls, their open alerts, and who changed them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant

MAX_NAME, MAX_SITE, MAX_ADDRESS, MAX_SERIAL = 100, 100, 45, 64
MAX_COMM_KEY = 999_999
DEFAULT_PORT = 4370
SERIAL_INDEX = "uq_terminals_serial_number"


class Outcome(StrEnum):
    """How a poll ended."""

    STORED = "stored"
    """The log was read completely, and all of it is stored."""
    UNCHANGED = "unchanged"
    """The terminal counts as many records as at the last verified read; nothing was downloaded."""
    INCOMPLETE = "incomplete"
    """What could be trusted is stored; the log is read again with the next poll."""
    FAILED = "failed"


class Terminal(Base):
    """A terminal for time and attendance. Terminals of one site share their user IDs. A terminal without an address only pushes."""

    __tablename__ = "terminals"
    __table_args__ = (
        CheckConstraint("port BETWEEN 1 AND 65535", name="port"),
        CheckConstraint("transport IN ('tcp', 'udp')", name="transport"),
        CheckConstraint("(lease_id IS NULL) = (leased_until IS NULL)", name="lease"),
        CheckConstraint("(reported_serial_number IS NULL) = (replaced_at IS NULL)", name="replaced"),
        Index(
            "uq_terminals_address",
            "address",
            "port",
            unique=True,
            sqlite_where=text("enabled"),
            postgresql_where=text("enabled"),
        ),
        Index(SERIAL_INDEX, "serial_number", unique=True),
        Index("ix_terminals_site_key", "site_key"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    name_key: Mapped[str] = mapped_column(String(3 * MAX_NAME), unique=True)
    site: Mapped[str] = mapped_column(String(MAX_SITE), default="")
    site_key: Mapped[str] = mapped_column(String(3 * MAX_SITE), default="")
    address: Mapped[str | None] = mapped_column(String(MAX_ADDRESS))
    port: Mapped[int] = mapped_column(default=DEFAULT_PORT)
    transport: Mapped[str] = mapped_column(String(3), default="tcp")
    layout: Mapped[str] = mapped_column(String(10), default="auto")
    """How records of its log are packed; `auto` derives it from their size."""
    timeout: Mapped[float | None]
    """Seconds for each answer, if not ZKTECO_TIMEOUT."""
    comm_key_cipher: Mapped[str | None] = mapped_column(String(300))
    """The communication key, encrypted; empty for 0."""
    timezone: Mapped[str] = mapped_column(String(60))
    enabled: Mapped[bool] = mapped_column(default=True)
    cutoff: Mapped[datetime | None] = mapped_column(DateTime)
    """Records before this time of the terminal are never imported."""
    notes: Mapped[str] = mapped_column(Text, default="")

    serial_number: Mapped[str | None] = mapped_column(String(MAX_SERIAL))
    """Learned at the first contact."""
    reported_serial_number: Mapped[str | None] = mapped_column(String(MAX_SERIAL))
    """Another serial number that answered at the address. Nothing is stored until somebody accepts the replacement."""
    replaced_at: Mapped[datetime | None] = mapped_column(Instant)
    firmware: Mapped[str | None] = mapped_column(String(100))
    platform: Mapped[str | None] = mapped_column(String(100))
    device_name: Mapped[str | None] = mapped_column(String(100))
    user_count: Mapped[int | None]
    record_count: Mapped[int | None]
    capacity: Mapped[int | None]

    last_polled_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the last poll began, whatever its outcome."""
    last_contact_at: Mapped[datetime | None] = mapped_column(Instant)
    """When it last answered or pushed."""
    last_sync_at: Mapped[datetime | None] = mapped_column(Instant)
    """When all of its records were last known to be stored."""
    last_error: Mapped[str | None] = mapped_column(Text)
    last_error_code: Mapped[str | None] = mapped_column(String(60))
    last_error_at: Mapped[datetime | None] = mapped_column(Instant)
    failures: Mapped[int] = mapped_column(default=0)
    """Polls that failed one after another."""
    clock_drift: Mapped[int | None]
    """Seconds by which its clock was ahead when it was last read."""
    clock_read_at: Mapped[datetime | None] = mapped_column(Instant)

    known_records: Mapped[int | None]
    """The last verified read of its log: how many records, how many bytes, and their SHA-256."""
    known_length: Mapped[int | None]
    known_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    verified_at: Mapped[datetime | None] = mapped_column(Instant)
    fully_read_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the whole log was last compared with the stored punches."""
    lease_id: Mapped[str | None] = mapped_column(String(32))
    leased_until: Mapped[datetime | None] = mapped_column(Instant)

    push_enabled: Mapped[bool] = mapped_column(default=False)
    push_key_cipher: Mapped[str | None] = mapped_column(String(300))
    push_version: Mapped[str | None] = mapped_column(String(40))
    push_address: Mapped[str | None] = mapped_column(String(MAX_ADDRESS))
    """From which it last pushed."""
    last_push_at: Mapped[datetime | None] = mapped_column(Instant)

    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


_OUTCOMES = ", ".join(f"'{outcome}'" for outcome in Outcome)


class TerminalPoll(Base):
    """One poll of a terminal. `outcome` and `ended_at` are empty while it runs, or when its process died."""

    __tablename__ = "terminal_polls"
    __table_args__ = (
        CheckConstraint(f"outcome IN ({_OUTCOMES})", name="outcome"),
        CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name="ended"),
        Index("ix_terminal_polls_terminal_id", "terminal_id", "id"),
        Index("ix_terminal_polls_started_at", "started_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    terminal_id: Mapped[int] = mapped_column(ForeignKey("terminals.id", ondelete="CASCADE"))
    started_by: Mapped[str] = mapped_column(String(100), default="")
    """Who started it; empty for the schedule."""
    full: Mapped[bool] = mapped_column(default=False)
    """Whether the whole log was read."""
    started_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    outcome: Mapped[str | None] = mapped_column(String(10))
    code: Mapped[str | None] = mapped_column(String(60))
    """The code of the error, or of what was wrong with the log."""
    problem: Mapped[str | None] = mapped_column(Text)
    records: Mapped[int | None]
    """As the terminal counts them."""
    fetched: Mapped[int] = mapped_column(default=0)
    new_punches: Mapped[int] = mapped_column(default=0)
    quarantined: Mapped[int] = mapped_column(default=0)


class TerminalAlert(Base):
    """A problem of a terminal, or a terminal that is pending: one message when it begins and one when it has ended."""

    __tablename__ = "terminal_alerts"
    __table_args__ = (
        CheckConstraint("(terminal_id IS NULL) != (serial_number IS NULL)", name="subject"),
        Index(
            "uq_terminal_alerts_open",
            "terminal_id",
            "kind",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "uq_terminal_alerts_pending",
            "serial_number",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_terminal_alerts_terminal_id", "terminal_id", "id"),
        Index("ix_terminal_alerts_ended_at", "ended_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    """Never used again: messages are about it."""
    terminal_id: Mapped[int | None] = mapped_column(ForeignKey("terminals.id", ondelete="CASCADE"))
    serial_number: Mapped[str | None] = mapped_column(String(MAX_SERIAL))
    """The serial number of a pending terminal."""
    kind: Mapped[str] = mapped_column(String(30))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    began_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    sent_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the message that it has begun was written."""


class TerminalEvent(Base):
    """What people have changed: settings, an accepted replacement, a clock that was set. It outlives the terminal."""

    __tablename__ = "terminal_events"
    __table_args__ = (Index("ix_terminal_events_terminal_id", "terminal_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    terminal_id: Mapped[int]
    terminal: Mapped[str] = mapped_column(String(MAX_NAME))
    event: Mapped[str] = mapped_column(String(30))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    actor_user_id: Mapped[int | None]
    actor: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(Instant)
