"""Access tokens, phone numbers, invitations, and password links that people request themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("epoch", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("users", sa.Column("phone", sa.String(20), nullable=True))
    op.add_column("users", sa.Column("phone_confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("users", sa.Column("email_key", sa.String(254), nullable=True))
    op.execute("UPDATE users SET email_key = lower(email)")
    op.create_index("ix_users_email_key", "users", ["email_key"])
    op.add_column("one_time_links", sa.Column("role", sa.String(20), nullable=True))
    op.add_column("one_time_links", sa.Column("email", sa.String(254), nullable=True))
    op.add_column("one_time_links", sa.Column("created_by", sa.String(100), nullable=True))
    op.add_column("one_time_links", sa.Column("requested_by", sa.String(5), nullable=True))


def downgrade() -> None:
    op.execute("DELETE FROM login_events WHERE kind IN ('registration', 'password link requested')")
    op.execute("DELETE FROM one_time_links WHERE purpose IN ('invitation', 'reset')")
    for column in ("requested_by", "created_by", "email", "role"):
        op.drop_column("one_time_links", column)
    op.drop_index("ix_users_email_key", "users")
    for column in ("email_key", "phone_confirmed_at", "phone", "epoch"):
        op.drop_column("users", column)
