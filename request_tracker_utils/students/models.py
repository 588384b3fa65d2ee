"""Tables: students, their devices, the history of devices, repair tickets, and the counters that triggers maintain."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Date, ForeignKey, Index, SmallInteger, String, Text, event, text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant
from request_tracker_utils.core.outbox import Outbox
from request_tracker_utils.students import triggers

SYNC_HOLDERS = "sync-holders"
"""The job that sends the holders of reassigned devices to Request Tracker."""
CREATE_REPAIR_TICKETS = "create-repair-tickets"
"""The job that creates the requested repair tickets. A higher domain provides both jobs."""
COMPLETE_DEVICES = "complete-devices"
"""The job that copies model, serial number and catalog of devices from the asset store."""


class DeviceStatus(StrEnum):
    AVAILABLE = "available"
    CHECKED_OUT = "checked_out"
    """Assigned to a student."""
    MAINTENANCE = "maintenance"
    RETIRED = "retired"


class Action(StrEnum):
    """The stored values follow the API: a device is checked *in* to a student when it is assigned, and *out* when it is returned."""

    ASSIGNED = "check_in"
    RETURNED = "check_out"
    MAINTENANCE = "maintenance"
    """Out of service: in maintenance or retired."""
    REPAIR = "repair"
    """Back in service."""
    OVERRIDE = "override"
    """Reassigned by an administrator regardless of status and current student."""


def _key(length: int) -> String:
    """Prefix search needs the order of code points, regardless of the database's language."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


IS_PENDING = text("students.is_active AND students.device_count = 0")
IS_ASSIGNED = text("students.device_count > 0")
IS_INACTIVE = text("NOT students.is_active")
IS_AT_SCHOOL = text("students.is_active AND students.building <> ''")
HAS_SERIAL = text("device_info.serial_key IS NOT NULL")
HAS_STUDENT = text("device_info.current_student_id IS NOT NULL")
HAS_DUE_DATE = text("device_info.due_date IS NOT NULL")
IS_UNREAD = text("device_info.asset_read_at IS NULL")
HAS_CATALOG = text("device_info.catalog <> ''")
"""Conditions of partial indexes as literal text: the database uses such an index only if the query contains the condition unbound."""


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


