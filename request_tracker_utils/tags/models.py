"""Sequences, tags, the audit log, the sweep, and differences from the asset store."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String, Table, event, text
from sqlalchemy.orm import Mapped, mapped_column

from request_tracker_utils.core.db import Base, Instant
from request_tracker_utils.core.outbox import Outbox
from request_tracker_utils.reconciliation.models import Discrepancy
from request_tracker_utils.tags.tag_format import TagName

CONFIRM_TAGS = "confirm-tags"
"""The job that renames assets to their tags and checks their names."""
GRACE_PERIOD = timedelta(minutes=10)
"""How long a creation may take before a job checks its outcome."""
LEAST_ABSENCE = timedelta(hours=1)
"""How long an asset may be absent: Request Tracker shows the assets of a long import only after its transaction ends."""


class TagState(StrEnum):
    RESERVED = "reserved"
    """Taken from the sequence for an asset that does not exist yet; without an asset and `due_at` it is retired."""
    ASSIGNED = "assigned"
    """An asset has it; `confirmed_at` is when the asset store was last known to have the name."""
    RELEASED = "released"
    """Free, and assigned before new numbers."""


IS_RELEASED = text("asset_tags.state = 'released'")
"""A literal, not a bound parameter: the planner uses a partial index only if it can read the condition."""


NAME_IS_USED = text("tag_differences.settled_at IS NULL AND tag_differences.kind <> 'gone'")
"""An open discrepancy of an asset that has the name; the asset of the kind `gone` is missing or deleted."""


class TagSequence(Base):
    """The numbers of one prefix. `adopted_at` is empty until the tags that exist in the asset store are imported."""

    __tablename__ = "tag_sequences"
    __table_args__ = (CheckConstraint("next_number >= 1", name="next_number"),)

    prefix: Mapped[str] = mapped_column(String(16), primary_key=True)
    next_number: Mapped[int] = mapped_column(default=1)
    floor: Mapped[int] = mapped_column(default=1, server_default="1")
    """The number of the last reset: released numbers below it are not assigned again."""
    adopted_at: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)


class Tag(Base):
    """A tag that is or was in use. Unique indexes ensure that an asset has one tag, and a tag one asset."""

    __tablename__ = "asset_tags"
    __table_args__ = (
        CheckConstraint("state IN ('reserved', 'assigned', 'released')", name="state"),
        CheckConstraint("state <> 'assigned' OR asset_id IS NOT NULL", name="assigned_has_asset"),
        CheckConstraint("state <> 'released' OR asset_id IS NULL", name="released_has_none"),
        CheckConstraint("number BETWEEN 1 AND 999999999", name="number"),
        Index("uq_asset_tags_prefix_number", "prefix", "number", unique=True),
        Index(
            "uq_asset_tags_asset_id",
            "asset_id",
            unique=True,
            sqlite_where=text("asset_id IS NOT NULL"),
            postgresql_where=text("asset_id IS NOT NULL"),
        ),
        Index(
            "ix_asset_tags_released",
            "state",  # constant in this index, but without it SQLite prefers the index of all tags
            "prefix",
            "number",
            sqlite_where=text("state = 'released'"),
            postgresql_where=text("state = 'released'"),
        ),
        Index("ix_asset_tags_problem", "id", sqlite_where=text("problem IS NOT NULL"), postgresql_where=text("problem IS NOT NULL")),
        Index("ix_asset_tags_due", "due_at", sqlite_where=text("due_at IS NOT NULL"), postgresql_where=text("due_at IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    tag: Mapped[str] = mapped_column(String(26), unique=True)
    prefix: Mapped[str] = mapped_column(ForeignKey("tag_sequences.prefix"))
    number: Mapped[int]
    state: Mapped[str] = mapped_column(String(10))
    asset_id: Mapped[int | None] = mapped_column(BigInteger)
    previous_name: Mapped[str | None] = mapped_column(String(500))
    """The asset's name before it had the tag, if known."""
    changed_at: Mapped[datetime] = mapped_column(Instant)
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant)
    printed_at: Mapped[datetime | None] = mapped_column(Instant)
    """When a label was first printed. A device may have it, so the tag is never assigned to another asset."""
    due_at: Mapped[datetime | None] = mapped_column(Instant)
    """When a job checks the tag next; empty if nothing is pending."""
    attempts: Mapped[int] = mapped_column(default=0)
    absences: Mapped[int] = mapped_column(default=0)
    """How many checks in a row did not find the asset."""
    problem: Mapped[str | None] = mapped_column(String(500))
    """Why the last attempt failed."""

    @property
    def name(self) -> TagName:
        return TagName(self.prefix, self.number)

    @property
    def is_retired(self) -> bool:
        """No asset has it, and it is never assigned again: a device without an asset may have its label."""
        return self.state == TagState.RESERVED and self.asset_id is None and self.due_at is None


CONFIRMATION = Outbox(
    Tag,
    due=Tag.due_at,
    attempts=Tag.attempts,
    problem=Tag.problem,
    job=CONFIRM_TAGS,
    longest_wait=GRACE_PERIOD,
    only=Tag.state != TagState.RELEASED,
    unchanged=(Tag.state, Tag.asset_id),
)
"""Tags that the asset store has not confirmed."""


