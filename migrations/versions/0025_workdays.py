"""Workdays, decisions about them, schedules of staff groups, and days of punches that have changed."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

TABLES = [
    "attendance_changed_days",
    "staff_groups",
    "staff_group_members",
    "schedule_versions",
    "schedule_hours",
    "workdays",
    "outlier_notices",
    "workday_decisions",
]


def upgrade() -> None:
    op.create_table(
        "attendance_changed_days",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.String(50), nullable=True),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_attendance_changed_days_days")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_changed_days")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "staff_groups",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("name_key", sa.String(300), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_groups")),
        sa.UniqueConstraint("name_key", name=op.f("uq_staff_groups_name_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "staff_group_members",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("created_by", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["staff_groups.id"], name=op.f("fk_staff_group_members_group_id_staff_groups"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["attendance_people.id"], name=op.f("fk_staff_group_members_person_id_attendance_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_group_members")),
    )
    op.create_index("ix_staff_group_members_group_id", "staff_group_members", ["group_id"])
    op.create_index("uq_staff_group_members_person_id", "staff_group_members", ["person_id", "valid_from"], unique=True)
    op.create_table(
        "schedule_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("grace_minutes", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("grace_minutes BETWEEN 0 AND 120", name=op.f("ck_schedule_versions_grace")),
        sa.CheckConstraint("valid_until IS NULL OR valid_from <= valid_until", name=op.f("ck_schedule_versions_valid")),
        sa.ForeignKeyConstraint(
            ["group_id"], ["staff_groups.id"], name=op.f("fk_schedule_versions_group_id_staff_groups"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_versions")),
    )
    op.create_index("uq_schedule_versions_default", "schedule_versions", ["valid_from"], unique=True, **_where("group_id IS NULL"))
    op.create_index("uq_schedule_versions_group_id", "schedule_versions", ["group_id", "valid_from"], unique=True)
    op.create_table(
        "schedule_hours",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("weekday", sa.SmallInteger(), nullable=False),
        sa.Column("starts_at", sa.Time(), nullable=False),
        sa.Column("ends_at", sa.Time(), nullable=False),
        sa.CheckConstraint("starts_at <> ends_at", name=op.f("ck_schedule_hours_hours")),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("ck_schedule_hours_weekday")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["schedule_versions.id"], name=op.f("fk_schedule_hours_version_id_schedule_versions"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_hours")),
    )
    op.create_index("uq_schedule_hours_weekday", "schedule_hours", ["version_id", "weekday"], unique=True)
    op.create_table(
        "workdays",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("terminal_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.String(50), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("timezone", sa.String(60), nullable=False),
        sa.Column("punches", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("window_ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day_kind", sa.String(10), nullable=False),
        sa.Column("schedule_version_id", sa.Integer(), nullable=True),
        sa.Column("starts_at", sa.DateTime(), nullable=True),
        sa.Column("ends_at", sa.DateTime(), nullable=True),
        sa.Column("clock_in", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clock_out", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worked_seconds", sa.Integer(), nullable=False),
        sa.Column("is_incomplete", sa.Boolean(), nullable=False),
        sa.Column("is_outlier", sa.Boolean(), nullable=False),
        sa.Column("outlier_reason", sa.Text(), nullable=False),
        sa.Column("is_late", sa.Boolean(), nullable=False),
        sa.Column("is_early", sa.Boolean(), nullable=False),
        sa.Column("is_half_day", sa.Boolean(), nullable=False),
        sa.Column("review_state", sa.String(10), nullable=False),
        sa.Column("content_digest", sa.String(64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("attempted_revision", sa.Integer(), nullable=False),
        sa.Column("accepted_revision", sa.Integer(), nullable=True),
        sa.Column("accepted_digest", sa.String(64), nullable=True),
        sa.Column("synced_to_crm", sa.Boolean(), nullable=False),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sync_attempts", sa.Integer(), nullable=False),
        sa.Column("last_sync_attempt", sa.DateTime(timezone=True), nullable=True),
        sa.Column("crm_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("crm_attempts", sa.Integer(), nullable=False),
        sa.Column("crm_problem", sa.String(1000), nullable=True),
        sa.Column("crm_answer", sa.String(1000), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("clock_out IS NULL OR clock_in <= clock_out", name=op.f("ck_workdays_clocked")),
        sa.CheckConstraint(
            "punches >= 0 AND worked_seconds >= 0 AND sync_attempts >= 0 AND crm_attempts >= 0", name=op.f("ck_workdays_counts")
        ),
        sa.CheckConstraint("day_kind IN ('work', 'off', 'holiday')", name=op.f("ck_workdays_day_kind")),
        sa.CheckConstraint("last_at IS NULL OR first_at <= last_at", name=op.f("ck_workdays_punched")),
        sa.CheckConstraint("is_outlier = (outlier_reason <> '')", name=op.f("ck_workdays_reason")),
        sa.CheckConstraint("review_state IN ('none', 'open', 'accepted', 'corrected')", name=op.f("ck_workdays_review_state")),
        sa.CheckConstraint(
            "revision >= 1 AND attempted_revision <= revision AND accepted_revision <= attempted_revision",
            name=op.f("ck_workdays_revision"),
        ),
        sa.CheckConstraint("(starts_at IS NULL) = (ends_at IS NULL)", name=op.f("ck_workdays_scheduled")),
        sa.CheckConstraint(
            "synced_to_crm = (accepted_revision IS NOT NULL AND accepted_revision = revision)", name=op.f("ck_workdays_synced")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["attendance_people.id"], name=op.f("fk_workdays_person_id_attendance_people"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["schedule_version_id"],
            ["schedule_versions.id"],
            name=op.f("fk_workdays_schedule_version_id_schedule_versions"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(["terminal_id"], ["terminals.id"], name=op.f("fk_workdays_terminal_id_terminals")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workdays")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_workdays_crm_due_at", "workdays", ["crm_due_at", "id"], **_where("crm_due_at IS NOT NULL"))
    op.create_index("ix_workdays_crm_problem", "workdays", ["id"], **_where("crm_problem IS NOT NULL"))
    op.create_index("ix_workdays_date", "workdays", ["date", "id"])
    op.create_index("ix_workdays_failed", "workdays", ["id"], **_where("NOT synced_to_crm AND sync_attempts >= 3"))
    op.create_index("ix_workdays_outliers", "workdays", ["date", "id"], **_where("is_outlier"))
    op.create_index("ix_workdays_person_id", "workdays", ["person_id", "date"])
    op.create_index("ix_workdays_review", "workdays", ["date", "id"], **_where("review_state = 'open'"))
    op.create_index("ix_workdays_terminal_id", "workdays", ["terminal_id", "date", "id"])
    op.create_index("ix_workdays_unsynced", "workdays", ["date", "id"], **_where("NOT synced_to_crm"))
    op.create_index("uq_workdays_user_id", "workdays", ["user_id", "date", "terminal_id"], unique=True)
    op.create_table(
        "outlier_notices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workday_id", sa.Integer(), nullable=False),
        sa.Column("reason_digest", sa.String(64), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workday_id"], ["workdays.id"], name=op.f("fk_outlier_notices_workday_id_workdays"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outlier_notices")),
    )
    op.create_index("uq_outlier_notices_reason", "outlier_notices", ["workday_id", "reason_digest"], unique=True)
    op.create_table(
        "workday_decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workday_id", sa.Integer(), nullable=False),
        sa.Column("decision", sa.String(10), nullable=False),
        sa.Column("clock_in", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clock_out", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_by", sa.String(100), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(100), nullable=True),
        sa.Column("end_reason", sa.String(10), nullable=True),
        sa.CheckConstraint("decision IN ('accepted', 'corrected')", name=op.f("ck_workday_decisions_decision")),
        sa.CheckConstraint("end_reason IN ('undone', 'replaced', 'reopened')", name=op.f("ck_workday_decisions_end_reason")),
        sa.CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name=op.f("ck_workday_decisions_ended")),
        sa.CheckConstraint("decision = 'corrected' OR (clock_in IS NULL AND clock_out IS NULL)", name=op.f("ck_workday_decisions_times")),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["users.id"], name=op.f("fk_workday_decisions_decided_by_id_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["workday_id"], ["workdays.id"], name=op.f("fk_workday_decisions_workday_id_workdays"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workday_decisions")),
    )
    op.create_index("ix_workday_decisions_workday_id", "workday_decisions", ["workday_id", "id"])
    op.create_index("uq_workday_decisions_valid", "workday_decisions", ["workday_id"], unique=True, **_where("ended_at IS NULL"))


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _where(condition: str) -> dict[str, sa.TextClause]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
