"""User IDs of people begin on a day; changes of people and decisions about conflicts are recorded; people can be imported."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

SUBJECT = "ck_rosters_subject"
UNIQUE = "uq_attendance_person_ids_user_id"


def upgrade() -> None:
    op.drop_index(UNIQUE, table_name="attendance_person_ids")
    with op.batch_alter_table("attendance_person_ids") as table:
        table.add_column(sa.Column("valid_from", sa.Date(), nullable=False, server_default="0001-01-01"))
    with op.batch_alter_table("attendance_person_ids") as table:
        table.alter_column("valid_from", existing_type=sa.Date(), existing_nullable=False, server_default=None)
    op.create_index(UNIQUE, "attendance_person_ids", ["user_id", "site_key", "valid_from"], unique=True)
    op.create_table(
        "attendance_people_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("actor_user_id", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(100), nullable=True),
        sa.CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name=op.f("ck_attendance_people_changes_undone")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_people_changes")),
    )
    op.create_table(
        "attendance_name_decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("decided_by", sa.String(100), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_name_decisions")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_attendance_name_decisions_fingerprint")),
    )
    _allow("subject IN ('students', 'devices', 'stock', 'deliveries', 'people')")


def downgrade() -> None:
    op.execute("DELETE FROM rosters WHERE subject = 'people'")
    _allow("subject IN ('students', 'devices', 'stock', 'deliveries')")
    op.drop_table("attendance_name_decisions")
    op.drop_table("attendance_people_changes")
    op.drop_index(UNIQUE, table_name="attendance_person_ids")
    # Without a day, only the first person of an ID remains.
    op.execute(
        "DELETE FROM attendance_person_ids WHERE EXISTS (SELECT 1 FROM attendance_person_ids AS earlier "
        "WHERE earlier.user_id = attendance_person_ids.user_id AND earlier.site_key = attendance_person_ids.site_key "
        "AND earlier.valid_from < attendance_person_ids.valid_from)"
    )
    with op.batch_alter_table("attendance_person_ids") as table:
        table.drop_column("valid_from")
    op.create_index(UNIQUE, "attendance_person_ids", ["user_id", "site_key"], unique=True)


def _allow(condition: str) -> None:
    with op.batch_alter_table("rosters") as table:
        table.drop_constraint(op.f(SUBJECT), type_="check")
        table.create_check_constraint(op.f(SUBJECT), condition)
