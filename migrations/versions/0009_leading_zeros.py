"""Whether an import matches numbers without their leading zeros."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("rosters") as table:
        table.add_column(sa.Column("match_zeros", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("rosters") as table:
        table.alter_column("match_zeros", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("rosters") as table:
        table.drop_column("match_zeros")
