"""Requests for missed punches, and pay periods with their days and adjustments."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

TABLES = ["missed_punch_requests", "pay_periods", "pay_period_days", "pay_adjustments"]


def upgrade() -> None:
    op.create_table(
        "missed_punch_requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("clock_in", sa.Time(), nullable=True),
        sa.Column("clock_out", sa.Time(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("workday_id", sa.Integer(), nullable=True),
        sa.Column("asked_by_id", sa.Integer(), nullable=True),
        sa.Column("asked_by", sa.String(100), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_by", sa.String(100), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'pending') = (decided_at IS NULL)", name=op.f("ck_missed_punch_requests_decided")),
        sa.CheckConstraint("state IN ('pending', 'withdrawn', 'approved', 'rejected')", name=op.f("ck_missed_punch_requests_state")),
        sa.CheckConstraint("clock_in IS NOT NULL OR clock_out IS NOT NULL", name=op.f("ck_missed_punch_requests_times")),
        sa.ForeignKeyConstraint(
            ["asked_by_id"], ["users.id"], name=op.f("fk_missed_punch_requests_asked_by_id_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["users.id"], name=op.f("fk_missed_punch_requests_decided_by_id_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["attendance_people.id"], name=op.f("fk_missed_punch_requests_person_id_attendance_people"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workday_id"], ["workdays.id"], name=op.f("fk_missed_punch_requests_workday_id_workdays"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_missed_punch_requests")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_missed_punch_requests_person_id", "missed_punch_requests", ["person_id", "id"])
    op.create_index("ix_missed_punch_requests_state", "missed_punch_requests", ["id"], **_where("state = 'pending'"))
    op.create_index(
        "uq_missed_punch_requests_pending", "missed_punch_requests", ["person_id", "date"], unique=True, **_where("state = 'pending'")
    )
    op.create_table(
        "pay_periods",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("ends_before", sa.Date(), nullable=False),
        sa.Column("follows", sa.Date(), nullable=True),
        sa.Column("is_first", sa.Boolean(), nullable=False),
        sa.Column("length", sa.String(10), nullable=False),
        sa.Column("rounding_minutes", sa.SmallInteger(), nullable=False),
        sa.Column("created_by", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by_id", sa.Integer(), nullable=True),
        sa.Column("closed_by", sa.String(100), nullable=True),
        sa.CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name=op.f("ck_pay_periods_closed")),
        sa.CheckConstraint("first_day < ends_before", name=op.f("ck_pay_periods_days")),
        sa.CheckConstraint("is_first = (follows IS NULL)", name=op.f("ck_pay_periods_first")),
        sa.CheckConstraint("follows = first_day", name=op.f("ck_pay_periods_follows")),
        sa.CheckConstraint("length IN ('weekly', 'biweekly', 'monthly')", name=op.f("ck_pay_periods_length")),
        sa.CheckConstraint("rounding_minutes IN (1, 5, 6, 15)", name=op.f("ck_pay_periods_rounding")),
        sa.ForeignKeyConstraint(["closed_by_id"], ["users.id"], name=op.f("fk_pay_periods_closed_by_id_users"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["follows"], ["pay_periods.ends_before"], name=op.f("fk_pay_periods_follows_pay_periods")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pay_periods")),
        sa.UniqueConstraint("ends_before", name=op.f("uq_pay_periods_ends_before")),
        sa.UniqueConstraint("first_day", name=op.f("uq_pay_periods_first_day")),
    )
    op.create_index("uq_pay_periods_is_first", "pay_periods", ["is_first"], unique=True, **_where("is_first"))
    op.create_table(
        "pay_period_days",
        sa.Column("id", sa.Integer(), nullable=False),
        *_day_columns(),
        sa.Column("clock_in", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clock_out", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worked_seconds", sa.Integer(), nullable=False),
        sa.Column("is_incomplete", sa.Boolean(), nullable=False),
        *_references("pay_period_days"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pay_period_days")),
    )
    op.create_index("ix_pay_period_days_period_id", "pay_period_days", ["period_id", "clock_in"])
    op.create_index("uq_pay_period_days_user_id", "pay_period_days", ["user_id", "date", "terminal_id"], unique=True)
    op.create_table(
        "pay_adjustments",
        sa.Column("id", sa.Integer(), nullable=False),
        *_day_columns(),
        sa.Column("before_in", sa.DateTime(timezone=True), nullable=True),
        sa.Column("before_out", sa.DateTime(timezone=True), nullable=True),
        sa.Column("before_seconds", sa.Integer(), nullable=False),
        sa.Column("clock_in", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clock_out", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worked_seconds", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *_references("pay_adjustments"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pay_adjustments")),
    )
    op.create_index("ix_pay_adjustments_period_id", "pay_adjustments", ["period_id", "id"])
    op.create_index("ix_pay_adjustments_user_id", "pay_adjustments", ["user_id", "date", "terminal_id", "id"])


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _day_columns() -> list[sa.Column]:
    return [
        sa.Column("period_id", sa.Integer(), nullable=False),
        sa.Column("terminal_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.String(50), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("person_name", sa.String(100), nullable=False),
    ]


def _references(table: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(["period_id"], ["pay_periods.id"], name=op.f(f"fk_{table}_period_id_pay_periods")),
        sa.ForeignKeyConstraint(["terminal_id"], ["terminals.id"], name=op.f(f"fk_{table}_terminal_id_terminals")),
    ]


def _where(condition: str) -> dict[str, sa.TextClause]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
