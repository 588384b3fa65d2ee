"""The columns that every table of discrepancies has."""

from abc import abstractmethod
from datetime import datetime
from typing import Any

from sqlalchemy import String, inspect
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Instant

IGNORED, VANISHED = "left", "vanished"
"""Resolutions of every table: a person chose to leave it as it is; a later comparison did not find it again."""
RESOLUTION = ("settled_at", "settled_by", "settlement")
BOOKKEEPING = frozenset({"id", "found_at", "seen_at", *RESOLUTION})


class Discrepancy:
    """An abstract mixin. The domain adds its own columns, a unique index over those that identify a discrepancy, and `label`.

    The type checker refuses an instance without `label`. ABC would do so at run time, but SQLAlchemy has a metaclass of its own.
    """

    id: Mapped[int] = mapped_column(primary_key=True, sort_order=-2)
    kind: Mapped[str] = mapped_column(String(20), sort_order=-1)
    found_at: Mapped[datetime] = mapped_column(Instant, sort_order=1)
    seen_at: Mapped[datetime] = mapped_column(Instant, sort_order=1)
    """When a comparison last found it."""
    settled_at: Mapped[datetime | None] = mapped_column(Instant, sort_order=1)
    """When it was resolved; NULL while it is open."""
    settled_by: Mapped[str | None] = mapped_column(String(100), sort_order=1)
    settlement: Mapped[str | None] = mapped_column(String(40), sort_order=1)
    """How it was resolved: a value of the domain's resolutions, IGNORED or VANISHED."""

    @property
    @abstractmethod
    def label(self) -> str:
        """What people call its subject, in the middle of a sentence: "W12-0001 (#12)"."""

    @property
    def content(self) -> dict[str, Any]:
        """The domain's columns and the kind: what was found, without when and how it was resolved."""
        return {name: getattr(self, name) for name in content_columns(type(self))}


def content_columns(table: type[Discrepancy]) -> list[str]:
    return [name for name in inspect(table).column_attrs.keys() if name not in BOOKKEEPING]  # noqa: SIM118 — no dict
