"""Files with stock and deliveries can be imported."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

NAME = "ck_rosters_subject"


def upgrade() -> None:
    _allow("subject IN ('students', 'devices', 'stock', 'deliveries')")


def downgrade() -> None:
    op.execute("DELETE FROM rosters WHERE subject IN ('stock', 'deliveries')")
    _allow("subject IN ('students', 'devices')")


def _allow(condition: str) -> None:
    with op.batch_alter_table("rosters") as table:
        table.drop_constraint(op.f(NAME), type_="check")
        table.create_check_constraint(op.f(NAME), condition)
