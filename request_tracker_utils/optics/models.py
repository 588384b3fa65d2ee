"""Tables: the parts that can be requested, and the requests."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant
from request_tracker_utils.inventory.models import MAX_QUANTITY

OTHER = "Other"
"""The last entry of the list: the request then says which part in `other_part`."""
MAX_PART, MAX_OTHER, MAX_NAME = 100, 200, 100


class OpticsStatus(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    ARCHIVED = "archived"


_STATUSES = ", ".join(f"'{status}'" for status in OpticsStatus)


class OpticsPart(Base):
    """A part that can be requested. Requests store its name, so that a part can be renamed and removed."""

    __tablename__ = "optics_parts"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(MAX_PART))
    name_key: Mapped[str] = mapped_column(String(3 * MAX_PART), unique=True)
    position: Mapped[int]


class OpticsRequest(Base):
    """`decision` stays after the request was archived."""

    __tablename__ = "optics_requests"
    __table_args__ = (
        CheckConstraint(f"status IN ({_STATUSES})", name="status"),
        CheckConstraint("decision IN ('approved', 'denied') AND status IN (decision, 'archived')", name="decision"),
        CheckConstraint("(status = 'pending') = (decision IS NULL)", name="decided"),
        CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name="decided_at"),
        CheckConstraint("(status = 'archived') = (archived_at IS NOT NULL)", name="archived_at"),
        CheckConstraint(f"quantity BETWEEN 1 AND {MAX_QUANTITY}", name="quantity"),
        CheckConstraint(f"(selected_part = '{OTHER}') = (other_part <> '')", name="other_part"),
        Index("ix_optics_requests_status", "status", "id"),
        Index("ix_optics_requests_created_by_id", "created_by_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    selected_part: Mapped[str] = mapped_column(String(MAX_PART))
    other_part: Mapped[str] = mapped_column(String(MAX_OTHER), default="")
    quantity: Mapped[int]
    requester_name: Mapped[str] = mapped_column(String(MAX_NAME))
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_by: Mapped[str] = mapped_column(String(100))
    status: Mapped[str] = mapped_column(String(10), default=OpticsStatus.PENDING)
    admin_note: Mapped[str] = mapped_column(Text, default="")
    decision: Mapped[str | None] = mapped_column(String(10))
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    decided_by: Mapped[str | None] = mapped_column(String(100))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    archived_by: Mapped[str | None] = mapped_column(String(100))
    archived_at: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)

    @property
    def part(self) -> str:
        """What is requested."""
        return self.other_part or self.selected_part
