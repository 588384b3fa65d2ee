"""Accounts belong to a student, or have a school and a homeroom. An index finds the students of a school."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

AT_SCHOOL = sa.text("is_active AND building <> ''")


def upgrade() -> None:
    with op.batch_alter_table("users") as table:
        table.add_column(sa.Column("student_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("school", sa.String(length=100), nullable=False, server_default=""))
        table.add_column(sa.Column("homeroom", sa.String(length=50), nullable=False, server_default=""))
        table.create_unique_constraint("uq_users_student_id", ["student_id"])
        table.create_foreign_key("fk_users_student_id_students", "students", ["student_id"], ["id"], ondelete="SET NULL")
    with op.batch_alter_table("users") as table:
        table.alter_column("school", server_default=None)
        table.alter_column("homeroom", server_default=None)
        table.create_check_constraint(op.f("ck_users_student_link"), "student_id IS NULL OR role = 'student'")
        table.create_check_constraint(op.f("ck_users_teacher_school"), "role = 'teacher' OR (school = '' AND homeroom = '')")
    columns = ["building", "last_key", "first_key", "id"]
    op.create_index("ix_students_school", "students", columns, sqlite_where=AT_SCHOOL, postgresql_where=AT_SCHOOL)


def downgrade() -> None:
    op.drop_index("ix_students_school", table_name="students")
    with op.batch_alter_table("users") as table:
        table.drop_constraint(op.f("ck_users_teacher_school"), type_="check")
        table.drop_constraint(op.f("ck_users_student_link"), type_="check")
        table.drop_constraint("fk_users_student_id_students", type_="foreignkey")
        table.drop_constraint("uq_users_student_id", type_="unique")
        table.drop_column("homeroom")
        table.drop_column("school")
        table.drop_column("student_id")
