"""Settings that administrators enter on a page, and who changed which."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "page_settings",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("ciphertext", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(length=100), nullable=False),
        sa.CheckConstraint("(value IS NULL) != (ciphertext IS NULL)", name=op.f("ck_page_settings_one_value")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_page_settings")),
    )
    op.create_table(
        "setting_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("setting", sa.String(length=60), nullable=False),
        sa.Column("change", sa.String(length=10), nullable=False),
        sa.CheckConstraint("change IN ('set', 'removed')", name=op.f("ck_setting_changes_change")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_setting_changes")),
    )
    op.create_index("ix_setting_changes_at", "setting_changes", ["at"])


def downgrade() -> None:
    op.drop_table("setting_changes")
    op.drop_table("page_settings")
    op.execute("DELETE FROM kept_values WHERE name = 'page_settings_version'")
