"""The table of assets, used if Request Tracker is not configured."""

from datetime import datetime

from sqlalchemy import JSON, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant


class EmbeddedAsset(Base):
    """An asset. Its id is never reused, even after the asset is deleted, because it is printed on labels."""

    __tablename__ = "directory_assets"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255), index=True)
    serial: Mapped[str] = mapped_column(String(255), default="")
    model: Mapped[str] = mapped_column(String(255), default="")
    manufacturer: Mapped[str] = mapped_column(String(255), default="")
    catalog: Mapped[str] = mapped_column(String(255), default="")
    status: Mapped[str] = mapped_column(String(40), default="new")
    holder: Mapped[str] = mapped_column(String(255), default="")
    fields: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (
        Index(
            "uq_directory_assets_serial_lower",
            func.lower(serial),
            unique=True,
            sqlite_where=text("serial <> ''"),
            postgresql_where=text("serial <> ''"),
        ),
        {"sqlite_autoincrement": True},
    )
