"""Counts of workdays, so that lists of them need not count half a million rows."""

from sqlalchemy import String, event
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base
from request_tracker_utils.workdays import triggers


class WorkdayTally(Base):
    """How many workdays of a month and terminal are in a state. Maintained by triggers in shards, see `core.tallies`; `counts.py` adds
    them up."""

    __tablename__ = triggers.TALLIES

    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    """Such as `2026-03`."""
    terminal_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(String(10), primary_key=True)
    """`synced`, `unsynced`, or `failed`: unsynced after several runs."""
    is_outlier: Mapped[bool] = mapped_column(primary_key=True)
    shard: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    count: Mapped[int]


event.listen(Base.metadata, "after_create", triggers.create)
