"""Stock, the ledger of its movements, receipts, reservations and cable types.

A **stock row** is one type of cable in one length. `on_hand` and `reserved` change in the transaction of their movement, and are exactly
the sums of the ledger and of the reservations. Rows are locked in the order of their keys.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    event,
    literal_column,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from request_tracker_utils.core.db import Base, Instant

MAX_QUANTITY = 1_000_000
"""Pieces in one movement."""
MAX_ON_HAND = 1_000_000_000
"""Pieces in one stock row."""
THOUSAND = 1_000


class MovementType(StrEnum):
    RECEIPT = "receipt"
    CONSUMPTION = "consumption"
    ADJUSTMENT = "adjustment"
    RETURN = "return"
    REVERSAL = "reversal"


class SourceType(StrEnum):
    """What a movement or a reservation belongs to."""

    RECEIPT = "cable_receiving"
    COUNT = "stock_count"
    IMPORT = "stock_import"
    """An imported file of balances."""
    MANUAL = "manual"
    """A person's own decision; without a source ID."""
    TICKET = "ticket_fulfillment"
    """A cable ticket; the line of a reservation is the item."""


_TYPES = ", ".join(f"'{kind}'" for kind in MovementType)


def _key(length: int) -> String:
    """Keys sort by code point in any database and in Python, so that all lock in the same order."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


class CableType(Base):
    """A type that pages offer, with its usual gauges and lengths. Other text is accepted too."""

    __tablename__ = "cable_types"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    name_key: Mapped[str] = mapped_column(_key(180), unique=True)
    gauges: Mapped[list[str]] = mapped_column(JSON, default=list)
    lengths: Mapped[list[str]] = mapped_column(JSON, default=list)
    active: Mapped[bool] = mapped_column(default=True)


class StockRow(Base):
    """`key` is the type without case, the length's value and its unit: `100ft` and `100 ft` are one row, feet and meters never are. Length
    text that cannot be parsed is a row of its own. `cable_type` and `cable_length` are the spelling that was written first."""

    __tablename__ = "stock_rows"
    __table_args__ = (
        CheckConstraint(f"on_hand >= 0 AND on_hand <= {MAX_ON_HAND}", name="on_hand"),
        CheckConstraint("reserved >= 0 AND reserved <= on_hand", name="reserved"),
        CheckConstraint("backordered >= 0", name="backordered"),
        CheckConstraint("threshold >= 0 AND target >= threshold", name="target"),
        CheckConstraint("(unit = '') = (length_thousandths IS NULL)", name="length"),
        Index("ix_stock_rows_type_key", "type_key", "unit", "length_thousandths"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(_key(400), unique=True)
    type_key: Mapped[str] = mapped_column(_key(180))
    length_thousandths: Mapped[int | None] = mapped_column(BigInteger)
    """The length in thousandths of its unit, since SQLite has no exact decimals; empty where the length could not be parsed."""
    unit: Mapped[str] = mapped_column(String(10), default="")
    """`ft`, `m`, …; empty where the length could not be parsed."""
    cable_type: Mapped[str] = mapped_column(String(60))
    cable_length: Mapped[str] = mapped_column(String(60))
    on_hand: Mapped[int] = mapped_column(default=0)
    reserved: Mapped[int] = mapped_column(default=0)
    backordered: Mapped[int] = mapped_column(Integer().with_variant(BigInteger, "postgresql"), default=0)
    """Pieces that reservations still lack; the sum over them, which nothing on the shelf limits."""
    movement_id: Mapped[int] = mapped_column(default=0)
    """The last movement; 0 for none. A count names the one that was seen while counting."""
    threshold: Mapped[int | None]
    """Reorder when no more than this is available."""
    target: Mapped[int | None]
    """How many there should be after an order."""
    alerted_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the stock fell to the threshold; empty while it is above."""
    updated_at: Mapped[datetime] = mapped_column(Instant)

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved


