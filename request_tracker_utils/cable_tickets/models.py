"""Tables: cable tickets with their items, approvers, comments and events; kits; and absences.

A ticket's row is locked before each step, and before stock rows: all who change it wait for each other in one order.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ColumnElement, Date, ForeignKey, Index, String, Table, Text, event, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from request_tracker_utils.cable_tickets import triggers
from request_tracker_utils.cable_tickets.states import Priority, TicketStatus
from request_tracker_utils.core.db import Base, Instant
from request_tracker_utils.inventory.models import SourceType

TICKET_SOURCE = SourceType.TICKET
"""`source_type` of the ticket's movements and reservations; `source_id` is the ticket, `line` the item."""

_STATUSES = ", ".join(f"'{status}'" for status in TicketStatus)
_PRIORITIES = ", ".join(f"'{priority}'" for priority in Priority)


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


class Ticket(Base):
    """The first columns are those of seed document 3; its `approval_token` is replaced by `TicketApprover.nonce`."""

    __tablename__ = "tickets"
    __table_args__ = (
        CheckConstraint(f"status IN ({_STATUSES})", name="status"),
        CheckConstraint(f"priority IN ({_PRIORITIES})", name="priority"),
        CheckConstraint("(status = 'deleted') = (deleted_at IS NOT NULL)", name="deleted_at"),
        CheckConstraint("(status = 'deleted') = (status_before IS NOT NULL)", name="status_before"),
        _partial("ix_tickets_listed", "id", where="status <> 'deleted'"),
        Index("ix_tickets_status", "status", "id"),
        Index("ix_tickets_status_priority", "status", "priority", "id"),
        Index("ix_tickets_priority", "priority", "id"),
        Index("ix_tickets_created_by_id", "created_by_id", "id"),
        Index("ix_tickets_created_by_status", "created_by_id", "status", "id"),
        Index("ix_tickets_assigned_to_id", "assigned_to_id", "id"),
        _partial("ix_tickets_waiting_since", "waiting_since", where="waiting_since IS NOT NULL"),
        _partial("ix_tickets_picked", "location_key", "id", where="coalesce(status, '') IN ('approved', 'in_progress')"),
        _partial("ix_tickets_to_fulfill", "id", where="coalesce(status, '') IN ('approved', 'in_progress')"),
        _partial("ix_tickets_to_fulfill_by", "assigned_to_id", "id", where="coalesce(status, '') IN ('approved', 'in_progress')"),
        {"sqlite_autoincrement": True},  # events, movements and reservations of a purged ticket must not become another one's
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_by: Mapped[str] = mapped_column(String(100))
    """The name at that time: it remains when the account is deleted."""
    assigned_to_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    """Who was chosen to decide; empty while DEFAULT_APPROVERS are asked. The rows of `ticket_approvers` are all who may."""
    status: Mapped[str] = mapped_column(String(20), default=TicketStatus.PENDING_APPROVAL)
    location: Mapped[str] = mapped_column(String(200), default="")
    location_key: Mapped[str] = mapped_column(String(200), default="")
    notes: Mapped[str] = mapped_column(Text, default="")
    priority: Mapped[str] = mapped_column(String(10), default=Priority.MEDIUM)
    rejection_reason: Mapped[str | None] = mapped_column(String(1000))
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)

    needed_by: Mapped[date | None] = mapped_column(Date)
    revision: Mapped[int] = mapped_column(default=1)
    """Grows with each edit, reassignment, decision and archiving. Approval links are bound to it."""
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    decided_by: Mapped[str | None] = mapped_column(String(250))
    """`B for A` if a substitute decided."""
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    fulfilled_at: Mapped[datetime | None] = mapped_column(Instant)
    close_reason: Mapped[str | None] = mapped_column(String(1000))
    waiting_since: Mapped[datetime | None] = mapped_column(Instant)
    """When the approvers of an undecided ticket were asked or reminded last; empty if no reminder follows. See `reminders.py`."""
    reminders: Mapped[int] = mapped_column(default=0)
    """0: only asked; 1: reminded; 2: handed to DEFAULT_APPROVERS."""
    status_before: Mapped[str | None] = mapped_column(String(20))
    deleted_at: Mapped[datetime | None] = mapped_column(Instant)
    deleted_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))

    search_words: Mapped[str] = mapped_column(Text, default="")
    """The words by which the ticket is found: see `search.py`."""

    items: Mapped[list["TicketItem"]] = relationship(order_by="TicketItem.id", cascade="all, delete-orphan", passive_deletes=True)


IS_TO_FULFILL: ColumnElement[bool] = literal_column("coalesce(tickets.status, '') IN ('approved', 'in_progress')")
"""The condition of the indexes `ix_tickets_picked` and `ix_tickets_to_fulfill…`, without parameters, which SQLite would not recognize.
Without `coalesce`, it would read the index of `status`, and sort all that it finds."""


class TicketItem(Base):
    """One type of cable in one length. What is reserved and back-ordered is a row of `stock_reservations`."""

    __tablename__ = "ticket_items"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("fulfilled >= 0 AND fulfilled <= quantity", name="fulfilled"),
        CheckConstraint("returned >= 0 AND returned <= fulfilled", name="returned"),
        Index("ix_ticket_items_ticket_id", "ticket_id", "id"),
        {"sqlite_autoincrement": True},  # reservations name the item
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    cable_type: Mapped[str] = mapped_column(String(60))
    cable_length: Mapped[str] = mapped_column(String(60))
    cable_gauge: Mapped[str] = mapped_column(String(30), default="")
    quantity: Mapped[int] = mapped_column(default=1)
    fulfilled: Mapped[int] = mapped_column(default=0)
    returned: Mapped[int] = mapped_column(default=0)

    def describe(self, pieces: int | None = None) -> str:
        """As messages and the history show it, such as `2 × Cat6 100 ft (23AWG)`; with another number of pieces if it is given."""
        gauge = f" ({self.cable_gauge})" if self.cable_gauge else ""
        return f"{self.quantity if pieces is None else pieces} × {self.cable_type} {self.cable_length}{gauge}"


