"""Tables: the parts that can be requested, and the requests."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant

OTHER = "Other"
"""The last entry of the list: the request then says which part in `other_part`."""


class OpticsStatus(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    ARCHIVED = "archived"


_STATUSES = ", ".join(f"'{status}'" for status in OpticsStatus)


class OpticsPart(Base):
    __tablename__ = "optics_parts"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    name_key: Mapped[str] = mapped_column(String(100), unique=True)
    position: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)


class OpticsRequest(Base):
    __tablename__ = "optics_requests"
    __table_args__ = (
        CheckConstraint(f"status IN ({_STATUSES})", name="status"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("(selected_part = 'Other') = (other_part <> '')", name="other_part"),
        Index("ix_optics_requests_status", "status", "id"),
        Index("ix_optics_requests_created_by_id", "created_by_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    selected_part: Mapped[str] = mapped_column(String(100))
    other_part: Mapped[str] = mapped_column(String(200), default="")
    quantity: Mapped[int]
    requester_name: Mapped[str] = mapped_column(String(100))
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_by: Mapped[str] = mapped_column(String(100))
    status: Mapped[str] = mapped_column(String(10), default=OpticsStatus.PENDING)
    admin_note: Mapped[str] = mapped_column(String(1000), default="")
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    decided_by: Mapped[str | None] = mapped_column(String(100))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    request_key: Mapped[str | None] = mapped_column(String(120), unique=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)
