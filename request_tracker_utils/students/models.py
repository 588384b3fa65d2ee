"""Students, the devices that are handed out to them, and the record of every hand that a device went through."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Date, ForeignKey, Index, SmallInteger, String, Text, event, text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant
from request_tracker_utils.core.outbox import Outbox
from request_tracker_utils.students import triggers
from request_tracker_utils.students.names import CREATE_REPAIR_TICKETS, SYNC_HOLDERS


class DeviceStatus(StrEnum):
    AVAILABLE = "available"
    CHECKED_OUT = "checked_out"
    """A student has it."""
    MAINTENANCE = "maintenance"
    RETIRED = "retired"


class Action(StrEnum):
    """Named as programs know them from before: a device is checked *in* to a student, and *out* when it is taken back."""

    CHECK_IN = "check_in"
    CHECK_OUT = "check_out"
    MAINTENANCE = "maintenance"
    """Taken out of service: to be mended, or for good."""
    REPAIR = "repair"
    """Back in service."""
    OVERRIDE = "override"
    """Set by an administrator in spite of what stood against it."""


def _key(length: int) -> String:
    """What is searched by its beginning is ordered by its letters' numbers, whatever language the database speaks."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


IS_PENDING = text("students.is_active AND students.device_count = 0")
IS_ASSIGNED = text("students.device_count > 0")
IS_INACTIVE = text("NOT students.is_active")
HAS_SERIAL = text("device_info.serial_key IS NOT NULL")
HAS_STUDENT = text("device_info.current_student_id IS NOT NULL")
HAS_DUE_DATE = text("device_info.due_date IS NOT NULL")
"""Conditions of partial indexes, written out: a database takes such an index only where it can read the condition in the query."""


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
        _partial("ix_students_rt_user", "rt_user", where="rt_user <> ''"),
        _partial("ix_students_school_year_id", "school_year_id", where="school_year_id IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    student_id: Mapped[str] = mapped_column(String(50), unique=True)
    """As the school writes it, with leading zeros."""
    id_key: Mapped[str] = mapped_column(_key(100), unique=True)
    first_name: Mapped[str] = mapped_column(String(100))
    last_name: Mapped[str] = mapped_column(String(100))
    first_key: Mapped[str] = mapped_column(_key(200))
    last_key: Mapped[str] = mapped_column(_key(200))
    """Names as they are searched: see `students.keys`."""
    grade: Mapped[str | None] = mapped_column(String(20))
    grade_rank: Mapped[int] = mapped_column(SmallInteger)
    """The order of grades: see `students.grades`."""
    is_active: Mapped[bool] = mapped_column(default=True)
    building: Mapped[str] = mapped_column(String(100), default="")
    homeroom: Mapped[str] = mapped_column(String(50), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    rt_user: Mapped[str] = mapped_column(String(100), default="")
    """The user's name in Request Tracker; where it is empty, RT_STUDENT_USER says how it is made."""
    device_count: Mapped[int] = mapped_column(default=0)
    """How many devices the student has. Triggers keep it."""
    school_year_id: Mapped[int | None] = mapped_column(ForeignKey("school_years.id", ondelete="SET NULL"))
    """The rollover that gave this grade, or made the student inactive; `grade_before` was the grade until then."""
    grade_before: Mapped[str | None] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class Device(Base):
    """One holder a device: there is one column for it, and a check that the status agrees."""

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
    """Its number in the directory, where that is known."""
    building: Mapped[str] = mapped_column(String(100), default="")
    condition: Mapped[str] = mapped_column(String(20), default="good")
    accessories: Mapped[list[str]] = mapped_column(JSON, default=list)
    """What the student has with it."""
    assigned_at: Mapped[datetime | None] = mapped_column(Instant)
    due_date: Mapped[date | None] = mapped_column(Date)
    """The day by which a loaner is to be back."""
    rt_due_at: Mapped[datetime | None] = mapped_column(Instant)
    """When a job next tells the directory who has it; empty while the directory knows."""
    rt_attempts: Mapped[int] = mapped_column(default=0)
    rt_problem: Mapped[str | None] = mapped_column(String(500))
    """Why the directory does not know yet who has it."""
    rt_synced_at: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


class DeviceLog(Base):
    """One change of a device. The table only grows, keeps the student's name, and outlives student and device."""

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
    """Who has it, gets it or had it; empty where the change was nobody's."""
    student_name: Mapped[str] = mapped_column(String(201), default="")
    action: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(20))
    """The device's status after the change."""
    timestamp: Mapped[datetime] = mapped_column(Instant)
    notes: Mapped[str] = mapped_column(Text, default="")
    actor: Mapped[str] = mapped_column(String(100))
    condition: Mapped[str] = mapped_column(String(20), default="")
    accessories: Mapped[list[str]] = mapped_column(JSON, default=list)
    """What went out, or came back, with the device."""
    missing: Mapped[list[str]] = mapped_column(JSON, default=list)
    """What did not come back."""
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """The device as it was, for undoing the change; empty for what an older installation wrote down."""
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("device_logs.id"))
    """The change that this one takes back: each is taken back once."""
    origin: Mapped[str | None] = mapped_column(String(80))
    """The scan, or the row of an older installation, from which this one comes: each comes once."""


class Tally(Base):
    """How many there are of a kind. Triggers keep it; the sum over `shard` counts.

    Each of PostgreSQL's connections has a shard of its own, so that nobody waits for the count of somebody else's transaction.
    """

    __tablename__ = "student_tallies"

    subject: Mapped[str] = mapped_column(String(10), primary_key=True)
    """`students` or `devices`."""
    grade: Mapped[str] = mapped_column(String(20), primary_key=True)
    """Of students; empty for those without one, and for devices."""
    status: Mapped[str] = mapped_column(String(20), primary_key=True)
    """Of devices their own; of students `assigned`, `pending`, `holding` (inactive, and still has a device) or `inactive`."""
    shard: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    count: Mapped[int]


class TicketState(StrEnum):
    DUE = "due"
    SENT = "sent"
    """Request Tracker may have been told and has not answered: it is looked for before it is told again."""
    MADE = "made"


class RepairTicket(Base):
    """A ticket that is to be made in Request Tracker for a device; a job makes it, whenever Request Tracker answers."""

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
    """The return with which it was asked for."""
    asset_tag: Mapped[str] = mapped_column(String(50))
    student_id: Mapped[str | None] = mapped_column(String(50))
    subject: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default=TicketState.DUE)
    attempts: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str | None] = mapped_column(String(500))
    ticket_id: Mapped[int | None] = mapped_column(BigInteger)
    sent_at: Mapped[datetime | None] = mapped_column(Instant)
    """When Request Tracker was last told: an answer that is lost may still be under way for a while."""
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
"""Devices of which the asset store is to be told who has them."""

REPAIR_TICKETS = Outbox(
    RepairTicket,
    due=RepairTicket.due_at,
    attempts=RepairTicket.attempts,
    problem=RepairTicket.problem,
    job=CREATE_REPAIR_TICKETS,
    only=RepairTicket.state != TicketState.MADE,
)
"""Tickets that are to be created in Request Tracker."""

event.listen(Base.metadata, "after_create", triggers.create)
