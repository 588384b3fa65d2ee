"""A person who is deleted is in their staff group again when that is undone."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

KEY = "fk_staff_group_members_person_id_attendance_people"


def upgrade() -> None:
    with op.batch_alter_table("staff_group_members") as table:
        table.drop_constraint(op.f(KEY), type_="foreignkey")


def downgrade() -> None:
    members, people = sa.table("staff_group_members", sa.column("person_id")), sa.table("attendance_people", sa.column("id"))
    op.execute(sa.delete(members).where(members.c.person_id.not_in(sa.select(people.c.id))))
    with op.batch_alter_table("staff_group_members") as table:
        table.create_foreign_key(op.f(KEY), "attendance_people", ["person_id"], ["id"], ondelete="CASCADE")
