"""Messages to people: notifications with their outbox, preferences, addresses that cannot be used, and delivery reports."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "notifications",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=True),
        sa.Column("recipient_user_id", sa.Integer(), nullable=True),
        sa.Column("notification_type", sa.String(10), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("error_message", sa.String(500), nullable=True),
        sa.Column("sent_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("event", sa.String(60), nullable=False),
        sa.Column("address", sa.String(254), nullable=False),
        sa.Column("provider", sa.String(20), nullable=True),
        sa.Column("provider_id", sa.String(200), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("about", sa.String(200), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("sender_user_id", sa.Integer(), nullable=True),
        sa.Column("sender", sa.String(100), nullable=False),
        sa.Column("given_at", INSTANT, nullable=True),
        sa.Column("due_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_notifications"),
        sa.UniqueConstraint("key", name="uq_notifications_key"),
        sa.ForeignKeyConstraint(["recipient_user_id"], ["users.id"], name="fk_notifications_recipient_user_id_users", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["sender_user_id"], ["users.id"], name="fk_notifications_sender_user_id_users", ondelete="SET NULL"),
        sa.CheckConstraint(
            "status IN ('queued', 'sending', 'sent', 'delivered', 'failed', 'uncertain')", name=op.f("ck_notifications_status")
        ),
        sa.CheckConstraint("notification_type IN ('email', 'sms', 'chat')", name=op.f("ck_notifications_notification_type")),
    )
    op.create_index("ix_notifications_due_at", "notifications", ["notification_type", "due_at"], **_where("due_at IS NOT NULL"))
    op.create_index("ix_notifications_recipient", "notifications", ["recipient_user_id", "created_at"])
    op.create_index("ix_notifications_address", "notifications", ["address", "created_at"])
    op.create_index("ix_notifications_sender", "notifications", ["sender_user_id", "given_at"], **_where("given_at IS NOT NULL"))
    op.create_index("ix_notifications_created_at", "notifications", ["created_at"])
    op.create_index("ix_notifications_given_at", "notifications", ["notification_type", "given_at"], **_where("given_at IS NOT NULL"))
    op.create_index("ix_notifications_ticket_id", "notifications", ["ticket_id"], **_where("ticket_id IS NOT NULL"))
    op.create_index("ix_notifications_provider_id", "notifications", ["provider", "provider_id"], **_where("provider_id IS NOT NULL"))
    op.create_table(
        "notification_preferences",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("email", sa.Boolean(), nullable=False),
        sa.Column("sms", sa.Boolean(), nullable=False),
        sa.Column("chat", sa.Boolean(), nullable=False),
        sa.Column("muted", sa.JSON(), nullable=False),
        sa.Column("chat_urls", sa.String(2000), nullable=True),
        sa.Column("quiet_from", sa.Time(), nullable=True),
        sa.Column("quiet_until", sa.Time(), nullable=True),
        sa.PrimaryKeyConstraint("user_id", name="pk_notification_preferences"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_notification_preferences_user_id_users", ondelete="CASCADE"),
    )
    op.create_table(
        "suppressed_addresses",
        sa.Column("channel", sa.String(10), nullable=False),
        sa.Column("address_key", sa.String(254), nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("detail", sa.String(500), nullable=True),
        sa.Column("provider", sa.String(20), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("channel", "address_key", name="pk_suppressed_addresses"),
    )
    op.create_table(
        "delivery_reports",
        sa.Column("provider", sa.String(20), nullable=False),
        sa.Column("report_id", sa.String(200), nullable=False),
        sa.Column("message_id", sa.String(200), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("detail", sa.String(500), nullable=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("pending", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "report_id", name="pk_delivery_reports"),
        sa.CheckConstraint(
            "outcome IN ('sent', 'delivered', 'failed', 'bounced', 'complained', 'unsubscribed', 'stopped', 'resumed')",
            name=op.f("ck_delivery_reports_outcome"),
        ),
    )
    op.create_index("ix_delivery_reports_at", "delivery_reports", ["at"])
    op.create_index("ix_delivery_reports_message_id", "delivery_reports", ["provider", "message_id"])
    pending = sa.text("pending")
    op.create_index("ix_delivery_reports_pending", "delivery_reports", ["at"], sqlite_where=pending, postgresql_where=pending)


def downgrade() -> None:
    for table in ("delivery_reports", "suppressed_addresses", "notification_preferences", "notifications"):
        op.drop_table(table)


def _where(condition: str) -> dict[str, sa.TextClause]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
