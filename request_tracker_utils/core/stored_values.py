"""Values that the program makes once and all its processes share, such as the webhook's secret."""

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from request_tracker_utils.core.db import Base, upsert_into


class StoredValue(Base):
    __tablename__ = "kept_values"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[str] = mapped_column(String(500))


def kept(session: Session, name: str) -> str | None:
    return session.scalar(select(StoredValue.value).where(StoredValue.name == name))


def keep(session: Session, name: str, value: str) -> str:
    """Keeps `value` unless a value is kept already; returns the one that holds, also when two processes try at once."""
    session.execute(upsert_into(session)(StoredValue).values(name=name, value=value).on_conflict_do_nothing())
    return session.execute(select(StoredValue.value).where(StoredValue.name == name)).scalar_one()
