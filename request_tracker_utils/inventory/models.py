"""Stock, the ledger of its movements, receipts, reservations and cable types.

A **stock row** is one type of cable in one length. `on_hand` and `reserved` change in the transaction of their movement, and are exactly
the sums of the ledger and of the reservations. Rows are locked in the order of their keys.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Numeric, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from request_tracker_utils.core.db import Base, Instant

MAX_QUANTITY = 1_000_000
"""Pieces in one movement."""


class MovementType(StrEnum):
    RECEIPT = "receipt"
    CONSUMPTION = "consumption"
    ADJUSTMENT = "adjustment"
    RETURN = "return"
    REVERSAL = "reversal"


_TYPES = ", ".join(f"'{kind}'" for kind in MovementType)


class CableType(Base):
    """A type that pages offer, with its usual gauges and lengths. Other text is accepted too."""

    __tablename__ = "cable_types"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    name_key: Mapped[str] = mapped_column(String(60), unique=True)
    gauges: Mapped[list[str]] = mapped_column(JSON, default=list)
    lengths: Mapped[list[str]] = mapped_column(JSON, default=list)
    active: Mapped[bool] = mapped_column(default=True)


class StockRow(Base):
    """`key` is the type without case, the length's value and its unit: `100ft` and `100 ft` are one row, feet and meters never are. Length
    text that cannot be parsed is a row of its own. `cable_type` and `cable_length` are the spelling that was written first."""

    __tablename__ = "stock_rows"
    __table_args__ = (
        CheckConstraint("on_hand >= 0", name="on_hand"),
        CheckConstraint("reserved >= 0 AND reserved <= on_hand", name="reserved"),
        CheckConstraint("threshold >= 0 AND target >= threshold", name="target"),
        Index("ix_stock_rows_type_key", "type_key", "unit", "length_value"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    type_key: Mapped[str] = mapped_column(String(60))
    length_value: Mapped[Decimal | None] = mapped_column(Numeric(12, 3))
    unit: Mapped[str] = mapped_column(String(10), default="")
    """`ft`, `m`, …; empty where the length could not be parsed."""
    cable_type: Mapped[str] = mapped_column(String(60))
    cable_length: Mapped[str] = mapped_column(String(60))
    on_hand: Mapped[int] = mapped_column(default=0)
    reserved: Mapped[int] = mapped_column(default=0)
    threshold: Mapped[int | None]
    """Reorder when no more than this is available."""
    target: Mapped[int | None]
    """How many there should be after an order."""
    alerted_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the stock fell to the threshold; empty while it is above."""
    updated_at: Mapped[datetime] = mapped_column(Instant)


class Movement(Base):
    """An entry of the ledger. Append-only: a mistake is reversed by another entry."""

    __tablename__ = "inventory_movements"
    __table_args__ = (
        CheckConstraint(f"movement_type IN ({_TYPES})", name="movement_type"),
        CheckConstraint("quantity_delta <> 0", name="quantity_delta"),
        CheckConstraint("(movement_type = 'reversal') = (reverses_id IS NOT NULL)", name="reversal"),
        Index("ix_inventory_movements_stock", "stock_id", "id"),
        Index("ix_inventory_movements_source", "source_type", "source_id", "id"),
        Index("ix_inventory_movements_type", "movement_type", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    movement_type: Mapped[str] = mapped_column(String(20))
    stock_id: Mapped[int] = mapped_column(ForeignKey("stock_rows.id"))
    cable_type: Mapped[str] = mapped_column(String(60))
    cable_length: Mapped[str] = mapped_column(String(60))
    """As they were written."""
    quantity_delta: Mapped[int]
    balance: Mapped[int]
    """On hand after this movement."""
    source_type: Mapped[str] = mapped_column(String(30))
    source_id: Mapped[int | None]
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("inventory_movements.id"), unique=True)
    actor_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    actor: Mapped[str] = mapped_column(String(100))
    notes: Mapped[str] = mapped_column(String(1000), default="")
    created_at: Mapped[datetime] = mapped_column(Instant)


class CableReceipt(Base):
    """A delivery. `request_key` is the form's or client's own key: the same delivery that is sent twice is recorded once."""

    __tablename__ = "cable_receipts"
    __table_args__ = (
        Index(
            "uq_cable_receipts_packing_slip",
            "vendor_key",
            "packing_slip_key",
            unique=True,
            sqlite_where=text("packing_slip_key <> ''"),
            postgresql_where=text("packing_slip_key <> ''"),
        ),
        Index("ix_cable_receipts_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    vendor: Mapped[str] = mapped_column(String(100), default="")
    vendor_key: Mapped[str] = mapped_column(String(100), default="")
    po_number: Mapped[str] = mapped_column(String(60), default="")
    packing_slip: Mapped[str] = mapped_column(String(60), default="")
    packing_slip_key: Mapped[str] = mapped_column(String(60), default="")
    notes: Mapped[str] = mapped_column(String(1000), default="")
    request_key: Mapped[str | None] = mapped_column(String(80), unique=True)
    received_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    received_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(Instant)

    items: Mapped[list["CableReceiptItem"]] = relationship(order_by="CableReceiptItem.id")


class CableReceiptItem(Base):
    __tablename__ = "cable_receipt_items"

    id: Mapped[int] = mapped_column(primary_key=True)
    receipt_id: Mapped[int] = mapped_column(ForeignKey("cable_receipts.id", ondelete="CASCADE"), index=True)
    stock_id: Mapped[int] = mapped_column(ForeignKey("stock_rows.id"))
    cable_type: Mapped[str] = mapped_column(String(60))
    cable_length: Mapped[str] = mapped_column(String(60))
    quantity: Mapped[int]


class Reservation(Base):
    """What a source, such as a line of a ticket, has reserved; `backordered` pieces are still missing."""

    __tablename__ = "stock_reservations"
    __table_args__ = (
        CheckConstraint("reserved >= 0 AND backordered >= 0", name="quantities"),
        Index("uq_stock_reservations_source", "source_type", "source_id", "line", unique=True),
        Index("ix_stock_reservations_stock", "stock_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source_type: Mapped[str] = mapped_column(String(30))
    source_id: Mapped[int]
    line: Mapped[int] = mapped_column(default=0)
    stock_id: Mapped[int] = mapped_column(ForeignKey("stock_rows.id"))
    reserved: Mapped[int] = mapped_column(default=0)
    backordered: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(Instant)
