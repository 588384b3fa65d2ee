"""Students, devices and their record; files of students and devices; differences of holders."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SQLITE = [
    (
        "CREATE TRIGGER device_logs_no_update BEFORE UPDATE ON device_logs BEGIN SELECT RAISE(ABORT, 'the record of devices "
        "only grows'); END"
    ),
    (
        "CREATE TRIGGER device_logs_no_delete BEFORE DELETE ON device_logs BEGIN SELECT RAISE(ABORT, 'the record of devices "
        "only grows'); END"
    ),
    (
        "CREATE TRIGGER students_counted_in AFTER INSERT ON students BEGIN INSERT INTO student_tallies (subject, grade, "
        "status, shard, count) VALUES ('students', coalesce(NEW.grade, ''), CASE WHEN NEW.is_active THEN CASE WHEN "
        "NEW.device_count > 0 THEN 'assigned' ELSE 'pending' END ELSE CASE WHEN NEW.device_count > 0 THEN 'holding' ELSE "
        "'inactive' END END, 0, 1) ON CONFLICT (subject, grade, status, shard) DO UPDATE SET count = count + 1; END"
    ),
    (
        "CREATE TRIGGER students_counted_out AFTER DELETE ON students BEGIN INSERT INTO student_tallies (subject, grade, "
        "status, shard, count) VALUES ('students', coalesce(OLD.grade, ''), CASE WHEN OLD.is_active THEN CASE WHEN "
        "OLD.device_count > 0 THEN 'assigned' ELSE 'pending' END ELSE CASE WHEN OLD.device_count > 0 THEN 'holding' ELSE "
        "'inactive' END END, 0, -1) ON CONFLICT (subject, grade, status, shard) DO UPDATE SET count = count + -1; END"
    ),
    (
        "CREATE TRIGGER students_counted_anew AFTER UPDATE OF grade, is_active, device_count ON students WHEN OLD.grade IS NOT "
        "NEW.grade OR CASE WHEN OLD.is_active THEN CASE WHEN OLD.device_count > 0 THEN 'assigned' ELSE 'pending' END ELSE CASE "
        "WHEN OLD.device_count > 0 THEN 'holding' ELSE 'inactive' END END <> CASE WHEN NEW.is_active THEN CASE WHEN "
        "NEW.device_count > 0 THEN 'assigned' ELSE 'pending' END ELSE CASE WHEN NEW.device_count > 0 THEN 'holding' ELSE "
        "'inactive' END END BEGIN INSERT INTO student_tallies (subject, grade, status, shard, count) VALUES ('students', "
        "coalesce(OLD.grade, ''), CASE WHEN OLD.is_active THEN CASE WHEN OLD.device_count > 0 THEN 'assigned' ELSE 'pending' "
        "END ELSE CASE WHEN OLD.device_count > 0 THEN 'holding' ELSE 'inactive' END END, 0, -1) ON CONFLICT (subject, grade, "
        "status, shard) DO UPDATE SET count = count + -1; INSERT INTO student_tallies (subject, grade, status, shard, count) "
        "VALUES ('students', coalesce(NEW.grade, ''), CASE WHEN NEW.is_active THEN CASE WHEN NEW.device_count > 0 THEN "
        "'assigned' ELSE 'pending' END ELSE CASE WHEN NEW.device_count > 0 THEN 'holding' ELSE 'inactive' END END, 0, 1) ON "
        "CONFLICT (subject, grade, status, shard) DO UPDATE SET count = count + 1; END"
    ),
    (
        "CREATE TRIGGER device_info_counted_in AFTER INSERT ON device_info BEGIN INSERT INTO student_tallies (subject, grade, "
        "status, shard, count) VALUES ('devices', '', NEW.status, 0, 1) ON CONFLICT (subject, grade, status, shard) DO UPDATE "
        "SET count = count + 1; UPDATE students SET device_count = device_count + 1 WHERE student_id = NEW.current_student_id; "
        "END"
    ),
    (
        "CREATE TRIGGER device_info_counted_out AFTER DELETE ON device_info BEGIN INSERT INTO student_tallies (subject, grade, "
        "status, shard, count) VALUES ('devices', '', OLD.status, 0, -1) ON CONFLICT (subject, grade, status, shard) DO UPDATE "
        "SET count = count + -1; UPDATE students SET device_count = device_count + -1 WHERE student_id = "
        "OLD.current_student_id; END"
    ),
    (
        "CREATE TRIGGER device_info_counted_anew AFTER UPDATE OF status, current_student_id ON device_info WHEN OLD.status <> "
        "NEW.status OR OLD.current_student_id IS NOT NEW.current_student_id BEGIN INSERT INTO student_tallies (subject, grade, "
        "status, shard, count) VALUES ('devices', '', OLD.status, 0, -1) ON CONFLICT (subject, grade, status, shard) DO UPDATE "
        "SET count = count + -1; UPDATE students SET device_count = device_count + -1 WHERE student_id = "
        "OLD.current_student_id; INSERT INTO student_tallies (subject, grade, status, shard, count) VALUES ('devices', '', "
        "NEW.status, 0, 1) ON CONFLICT (subject, grade, status, shard) DO UPDATE SET count = count + 1; UPDATE students SET "
        "device_count = device_count + 1 WHERE student_id = NEW.current_student_id; END"
    ),
]
POSTGRESQL = [
    (
        "CREATE FUNCTION device_logs_only_grow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the record of "
        "devices only grows'; END $$"
    ),
    ("CREATE TRIGGER device_logs_only_grow BEFORE UPDATE OR DELETE ON device_logs FOR EACH ROW EXECUTE FUNCTION device_logs_only_grow()"),
    (
        "CREATE FUNCTION students_counted_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO student_tallies "
        "(subject, grade, status, shard, count) SELECT 'students', grade, status, pg_backend_pid(), sum(step) FROM (SELECT "
        "coalesce(grade, '') AS grade, CASE WHEN is_active THEN CASE WHEN device_count > 0 THEN 'assigned' ELSE 'pending' END "
        "ELSE CASE WHEN device_count > 0 THEN 'holding' ELSE 'inactive' END END AS status, 1 AS step FROM new_rows) AS changed "
        "GROUP BY grade, status HAVING sum(step) <> 0 ORDER BY grade, status ON CONFLICT (subject, grade, status, shard) DO "
        "UPDATE SET count = student_tallies.count + excluded.count;  RETURN NULL; END $$"
    ),
    (
        "CREATE TRIGGER students_counted_insert AFTER INSERT ON students REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT "
        "EXECUTE FUNCTION students_counted_insert()"
    ),
    (
        "CREATE FUNCTION students_counted_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO student_tallies "
        "(subject, grade, status, shard, count) SELECT 'students', grade, status, pg_backend_pid(), sum(step) FROM (SELECT "
        "coalesce(grade, '') AS grade, CASE WHEN is_active THEN CASE WHEN device_count > 0 THEN 'assigned' ELSE 'pending' END "
        "ELSE CASE WHEN device_count > 0 THEN 'holding' ELSE 'inactive' END END AS status, -1 AS step FROM old_rows) AS "
        "changed GROUP BY grade, status HAVING sum(step) <> 0 ORDER BY grade, status ON CONFLICT (subject, grade, status, "
        "shard) DO UPDATE SET count = student_tallies.count + excluded.count;  RETURN NULL; END $$"
    ),
    (
        "CREATE TRIGGER students_counted_delete AFTER DELETE ON students REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT "
        "EXECUTE FUNCTION students_counted_delete()"
    ),
    (
        "CREATE FUNCTION students_counted_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO student_tallies "
        "(subject, grade, status, shard, count) SELECT 'students', grade, status, pg_backend_pid(), sum(step) FROM (SELECT "
        "coalesce(grade, '') AS grade, CASE WHEN is_active THEN CASE WHEN device_count > 0 THEN 'assigned' ELSE 'pending' END "
        "ELSE CASE WHEN device_count > 0 THEN 'holding' ELSE 'inactive' END END AS status, -1 AS step FROM old_rows UNION ALL "
        "SELECT coalesce(grade, '') AS grade, CASE WHEN is_active THEN CASE WHEN device_count > 0 THEN 'assigned' ELSE "
        "'pending' END ELSE CASE WHEN device_count > 0 THEN 'holding' ELSE 'inactive' END END AS status, 1 AS step FROM "
        "new_rows) AS changed GROUP BY grade, status HAVING sum(step) <> 0 ORDER BY grade, status ON CONFLICT (subject, grade, "
        "status, shard) DO UPDATE SET count = student_tallies.count + excluded.count;  RETURN NULL; END $$"
    ),
    (
        "CREATE TRIGGER students_counted_update AFTER UPDATE ON students REFERENCING OLD TABLE AS old_rows NEW TABLE AS "
        "new_rows FOR EACH STATEMENT EXECUTE FUNCTION students_counted_update()"
    ),
    (
        "CREATE FUNCTION device_info_counted_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO student_tallies "
        "(subject, grade, status, shard, count) SELECT 'devices', grade, status, pg_backend_pid(), sum(step) FROM (SELECT "
        "''::varchar AS grade, status AS status, 1 AS step FROM new_rows) AS changed GROUP BY grade, status HAVING sum(step) "
        "<> 0 ORDER BY grade, status ON CONFLICT (subject, grade, status, shard) DO UPDATE SET count = student_tallies.count + "
        "excluded.count; UPDATE students SET device_count = device_count + change.steps FROM (SELECT held_by, sum(step) AS "
        "steps FROM (SELECT current_student_id AS held_by, 1 AS step FROM new_rows) AS holders WHERE held_by IS NOT NULL GROUP "
        "BY held_by HAVING sum(step) <> 0) AS change WHERE students.student_id = change.held_by; RETURN NULL; END $$"
    ),
    (
        "CREATE TRIGGER device_info_counted_insert AFTER INSERT ON device_info REFERENCING NEW TABLE AS new_rows FOR EACH "
        "STATEMENT EXECUTE FUNCTION device_info_counted_insert()"
    ),
    (
        "CREATE FUNCTION device_info_counted_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO student_tallies "
        "(subject, grade, status, shard, count) SELECT 'devices', grade, status, pg_backend_pid(), sum(step) FROM (SELECT "
        "''::varchar AS grade, status AS status, -1 AS step FROM old_rows) AS changed GROUP BY grade, status HAVING sum(step) "
        "<> 0 ORDER BY grade, status ON CONFLICT (subject, grade, status, shard) DO UPDATE SET count = student_tallies.count + "
        "excluded.count; UPDATE students SET device_count = device_count + change.steps FROM (SELECT held_by, sum(step) AS "
        "steps FROM (SELECT current_student_id AS held_by, -1 AS step FROM old_rows) AS holders WHERE held_by IS NOT NULL "
        "GROUP BY held_by HAVING sum(step) <> 0) AS change WHERE students.student_id = change.held_by; RETURN NULL; END $$"
    ),
    (
        "CREATE TRIGGER device_info_counted_delete AFTER DELETE ON device_info REFERENCING OLD TABLE AS old_rows FOR EACH "
        "STATEMENT EXECUTE FUNCTION device_info_counted_delete()"
    ),
    (
        "CREATE FUNCTION device_info_counted_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO student_tallies "
        "(subject, grade, status, shard, count) SELECT 'devices', grade, status, pg_backend_pid(), sum(step) FROM (SELECT "
        "''::varchar AS grade, status AS status, -1 AS step FROM old_rows UNION ALL SELECT ''::varchar AS grade, status AS "
        "status, 1 AS step FROM new_rows) AS changed GROUP BY grade, status HAVING sum(step) <> 0 ORDER BY grade, status ON "
        "CONFLICT (subject, grade, status, shard) DO UPDATE SET count = student_tallies.count + excluded.count; UPDATE "
        "students SET device_count = device_count + change.steps FROM (SELECT held_by, sum(step) AS steps FROM (SELECT "
        "current_student_id AS held_by, -1 AS step FROM old_rows UNION ALL SELECT current_student_id AS held_by, 1 AS step "
        "FROM new_rows) AS holders WHERE held_by IS NOT NULL GROUP BY held_by HAVING sum(step) <> 0) AS change WHERE "
        "students.student_id = change.held_by; RETURN NULL; END $$"
    ),
    (
        "CREATE TRIGGER device_info_counted_update AFTER UPDATE ON device_info REFERENCING OLD TABLE AS old_rows NEW TABLE AS "
        "new_rows FOR EACH STATEMENT EXECUTE FUNCTION device_info_counted_update()"
    ),
]


def where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def key(length: int) -> sa.String:
    return sa.String(length=length).with_variant(sa.String(length=length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "device_logs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("asset_tag", sa.String(length=50), nullable=False),
        sa.Column("student_id", sa.String(length=50), nullable=True),
        sa.Column("student_name", sa.String(length=201), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("condition", sa.String(length=20), nullable=False),
        sa.Column("accessories", sa.JSON(), nullable=False),
        sa.Column("missing", sa.JSON(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("undoes_id", sa.Integer(), nullable=True),
        sa.Column("origin", sa.String(length=80), nullable=True),
        sa.CheckConstraint("action IN ('check_in', 'check_out', 'maintenance', 'repair', 'override')", name=op.f("ck_device_logs_action")),
        sa.ForeignKeyConstraint(["undoes_id"], ["device_logs.id"], name=op.f("fk_device_logs_undoes_id_device_logs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_logs")),
    )
    op.create_index("ix_device_logs_asset_tag", "device_logs", ["asset_tag", "timestamp", "id"])
    op.create_index("ix_device_logs_student_id", "device_logs", ["student_id", "timestamp", "id"], **where("student_id IS NOT NULL"))
    op.create_index("ix_device_logs_timestamp", "device_logs", ["timestamp", "id"])
    op.create_index("uq_device_logs_origin", "device_logs", ["origin"], unique=True, **where("origin IS NOT NULL"))
    op.create_index("uq_device_logs_undoes_id", "device_logs", ["undoes_id"], unique=True, **where("undoes_id IS NOT NULL"))

    op.create_table(
        "holder_differences",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("asset_tag", sa.String(length=50), nullable=False),
        sa.Column("asset_id", sa.BigInteger(), nullable=False),
        sa.Column("asset_name", sa.String(length=500), nullable=False),
        sa.Column("ours", sa.String(length=100), nullable=False),
        sa.Column("student_id", sa.String(length=50), nullable=True),
        sa.Column("theirs", sa.String(length=500), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.String(length=100), nullable=True),
        sa.Column("settlement", sa.String(length=40), nullable=True),
        sa.CheckConstraint("kind IN ('holder', 'unknown_here', 'missing_there', 'renamed')", name=op.f("ck_holder_differences_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holder_differences")),
    )
    op.create_index("ix_holder_differences_open", "holder_differences", ["id"], **where("settled_at IS NULL"))
    op.create_index("uq_holder_differences_kind_asset_id_asset_tag", "holder_differences", ["kind", "asset_id", "asset_tag"], unique=True)

    op.create_table(
        "school_years",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("last_grade", sa.String(length=20), nullable=False),
        sa.Column("promoted", sa.Integer(), nullable=False),
        sa.Column("leavers", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_by", sa.String(length=100), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(length=100), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_school_years")),
    )
    op.create_index("uq_school_years_name", "school_years", ["name"], unique=True, **where("undone_at IS NULL"))

    op.create_table(
        "student_tallies",
        sa.Column("subject", sa.String(length=10), nullable=False),
        sa.Column("grade", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "grade", "status", "shard", name=op.f("pk_student_tallies")),
    )
    op.create_table(
        "repair_tickets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("log_id", sa.Integer(), nullable=True),
        sa.Column("asset_tag", sa.String(length=50), nullable=False),
        sa.Column("student_id", sa.String(length=50), nullable=True),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(length=500), nullable=True),
        sa.Column("ticket_id", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(due_at IS NOT NULL) = (state IN ('due', 'sent'))", name=op.f("ck_repair_tickets_due_while_open")),
        sa.CheckConstraint("(ticket_id IS NOT NULL) = (state = 'made')", name=op.f("ck_repair_tickets_made_has_ticket")),
        sa.CheckConstraint("state IN ('due', 'sent', 'made')", name=op.f("ck_repair_tickets_state")),
        sa.ForeignKeyConstraint(["log_id"], ["device_logs.id"], name=op.f("fk_repair_tickets_log_id_device_logs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repair_tickets")),
    )
    op.create_index("ix_repair_tickets_asset_tag", "repair_tickets", ["asset_tag", "id"])
    op.create_index("ix_repair_tickets_due_at", "repair_tickets", ["due_at"], **where("due_at IS NOT NULL"))
    op.create_index("ix_repair_tickets_log_id", "repair_tickets", ["log_id"])

    op.create_table(
        "students",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("student_id", sa.String(length=50), nullable=False),
        sa.Column("id_key", key(100), nullable=False),
        sa.Column("first_name", sa.String(length=100), nullable=False),
        sa.Column("last_name", sa.String(length=100), nullable=False),
        sa.Column("first_key", key(200), nullable=False),
        sa.Column("last_key", key(200), nullable=False),
        sa.Column("grade", sa.String(length=20), nullable=True),
        sa.Column("grade_rank", sa.SmallInteger(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("building", sa.String(length=100), nullable=False),
        sa.Column("homeroom", sa.String(length=50), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("rt_user", sa.String(length=100), nullable=False),
        sa.Column("device_count", sa.Integer(), nullable=False),
        sa.Column("school_year_id", sa.Integer(), nullable=True),
        sa.Column("grade_before", sa.String(length=20), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("device_count >= 0", name=op.f("ck_students_device_count")),
        sa.ForeignKeyConstraint(
            ["school_year_id"], ["school_years.id"], name=op.f("fk_students_school_year_id_school_years"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_students")),
        sa.UniqueConstraint("id_key", name=op.f("uq_students_id_key")),
        sa.UniqueConstraint("student_id", name=op.f("uq_students_student_id")),
    )
    op.create_index("ix_students_assigned", "students", ["last_key", "first_key", "id"], **where("device_count > 0"))
    op.create_index("ix_students_first_key", "students", ["first_key", "last_key", "id"])
    op.create_index("ix_students_grade_rank", "students", ["grade_rank", "last_key", "first_key", "id"])
    op.create_index("ix_students_inactive", "students", ["last_key", "first_key", "id"], **where("NOT is_active"))
    op.create_index("ix_students_last_key", "students", ["last_key", "first_key", "id"])
    op.create_index("ix_students_pending", "students", ["last_key", "first_key", "id"], **where("is_active AND device_count = 0"))
    op.create_index("ix_students_rt_user", "students", ["rt_user"], **where("rt_user <> ''"))
    op.create_index("ix_students_school_year_id", "students", ["school_year_id"], **where("school_year_id IS NOT NULL"))

    op.create_table(
        "device_info",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("asset_tag", sa.String(length=50), nullable=False),
        sa.Column("tag_key", key(100), nullable=False),
        sa.Column("serial_number", sa.String(length=100), nullable=True),
        sa.Column("serial_key", key(200), nullable=True),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("current_student_id", sa.String(length=50), nullable=True),
        sa.Column("asset_id", sa.BigInteger(), nullable=True),
        sa.Column("building", sa.String(length=100), nullable=False),
        sa.Column("condition", sa.String(length=20), nullable=False),
        sa.Column("accessories", sa.JSON(), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_date", sa.Date(), nullable=True),
        sa.Column("rt_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rt_attempts", sa.Integer(), nullable=False),
        sa.Column("rt_problem", sa.String(length=500), nullable=True),
        sa.Column("rt_synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(status = 'checked_out') = (current_student_id IS NOT NULL)", name=op.f("ck_device_info_checked_out_has_student")
        ),
        sa.CheckConstraint("status IN ('available', 'checked_out', 'maintenance', 'retired')", name=op.f("ck_device_info_status")),
        sa.ForeignKeyConstraint(["current_student_id"], ["students.student_id"], name=op.f("fk_device_info_current_student_id_students")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_info")),
        sa.UniqueConstraint("asset_tag", name=op.f("uq_device_info_asset_tag")),
        sa.UniqueConstraint("tag_key", name=op.f("uq_device_info_tag_key")),
    )
    op.create_index("ix_device_info_current_student_id", "device_info", ["current_student_id"], **where("current_student_id IS NOT NULL"))
    op.create_index("ix_device_info_due_date", "device_info", ["due_date", "id"], **where("due_date IS NOT NULL"))
    op.create_index("ix_device_info_rt_due_at", "device_info", ["rt_due_at"], **where("rt_due_at IS NOT NULL"))
    op.create_index("ix_device_info_rt_problem", "device_info", ["id"], **where("rt_problem IS NOT NULL"))
    op.create_index("ix_device_info_serial_key", "device_info", ["serial_key", "id"], **where("serial_key IS NOT NULL"))
    op.create_index("ix_device_info_status", "device_info", ["status", "tag_key"])
    op.create_index("uq_device_info_asset_id", "device_info", ["asset_id"], unique=True, **where("asset_id IS NOT NULL"))

    op.create_table(
        "rosters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=10), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("encoding", sa.String(length=20), nullable=False),
        sa.Column("separator", sa.String(length=1), nullable=False),
        sa.Column("head", sa.JSON(), nullable=False),
        sa.Column("sample", sa.JSON(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("deactivate_missing", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=True),
        sa.Column("started_by", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('read', 'checked', 'imported')", name=op.f("ck_rosters_state")),
        sa.CheckConstraint("subject IN ('students', 'devices')", name=op.f("ck_rosters_subject")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_rosters_task_id_tasks"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rosters")),
    )
    op.create_index("ix_rosters_created_at", "rosters", ["created_at"])
    op.create_index("ix_rosters_started_by_id", "rosters", ["started_by", "id"])

    op.create_table(
        "roster_parts",
        sa.Column("roster_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["roster_id"], ["rosters.id"], name=op.f("fk_roster_parts_roster_id_rosters"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("roster_id", "position", name=op.f("pk_roster_parts")),
    )
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    for table in (
        "roster_parts",
        "rosters",
        "device_info",
        "students",
        "repair_tickets",
        "student_tallies",
        "school_years",
        "holder_differences",
        "device_logs",
    ):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for function in (
            "device_logs_only_grow",
            *(f"{table}_counted_{verb}" for table in ("students", "device_info") for verb in ("insert", "update", "delete")),
        ):
            op.execute(f"DROP FUNCTION {function}()")
