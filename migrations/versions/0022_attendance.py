"""Terminals, their punches, users, clocks, polls and alerts; people; and terminals that push."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

PUNCH_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER punches_no_{verb.lower()} BEFORE {verb} ON punches BEGIN SELECT RAISE(ABORT, 'punches never change'); END"
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE FUNCTION punches_never_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'punches never change'; END $$",
        "CREATE TRIGGER punches_never_change BEFORE UPDATE OR DELETE ON punches FOR EACH ROW EXECUTE FUNCTION punches_never_change()",
    ],
}


def upgrade() -> None:
    op.create_table(
        "pending_terminals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("serial_number", sa.String(64), nullable=False),
        sa.Column("address", sa.String(45), nullable=False),
        sa.Column("push_version", sa.String(40), nullable=True),
        sa.Column("contacts", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ignored_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ignored_by", sa.String(100), nullable=True),
        sa.CheckConstraint("(ignored_at IS NULL) = (ignored_by IS NULL)", name=op.f("ck_pending_terminals_ignored")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_terminals")),
        sa.UniqueConstraint("serial_number", name=op.f("uq_pending_terminals_serial_number")),
    )
    op.create_table(
        "terminal_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("terminal_id", sa.Integer(), nullable=False),
        sa.Column("terminal", sa.String(100), nullable=False),
        sa.Column("event", sa.String(30), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("actor_user_id", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terminal_events")),
    )
    op.create_index("ix_terminal_events_terminal_id", "terminal_events", ["terminal_id", "id"])
    op.create_table(
        "terminals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("name_key", sa.String(300), nullable=False),
        sa.Column("site", sa.String(100), nullable=False),
        sa.Column("site_key", sa.String(300), nullable=False),
        sa.Column("address", sa.String(45), nullable=True),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("transport", sa.String(3), nullable=False),
        sa.Column("layout", sa.String(10), nullable=False),
        sa.Column("timeout", sa.Double(), nullable=True),
        sa.Column("comm_key_cipher", sa.String(300), nullable=True),
        sa.Column("timezone", sa.String(60), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("cutoff", sa.DateTime(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("serial_number", sa.String(64), nullable=True),
        sa.Column("reported_serial_number", sa.String(64), nullable=True),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("firmware", sa.String(100), nullable=True),
        sa.Column("platform", sa.String(100), nullable=True),
        sa.Column("device_name", sa.String(100), nullable=True),
        sa.Column("user_count", sa.Integer(), nullable=True),
        sa.Column("record_count", sa.Integer(), nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("last_polled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_contact_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_sync_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("last_error_code", sa.String(60), nullable=True),
        sa.Column("last_error_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("clock_drift", sa.Integer(), nullable=True),
        sa.Column("clock_read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("known_records", sa.Integer(), nullable=True),
        sa.Column("known_length", sa.Integer(), nullable=True),
        sa.Column("known_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fully_read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_id", sa.String(32), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("push_enabled", sa.Boolean(), nullable=False),
        sa.Column("push_key_cipher", sa.String(300), nullable=True),
        sa.Column("push_version", sa.String(40), nullable=True),
        sa.Column("push_address", sa.String(45), nullable=True),
        sa.Column("last_push_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("transport IN ('tcp', 'udp')", name=op.f("ck_terminals_transport")),
        sa.CheckConstraint("(lease_id IS NULL) = (leased_until IS NULL)", name=op.f("ck_terminals_lease")),
        sa.CheckConstraint("(reported_serial_number IS NULL) = (replaced_at IS NULL)", name=op.f("ck_terminals_replaced")),
        sa.CheckConstraint("port BETWEEN 1 AND 65535", name=op.f("ck_terminals_port")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terminals")),
        sa.UniqueConstraint("name_key", name=op.f("uq_terminals_name_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_terminals_site_key", "terminals", ["site_key"])
    op.create_index(
        "uq_terminals_address",
        "terminals",
        ["address", "port"],
        unique=True,
        sqlite_where=sa.text("enabled"),
        postgresql_where=sa.text("enabled"),
    )
    op.create_index("uq_terminals_serial_number", "terminals", ["serial_number"], unique=True)
    op.create_table(
        "clock_readings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("terminal_id", sa.Integer(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("terminal_time", sa.DateTime(), nullable=False),
        sa.Column("drift", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["terminal_id"], ["terminals.id"], name=op.f("fk_clock_readings_terminal_id_terminals"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_readings")),
    )
    op.create_index("ix_clock_readings_terminal_id", "clock_readings", ["terminal_id", "id"])
    op.create_table(
        "punches",
        sa.Column("id", PUNCH_ID, nullable=False),
        sa.Column("terminal_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.String(50), nullable=False),
        sa.Column("uid", sa.Integer(), nullable=True),
        sa.Column("terminal_time", sa.DateTime(), nullable=False),
        sa.Column("occurrence", sa.SmallInteger(), nullable=False),
        sa.Column("timezone", sa.String(60), nullable=False),
        sa.Column("punched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("in_gap", sa.Boolean(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("punch_state", sa.SmallInteger(), nullable=False),
        sa.Column("work_code", sa.String(40), nullable=True),
        sa.Column("source", sa.String(4), nullable=False),
        sa.Column("implausible", sa.String(10), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("implausible IN ('future', 'behind')", name=op.f("ck_punches_implausible")),
        sa.CheckConstraint("source IN ('poll', 'push')", name=op.f("ck_punches_source")),
        sa.CheckConstraint("occurrence IN (1, 2)", name=op.f("ck_punches_occurrence")),
        sa.ForeignKeyConstraint(["terminal_id"], ["terminals.id"], name=op.f("fk_punches_terminal_id_terminals")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_punches")),
    )
    op.create_index(
        "ix_punches_implausible",
        "punches",
        ["id"],
        sqlite_where=sa.text("implausible IS NOT NULL"),
        postgresql_where=sa.text("implausible IS NOT NULL"),
    )
    op.create_index("ix_punches_punched_at", "punches", ["punched_at", "id"])
    op.create_index("ix_punches_user_id", "punches", ["user_id", "terminal_time"])
    op.create_index("uq_punches_terminal_time", "punches", ["terminal_id", "terminal_time", "user_id", "occurrence"], unique=True)
    op.create_table(
        "push_stamps",
        sa.Column("terminal_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.String(20), nullable=False),
        sa.Column("stamp", sa.String(60), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["terminal_id"], ["terminals.id"], name=op.f("fk_push_stamps_terminal_id_terminals"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("terminal_id", "content", name=op.f("pk_push_stamps")),
    )
    op.create_table(
        "quarantined_records",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("terminal_id", sa.Integer(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("source", sa.String(4), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by", sa.String(100), nullable=True),
        sa.CheckConstraint("source IN ('poll', 'push')", name=op.f("ck_quarantined_records_source")),
        sa.CheckConstraint("(reviewed_at IS NULL) = (reviewed_by IS NULL)", name=op.f("ck_quarantined_records_reviewed")),
        sa.ForeignKeyConstraint(
            ["terminal_id"], ["terminals.id"], name=op.f("fk_quarantined_records_terminal_id_terminals"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantined_records")),
    )
    op.create_index(
        "ix_quarantined_records_open",
        "quarantined_records",
        ["id"],
        sqlite_where=sa.text("reviewed_at IS NULL"),
        postgresql_where=sa.text("reviewed_at IS NULL"),
    )
    op.create_index("uq_quarantined_records_digest", "quarantined_records", ["terminal_id", "digest", "position"], unique=True)
    op.create_table(
        "raw_logs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("terminal_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(60), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["terminal_id"], ["terminals.id"], name=op.f("fk_raw_logs_terminal_id_terminals"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_raw_logs")),
    )
    op.create_index("uq_raw_logs_digest", "raw_logs", ["terminal_id", "digest"], unique=True)
    op.create_table(
        "terminal_alerts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("terminal_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["terminal_id"], ["terminals.id"], name=op.f("fk_terminal_alerts_terminal_id_terminals"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terminal_alerts")),
    )
    op.create_index("ix_terminal_alerts_terminal_id", "terminal_alerts", ["terminal_id", "id"])
    op.create_index(
        "uq_terminal_alerts_open",
        "terminal_alerts",
        ["terminal_id", "kind"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "terminal_day_counts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("terminal_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("repeated", sa.Integer(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("records >= 0 AND repeated >= 0 AND repeated <= records", name=op.f("ck_terminal_day_counts_records")),
        sa.ForeignKeyConstraint(
            ["terminal_id"], ["terminals.id"], name=op.f("fk_terminal_day_counts_terminal_id_terminals"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terminal_day_counts")),
    )
    op.create_index("uq_terminal_day_counts_day", "terminal_day_counts", ["terminal_id", "day"], unique=True)
    op.create_table(
        "terminal_polls",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("terminal_id", sa.Integer(), nullable=False),
        sa.Column("started_by", sa.String(100), nullable=False),
        sa.Column("full", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(10), nullable=True),
        sa.Column("code", sa.String(60), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("records", sa.Integer(), nullable=True),
        sa.Column("fetched", sa.Integer(), nullable=False),
        sa.Column("new_punches", sa.Integer(), nullable=False),
        sa.Column("quarantined", sa.Integer(), nullable=False),
        sa.CheckConstraint("outcome IN ('stored', 'unchanged', 'incomplete', 'failed')", name=op.f("ck_terminal_polls_outcome")),
        sa.CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name=op.f("ck_terminal_polls_ended")),
        sa.ForeignKeyConstraint(
            ["terminal_id"], ["terminals.id"], name=op.f("fk_terminal_polls_terminal_id_terminals"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terminal_polls")),
    )
    op.create_index("ix_terminal_polls_started_at", "terminal_polls", ["started_at"])
    op.create_index("ix_terminal_polls_terminal_id", "terminal_polls", ["terminal_id", "id"])
    op.create_table(
        "terminal_users",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("terminal_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.String(50), nullable=False),
        sa.Column("uid", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["terminal_id"], ["terminals.id"], name=op.f("fk_terminal_users_terminal_id_terminals"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terminal_users")),
    )
    op.create_index("ix_terminal_users_of_user", "terminal_users", ["user_id"])
    op.create_index("ix_terminal_users_uid", "terminal_users", ["terminal_id", "uid"])
    op.create_index("uq_terminal_users_user_id", "terminal_users", ["terminal_id", "user_id"], unique=True)
    op.create_table(
        "attendance_people",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("name_key", sa.String(300), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["users.id"], name=op.f("fk_attendance_people_account_id_users"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_people")),
        sa.UniqueConstraint("account_id", name=op.f("uq_attendance_people_account_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_attendance_people_name_key", "attendance_people", ["name_key", "id"])
    op.create_table(
        "clock_repairs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("terminal_id", sa.Integer(), nullable=False),
        sa.Column("first_punch_id", PUNCH_ID, nullable=False),
        sa.Column("last_punch_id", PUNCH_ID, nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proof", sa.JSON(), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reversed_by_id", sa.Integer(), nullable=True),
        sa.Column("reversed_by", sa.Text(), nullable=True),
        sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(reversed_at IS NULL) = (reversed_by IS NULL)", name=op.f("ck_clock_repairs_reversed")),
        sa.CheckConstraint("first_punch_id <= last_punch_id", name=op.f("ck_clock_repairs_stretch")),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk_clock_repairs_created_by_id_users"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["first_punch_id"], ["punches.id"], name=op.f("fk_clock_repairs_first_punch_id_punches")),
        sa.ForeignKeyConstraint(["last_punch_id"], ["punches.id"], name=op.f("fk_clock_repairs_last_punch_id_punches")),
        sa.ForeignKeyConstraint(["reversed_by_id"], ["users.id"], name=op.f("fk_clock_repairs_reversed_by_id_users"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["terminal_id"], ["terminals.id"], name=op.f("fk_clock_repairs_terminal_id_terminals")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_repairs")),
    )
    op.create_index("ix_clock_repairs_terminal_id", "clock_repairs", ["terminal_id", "first_punch_id"])
    op.create_table(
        "punch_reviews",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("punch_id", PUNCH_ID, nullable=False),
        sa.Column("decision", sa.String(10), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_by", sa.String(100), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("decision IN ('accepted', 'ignored')", name=op.f("ck_punch_reviews_decision")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["users.id"], name=op.f("fk_punch_reviews_decided_by_id_users"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["punch_id"], ["punches.id"], name=op.f("fk_punch_reviews_punch_id_punches")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_punch_reviews")),
        sa.UniqueConstraint("punch_id", name=op.f("uq_punch_reviews_punch_id")),
    )
    op.create_table(
        "attendance_person_ids",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(100), nullable=False),
        sa.Column("site_key", sa.String(300), nullable=False),
        sa.Column("user_id", sa.String(50), nullable=False),
        sa.Column("created_by", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["attendance_people.id"], name=op.f("fk_attendance_person_ids_person_id_attendance_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_person_ids")),
    )
    op.create_index("ix_attendance_person_ids_person_id", "attendance_person_ids", ["person_id"])
    op.create_index("uq_attendance_person_ids_user_id", "attendance_person_ids", ["user_id", "site_key"], unique=True)

    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    op.drop_index("uq_attendance_person_ids_user_id", table_name="attendance_person_ids")
    op.drop_index("ix_attendance_person_ids_person_id", table_name="attendance_person_ids")
    op.drop_table("attendance_person_ids")
    op.drop_table("punch_reviews")
    op.drop_index("ix_clock_repairs_terminal_id", table_name="clock_repairs")
    op.drop_table("clock_repairs")
    op.drop_index("ix_attendance_people_name_key", table_name="attendance_people")
    op.drop_table("attendance_people")
    op.drop_index("uq_terminal_users_user_id", table_name="terminal_users")
    op.drop_index("ix_terminal_users_uid", table_name="terminal_users")
    op.drop_index("ix_terminal_users_of_user", table_name="terminal_users")
    op.drop_table("terminal_users")
    op.drop_index("ix_terminal_polls_terminal_id", table_name="terminal_polls")
    op.drop_index("ix_terminal_polls_started_at", table_name="terminal_polls")
    op.drop_table("terminal_polls")
    op.drop_index("uq_terminal_day_counts_day", table_name="terminal_day_counts")
    op.drop_table("terminal_day_counts")
    op.drop_index("uq_terminal_alerts_open", table_name="terminal_alerts")
    op.drop_index("ix_terminal_alerts_terminal_id", table_name="terminal_alerts")
    op.drop_table("terminal_alerts")
    op.drop_index("uq_raw_logs_digest", table_name="raw_logs")
    op.drop_table("raw_logs")
    op.drop_index("uq_quarantined_records_digest", table_name="quarantined_records")
    op.drop_index("ix_quarantined_records_open", table_name="quarantined_records")
    op.drop_table("quarantined_records")
    op.drop_table("push_stamps")
    op.drop_index("uq_punches_terminal_time", table_name="punches")
    op.drop_index("ix_punches_user_id", table_name="punches")
    op.drop_index("ix_punches_punched_at", table_name="punches")
    op.drop_index("ix_punches_implausible", table_name="punches")
    op.drop_table("punches")
    op.drop_index("ix_clock_readings_terminal_id", table_name="clock_readings")
    op.drop_table("clock_readings")
    op.drop_index("uq_terminals_serial_number", table_name="terminals")
    op.drop_index("uq_terminals_address", table_name="terminals")
    op.drop_index("ix_terminals_site_key", table_name="terminals")
    op.drop_table("terminals")
    op.drop_index("ix_terminal_events_terminal_id", table_name="terminal_events")
    op.drop_table("terminal_events")
    op.drop_table("pending_terminals")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION punches_never_change()")