class TagEvent(Base):
    """An entry of the audit log: one change of a tag. Triggers refuse to update or delete a row."""

    __tablename__ = "tag_events"
    __table_args__ = (
        Index("ix_tag_events_tag", "tag"),
        Index(
            "ix_tag_events_asset_id", "asset_id", sqlite_where=text("asset_id IS NOT NULL"), postgresql_where=text("asset_id IS NOT NULL")
        ),
        # Partial, because many rows have no asset or old name, and each index entry makes assigning a tag slower.
        # With the id, because the log is read newest first, without sorting.
        Index("ix_tag_events_actor_id", "actor", "id"),
        Index("ix_tag_events_action_id", "action", "id"),
        Index(
            "ix_tag_events_old_name_id",
            "old_name",
            "id",
            sqlite_where=text("old_name IS NOT NULL"),
            postgresql_where=text("old_name IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    actor: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(20))
    tag: Mapped[str] = mapped_column(String(26))
    asset_id: Mapped[int | None] = mapped_column(BigInteger)
    old_name: Mapped[str | None] = mapped_column(String(500))
    new_name: Mapped[str | None] = mapped_column(String(500))
    reason: Mapped[str | None] = mapped_column(String(500))


class PendingAsset(Base):
    """An asset that requested a tag before one could be assigned. It gets one once the existing tags are adopted."""

    __tablename__ = "waiting_assets"

    asset_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str | None] = mapped_column(String(500))
    prefix: Mapped[str] = mapped_column(String(16))
    asked_at: Mapped[datetime] = mapped_column(Instant)


class CatalogPrefix(Base):
    """The prefix for new assets in a catalog. Other catalogs use PREFIX."""

    __tablename__ = "catalog_prefixes"

    catalog: Mapped[str] = mapped_column(String(255), primary_key=True)
    prefix: Mapped[str] = mapped_column(ForeignKey("tag_sequences.prefix"))
    changed_by: Mapped[str] = mapped_column(String(100))
    changed_at: Mapped[datetime] = mapped_column(Instant)


class LegacyLogImport(Base):
    """A log of a legacy installation that was imported, with its report. Each file is imported once."""

    __tablename__ = "older_records"

    id: Mapped[int] = mapped_column(primary_key=True)
    file: Mapped[str] = mapped_column(String(500))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 of the content, so that a renamed file is not imported again."""
    adopted_at: Mapped[datetime] = mapped_column(Instant)
    actor: Mapped[str] = mapped_column(String(100))
    report: Mapped[dict[str, Any]] = mapped_column(JSON)


class Sweep(Base):
    """Settings of the sweep, which finds assets without a tag and tags them, and its last scan. At most one row."""

    __tablename__ = "tag_sweep"
    __table_args__ = (
        CheckConstraint("id = 1", name="one_row"),
        CheckConstraint("NOT is_on OR tried_at IS NOT NULL", name="tried_before_on"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    is_on: Mapped[bool] = mapped_column(default=False)
    catalogs: Mapped[list[str]] = mapped_column(JSON, default=list)
    tried_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the sweep of these catalogs was last previewed."""
    found: Mapped[int | None]
    """Assets without a tag that the last scan found."""
    looked_at: Mapped[datetime | None] = mapped_column(Instant)
    problem: Mapped[str | None] = mapped_column(String(500))
    """Why the last scan did not cover all catalogs."""
    changed_by: Mapped[str] = mapped_column(String(100))
    changed_at: Mapped[datetime] = mapped_column(Instant)


class DiscrepancyKind(StrEnum):
    RENAMED = "renamed"
    """The asset that has the tag here has another name in the asset store."""
    DUPLICATE = "twin"
    """The asset's name is the tag of another asset."""
    MISSING = "gone"
    """The asset that has the tag does not exist in the asset store, or is deleted there."""
    UNKNOWN = "unknown"
    """The asset's name is a valid tag that no asset has here."""
    MISSPELLED = "misspelt"
    """The asset's name starts like a tag but is not valid."""


class TagDiscrepancy(Discrepancy, Base):
    """A difference between the asset store and the tags here, until it is resolved or vanishes."""

    __tablename__ = "tag_differences"
    __table_args__ = (
        CheckConstraint("kind IN ('renamed', 'twin', 'gone', 'unknown', 'misspelt')", name="kind"),
        Index("uq_tag_differences_kind_asset_id_tag", "kind", "asset_id", "tag", unique=True),
        Index("ix_tag_differences_name", "name", sqlite_where=text("settled_at IS NULL"), postgresql_where=text("settled_at IS NULL")),
        Index("ix_tag_differences_open", "id", sqlite_where=text("settled_at IS NULL"), postgresql_where=text("settled_at IS NULL")),
    )

    kind: Mapped[str] = mapped_column(String(10), sort_order=-1)
    tag: Mapped[str] = mapped_column(String(26))
    """The tag in question; empty for MISSPELLED."""
    asset_id: Mapped[int] = mapped_column(BigInteger)
    """The asset in question; for DUPLICATE the one that does not have the tag here."""
    name: Mapped[str | None] = mapped_column(String(500))
    """The asset's name in the asset store."""

    @property
    def label(self) -> str:
        return f"{self.tag} (#{self.asset_id})" if self.tag else f"#{self.asset_id}"


APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER tag_events_no_{verb.lower()} BEFORE {verb} ON tag_events "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail only grows'); END"
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE FUNCTION tag_events_only_grow() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit trail only grows'; END $$",
        "CREATE TRIGGER tag_events_only_grow BEFORE UPDATE OR DELETE ON tag_events FOR EACH ROW EXECUTE FUNCTION tag_events_only_grow()",
    ],
}


def _create_triggers(_table: Table, connection: Any, **_: Any) -> None:
    for statement in APPEND_ONLY[connection.dialect.name]:
        connection.execute(text(statement))


event.listen(TagEvent.__table__, "after_create", _create_triggers)