class Movement(Base):
    """An entry of the ledger. Append-only: a mistake is reversed by another entry."""

    __tablename__ = "inventory_movements"
    __table_args__ = (
        CheckConstraint(f"movement_type IN ({_TYPES})", name="movement_type"),
        CheckConstraint("quantity_delta <> 0", name="quantity_delta"),
        CheckConstraint("(movement_type = 'reversal') = (reverses_id IS NOT NULL)", name="reversal"),
        CheckConstraint("balance >= 0", name="balance"),
        Index("ix_inventory_movements_stock", "stock_id", "id"),
        Index("ix_inventory_movements_stock_type", "stock_id", "movement_type", "id"),
        Index("ix_inventory_movements_stock_source", "stock_id", "source_type", "id"),
        Index("ix_inventory_movements_source", "source_id", "source_type", "id"),
        Index("ix_inventory_movements_source_type", "source_type", "id"),
        Index("ix_inventory_movements_source_and_type", "source_type", "movement_type", "id"),
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
    cut_from_id: Mapped[int | None] = mapped_column(ForeignKey("inventory_movements.id"), unique=True)
    """For the return of a remnant, the consumption of the piece that it was cut from. They are reversed together."""
    actor_user_id: Mapped[int | None]
    """No foreign key: the ledger outlives accounts."""
    actor: Mapped[str] = mapped_column(String(100))
    notes: Mapped[str] = mapped_column(String(1000), default="")
    created_at: Mapped[datetime] = mapped_column(Instant)


SLIP_COUNTS = "packing_slip_key <> '' AND reversed_at IS NULL"


class CableReceipt(Base):
    """A delivery. A vendor's packing slip is recorded once, until the receipt is reversed."""

    __tablename__ = "cable_receipts"
    __table_args__ = (
        Index(
            "uq_cable_receipts_packing_slip",
            "vendor_key",
            "packing_slip_key",
            unique=True,
            sqlite_where=text(SLIP_COUNTS),
            postgresql_where=text(SLIP_COUNTS),
        ),
        Index("ix_cable_receipts_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    vendor: Mapped[str] = mapped_column(String(100), default="")
    vendor_key: Mapped[str] = mapped_column(_key(300), default="")
    po_number: Mapped[str] = mapped_column(String(60), default="")
    packing_slip: Mapped[str] = mapped_column(String(60), default="")
    packing_slip_key: Mapped[str] = mapped_column(_key(180), default="")
    notes: Mapped[str] = mapped_column(String(1000), default="")
    received_by_id: Mapped[int | None]
    received_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(Instant)
    reversed_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the last of its movements was reversed."""

    items: Mapped[list["CableReceiptItem"]] = relationship(order_by="CableReceiptItem.id")


class CableReceiptItem(Base):
    __tablename__ = "cable_receipt_items"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    receipt_id: Mapped[int] = mapped_column(ForeignKey("cable_receipts.id", ondelete="CASCADE"), index=True)
    stock_id: Mapped[int] = mapped_column(ForeignKey("stock_rows.id"))
    cable_type: Mapped[str] = mapped_column(String(60))
    cable_length: Mapped[str] = mapped_column(String(60))
    quantity: Mapped[int]


class Reservation(Base):
    """What a source, such as a line of a ticket, has reserved; `backordered` pieces are still missing. What arrives goes to the smallest
    `priority` first, then to the oldest."""

    __tablename__ = "stock_reservations"
    __table_args__ = (
        CheckConstraint("reserved >= 0 AND backordered >= 0", name="quantities"),
        CheckConstraint("arrived >= 0 AND arrived <= reserved", name="arrived"),
        Index("uq_stock_reservations_source", "source_type", "source_id", "line", unique=True),
        Index("ix_stock_reservations_stock", "stock_id", "id"),
        Index(
            "ix_stock_reservations_backordered",
            "stock_id",
            "priority",
            "id",
            sqlite_where=text("backordered > 0"),
            postgresql_where=text("backordered > 0"),
        ),
        Index(
            "ix_stock_reservations_arrived",
            "source_type",
            "source_id",
            sqlite_where=text("arrived > 0"),
            postgresql_where=text("arrived > 0"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source_type: Mapped[str] = mapped_column(String(30))
    source_id: Mapped[int]
    line: Mapped[int] = mapped_column(default=0)
    stock_id: Mapped[int] = mapped_column(ForeignKey("stock_rows.id"))
    priority: Mapped[int] = mapped_column(default=0, server_default="0")
    reserved: Mapped[int] = mapped_column(default=0)
    backordered: Mapped[int] = mapped_column(default=0)
    arrived: Mapped[int] = mapped_column(default=0, server_default="0")
    """Reserved pieces that were back-ordered, and that no message was sent about yet."""
    created_at: Mapped[datetime] = mapped_column(Instant)


WAITS: ColumnElement[bool] = Reservation.backordered > literal_column("0")
HAS_ARRIVED: ColumnElement[bool] = Reservation.arrived > literal_column("0")
"""The conditions of the partial indexes. SQLite would not recognize them with a parameter."""


class StockCount(Base):
    """A count of the shelf, which several people may share and continue later."""

    __tablename__ = "stock_counts"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100), default="")
    cable_type: Mapped[str] = mapped_column(String(60), default="")
    type_key: Mapped[str] = mapped_column(_key(180), default="")
    """Only rows of this type are counted; empty for all."""
    started_by: Mapped[str] = mapped_column(String(100))
    started_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)


class StockCountRow(Base):
    """A counted row. `expected` is the balance at the moment when it was counted, and the adjustment is the difference, whatever has moved
    since."""

    __tablename__ = "stock_count_rows"
    __table_args__ = (
        CheckConstraint("counted >= 0 AND expected >= 0", name="quantities"),
        Index("uq_stock_count_rows_stock", "count_id", "stock_id", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    count_id: Mapped[int] = mapped_column(ForeignKey("stock_counts.id", ondelete="CASCADE"))
    stock_id: Mapped[int] = mapped_column(ForeignKey("stock_rows.id"))
    counted: Mapped[int]
    expected: Mapped[int]
    seen_movement_id: Mapped[int]
    """The row's last movement when it was counted; 0 for none."""
    movement_id: Mapped[int | None] = mapped_column(ForeignKey("inventory_movements.id"))
    """The adjustment; empty if the count was as expected."""
    reason: Mapped[str] = mapped_column(String(1000), default="")
    counted_by: Mapped[str] = mapped_column(String(100))
    counted_at: Mapped[datetime] = mapped_column(Instant)


class StockRequest(Base):
    """A request that moves stock, by the key that its sender chose: sent again, it gets the first result."""

    __tablename__ = "stock_requests"
    __table_args__ = (Index("uq_stock_requests_key", "actor", "key", unique=True), Index("ix_stock_requests_created_at", "created_at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    actor: Mapped[str] = mapped_column(String(100))
    key: Mapped[str] = mapped_column(String(80))
    fingerprint: Mapped[str] = mapped_column(String(64))
    """A hash of what was requested."""
    result: Mapped[list[int]] = mapped_column(JSON, default=list)
    """IDs of what it has written."""
    created_at: Mapped[datetime] = mapped_column(Instant)


APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER inventory_movements_no_{verb.lower()} BEFORE {verb} ON inventory_movements "
        "BEGIN SELECT RAISE(ABORT, 'the ledger of stock only grows'); END"
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE FUNCTION inventory_movements_only_grow() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the ledger of stock only grows'; END $$",
        "CREATE TRIGGER inventory_movements_only_grow BEFORE UPDATE OR DELETE ON inventory_movements "
        "FOR EACH ROW EXECUTE FUNCTION inventory_movements_only_grow()",
    ],
}


def _create_triggers(_table: Table, connection: Any, **_: Any) -> None:
    for statement in APPEND_ONLY[connection.dialect.name]:
        connection.execute(text(statement))


event.listen(Movement.__table__, "after_create", _create_triggers)
