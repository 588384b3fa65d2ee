"""Differences between the holders of devices here and in the asset store."""

from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.reconciliation.models import Discrepancy


class DiscrepancyKind(StrEnum):
    HOLDER = "holder"
    """The device has another holder in the asset store."""
    UNKNOWN = "unknown_here"
    """The asset has a holder in the asset store, but is not a device here."""
    MISSING = "missing_there"
    """The device has no asset in the asset store."""
    RENAMED = "renamed"
    """The device's asset has another name in the asset store."""


class HolderDiscrepancy(Discrepancy, Base):
    """A difference between the asset store and the devices here, until it is resolved or vanishes."""

    __tablename__ = "holder_differences"
    __table_args__ = (
        CheckConstraint("kind IN ('holder', 'unknown_here', 'missing_there', 'renamed')", name="kind"),
        Index("uq_holder_differences_kind_asset_id_asset_tag", "kind", "asset_id", "asset_tag", unique=True),
        Index("ix_holder_differences_open", "id", sqlite_where=text("settled_at IS NULL"), postgresql_where=text("settled_at IS NULL")),
    )

    asset_tag: Mapped[str] = mapped_column(String(50))
    """The device's tag; empty if the asset is not a device here."""
    asset_id: Mapped[int] = mapped_column(BigInteger)
    """The asset in the asset store; 0 if the device has none."""
    asset_name: Mapped[str] = mapped_column(String(500), default="")
    """The asset's name in the asset store."""
    ours: Mapped[str] = mapped_column(String(100), default="")
    """The user who should be its holder according to this program; empty for none."""
    student_id: Mapped[str | None] = mapped_column(String(50))
    """The student who has the device here."""
    theirs: Mapped[str] = mapped_column(String(500), default="")
    """Its holders and owners in the asset store, separated by commas; empty for none."""

    @property
    def label(self) -> str:
        return self.asset_tag or _("asset #%(asset)s", asset=self.asset_id)
