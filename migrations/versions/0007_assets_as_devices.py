"""What devices have from their assets, and which devices were deleted."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    op.add_column("device_info", sa.Column("catalog", sa.String(length=255), nullable=False, server_default=""))
    op.add_column("device_info", sa.Column("asset_read_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_device_info_unread", "device_info", ["id"], **where("asset_read_at IS NULL"))
    op.create_index("ix_device_info_asset_read_at", "device_info", ["asset_read_at", "id"])
    op.create_index("ix_device_info_catalog", "device_info", ["catalog"], **where("catalog <> ''"))
    op.create_table(
        "deleted_devices",
        sa.Column("tag_key", sa.String(length=100).with_variant(sa.String(length=100, collation="C"), "postgresql"), nullable=False),
        sa.Column("asset_id", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tag_key", name=op.f("pk_deleted_devices")),
    )
    op.create_index("ix_deleted_devices_asset_id", "deleted_devices", ["asset_id"], **where("asset_id IS NOT NULL"))


def downgrade() -> None:
    op.drop_table("deleted_devices")
    for index in ("ix_device_info_catalog", "ix_device_info_asset_read_at", "ix_device_info_unread"):
        op.drop_index(index, "device_info")
    for column in ("asset_read_at", "catalog"):
        op.drop_column("device_info", column)
