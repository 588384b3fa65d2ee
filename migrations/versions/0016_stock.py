"""The stock of cable: types, rows, the ledger of movements, receipts, reservations, counts."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

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


def upgrade() -> None:
    op.create_table(
        "cable_types",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("name_key", sa.String(length=180).with_variant(sa.String(length=180, collation="C"), "postgresql"), nullable=False),
        sa.Column("gauges", sa.JSON(), nullable=False),
        sa.Column("lengths", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cable_types")),
        sa.UniqueConstraint("name_key", name=op.f("uq_cable_types_name_key")),
    )
    op.create_table(
        "stock_counts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("cable_type", sa.String(length=60), nullable=False),
        sa.Column("type_key", sa.String(length=180).with_variant(sa.String(length=180, collation="C"), "postgresql"), nullable=False),
        sa.Column("started_by", sa.String(length=100), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_counts")),
    )
    op.create_table(
        "stock_requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_requests")),
    )
    op.create_index("ix_stock_requests_created_at", "stock_requests", ["created_at"])
    op.create_index("uq_stock_requests_key", "stock_requests", ["actor", "key"], unique=True)

    op.create_table(
        "stock_rows",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=400).with_variant(sa.String(length=400, collation="C"), "postgresql"), nullable=False),
        sa.Column("type_key", sa.String(length=180).with_variant(sa.String(length=180, collation="C"), "postgresql"), nullable=False),
        sa.Column("length_thousandths", sa.BigInteger(), nullable=True),
        sa.Column("unit", sa.String(length=10), nullable=False),
        sa.Column("cable_type", sa.String(length=60), nullable=False),
        sa.Column("cable_length", sa.String(length=60), nullable=False),
        sa.Column("on_hand", sa.Integer(), nullable=False),
        sa.Column("reserved", sa.Integer(), nullable=False),
        sa.Column("backordered", sa.Integer(), nullable=False),
        sa.Column("movement_id", sa.Integer(), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=True),
        sa.Column("target", sa.Integer(), nullable=True),
        sa.Column("alerted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(unit = '') = (length_thousandths IS NULL)", name=op.f("ck_stock_rows_length")),
        sa.CheckConstraint("backordered >= 0", name=op.f("ck_stock_rows_backordered")),
        sa.CheckConstraint("on_hand >= 0 AND on_hand <= 1000000000", name=op.f("ck_stock_rows_on_hand")),
        sa.CheckConstraint("reserved >= 0 AND reserved <= on_hand", name=op.f("ck_stock_rows_reserved")),
        sa.CheckConstraint("threshold >= 0 AND target >= threshold", name=op.f("ck_stock_rows_target")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_rows")),
        sa.UniqueConstraint("key", name=op.f("uq_stock_rows_key")),
    )
    op.create_index("ix_stock_rows_type_key", "stock_rows", ["type_key", "unit", "length_thousandths"])

    op.create_table(
        "inventory_movements",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("movement_type", sa.String(length=20), nullable=False),
        sa.Column("stock_id", sa.Integer(), nullable=False),
        sa.Column("cable_type", sa.String(length=60), nullable=False),
        sa.Column("cable_length", sa.String(length=60), nullable=False),
        sa.Column("quantity_delta", sa.Integer(), nullable=False),
        sa.Column("balance", sa.Integer(), nullable=False),
        sa.Column("source_type", sa.String(length=30), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=True),
        sa.Column("reverses_id", sa.Integer(), nullable=True),
        sa.Column("cut_from_id", sa.Integer(), nullable=True),
        sa.Column("actor_user_id", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("notes", sa.String(length=1000), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(movement_type = 'reversal') = (reverses_id IS NOT NULL)", name=op.f("ck_inventory_movements_reversal")),
        sa.CheckConstraint(
            "movement_type IN ('receipt', 'consumption', 'adjustment', 'return', 'reversal')",
            name=op.f("ck_inventory_movements_movement_type"),
        ),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_inventory_movements_balance")),
        sa.CheckConstraint("quantity_delta <> 0", name=op.f("ck_inventory_movements_quantity_delta")),
        sa.ForeignKeyConstraint(
            ["cut_from_id"], ["inventory_movements.id"], name=op.f("fk_inventory_movements_cut_from_id_inventory_movements")
        ),
        sa.ForeignKeyConstraint(
            ["reverses_id"], ["inventory_movements.id"], name=op.f("fk_inventory_movements_reverses_id_inventory_movements")
        ),
        sa.ForeignKeyConstraint(["stock_id"], ["stock_rows.id"], name=op.f("fk_inventory_movements_stock_id_stock_rows")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inventory_movements")),
        sa.UniqueConstraint("cut_from_id", name=op.f("uq_inventory_movements_cut_from_id")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_inventory_movements_reverses_id")),
    )
    op.create_index("ix_inventory_movements_stock_source", "inventory_movements", ["stock_id", "source_type", "id"])
    op.create_index("ix_inventory_movements_source", "inventory_movements", ["source_id", "source_type", "id"])
    op.create_index("ix_inventory_movements_source_type", "inventory_movements", ["source_type", "id"])
    op.create_index("ix_inventory_movements_source_and_type", "inventory_movements", ["source_type", "movement_type", "id"])
    op.create_index("ix_inventory_movements_stock", "inventory_movements", ["stock_id", "id"])
    op.create_index("ix_inventory_movements_stock_type", "inventory_movements", ["stock_id", "movement_type", "id"])
    op.create_index("ix_inventory_movements_type", "inventory_movements", ["movement_type", "id"])

    op.create_table(
        "stock_reservations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_type", sa.String(length=30), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("stock_id", sa.Integer(), nullable=False),
        sa.Column("reserved", sa.Integer(), nullable=False),
        sa.Column("backordered", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("reserved >= 0 AND backordered >= 0", name=op.f("ck_stock_reservations_quantities")),
        sa.ForeignKeyConstraint(["stock_id"], ["stock_rows.id"], name=op.f("fk_stock_reservations_stock_id_stock_rows")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_reservations")),
    )
    op.create_index(
        "ix_stock_reservations_backordered",
        "stock_reservations",
        ["stock_id", "id"],
        sqlite_where=sa.text("backordered > 0"),
        postgresql_where=sa.text("backordered > 0"),
    )
    op.create_index("ix_stock_reservations_stock", "stock_reservations", ["stock_id", "id"])
    op.create_index("uq_stock_reservations_source", "stock_reservations", ["source_type", "source_id", "line"], unique=True)

    op.create_table(
        "stock_count_rows",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("count_id", sa.Integer(), nullable=False),
        sa.Column("stock_id", sa.Integer(), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("seen_movement_id", sa.Integer(), nullable=False),
        sa.Column("movement_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("counted_by", sa.String(length=100), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("counted >= 0 AND expected >= 0", name=op.f("ck_stock_count_rows_quantities")),
        sa.ForeignKeyConstraint(
            ["count_id"], ["stock_counts.id"], name=op.f("fk_stock_count_rows_count_id_stock_counts"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["movement_id"], ["inventory_movements.id"], name=op.f("fk_stock_count_rows_movement_id_inventory_movements")
        ),
        sa.ForeignKeyConstraint(["stock_id"], ["stock_rows.id"], name=op.f("fk_stock_count_rows_stock_id_stock_rows")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_count_rows")),
    )
    op.create_index("uq_stock_count_rows_stock", "stock_count_rows", ["count_id", "stock_id"], unique=True)

    op.create_table(
        "cable_receipts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("vendor", sa.String(length=100), nullable=False),
        sa.Column("vendor_key", sa.String(length=300).with_variant(sa.String(length=300, collation="C"), "postgresql"), nullable=False),
        sa.Column("po_number", sa.String(length=60), nullable=False),
        sa.Column("packing_slip", sa.String(length=60), nullable=False),
        sa.Column(
            "packing_slip_key", sa.String(length=180).with_variant(sa.String(length=180, collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("notes", sa.String(length=1000), nullable=False),
        sa.Column("received_by_id", sa.Integer(), nullable=True),
        sa.Column("received_by", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cable_receipts")),
    )
    op.create_index("ix_cable_receipts_created_at", "cable_receipts", ["created_at"])
    op.create_index(
        "uq_cable_receipts_packing_slip",
        "cable_receipts",
        ["vendor_key", "packing_slip_key"],
        unique=True,
        sqlite_where=sa.text("packing_slip_key <> '' AND reversed_at IS NULL"),
        postgresql_where=sa.text("packing_slip_key <> '' AND reversed_at IS NULL"),
    )

    op.create_table(
        "cable_receipt_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("receipt_id", sa.Integer(), nullable=False),
        sa.Column("stock_id", sa.Integer(), nullable=False),
        sa.Column("cable_type", sa.String(length=60), nullable=False),
        sa.Column("cable_length", sa.String(length=60), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_cable_receipt_items_quantity")),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["cable_receipts.id"], name=op.f("fk_cable_receipt_items_receipt_id_cable_receipts"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["stock_id"], ["stock_rows.id"], name=op.f("fk_cable_receipt_items_stock_id_stock_rows")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cable_receipt_items")),
    )
    op.create_index(op.f("ix_cable_receipt_items_receipt_id"), "cable_receipt_items", ["receipt_id"])
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("cable_receipt_items")
    op.drop_table("cable_receipts")
    op.drop_table("stock_count_rows")
    op.drop_table("stock_reservations")
    op.drop_table("inventory_movements")
    op.drop_table("stock_rows")
    op.drop_table("stock_requests")
    op.drop_table("stock_counts")
    op.drop_table("cable_types")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION inventory_movements_only_grow()")
