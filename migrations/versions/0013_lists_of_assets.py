"""Only the mapped columns of asset lists are stored. Nothing else quotes other columns or names other people's files.

Lists that wait keep their mapped columns. Reports of imports lose their remarks, which quoted whole rows, and titles of tasks, which
everybody who sees tasks reads, lose the names of files.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

lists = sa.table(
    "asset_intakes",
    *(sa.column(name) for name in ("id", "stored_size")),
    *(sa.column(name, sa.JSON) for name in ("rows", "head", "columns", "left_out", "findings")),
)
tasks = sa.table("tasks", *(sa.column(name) for name in ("id", "kind", "title")))
files = sa.table("rosters", sa.column("id"), sa.column("report", sa.JSON))
TITLES = {
    "check-roster": "Preview of a file",
    "import-roster": "Import of a file",
    "undo-roster": "Undo of an import",
    "create-assets": "Create assets",
}
REWRITTEN = {"asset_intakes": ("rows", "json"), "rosters": ("report", "json"), "tasks": ("title", "varchar(200)")}


def upgrade() -> None:
    connection = op.get_bind()
    with op.batch_alter_table("asset_intakes") as table:
        table.add_column(sa.Column("stored_size", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("left_out", sa.JSON(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("user_id", sa.Integer(), nullable=True))
        table.create_foreign_key(op.f("fk_asset_intakes_user_id_users"), "users", ["user_id"], ["id"], ondelete="SET NULL")
    with op.batch_alter_table("asset_intakes") as table:
        for name in ("stored_size", "left_out"):
            table.alter_column(name, server_default=None)
    op.execute("UPDATE asset_intakes SET user_id = (SELECT users.id FROM users WHERE users.name = asset_intakes.started_by)")
    if connection.dialect.name == "sqlite":
        op.execute("PRAGMA secure_delete = ON")
    changed = _store_only_mapped_columns(connection) + _delete_remarks(connection) + _rename_tasks(connection)
    if not changed:
        return
    if connection.dialect.name == "sqlite":
        connection.info["rewrite"] = True  # free pages may have what was deleted earlier
    else:
        for name, (column, kind) in REWRITTEN.items():  # a new file without the former rows
            op.execute(f"ALTER TABLE {name} ALTER COLUMN {column} TYPE {kind} USING ({column}::text)::{kind}")


def downgrade() -> None:
    with op.batch_alter_table("asset_intakes") as table:
        table.drop_constraint(op.f("fk_asset_intakes_user_id_users"), type_="foreignkey")
        for name in ("user_id", "left_out", "stored_size"):
            table.drop_column(name)


def _store_only_mapped_columns(connection: sa.Connection) -> int:
    found = connection.execute(sa.select(lists.c.id, lists.c.rows, lists.c.head, lists.c.columns)).all()
    for number, rows, head, columns in found:
        stored = sorted(columns.values())
        picked, header = [_pick(row, stored) for row in rows], _pick(head, stored) if head else []
        values: dict[str, object] = {
            "rows": picked,
            "head": header,
            "columns": {field: stored.index(column) for field, column in columns.items()},
            "left_out": [title for column, title in enumerate(head) if title and column not in stored],
            "stored_size": len(json.dumps([header, picked], ensure_ascii=False).encode()),
        }
        if "serial_number" not in columns:  # nothing can be created from it
            values = {"rows": [], "head": [], "columns": {}, "left_out": [], "stored_size": 0, "findings": []}
        connection.execute(sa.update(lists).where(lists.c.id == number).values(**values))
    return len(found)


def _delete_remarks(connection: sa.Connection) -> int:
    found = [(number, report) for number, report in connection.execute(sa.select(files.c.id, files.c.report)) if report.get("remarks")]
    for number, report in found:
        connection.execute(sa.update(files).where(files.c.id == number).values(report={**report, "remarks": []}))
    return len(found)


def _rename_tasks(connection: sa.Connection) -> int:
    named = sa.or_(tasks.c.kind != "create-assets", tasks.c.title.like("% from %"))
    of_kind = [sa.and_(tasks.c.kind == kind, named) for kind in TITLES]
    found = connection.execute(sa.select(tasks.c.id, tasks.c.kind).where(sa.or_(*of_kind))).all()
    for number, kind in found:
        connection.execute(sa.update(tasks).where(tasks.c.id == number).values(title=TITLES[kind]))
    return len(found)


def _pick(cells: list[str], columns: list[int]) -> list[str]:
    return [cells[column] if column < len(cells) else "" for column in columns]
