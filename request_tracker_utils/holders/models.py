"""Where the directory and this program do not agree about who has a device."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant


class DifferenceKind(StrEnum):
    HOLDER = "holder"
    """Both know the device, and name different holders."""
    UNKNOWN_HERE = "unknown_here"
    """The directory's asset is held by somebody, and is no device here."""
    MISSING_THERE = "missing_there"
    """The device has no asset in the directory."""
    RENAMED = "renamed"
    """The device's asset is called otherwise in the directory."""


class HolderDifference(Base):
    """Something in which the two do not agree, until it is settled or gone."""

    __tablename__ = "holder_differences"
    __table_args__ = (
        CheckConstraint("kind IN ('holder', 'unknown_here', 'missing_there', 'renamed')", name="kind"),
        Index("uq_holder_differences_kind_asset_id_asset_tag", "kind", "asset_id", "asset_tag", unique=True),
        Index("ix_holder_differences_open", "id", sqlite_where=text("settled_at IS NULL"), postgresql_where=text("settled_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    asset_tag: Mapped[str] = mapped_column(String(50))
    """The device here; empty where there is none."""
    asset_id: Mapped[int] = mapped_column(BigInteger)
    """The asset in the directory; 0 where there is none."""
    asset_name: Mapped[str] = mapped_column(String(500), default="")
    """What the directory calls the asset."""
    ours: Mapped[str] = mapped_column(String(100), default="")
    """The user who should hold it as this program sees it; empty for nobody."""
    student_id: Mapped[str | None] = mapped_column(String(50))
    """The student who has the device here."""
    theirs: Mapped[str] = mapped_column(String(500), default="")
    """The users who hold it in the directory, with commas between; empty for nobody."""
    found_at: Mapped[datetime] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant)
    """When a comparison last saw it."""
    settled_at: Mapped[datetime | None] = mapped_column(Instant)
    settled_by: Mapped[str | None] = mapped_column(String(100))
    settlement: Mapped[str | None] = mapped_column(String(40))
    """How it was settled; `left` says that it is to stay as it is, and `vanished` that a later comparison saw it no more."""
