"""Accounts: Request Tracker's users, password links, where sessions were last seen, and the record of sign-ins."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rt_user_id", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("rt_user_name", sa.String(length=200), nullable=True))
        batch_op.alter_column("password_hash", existing_type=sa.String(length=200), nullable=True)
        batch_op.create_unique_constraint(batch_op.f("uq_users_rt_user_id"), ["rt_user_id"])
    with op.batch_alter_table("sign_in_sessions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("one_time_links", schema=None) as batch_op:
        batch_op.add_column(sa.Column("user_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_one_time_links_user_id_users"), "users", ["user_id"], ["id"], ondelete="CASCADE")
        batch_op.create_index(batch_op.f("ix_one_time_links_user_id"), ["user_id"], unique=False)
    op.create_table(
        "login_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=100), nullable=True),
        sa.Column("account_key", sa.String(length=64), nullable=True),
        sa.Column("address", sa.String(length=60), nullable=False),
        sa.Column("network", sa.String(length=60), nullable=False),
        sa.Column("agent", sa.String(length=200), nullable=False),
        sa.Column("detail", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_login_events_user_id_users"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_events")),
    )
    op.create_index("ix_login_events_account", "login_events", ["account_key", "network", "kind", "at"])
    op.create_index("ix_login_events_account_kind", "login_events", ["account_key", "kind", "at"])
    op.create_index("ix_login_events_network", "login_events", ["network", "kind", "at"])
    op.create_index("ix_login_events_user_id", "login_events", ["user_id", "id"])
    op.create_index("ix_login_events_at", "login_events", ["at"])


def downgrade() -> None:
    op.drop_table("login_events")
    with op.batch_alter_table("one_time_links", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_one_time_links_user_id"))
        batch_op.drop_constraint(batch_op.f("fk_one_time_links_user_id_users"), type_="foreignkey")
        batch_op.drop_column("user_id")
    with op.batch_alter_table("sign_in_sessions", schema=None) as batch_op:
        batch_op.drop_column("seen_at")
    # Who has no password yet could not stand in the older table; this hash is nobody's.
    op.execute("UPDATE users SET password_hash = '!' WHERE password_hash IS NULL")
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_users_rt_user_id"), type_="unique")
        batch_op.alter_column("password_hash", existing_type=sa.String(length=200), nullable=False)
        batch_op.drop_column("rt_user_name")
        batch_op.drop_column("rt_user_id")
