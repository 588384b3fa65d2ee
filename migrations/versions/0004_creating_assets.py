"""Creations of assets under way, and lists of assets that are about to be created."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OPEN = sa.text("state IN ('claimed', 'sent', 'unknown')")
DUE, HAS_ITEM = sa.text("due_at IS NOT NULL"), sa.text("item_id IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "asset_creations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("serial", sa.String(length=50), nullable=False),
        sa.Column("serial_key", sa.String(length=50), nullable=False),
        sa.Column("description", sa.String(length=300), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("tag_id", sa.Integer(), nullable=True),
        sa.Column("asset_id", sa.BigInteger(), nullable=True),
        sa.Column("item_id", sa.Integer(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("started_by", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('claimed', 'sent', 'unknown', 'created', 'failed')", name=op.f("ck_asset_creations_state")),
        sa.CheckConstraint(
            "(due_at IS NOT NULL) = (state IN ('claimed', 'sent', 'unknown'))", name=op.f("ck_asset_creations_due_while_open")
        ),
        sa.CheckConstraint(
            "state NOT IN ('sent', 'unknown') OR (tag_id IS NOT NULL AND sent_at IS NOT NULL)",
            name=op.f("ck_asset_creations_sent_with_tag"),
        ),
        sa.CheckConstraint("state <> 'created' OR asset_id IS NOT NULL", name=op.f("ck_asset_creations_created_has_asset")),
        sa.ForeignKeyConstraint(["tag_id"], ["asset_tags.id"], name=op.f("fk_asset_creations_tag_id_asset_tags")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset_creations")),
    )
    index = [
        ("uq_asset_creations_serial_key_open", ["serial_key"], True, OPEN),
        ("ix_asset_creations_due_at", ["due_at"], False, DUE),
        ("ix_asset_creations_item_id", ["item_id"], False, HAS_ITEM),
    ]
    for name, columns, unique, condition in index:
        op.create_index(name, "asset_creations", columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
    op.create_index("ix_asset_creations_started_by_id", "asset_creations", ["started_by", "id"], unique=False)
    op.create_index("ix_asset_creations_ended_at", "asset_creations", ["ended_at"], unique=False)

    op.create_table(
        "asset_intakes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.Column("head", sa.JSON(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("defaults", sa.JSON(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("task_id", sa.Integer(), nullable=True),
        sa.Column("started_by", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_asset_intakes_task_id_tasks"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset_intakes")),
    )
    op.create_index("ix_asset_intakes_started_by_id", "asset_intakes", ["started_by", "id"], unique=False)


def downgrade() -> None:
    op.drop_table("asset_intakes")
    op.drop_table("asset_creations")
