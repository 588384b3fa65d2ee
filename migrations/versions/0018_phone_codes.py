"""Codes that confirm phone numbers, and suppressed addresses that people have removed."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "phone_codes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("network", sa.String(60), nullable=False),
        sa.Column("seed", sa.String(32), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_phone_codes_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_codes")),
    )
    op.create_index("ix_phone_codes_user_id", "phone_codes", ["user_id", "created_at"])
    op.create_index("ix_phone_codes_number", "phone_codes", ["number", "created_at"])
    op.create_index("ix_phone_codes_network", "phone_codes", ["network", "created_at"])
    op.create_index("ix_phone_codes_created_at", "phone_codes", ["created_at"])
    op.create_table(
        "released_addresses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(10), nullable=False),
        sa.Column("address_key", sa.String(254), nullable=False),
        sa.Column("suppressed_because", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("released_by", sa.String(100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_released_addresses")),
    )
    op.create_index("ix_released_addresses_at", "released_addresses", ["at"])
    unfinished = sa.text("status NOT IN ('sent', 'delivered')")
    where = {"sqlite_where": unfinished, "postgresql_where": unfinished}
    op.create_index("ix_notifications_unfinished", "notifications", ["created_at"], **where)


def downgrade() -> None:
    op.drop_index("ix_notifications_unfinished", "notifications")
    op.drop_table("released_addresses")
    op.drop_table("phone_codes")
