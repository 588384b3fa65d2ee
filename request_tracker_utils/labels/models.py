"""Prints of labels, and the assets whose labels were printed or scanned."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant


class LabelPrint(Base):
    """Labels sent to a browser in one go. A server cannot see paper: printed means rendered."""

    __tablename__ = "label_prints"
    __table_args__ = (
        CheckConstraint("copies >= 1", name="copies"),
        Index("ix_label_prints_actor_id", "actor", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    actor: Mapped[str] = mapped_column(String(100))
    format: Mapped[str] = mapped_column(String(60))
    copies: Mapped[int] = mapped_column(default=1)
    labels: Mapped[int] = mapped_column(default=0)
    """Distinct labels, each printed `copies` times."""


class PrintedLabel(Base):
    """One label of a print: the asset, and the name on the label."""

    __tablename__ = "printed_labels"
    __table_args__ = (Index("ix_printed_labels_print_id", "print_id"), Index("ix_printed_labels_asset_id_id", "asset_id", "id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    print_id: Mapped[int] = mapped_column(ForeignKey("label_prints.id", ondelete="CASCADE"))
    asset_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(500))


class LabelledAsset(Base):
    """An asset that has a label: when its newest label was printed, and when that label was last scanned. For a label that was not printed
    here, `printed_by` is empty and `printed_at` is the time of its first scan."""

    __tablename__ = "labelled_assets"
    __table_args__ = (Index("ix_labelled_assets_scanned_at_printed_at", "scanned_at", "printed_at"),)

    asset_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(500))
    """On its newest label."""
    printed_at: Mapped[datetime] = mapped_column(Instant)
    printed_by: Mapped[str] = mapped_column(String(100))
    scanned_at: Mapped[datetime | None] = mapped_column(Instant)
    """Since the newest label was printed; empty until then."""
    scanned_by: Mapped[str | None] = mapped_column(String(100))
