"""Names of open differences are found by an index: each allocation of a tag looks there."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OPEN = sa.text("settled_at IS NULL")


def upgrade() -> None:
    op.create_index("ix_tag_differences_name", "tag_differences", ["name"], sqlite_where=OPEN, postgresql_where=OPEN)


def downgrade() -> None:
    op.drop_index("ix_tag_differences_name", "tag_differences")
