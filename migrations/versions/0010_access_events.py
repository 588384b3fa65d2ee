"""Who read personal data; and only the mapped columns of uploaded files are stored, until their import.

The rows of all files that were uploaded before are deleted: they have all columns. Files that wait for their import must be uploaded again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("what", sa.String(length=100), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("address", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_access_events_user_id_users"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_events")),
    )
    op.create_index("ix_access_events_subject", "access_events", ["subject", "id"])
    op.create_index("ix_access_events_user_id", "access_events", ["user_id", "id"])
    op.create_index("ix_access_events_at", "access_events", ["at"])

    _delete_rows_of_files()
    with op.batch_alter_table("rosters") as table:
        table.add_column(sa.Column("stored_size", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("left_out", sa.JSON(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("emptied", sa.JSON(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("user_id", sa.Integer(), nullable=True))
        table.create_foreign_key(op.f("fk_rosters_user_id_users"), "users", ["user_id"], ["id"], ondelete="SET NULL")
    with op.batch_alter_table("rosters") as table:
        for name in ("stored_size", "left_out", "emptied"):
            table.alter_column(name, server_default=None)
    op.execute("UPDATE rosters SET user_id = (SELECT users.id FROM users WHERE users.name = rosters.started_by)")


def downgrade() -> None:
    _delete_rows_of_files()
    with op.batch_alter_table("rosters") as table:
        table.drop_constraint(op.f("fk_rosters_user_id_users"), type_="foreignkey")
        for name in ("user_id", "emptied", "left_out", "stored_size"):
            table.drop_column(name)
    op.drop_table("access_events")


def _delete_rows_of_files() -> None:
    """On PostgreSQL the file of the table goes with them. SQLite overwrites them, but what was deleted earlier is in free pages: `env.py`
    rewrites the file afterwards."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute("TRUNCATE roster_parts")
    else:
        if connection.scalar(sa.text("SELECT count(*) FROM rosters")):
            connection.info["rewrite"] = True
        op.execute("PRAGMA secure_delete = ON")
        op.execute("DELETE FROM roster_parts")
    op.execute("UPDATE rosters SET head = '[]', sample = '[]', columns = '{}'")