class TicketApprover(Base):
    """Somebody who was asked to decide, with what their approval links are made of. The row remains when somebody else is asked instead, so
    that an old link can show the decision."""

    __tablename__ = "ticket_approvers"
    __table_args__ = (Index("ix_ticket_approvers_user_id", "user_id", "ticket_id"),)

    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    for_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    """The absent person that this one represents."""
    nonce: Mapped[str] = mapped_column(String(32))
    revision: Mapped[int]
    """Of the ticket when they were asked last: links of other revisions are dead."""
    asked_at: Mapped[datetime] = mapped_column(Instant)
    """Links expire APPROVAL_LINK_DAYS later."""
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    """When somebody else was asked instead: since then this person may not decide."""


class TicketComment(Base):
    __tablename__ = "ticket_comments"
    __table_args__ = (Index("ix_ticket_comments_ticket_id", "ticket_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    author: Mapped[str] = mapped_column(String(100))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Instant)


class TicketEvent(Base):
    """One change of a ticket. Append-only; it remains when the ticket is purged."""

    __tablename__ = "ticket_events"
    __table_args__ = (Index("ix_ticket_events_ticket_id", "ticket_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int]
    event: Mapped[str] = mapped_column(String(30))
    status_from: Mapped[str | None] = mapped_column(String(20))
    status_to: Mapped[str | None] = mapped_column(String(20))
    actor_user_id: Mapped[int | None]
    """No foreign key: the history outlives accounts."""
    actor: Mapped[str] = mapped_column(String(250))
    """`B for A` if a substitute acted."""
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(Instant)


class Kit(Base):
    """What the site often asks for, as one tap on the form. Administrators edit them."""

    __tablename__ = "cable_kits"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    position: Mapped[int] = mapped_column(default=0)
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)


class Absence(Base):
    """While a person is absent, what they would decide goes to their substitute too."""

    __tablename__ = "absences"
    __table_args__ = (
        CheckConstraint("until_date >= from_date", name="dates"),
        CheckConstraint("substitute_id <> user_id", name="substitute"),
        Index("ix_absences_user_id", "user_id", "until_date"),
        Index("ix_absences_substitute_id", "substitute_id", "until_date"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    substitute_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    from_date: Mapped[date] = mapped_column(Date)
    until_date: Mapped[date] = mapped_column(Date)
    """Local dates in TIMEZONE, the last one included."""


class TicketTally(Base):
    """Counts of tickets, maintained by triggers in shards: see `core.tallies`. `dashboard.py` adds them up."""

    __tablename__ = triggers.TALLIES

    subject: Mapped[str] = mapped_column(String(20), primary_key=True)
    """`all`; `created` and `assigned` (see `listing.Mine`), by person; `waiting`; `approval` and `fulfillment`, which count times."""
    key: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """0 for `all`; the user; for the others the day, counted from 1970 in UTC: since when tickets wait, and when they were approved or
    fulfilled."""
    label: Mapped[str] = mapped_column(String(20), primary_key=True)
    """The status; for times the upper bound of their class in minutes, see `triggers.BOUNDS`."""
    shard: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    count: Mapped[int]


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
PREFIXES = range(2, 7)
"""Lengths of beginnings of words that FTS5 finds without looking at each word that begins like this."""
WORDS = "array_to_tsvector(array_remove(string_to_array(search_words, ' '), ''))"
_WORDS_OF = "INSERT INTO ticket_words ({0}rowid, search_words) VALUES ({1}.id, {1}.search_words);"
_ADD, _REMOVE = _WORDS_OF.format("", "NEW"), _WORDS_OF.format("ticket_words, ", "OLD").replace("VALUES (", "VALUES ('delete', ")
SEARCH_INDEX = {
    "sqlite": [
        "CREATE VIRTUAL TABLE ticket_words USING fts5 "
        "(search_words, content='tickets', content_rowid='id', tokenize='ascii', detail='none', columnsize=0, "
        f"prefix='{' '.join(map(str, PREFIXES))}')",
        f"CREATE TRIGGER tickets_words_added AFTER INSERT ON tickets BEGIN {_ADD} END",
        f"CREATE TRIGGER tickets_words_removed AFTER DELETE ON tickets BEGIN {_REMOVE} END",
        "CREATE TRIGGER tickets_words_changed AFTER UPDATE OF search_words ON tickets "
        f"WHEN OLD.search_words <> NEW.search_words BEGIN {_REMOVE} {_ADD} END",
    ],
    "postgresql": [f"CREATE INDEX ix_tickets_search_words ON tickets USING gin (({WORDS})) WITH (fastupdate = off)"],
}
"""Of `search_words`, which are separated by spaces: neither database cuts them again."""


def _create_triggers(_table: Table, connection: Any, **_: Any) -> None:
    for statement in APPEND_ONLY[connection.dialect.name]:
        connection.execute(text(statement))


def _create_search_index(_table: Table, connection: Any, **_: Any) -> None:
    for statement in SEARCH_INDEX[connection.dialect.name]:
        connection.execute(text(statement))


def _drop_search_index(_table: Table, connection: Any, **_: Any) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text("DROP TABLE IF EXISTS ticket_words"))


event.listen(Base.metadata, "after_create", triggers.create)
event.listen(TicketEvent.__table__, "after_create", _create_triggers)
event.listen(Ticket.__table__, "after_create", _create_search_index)
event.listen(Ticket.__table__, "before_drop", _drop_search_index)
