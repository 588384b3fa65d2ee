"""Messages that were not needed any more when they were to be sent are canceled. They were counted as failed."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

FORMER = ("queued", "sending", "sent", "delivered", "failed", "uncertain")


def upgrade() -> None:
    _accept(*FORMER, "canceled")


def downgrade() -> None:
    op.execute("UPDATE notifications SET status = 'failed' WHERE status = 'canceled'")
    _accept(*FORMER)


def _accept(*statuses: str) -> None:
    with op.batch_alter_table("notifications") as table:
        table.drop_constraint("status", type_="check")
        table.create_check_constraint("status", sa.column("status").in_(statuses))
