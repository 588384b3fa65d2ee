"""Tasks; the administration of tags: prefixes of catalogs, older records, the sweep, differences; and what was printed and scanned."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "label_prints",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("format", sa.String(length=60), nullable=False),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column("labels", sa.Integer(), nullable=False),
        sa.CheckConstraint("copies >= 1", name=op.f("ck_label_prints_copies")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_prints")),
    )
    op.create_index("ix_label_prints_actor_id", "label_prints", ["actor", "id"], unique=False)

    op.create_table(
        "labelled_assets",
        sa.Column("asset_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("printed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("printed_by", sa.String(length=100), nullable=False),
        sa.Column("scanned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scanned_by", sa.String(length=100), nullable=True),
        sa.PrimaryKeyConstraint("asset_id", name=op.f("pk_labelled_assets")),
    )
    op.create_index("ix_labelled_assets_scanned_at_printed_at", "labelled_assets", ["scanned_at", "printed_at"], unique=False)

    op.create_table(
        "older_records",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("file", sa.String(length=500), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("adopted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_older_records")),
        sa.UniqueConstraint("digest", name=op.f("uq_older_records_digest")),
    )
    op.create_table(
        "tag_differences",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("tag", sa.String(length=26), nullable=False),
        sa.Column("asset_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.String(length=100), nullable=True),
        sa.Column("settlement", sa.String(length=40), nullable=True),
        sa.CheckConstraint("kind IN ('renamed', 'twin', 'gone', 'unknown', 'misspelt')", name=op.f("ck_tag_differences_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag_differences")),
    )
    op.create_index(
        "ix_tag_differences_open",
        "tag_differences",
        ["id"],
        unique=False,
        sqlite_where=sa.text("settled_at IS NULL"),
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_index("uq_tag_differences_kind_asset_id_tag", "tag_differences", ["kind", "asset_id", "tag"], unique=True)

    op.create_table(
        "tag_sweep",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("catalogs", sa.JSON(), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("found", sa.Integer(), nullable=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(length=500), nullable=True),
        sa.Column("changed_by", sa.String(length=100), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("NOT is_on OR tried_at IS NOT NULL", name=op.f("ck_tag_sweep_tried_before_on")),
        sa.CheckConstraint("id = 1", name=op.f("ck_tag_sweep_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag_sweep")),
    )
    op.create_table(
        "catalog_prefixes",
        sa.Column("catalog", sa.String(length=255), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("changed_by", sa.String(length=100), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["prefix"], ["tag_sequences.prefix"], name=op.f("fk_catalog_prefixes_prefix_tag_sequences")),
        sa.PrimaryKeyConstraint("catalog", name=op.f("pk_catalog_prefixes")),
    )
    op.create_table(
        "printed_labels",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("print_id", sa.Integer(), nullable=False),
        sa.Column("asset_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(
            ["print_id"], ["label_prints.id"], name=op.f("fk_printed_labels_print_id_label_prints"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_printed_labels")),
    )
    op.create_index("ix_printed_labels_asset_id_id", "printed_labels", ["asset_id", "id"], unique=False)
    op.create_index("ix_printed_labels_print_id", "printed_labels", ["print_id"], unique=False)

    op.create_table(
        "tasks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("started_by", sa.String(length=100), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint("(due_at IS NOT NULL) = (state IN ('waiting', 'running'))", name=op.f("ck_tasks_due_while_open")),
        sa.CheckConstraint("state IN ('waiting', 'running', 'done', 'cancelled', 'failed')", name=op.f("ck_tasks_state")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_tasks_user_id_users"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
    )
    op.create_index(
        "ix_tasks_due_at",
        "tasks",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )

    op.create_table(
        "task_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=300), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'done', 'failed')", name=op.f("ck_task_items_state")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_task_items_task_id_tasks"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_items")),
    )
    op.create_index("ix_task_items_task_id_state_position", "task_items", ["task_id", "state", "position"], unique=False)

    op.create_index("ix_tag_events_action_id", "tag_events", ["action", "id"], unique=False)
    op.create_index("ix_tag_events_actor_id", "tag_events", ["actor", "id"], unique=False)
    op.create_index(
        "ix_tag_events_old_name_id",
        "tag_events",
        ["old_name", "id"],
        unique=False,
        sqlite_where=sa.text("old_name IS NOT NULL"),
        postgresql_where=sa.text("old_name IS NOT NULL"),
    )
    op.drop_index("ix_tag_events_asset_id", "tag_events")
    op.create_index(
        "ix_tag_events_asset_id",
        "tag_events",
        ["asset_id"],
        unique=False,
        sqlite_where=sa.text("asset_id IS NOT NULL"),
        postgresql_where=sa.text("asset_id IS NOT NULL"),
    )

    with op.batch_alter_table("tag_sequences", schema=None) as batch_op:
        batch_op.add_column(sa.Column("floor", sa.Integer(), server_default="1", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("tag_sequences", schema=None) as batch_op:
        batch_op.drop_column("floor")

    op.drop_index("ix_tag_events_asset_id", "tag_events")
    op.create_index("ix_tag_events_asset_id", "tag_events", ["asset_id"], unique=False)
    op.drop_index("ix_tag_events_old_name_id", "tag_events")
    op.drop_index("ix_tag_events_actor_id", "tag_events")
    op.drop_index("ix_tag_events_action_id", "tag_events")

    op.drop_index("ix_task_items_task_id_state_position", "task_items")

    op.drop_table("task_items")
    op.drop_index("ix_tasks_due_at", "tasks", sqlite_where=sa.text("due_at IS NOT NULL"), postgresql_where=sa.text("due_at IS NOT NULL"))

    op.drop_table("tasks")
    op.drop_index("ix_printed_labels_print_id", "printed_labels")
    op.drop_index("ix_printed_labels_asset_id_id", "printed_labels")

    op.drop_table("printed_labels")
    op.drop_table("catalog_prefixes")
    op.drop_table("tag_sweep")
    op.drop_index("uq_tag_differences_kind_asset_id_tag", "tag_differences")
    op.drop_index(
        "ix_tag_differences_open",
        "tag_differences",
        sqlite_where=sa.text("settled_at IS NULL"),
        postgresql_where=sa.text("settled_at IS NULL"),
    )

    op.drop_table("tag_differences")
    op.drop_table("older_records")
    op.drop_index("ix_labelled_assets_scanned_at_printed_at", "labelled_assets")

    op.drop_table("labelled_assets")
    op.drop_index("ix_label_prints_actor_id", "label_prints")

    op.drop_table("label_prints")
