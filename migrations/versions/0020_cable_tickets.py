"""Cable tickets with items, approvers, comments and events, the triggers that count them, kits, absences, and requests for optics."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

KEYS = "subject, key, label"
BOUNDS = (15, 60, 240, 480, 1_440, 2_880, 4_320, 7_200, 10_080, 20_160, 43_200)
COLUMNS = "status, status_before, created_by_id, created_at, decided_at, fulfilled_at, rejection_reason"

APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER ticket_events_no_{verb.lower()} BEFORE {verb} ON ticket_events "
        "BEGIN SELECT RAISE(ABORT, 'the history of tickets only grows'); END"
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE FUNCTION ticket_events_only_grow() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the history of tickets only grows'; END $$",
        "CREATE TRIGGER ticket_events_only_grow BEFORE UPDATE OR DELETE ON ticket_events "
        "FOR EACH ROW EXECUTE FUNCTION ticket_events_only_grow()",
    ],
}
ADD = "INSERT INTO ticket_words (rowid, search_words) VALUES (NEW.id, NEW.search_words);"
REMOVE = "INSERT INTO ticket_words (ticket_words, rowid, search_words) VALUES ('delete', OLD.id, OLD.search_words);"
SEARCH_INDEX = {
    "sqlite": [
        "CREATE VIRTUAL TABLE ticket_words USING fts5 "
        "(search_words, content='tickets', content_rowid='id', tokenize='ascii', detail='none', columnsize=0, prefix='2 3 4 5 6')",
        f"CREATE TRIGGER tickets_words_added AFTER INSERT ON tickets BEGIN {ADD} END",
        f"CREATE TRIGGER tickets_words_removed AFTER DELETE ON tickets BEGIN {REMOVE} END",
        "CREATE TRIGGER tickets_words_changed AFTER UPDATE OF search_words ON tickets "
        f"WHEN OLD.search_words <> NEW.search_words BEGIN {REMOVE} {ADD} END",
    ],
    "postgresql": [
        "CREATE INDEX ix_tickets_search_words ON tickets USING gin "
        "((array_to_tsvector(array_remove(string_to_array(search_words, ' '), '')))) WITH (fastupdate = off)"
    ],
}


def counted(seconds: str, row: str, source: str, step: int) -> str:
    """What a ticket counts for, as the models had it when this was written."""
    of, former = f" FROM {source}" if source else "", f"coalesce({row}status_before, {row}status)"
    since = f"CASE WHEN {row}status = 'pending_approval' THEN {row}created_at ELSE coalesce({row}decided_at, {row}created_at) END"
    approved = (
        f"{row}decided_at IS NOT NULL AND ({former} IN ('approved', 'in_progress', 'fulfilled') "
        f"OR {former} = 'closed' AND {row}rejection_reason IS NULL)"
    )
    fulfilled = f"{row}decided_at IS NOT NULL AND {row}fulfilled_at IS NOT NULL AND {former} IN ('fulfilled', 'closed')"

    def class_of(begin: str, end: str) -> str:
        passed = f"{seconds.format(row + end)} - {seconds.format(row + begin)}"
        cases = " ".join(f"WHEN {passed} < {bound * 60} THEN '{bound}'" for bound in BOUNDS)
        return f"CASE {cases} ELSE 'more' END"

    def day(at: str) -> str:
        return f"CAST({seconds.format(at)} / 86400 AS integer)"

    parts = [
        ("all", "0", f"{row}status", "true"),
        ("created", f"{row}created_by_id", f"{row}status", f"{row}created_by_id IS NOT NULL"),
        ("waiting", day(since), f"{row}status", f"{row}status IN ('pending_approval', 'approved', 'in_progress')"),
        ("approval", day(f"{row}decided_at"), class_of("created_at", "decided_at"), approved),
        ("fulfillment", day(f"{row}fulfilled_at"), class_of("decided_at", "fulfilled_at"), fulfilled),
    ]
    return " UNION ALL ".join(
        f"SELECT CAST('{subject}' AS varchar(20)) AS subject, {key} AS key, CAST({label} AS varchar(20)) AS label, {step} AS step{of} "
        f"WHERE {when}"
        for subject, key, label, when in parts
    )


def assigned(user: str, status: str, step: int, source: str) -> str:
    """What an approver counts for."""
    return (
        f"SELECT CAST('assigned' AS varchar(20)) AS subject, {user} AS key, CAST({status} AS varchar(20)) AS label, {step} AS step {source}"
    )


def sqlite_triggers() -> list[str]:
    old, new = (counted("CAST(strftime('%s', {}) AS INTEGER)", row, "", step) for row, step in (("OLD.", -1), ("NEW.", 1)))
    of_old, of_new = (
        assigned("user_id", f"{row}.status", step, f"FROM ticket_approvers WHERE ticket_id = {row}.id AND ended_at IS NULL")
        for row, step in (("OLD", -1), ("NEW", 1))
    )
    removed, added = (
        assigned(f"{row}.user_id", "status", step, f"FROM tickets WHERE id = {row}.ticket_id AND {row}.ended_at IS NULL")
        for row, step in (("OLD", -1), ("NEW", 1))
    )
    return [
        f"CREATE TRIGGER {name} {when} BEGIN "  # noqa: S608
        f"INSERT INTO ticket_tallies ({KEYS}, shard, count) SELECT {KEYS}, 0, sum(step) FROM ({rows}) WHERE true "
        f"GROUP BY {KEYS} HAVING sum(step) <> 0 ON CONFLICT ({KEYS}, shard) DO UPDATE SET count = count + excluded.count; END"
        for name, when, rows in (
            ("tickets_counted_insert", "AFTER INSERT ON tickets", new),
            ("tickets_counted_delete", "AFTER DELETE ON tickets", old),
            ("tickets_counted_update", f"AFTER UPDATE OF {COLUMNS} ON tickets", f"{old} UNION ALL {new}"),
            ("approvers_counted_ticket", "AFTER UPDATE OF status ON tickets", f"{of_old} UNION ALL {of_new}"),
            ("approvers_counted_purge", "BEFORE DELETE ON tickets", of_old),
            ("approvers_counted_insert", "AFTER INSERT ON ticket_approvers", added),
            ("approvers_counted_delete", "AFTER DELETE ON ticket_approvers", removed),
            ("approvers_counted_update", "AFTER UPDATE OF ended_at ON ticket_approvers", f"{removed} UNION ALL {added}"),
        )
    ]


def postgresql_triggers() -> list[str]:
    seconds = "CAST(floor(extract(epoch FROM {})) AS bigint)"
    old, new = (counted(seconds, "", rows, step) for rows, step in (("old_rows", -1), ("new_rows", 1)))
    of_old, of_new = (
        assigned("user_id", "status", step, f"FROM {rows} JOIN ticket_approvers ON ticket_id = {rows}.id WHERE ended_at IS NULL")
        for rows, step in (("old_rows", -1), ("new_rows", 1))
    )
    removed, added = (
        assigned("user_id", "status", step, f"FROM {rows} JOIN tickets ON tickets.id = ticket_id WHERE ended_at IS NULL")
        for rows, step in (("old_rows", -1), ("new_rows", 1))
    )
    purged = assigned("user_id", "OLD.status", -1, "FROM ticket_approvers WHERE ticket_id = OLD.id AND ended_at IS NULL")
    tables = {"INSERT": "NEW TABLE AS new_rows", "DELETE": "OLD TABLE AS old_rows", "UPDATE": "OLD TABLE AS old_rows NEW TABLE AS new_rows"}
    return [
        statement
        for name, when, rows, result in (
            *(
                (f"{short}_counted_{verb.lower()}", f"AFTER {verb} ON {table} REFERENCING {tables[verb]} FOR EACH STATEMENT", rows, "NULL")
                for short, table, verb, rows in (
                    ("tickets", "tickets", "INSERT", new),
                    ("tickets", "tickets", "DELETE", old),
                    ("tickets", "tickets", "UPDATE", f"{old} UNION ALL {new} UNION ALL {of_old} UNION ALL {of_new}"),
                    ("approvers", "ticket_approvers", "INSERT", added),
                    ("approvers", "ticket_approvers", "DELETE", removed),
                    ("approvers", "ticket_approvers", "UPDATE", f"{removed} UNION ALL {added}"),
                )
            ),
            ("approvers_counted_purge", "BEFORE DELETE ON tickets FOR EACH ROW", purged, "OLD"),
        )
        for statement in (
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "  # noqa: S608
            f"INSERT INTO ticket_tallies ({KEYS}, shard, count) SELECT {KEYS}, pg_backend_pid(), sum(step) FROM ({rows}) AS changed "
            f"GROUP BY {KEYS} HAVING sum(step) <> 0 ORDER BY {KEYS} ON CONFLICT ({KEYS}, shard) DO UPDATE "
            f"SET count = ticket_tallies.count + excluded.count; RETURN {result}; END $$",
            f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {name}()",
        )
    ]


_FILLED_NEXT, _ARRIVED = sa.text("backordered > 0"), sa.text("arrived > 0")


def upgrade() -> None:
    _let_reservations_have_priorities()
    op.create_table(
        "cable_kits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cable_kits")),
        sa.UniqueConstraint("name", name=op.f("uq_cable_kits_name")),
    )
    op.create_table(
        "optics_parts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("name_key", sa.String(300), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_optics_parts")),
        sa.UniqueConstraint("name_key", name=op.f("uq_optics_parts_name_key")),
    )
    op.create_table(
        "absences",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("substitute_id", sa.Integer(), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("until_date", sa.Date(), nullable=False),
        sa.CheckConstraint("substitute_id <> user_id", name=op.f("ck_absences_substitute")),
        sa.CheckConstraint("until_date >= from_date", name=op.f("ck_absences_dates")),
        sa.ForeignKeyConstraint(["substitute_id"], ["users.id"], name=op.f("fk_absences_substitute_id_users"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_absences_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absences")),
    )
    op.create_index("ix_absences_substitute_id", "absences", ["substitute_id", "until_date"], unique=False)
    op.create_index("ix_absences_user_id", "absences", ["user_id", "until_date"], unique=False)
    op.create_table(
        "optics_requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("selected_part", sa.String(100), nullable=False),
        sa.Column("other_part", sa.String(200), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("requester_name", sa.String(100), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("created_by", sa.String(100), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("admin_note", sa.Text(), nullable=False),
        sa.Column("decision", sa.String(10), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_by", sa.String(100), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("archived_by", sa.String(100), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(selected_part = 'Other') = (other_part <> '')", name=op.f("ck_optics_requests_other_part")),
        sa.CheckConstraint("status IN ('pending', 'approved', 'denied', 'archived')", name=op.f("ck_optics_requests_status")),
        sa.CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name=op.f("ck_optics_requests_decided_at")),
        sa.CheckConstraint("(status = 'archived') = (archived_at IS NOT NULL)", name=op.f("ck_optics_requests_archived_at")),
        sa.CheckConstraint(
            "decision IN ('approved', 'denied') AND status IN (decision, 'archived')", name=op.f("ck_optics_requests_decision")
        ),
        sa.CheckConstraint("quantity BETWEEN 1 AND 1000000", name=op.f("ck_optics_requests_quantity")),
        sa.CheckConstraint("(status = 'pending') = (decision IS NULL)", name=op.f("ck_optics_requests_decided")),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk_optics_requests_created_by_id_users"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["decided_by_id"], ["users.id"], name=op.f("fk_optics_requests_decided_by_id_users"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_optics_requests")),
    )
    op.create_index("ix_optics_requests_created_by_id", "optics_requests", ["created_by_id", "id"], unique=False)
    op.create_index("ix_optics_requests_status", "optics_requests", ["status", "id"], unique=False)
    op.create_table(
        "ticket_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(30), nullable=False),
        sa.Column("status_from", sa.String(20), nullable=True),
        sa.Column("status_to", sa.String(20), nullable=True),
        sa.Column("actor_user_id", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(250), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_events")),
    )
    op.create_index("ix_ticket_events_ticket_id", "ticket_events", ["ticket_id", "id"], unique=False)
    op.create_table(
        "tickets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("created_by", sa.String(100), nullable=False),
        sa.Column("assigned_to_id", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("location", sa.String(200), nullable=False),
        sa.Column("location_key", sa.String(200), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("priority", sa.String(10), nullable=False),
        sa.Column("rejection_reason", sa.String(1000), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("needed_by", sa.Date(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_by", sa.String(250), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fulfilled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("close_reason", sa.String(1000), nullable=True),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("status_before", sa.String(20), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by_id", sa.Integer(), nullable=True),
        sa.Column("search_words", sa.Text(), nullable=False),
        sa.CheckConstraint("(status = 'deleted') = (deleted_at IS NOT NULL)", name=op.f("ck_tickets_deleted_at")),
        sa.CheckConstraint("(status = 'deleted') = (status_before IS NOT NULL)", name=op.f("ck_tickets_status_before")),
        sa.CheckConstraint("priority IN ('low', 'medium', 'high')", name=op.f("ck_tickets_priority")),
        sa.CheckConstraint(
            "status IN ('pending_approval', 'approved', 'rejected', 'in_progress', 'fulfilled', 'closed', 'deleted')",
            name=op.f("ck_tickets_status"),
        ),
        sa.ForeignKeyConstraint(["assigned_to_id"], ["users.id"], name=op.f("fk_tickets_assigned_to_id_users"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk_tickets_created_by_id_users"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["decided_by_id"], ["users.id"], name=op.f("fk_tickets_decided_by_id_users"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["deleted_by_id"], ["users.id"], name=op.f("fk_tickets_deleted_by_id_users"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tickets_assigned_to_id", "tickets", ["assigned_to_id", "id"], unique=False)
    op.create_index("ix_tickets_created_by_id", "tickets", ["created_by_id", "id"], unique=False)
    op.create_index(
        "ix_tickets_listed",
        "tickets",
        ["id"],
        unique=False,
        sqlite_where=sa.text("status <> 'deleted'"),
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.create_index(
        "ix_tickets_picked",
        "tickets",
        ["location_key", "id"],
        unique=False,
        sqlite_where=sa.text("coalesce(status, '') IN ('approved', 'in_progress')"),
        postgresql_where=sa.text("coalesce(status, '') IN ('approved', 'in_progress')"),
    )
    op.create_index(
        "ix_tickets_to_fulfill",
        "tickets",
        ["id"],
        unique=False,
        sqlite_where=sa.text("coalesce(status, '') IN ('approved', 'in_progress')"),
        postgresql_where=sa.text("coalesce(status, '') IN ('approved', 'in_progress')"),
    )
    op.create_index(
        "ix_tickets_to_fulfill_by",
        "tickets",
        ["assigned_to_id", "id"],
        unique=False,
        sqlite_where=sa.text("coalesce(status, '') IN ('approved', 'in_progress')"),
        postgresql_where=sa.text("coalesce(status, '') IN ('approved', 'in_progress')"),
    )
    op.create_index("ix_tickets_priority", "tickets", ["priority", "id"], unique=False)
    op.create_index(
        "ix_tickets_waiting_since",
        "tickets",
        ["waiting_since"],
        unique=False,
        sqlite_where=sa.text("waiting_since IS NOT NULL"),
        postgresql_where=sa.text("waiting_since IS NOT NULL"),
    )
    op.create_index("ix_tickets_status", "tickets", ["status", "id"], unique=False)
    op.create_index("ix_tickets_status_priority", "tickets", ["status", "priority", "id"], unique=False)
    op.create_index("ix_tickets_created_by_status", "tickets", ["created_by_id", "status", "id"], unique=False)
    op.create_table(
        "ticket_approvers",
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("for_user_id", sa.Integer(), nullable=True),
        sa.Column("nonce", sa.String(32), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["for_user_id"], ["users.id"], name=op.f("fk_ticket_approvers_for_user_id_users"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_approvers_ticket_id_tickets"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_ticket_approvers_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("ticket_id", "user_id", name=op.f("pk_ticket_approvers")),
    )
    op.create_index("ix_ticket_approvers_user_id", "ticket_approvers", ["user_id", "ticket_id"], unique=False)
    op.create_table(
        "ticket_comments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("author", sa.String(100), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_ticket_comments_author_id_users"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_comments_ticket_id_tickets"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_comments")),
    )
    op.create_index("ix_ticket_comments_ticket_id", "ticket_comments", ["ticket_id", "id"], unique=False)
    op.create_table(
        "ticket_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("cable_type", sa.String(60), nullable=False),
        sa.Column("cable_length", sa.String(60), nullable=False),
        sa.Column("cable_gauge", sa.String(30), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("fulfilled", sa.Integer(), nullable=False),
        sa.Column("returned", sa.Integer(), nullable=False),
        sa.CheckConstraint("fulfilled >= 0 AND fulfilled <= quantity", name=op.f("ck_ticket_items_fulfilled")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_ticket_items_quantity")),
        sa.CheckConstraint("returned >= 0 AND returned <= fulfilled", name=op.f("ck_ticket_items_returned")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_items_ticket_id_tickets"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_items")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ticket_items_ticket_id", "ticket_items", ["ticket_id", "id"], unique=False)
    op.create_table(
        "ticket_tallies",
        sa.Column("subject", sa.String(20), nullable=False),
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("label", sa.String(20), nullable=False),
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "key", "label", "shard", name=op.f("pk_ticket_tallies")),
    )
    dialect = op.get_bind().dialect.name
    counting = sqlite_triggers() if dialect == "sqlite" else postgresql_triggers()
    for statement in [*counting, *APPEND_ONLY[dialect], *SEARCH_INDEX[dialect]]:
        op.execute(statement)
    if dialect == "postgresql":
        op.execute("CREATE STATISTICS tickets_to_fulfill ON (coalesce(status, '')) FROM tickets")


def _let_reservations_have_priorities() -> None:
    op.drop_index("ix_stock_reservations_backordered", table_name="stock_reservations")
    with op.batch_alter_table("stock_reservations") as table:
        table.add_column(sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("arrived", sa.Integer(), nullable=False, server_default="0"))
        table.create_check_constraint(op.f("ck_stock_reservations_arrived"), "arrived >= 0 AND arrived <= reserved")
    _create_index("backordered", ["stock_id", "priority", "id"], _FILLED_NEXT)
    _create_index("arrived", ["source_type", "source_id"], _ARRIVED)
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("stock_rows", "backordered", type_=sa.BigInteger(), existing_nullable=False)


def _remove_priorities() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("stock_rows", "backordered", type_=sa.Integer(), existing_nullable=False)
    for name in ("arrived", "backordered"):
        op.drop_index(f"ix_stock_reservations_{name}", table_name="stock_reservations")
    with op.batch_alter_table("stock_reservations") as table:
        table.drop_constraint(op.f("ck_stock_reservations_arrived"), type_="check")
        table.drop_column("arrived")
        table.drop_column("priority")
    _create_index("backordered", ["stock_id", "id"], _FILLED_NEXT)


def _create_index(name: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(f"ix_stock_reservations_{name}", "stock_reservations", columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    on_tickets = [*(f"tickets_counted_{verb}" for verb in ("insert", "delete", "update")), "approvers_counted_purge"]
    on_approvers = [f"approvers_counted_{verb}" for verb in ("insert", "delete", "update")]
    if op.get_bind().dialect.name == "sqlite":
        for name in (*on_tickets, *on_approvers, "approvers_counted_ticket"):
            op.execute(f"DROP TRIGGER {name}")
    else:
        for name in (*on_tickets, *on_approvers):
            op.execute(f"DROP TRIGGER {name} ON {'tickets' if name in on_tickets else 'ticket_approvers'}")
            op.execute(f"DROP FUNCTION {name}()")
    if op.get_bind().dialect.name == "sqlite":
        for change in ("added", "removed", "changed"):
            op.execute(f"DROP TRIGGER tickets_words_{change}")
        op.drop_table("ticket_words")
    op.drop_table("ticket_tallies")
    _remove_priorities()
    op.drop_index("ix_ticket_items_ticket_id", table_name="ticket_items")
    op.drop_table("ticket_items")
    op.drop_index("ix_ticket_comments_ticket_id", table_name="ticket_comments")
    op.drop_table("ticket_comments")
    op.drop_index("ix_ticket_approvers_user_id", table_name="ticket_approvers")
    op.drop_table("ticket_approvers")
    op.drop_index("ix_tickets_created_by_status", table_name="tickets")
    op.drop_index("ix_tickets_status_priority", table_name="tickets")
    op.drop_index("ix_tickets_status", table_name="tickets")
    op.drop_index(
        "ix_tickets_waiting_since",
        table_name="tickets",
        sqlite_where=sa.text("waiting_since IS NOT NULL"),
        postgresql_where=sa.text("waiting_since IS NOT NULL"),
    )
    op.drop_index("ix_tickets_priority", table_name="tickets")
    op.drop_index(
        "ix_tickets_to_fulfill_by",
        table_name="tickets",
        sqlite_where=sa.text("coalesce(status, '') IN ('approved', 'in_progress')"),
        postgresql_where=sa.text("coalesce(status, '') IN ('approved', 'in_progress')"),
    )
    op.drop_index(
        "ix_tickets_to_fulfill",
        table_name="tickets",
        sqlite_where=sa.text("coalesce(status, '') IN ('approved', 'in_progress')"),
        postgresql_where=sa.text("coalesce(status, '') IN ('approved', 'in_progress')"),
    )
    op.drop_index(
        "ix_tickets_picked",
        table_name="tickets",
        sqlite_where=sa.text("coalesce(status, '') IN ('approved', 'in_progress')"),
        postgresql_where=sa.text("coalesce(status, '') IN ('approved', 'in_progress')"),
    )
    op.drop_index(
        "ix_tickets_listed",
        table_name="tickets",
        sqlite_where=sa.text("status <> 'deleted'"),
        postgresql_where=sa.text("status <> 'deleted'"),
    )
    op.drop_index("ix_tickets_created_by_id", table_name="tickets")
    op.drop_index("ix_tickets_assigned_to_id", table_name="tickets")
    op.drop_table("tickets")
    op.drop_index("ix_ticket_events_ticket_id", table_name="ticket_events")
    op.drop_table("ticket_events")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION ticket_events_only_grow()")
    op.drop_index("ix_optics_requests_status", table_name="optics_requests")
    op.drop_index("ix_optics_requests_created_by_id", table_name="optics_requests")
    op.drop_table("optics_requests")
    op.drop_index("ix_absences_user_id", table_name="absences")
    op.drop_index("ix_absences_substitute_id", table_name="absences")
    op.drop_table("absences")
    op.drop_table("optics_parts")
    op.drop_table("cable_kits")