class Student(Base):
    __tablename__ = "students"
    __table_args__ = (
        CheckConstraint("device_count >= 0", name="device_count"),
        Index("ix_students_last_key", "last_key", "first_key", "id"),
        Index("ix_students_first_key", "first_key", "last_key", "id"),
        Index("ix_students_grade_rank", "grade_rank", "last_key", "first_key", "id"),
        _partial("ix_students_pending", "last_key", "first_key", "id", where="is_active AND device_count = 0"),
        _partial("ix_students_assigned", "last_key", "first_key", "id", where="device_count > 0"),
        _partial("ix_students_inactive", "last_key", "first_key", "id", where="NOT is_active"),
        _partial("ix_students_school", "building", "last_key", "first_key", "id", where="is_active AND building <> ''"),
        _partial("ix_students_rt_user", "rt_user", where="rt_user <> ''"),
        _partial("ix_students_school_year_id", "school_year_id", where="school_year_id IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    student_id: Mapped[str] = mapped_column(String(50), unique=True)
    """With leading zeros."""
    id_key: Mapped[str] = mapped_column(_key(100), unique=True)
    first_name: Mapped[str] = mapped_column(String(100))
    last_name: Mapped[str] = mapped_column(String(100))
    first_key: Mapped[str] = mapped_column(_key(200))
    last_key: Mapped[str] = mapped_column(_key(200))
    """Normalized for search: see `core.text.search_key`."""
    grade: Mapped[str | None] = mapped_column(String(20))
    grade_rank: Mapped[int] = mapped_column(SmallInteger)
    """Sort order: see `grades.grade_rank`."""
    is_active: Mapped[bool] = mapped_column(default=True)
    building: Mapped[str] = mapped_column(String(100), default="")
    """Pages call it the school."""
    homeroom: Mapped[str] = mapped_column(String(50), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    rt_user: Mapped[str] = mapped_column(String(100), default="")
    """User name in Request Tracker; if empty, RT_STUDENT_USER defines it."""
    device_count: Mapped[int] = mapped_column(default=0)
    """Maintained by triggers."""
    school_year_id: Mapped[int | None] = mapped_column(ForeignKey("school_years.id", ondelete="SET NULL"))
    """The rollover that promoted or deactivated the student; `grade_before` is the grade before it."""
    grade_before: Mapped[str | None] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class Device(Base):
    """A device has at most one student, in one column; a check constraint makes the status match it."""

    __tablename__ = "device_info"
    __table_args__ = (
        CheckConstraint("status IN ('available', 'checked_out', 'maintenance', 'retired')", name="status"),
        CheckConstraint("(status = 'checked_out') = (current_student_id IS NOT NULL)", name="checked_out_has_student"),
        Index("ix_device_info_status", "status", "tag_key"),
        _partial("ix_device_info_serial_key", "serial_key", "id", where="serial_key IS NOT NULL"),
        _partial("ix_device_info_current_student_id", "current_student_id", where="current_student_id IS NOT NULL"),
        _partial("ix_device_info_due_date", "due_date", "id", where="due_date IS NOT NULL"),
        _partial("ix_device_info_rt_due_at", "rt_due_at", where="rt_due_at IS NOT NULL"),
        _partial("ix_device_info_rt_problem", "id", where="rt_problem IS NOT NULL"),
        _partial("uq_device_info_asset_id", "asset_id", where="asset_id IS NOT NULL", unique=True),
        _partial("ix_device_info_unread", "id", where="asset_read_at IS NULL"),
        Index("ix_device_info_asset_read_at", "asset_read_at", "id"),
        _partial("ix_device_info_catalog", "catalog", where="catalog <> ''"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    asset_tag: Mapped[str] = mapped_column(String(50), unique=True)
    tag_key: Mapped[str] = mapped_column(_key(100), unique=True)
    serial_number: Mapped[str | None] = mapped_column(String(100))
    serial_key: Mapped[str | None] = mapped_column(_key(200))
    model: Mapped[str] = mapped_column(String(200), default="")
    status: Mapped[str] = mapped_column(String(20), default=DeviceStatus.AVAILABLE)
    current_student_id: Mapped[str | None] = mapped_column(ForeignKey("students.student_id"))
    asset_id: Mapped[int | None] = mapped_column(BigInteger)
    """The asset's number in the asset store, if known."""
    catalog: Mapped[str] = mapped_column(String(255), default="", server_default="")
    """The asset's catalog, if known."""
    asset_read_at: Mapped[datetime | None] = mapped_column(Instant)
    """When model, serial number and catalog were last read from the asset store."""
    building: Mapped[str] = mapped_column(String(100), default="")
    condition: Mapped[str] = mapped_column(String(20), default="good")
    accessories: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Accessories that the student received with the device."""
    assigned_at: Mapped[datetime | None] = mapped_column(Instant)
    due_date: Mapped[date | None] = mapped_column(Date)
    """Due date of a loaner."""
    rt_due_at: Mapped[datetime | None] = mapped_column(Instant)
    """When a job next sends the holder to the asset store; NULL while it is in sync."""
    rt_attempts: Mapped[int] = mapped_column(default=0)
    rt_problem: Mapped[str | None] = mapped_column(String(500))
    """Why the last attempt to send the holder failed."""
    rt_synced_at: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


class DeletedDevice(Base):
    """A device that was deleted although its asset may still exist: the asset is not a device until someone adds it again. Without effect
    while a device has the tag."""

    __tablename__ = "deleted_devices"
    __table_args__ = (_partial("ix_deleted_devices_asset_id", "asset_id", where="asset_id IS NOT NULL"),)

    tag_key: Mapped[str] = mapped_column(_key(100), primary_key=True)
    asset_id: Mapped[int | None] = mapped_column(BigInteger)
    deleted_at: Mapped[datetime] = mapped_column(Instant)


class DeviceLog(Base):
    """One change of a device. Append-only. It stores the student's name and remains when the student or the device is deleted."""

    __tablename__ = "device_logs"
    __table_args__ = (
        CheckConstraint("action IN ('check_in', 'check_out', 'maintenance', 'repair', 'override')", name="action"),
        Index("ix_device_logs_asset_tag", "asset_tag", "timestamp", "id"),
        _partial("ix_device_logs_student_id", "student_id", "timestamp", "id", where="student_id IS NOT NULL"),
        Index("ix_device_logs_timestamp", "timestamp", "id"),
        _partial("uq_device_logs_undoes_id", "undoes_id", where="undoes_id IS NOT NULL", unique=True),
        _partial("uq_device_logs_origin", "origin", where="origin IS NOT NULL", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    asset_tag: Mapped[str] = mapped_column(String(50))
    student_id: Mapped[str | None] = mapped_column(String(50))
    """The student who received or returned the device; NULL for changes without a student."""
    student_name: Mapped[str] = mapped_column(String(201), default="")
    action: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(20))
    """The device's status after the change."""
    timestamp: Mapped[datetime] = mapped_column(Instant)
    notes: Mapped[str] = mapped_column(Text, default="")
    actor: Mapped[str] = mapped_column(String(100))
    condition: Mapped[str] = mapped_column(String(20), default="")
    accessories: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Accessories that were assigned or returned with the device."""
    missing: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Accessories that were not returned."""
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """The device before the change, for undo; NULL for imported entries."""
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("device_logs.id"))
    """The change that this one undoes: each is undone at most once."""
    origin: Mapped[str | None] = mapped_column(String(80))
    """The scan or the imported row that caused this entry, unique for idempotency."""


class Tally(Base):
    """Counts of students and devices, maintained by triggers in shards: see `core.tallies`."""

    __tablename__ = triggers.TALLIES

    subject: Mapped[str] = mapped_column(String(10), primary_key=True)
    """`students` or `devices`."""
    grade: Mapped[str] = mapped_column(String(20), primary_key=True)
    """Empty for students without a grade, and for devices."""
    status: Mapped[str] = mapped_column(String(20), primary_key=True)
    """A device status; for students `assigned`, `pending`, `holding` (inactive with a device) or `inactive`."""
    shard: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    count: Mapped[int]


class TicketState(StrEnum):
    PENDING = "due"
    SENT = "sent"
    """Sent without an answer: Request Tracker is searched for the ticket before it is sent again."""
    CREATED = "made"


class RepairTicket(Base):
    """A requested ticket about a device. A job creates it in Request Tracker."""

    __tablename__ = "repair_tickets"
    __table_args__ = (
        CheckConstraint("state IN ('due', 'sent', 'made')", name="state"),
        CheckConstraint("(due_at IS NOT NULL) = (state IN ('due', 'sent'))", name="due_while_open"),
        CheckConstraint("(ticket_id IS NOT NULL) = (state = 'made')", name="made_has_ticket"),
        _partial("ix_repair_tickets_due_at", "due_at", where="due_at IS NOT NULL"),
        Index("ix_repair_tickets_asset_tag", "asset_tag", "id"),
        Index("ix_repair_tickets_log_id", "log_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    log_id: Mapped[int | None] = mapped_column(ForeignKey("device_logs.id"))
    """The return that requested it."""
    asset_tag: Mapped[str] = mapped_column(String(50))
    student_id: Mapped[str | None] = mapped_column(String(50))
    subject: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default=TicketState.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str | None] = mapped_column(String(500))
    ticket_id: Mapped[int | None] = mapped_column(BigInteger)
    sent_at: Mapped[datetime | None] = mapped_column(Instant)
    """When it was last sent. The ticket of a lost answer may still appear some minutes later."""
    due_at: Mapped[datetime | None] = mapped_column(Instant)
    created_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(Instant)


HOLDER_SYNC = Outbox(
    Device,
    due=Device.rt_due_at,
    attempts=Device.rt_attempts,
    problem=Device.rt_problem,
    job=SYNC_HOLDERS,
    unchanged=(Device.asset_id,),
    resend_lost=True,
)
"""Sends the holders of changed devices to the asset store."""

REPAIR_TICKETS = Outbox(
    RepairTicket,
    due=RepairTicket.due_at,
    attempts=RepairTicket.attempts,
    problem=RepairTicket.problem,
    job=CREATE_REPAIR_TICKETS,
    only=RepairTicket.state != TicketState.CREATED,
)
"""Creates tickets in Request Tracker."""

event.listen(Base.metadata, "after_create", triggers.create)
