"""Alerts of pending terminals, which have a serial number only, and IDs that are never used again."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

OPEN = {"sqlite_where": sa.text("ended_at IS NULL"), "postgresql_where": sa.text("ended_at IS NULL")}


def upgrade() -> None:
    # Alerts are derived from the terminals, so the table is created again, empty.
    op.drop_table("terminal_alerts")
    op.create_table(
        "terminal_alerts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("terminal_id", sa.Integer(), nullable=True),
        sa.Column("serial_number", sa.String(64), nullable=True),
        *_columns(),
        sa.CheckConstraint("(terminal_id IS NULL) != (serial_number IS NULL)", name=op.f("ck_terminal_alerts_subject")),
        *_constraints(),
        sqlite_autoincrement=True,
    )
    _create_indexes()
    op.create_index("uq_terminal_alerts_pending", "terminal_alerts", ["serial_number"], unique=True, **OPEN)
    op.create_index("ix_terminal_alerts_ended_at", "terminal_alerts", ["ended_at"])


def downgrade() -> None:
    op.drop_table("terminal_alerts")
    op.create_table(
        "terminal_alerts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("terminal_id", sa.Integer(), nullable=False),
        *_columns(),
        *_constraints(),
    )
    _create_indexes()


def _columns() -> list[sa.Column[object]]:
    return [
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
    ]


def _constraints() -> list[sa.Constraint]:
    terminal = op.f("fk_terminal_alerts_terminal_id_terminals")
    return [
        sa.ForeignKeyConstraint(["terminal_id"], ["terminals.id"], name=terminal, ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terminal_alerts")),
    ]


def _create_indexes() -> None:
    op.create_index("ix_terminal_alerts_terminal_id", "terminal_alerts", ["terminal_id", "id"])
    op.create_index("uq_terminal_alerts_open", "terminal_alerts", ["terminal_id", "kind"], unique=True, **OPEN)
