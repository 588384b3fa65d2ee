"""Values that are generated once and shared by all processes, such as the webhook secret."""

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from request_tracker_utils.core.db import Base, upsert_into


class StoredValue(Base):
    __tablename__ = "kept_values"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[str] = mapped_column(String(500))


def stored_value(session: Session, name: str) -> str | None:
    return session.scalar(select(StoredValue.value).where(StoredValue.name == name))


def store_once(session: Session, name: str, value: str) -> str:
    """Stores `value` unless one is stored already. Returns the stored value, also when two processes try at once."""
    session.execute(upsert_into(session)(StoredValue).values(name=name, value=value).on_conflict_do_nothing())
    return session.execute(select(StoredValue.value).where(StoredValue.name == name)).scalar_one()
