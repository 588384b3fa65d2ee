"""The wider network of each sign-in: a new one may try twice, whatever others have tried."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("login_events", sa.Column("block", sa.String(60), nullable=False, server_default=""))
    op.create_index("ix_login_events_block", "login_events", ["account_key", "block", "kind", "at"])


def downgrade() -> None:
    op.drop_index("ix_login_events_block", "login_events")
    op.drop_column("login_events", "block")
