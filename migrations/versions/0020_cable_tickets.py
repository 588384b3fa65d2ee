"""Cable tickets with items, approvers, comments and events, kits, absences, and requests for optics."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
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
        sa.ForeignKeyConstraint(["actor_user_id"], ["users.id"], name=op.f("fk_ticket_events_actor_user_id_users"), ondelete="SET NULL"),
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
        sa.Column("remind_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("status_before", sa.String(20), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by_id", sa.Integer(), nullable=True),
        sa.Column("request_key", sa.String(120), nullable=True),
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
        sa.UniqueConstraint("request_key", name=op.f("uq_tickets_request_key")),
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
        sqlite_where=sa.text("status IN ('approved', 'in_progress')"),
        postgresql_where=sa.text("status IN ('approved', 'in_progress')"),
    )
    op.create_index("ix_tickets_priority", "tickets", ["priority", "id"], unique=False)
    op.create_index(
        "ix_tickets_remind_at",
        "tickets",
        ["remind_at"],
        unique=False,
        sqlite_where=sa.text("remind_at IS NOT NULL"),
        postgresql_where=sa.text("remind_at IS NOT NULL"),
    )
    op.create_index("ix_tickets_status", "tickets", ["status", "id"], unique=False)
    op.create_table(
        "ticket_approvers",
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("for_user_id", sa.Integer(), nullable=True),
        sa.Column("nonce", sa.String(32), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
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
    )
    op.create_index("ix_ticket_items_ticket_id", "ticket_items", ["ticket_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_ticket_items_ticket_id", table_name="ticket_items")
    op.drop_table("ticket_items")
    op.drop_index("ix_ticket_comments_ticket_id", table_name="ticket_comments")
    op.drop_table("ticket_comments")
    op.drop_index("ix_ticket_approvers_user_id", table_name="ticket_approvers")
    op.drop_table("ticket_approvers")
    op.drop_index("ix_tickets_status", table_name="tickets")
    op.drop_index(
        "ix_tickets_remind_at",
        table_name="tickets",
        sqlite_where=sa.text("remind_at IS NOT NULL"),
        postgresql_where=sa.text("remind_at IS NOT NULL"),
    )
    op.drop_index("ix_tickets_priority", table_name="tickets")
    op.drop_index(
        "ix_tickets_picked",
        table_name="tickets",
        sqlite_where=sa.text("status IN ('approved', 'in_progress')"),
        postgresql_where=sa.text("status IN ('approved', 'in_progress')"),
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
    op.drop_index("ix_optics_requests_status", table_name="optics_requests")
    op.drop_index("ix_optics_requests_created_by_id", table_name="optics_requests")
    op.drop_table("optics_requests")
    op.drop_index("ix_absences_user_id", table_name="absences")
    op.drop_index("ix_absences_substitute_id", table_name="absences")
    op.drop_table("absences")
    op.drop_table("optics_parts")
    op.drop_table("cable_kits")
