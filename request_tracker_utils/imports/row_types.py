"""What a domain defines about the rows that it imports: their fields, how a row is parsed, and what a chunk of rows changes.

Optional steps are types of their own: `FollowUpRowType` for a second step of each row, `DeactivatingRowType` for records that a file does
not contain. `TableRowType` compares rows with the records of one table, and inserts and updates them in bulk.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

from sqlalchemy import ColumnElement, Table, delete, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Reading
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.imports import bulk
from request_tracker_utils.imports.changes import Changes, FollowedUp
from request_tracker_utils.imports.parsing import Aliases

Values = Mapping[str, str]
"""Field → text of its cell."""
LinesOfKeys = Callable[[Iterable[str]], Mapping[str, int]]
"""Selects the keys that the file contains, each with the line of its first row."""
KEY_AND_IDENTITY = 2
"""Number of a chunk's columns before those of the fields."""
ReadChanges = Callable[[], Iterator[Changes]]
"""Reads the changes of an import, the newest first."""


@dataclass(frozen=True)
class Field:
    """`title` is marked with `gettext_noop`; `aliases` are names of its column in header rows, see `parsing.normalize`."""

    title: str
    aliases: frozenset[str]


@dataclass(frozen=True)
class Wording:
    """What the pages say about a row type, marked with `gettext_noop`. `follow_up` and `deactivate` are for row types that have these."""

    import_title: str
    """Heading and button, such as "Import students"."""
    record: str
    """Heading of a column, such as "Student"."""
    introduction: str
    help: str
    """Which fields a file must contain."""
    undo_refused: str
    """Why an import cannot be undone, and what to do; `%(names)s` are some records that have changed since."""
    follow_up_done: str = ""
    follow_up_planned: str = ""
    deactivate: str = ""
    deactivate_help: str = ""


@dataclass
class Chunk:
    """Some thousand valid rows by key, in the order of the file. Dicts and plain tuples rather than an object per row: objects would slow
    down the garbage collector."""

    columns: tuple[str, ...] = ()
    """Columns of the values: the key column, the identity column, and those of the fields."""
    values: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    follow_ups: dict[str, Any] = field(default_factory=dict)
    """The second steps of rows, to perform after the columns are written."""

    def identity(self, key: str) -> str:
        return str(self.values[key][1])

    def as_mapping(self, key: str) -> dict[str, Any]:
        return dict(zip(self.columns, self.values[key], strict=True))


class NumberColumns(NamedTuple):
    """The columns of a table's identifiers, as they are compared and as they are written."""

    table: Table
    key: str
    identity: str


class Change(NamedTuple):
    """A record that a row changes. `before` are its values of the chunk's columns without the key and the identity, `extra` those of
    further columns that the row type asked for. `updated_at` is as the database driver returns it."""

    key: str
    id: int
    before: tuple[Any, ...]
    extra: tuple[Any, ...]
    updated_at: Any


@dataclass
class Plan:
    """What a chunk would change, by key. `refused` rows lack values that a new record requires, and say which."""

    new: list[str] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    follow_ups: list[str] = field(default_factory=list)
    refused: list[tuple[str, list[str]]] = field(default_factory=list)
    unchanged: int = 0


class FollowUp(NamedTuple):
    """The result of a row's second step: `change` is the field, its old value and its new value; `error` says why it failed."""

    key: str
    change: tuple[str, str, str] | None = None
    error: str = ""
    undo: FollowedUp | None = None


class Missing(NamedTuple):
    """A record that the file does not contain."""

    id: int
    name: str


class RowType(ABC):
    """One kind of rows. `identity_column` is what people write, and `key_column` how it is compared."""

    name: ClassVar[str]
    """Stored with each file."""
    fields: ClassVar[Mapping[str, Field]]
    """By name; the first is the key field, which says what record a row is about."""
    wording: ClassVar[Wording]
    preview_task: ClassVar[str]
    import_task: ClassVar[str]
    undo_task: ClassVar[str]
    """Kinds of tasks as they are stored, see `tasks.import_kinds`. Row types may share them."""
    identity_column: ClassVar[str]
    key_column: ClassVar[str]
    shown_columns: ClassVar[Sequence[str]] = ()
    """Columns of new records that a preview shows."""
    hidden_columns: ClassVar[frozenset[str]] = frozenset()
    """Columns that are derived from others: a preview does not show their changes."""

    name_columns: ClassVar[Sequence[str]] = ()
    """Columns that `describe` needs beside the identity."""
    text_columns: ClassVar[frozenset[str]] = frozenset()
    """Columns in which text from a wrong encoding is looked for."""
    usual_values: ClassVar[Mapping[str, frozenset[str | None]]] = {}
    """Column → values; others are stored too, but a preview reports them."""

    number_columns: ClassVar[frozenset[str]] = frozenset()
    """Columns with numbers of which a spreadsheet may have removed leading zeros, beside the key and the identity."""
    referenced: ClassVar[NumberColumns | None] = None
    """Records that second steps name by their numbers."""

    @property
    def can_deactivate_missing(self) -> bool:
        return isinstance(self, DeactivatingRowType)

    @property
    def numbered(self) -> NumberColumns | None:
        """The columns of the records' own numbers, of which a spreadsheet may have removed leading zeros."""
        return None

    @property
    def key_field(self) -> str:
        return next(iter(self.fields))

    @property
    def titles(self) -> dict[str, str]:
        return {name: _(each.title) for name, each in self.fields.items()}

    @property
    def aliases(self) -> Aliases:
        return {name: each.aliases for name, each in self.fields.items()}

    @abstractmethod
    def parse(self, values: Values, *, is_complete: bool = False) -> tuple[dict[str, Any], Any]:
        """The columns for these fields, and the row's second step or None. `is_complete` says that the file lists every record.

        Raises Invalid. The same fields always produce the same columns in the same order.
        """

    @abstractmethod
    def plan(self, session: Session, chunk: Chunk) -> Plan:
        """What the rows would change now."""

    @abstractmethod
    def apply(self, session: Session, chunk: Chunk, plan: Plan, *, now: datetime) -> Changes:
        """Writes new and changed records, and returns what it has changed. Raises bulk.ConcurrentChange."""

    @abstractmethod
    def lock_for_undo(self, session: Session, read: ReadChanges, *, now: datetime) -> None:
        """Locks the records of all changes."""

    @abstractmethod
    def unchanged(self, session: Session, ids: Sequence[int], *, since: datetime, created: bool = False) -> set[int]:
        """Those of the records that can be restored or, if they were `created`, deleted, since nothing else has changed them."""

    @abstractmethod
    def undo(self, session: Session, changes: Changes, *, actor: Actor, now: datetime, source: str) -> None:
        """Restores and deletes records that are locked, and `unchanged` since these changes."""

    @abstractmethod
    def names(self, session: Session, ids: Sequence[int]) -> list[str]:
        """What people call those of the records that exist."""

    def describe(self, identity: str, values: Mapping[str, Any]) -> str:
        """What people call the record."""
        return identity

    def describe_unusual(self, values: Mapping[str, Sequence[int]]) -> str:
        """A warning about values beside the `usual_values`: each with its number of rows and the line of the first one."""
        raise NotImplementedError

    def reference(self, follow_up: Any) -> str:
        """The key of the record that a second step names; empty if it names none."""
        return ""

    def with_reference(self, follow_up: Any, identity: str) -> Any:
        """The second step with another record."""
        return follow_up

    def explain(self, values: Values) -> tuple[str, list[str]]:
        """For values that `parse` rejected: the key if it is valid, and the problem of each field."""
        key, messages = "", list[str]()
        for name, text in values.items():
            try:
                key = self.parse({name: text})[0].get(self.key_column, key)
            except Invalid as error:
                messages.append(error.message)
        if not messages:  # every field is valid alone, but not together
            try:
                self.parse(values)
            except Invalid as error:
                messages.append(error.message)
        return key, messages


class FollowUpRowType(RowType):
    """Rows with a second step after their records are written, such as assigning a device."""

    follow_up_batch: ClassVar[int] = 100
    """Second steps in one transaction."""

    @abstractmethod
    def follow_up(self, session: Session, chunk: Chunk, keys: Sequence[str], *, actor: Actor, now: datetime, source: str) -> list[FollowUp]:
        """Performs the second step of these rows. In a preview the records may not exist. `source` is the file's name."""


class DeactivatingRowType(RowType):
    """Records become inactive if a file that lists every record does not contain them."""

    @abstractmethod
    def find_missing(self, reading: Reading, lines_of: LinesOfKeys, *, until: datetime) -> Iterator[list[Missing]]:
        """Active records that the file does not contain, in chunks, without those created after `until`."""

    @abstractmethod
    def deactivate(self, session: Session, missing: Sequence[Missing], *, now: datetime) -> Changes:
        """Returns what it has changed."""


class TableRowType(RowType):
    """The table has a unique `key_column`, and the columns `id`, `created_at` and `updated_at`."""

    table: ClassVar[Table]
    required: ClassVar[Sequence[str]] = ()
    """Columns without which no record is created."""
    defaults: ClassVar[Mapping[str, Any]] = {}
    """Values of a new record for columns that the file does not have."""
    extra_columns: ClassVar[Sequence[str]] = ()
    """Columns of existing records that `has_follow_up` and `dependent_columns` need, with those that the latter changes."""

    @property
    def numbered(self) -> NumberColumns:
        return NumberColumns(self.table, self.key_column, self.identity_column)

    def plan(self, session: Session, chunk: Chunk) -> Plan:
        plan = Plan()
        if not chunk.values:
            return plan
        columns = chunk.columns[KEY_AND_IDENTITY:]
        wanted = (*columns, *self.extra_columns, "updated_at")
        existing = bulk.select_existing(session, self.table, self.key_column, list(chunk.values), wanted)
        lacking = [_("The %(field)s is missing.", field=self.titles[name].lower()) for name in self.required if name not in columns]
        end = 1 + len(columns)
        for key, values in chunk.values.items():
            record = existing.get(key)
            follow_up = chunk.follow_ups.get(key)
            if record is None:
                if lacking:
                    plan.refused.append((key, lacking))
                    continue
                plan.new.append(key)
                if follow_up is not None and self.has_follow_up(follow_up, None):
                    plan.follow_ups.append(key)
                continue
            before, extra = record[1:end], record[end:-1]
            has_follow_up = follow_up is not None and self.has_follow_up(follow_up, extra)
            if has_follow_up:
                plan.follow_ups.append(key)
            if values[KEY_AND_IDENTITY:] != before:
                plan.changed.append(Change(key, record[0], before, extra, record[-1]))
            elif not has_follow_up:
                plan.unchanged += 1
        return plan

    def apply(self, session: Session, chunk: Chunk, plan: Plan, *, now: datetime) -> Changes:
        changes = Changes(now)
        if plan.new:
            changes.created = self._insert(session, chunk, plan, now)
        if plan.changed:
            changes.columns, changes.changed = self._update(session, chunk, plan, now)
        return changes

    def lock_for_undo(self, session: Session, read: ReadChanges, *, now: datetime) -> None:
        existing, created = list[int](), list[int]()
        for changes in read():
            existing += changes.existing
            created += changes.created
        bulk.lock(session, self.table, self.key_column, existing)
        bulk.lock(session, self.table, self.key_column, created, to_delete=True)

    def unchanged(self, session: Session, ids: Sequence[int], *, since: datetime, created: bool = False) -> set[int]:
        query = select(self.table.c.id).where(bulk.id_in(session, self.table, ids), self.table.c.updated_at == since)
        return set(session.scalars(query.where(*self.is_deletable) if created else query))

    def undo(self, session: Session, changes: Changes, *, actor: Actor, now: datetime, source: str) -> None:
        if changes.follow_ups:
            self.undo_follow_ups(session, changes.follow_ups, actor=actor, now=now, source=source)
            times = [(each.id, each.updated_at) for each in changes.follow_ups]
            bulk.update(session, self.table, ("updated_at",), times, {})
        if changes.changed:
            bulk.update(session, self.table, (*changes.columns, "updated_at"), changes.changed, {})
        if changes.created:
            self.delete_created(session, changes.created)

    def names(self, session: Session, ids: Sequence[int]) -> list[str]:
        table = self.table
        query = select(table.c[self.identity_column], *(table.c[name] for name in self.name_columns)).where(table.c.id.in_(ids))
        rows = session.execute(query.order_by(table.c[self.key_column]))
        return [self.describe(row[0], dict(zip(self.name_columns, row[1:], strict=True))) for row in rows]

    @property
    def is_deletable(self) -> Sequence[ColumnElement[bool]]:
        """Conditions of created records that can be deleted."""
        return ()

    def delete_created(self, session: Session, ids: Sequence[int]) -> None:
        session.execute(delete(self.table).where(bulk.id_in(session, self.table, ids)))

    def undo_follow_ups(self, session: Session, steps: Sequence[FollowedUp], *, actor: Actor, now: datetime, source: str) -> None:
        """Undoes second steps of rows. Row types with such steps override this."""

    def has_follow_up(self, follow_up: Any, extra: tuple[Any, ...] | None) -> bool:
        """Whether a row's second step changes anything. `extra` are the record's `extra_columns`; None for a new record."""
        return False

    def dependent_columns(
        self, chunk: Chunk, changed: Sequence[Change], columns: Sequence[str]
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Further columns that change because `columns` do, and their values for each of `changed`."""
        return (), []

    def _insert(self, session: Session, chunk: Chunk, plan: Plan, now: datetime) -> list[int]:
        shared = {name: value for name, value in self.defaults.items() if name not in chunk.columns}
        rows = [chunk.values[key] for key in sorted(plan.new)]
        return bulk.insert(session, self.table, chunk.columns, rows, {**shared, "created_at": now, "updated_at": now})

    def _update(self, session: Session, chunk: Chunk, plan: Plan, now: datetime) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Only columns with changes: a database maintains the indexes of every column in the statement. Returns these columns, and the
        id, the values before and the time of the last change of each record."""
        after = [chunk.values[change.key][KEY_AND_IDENTITY:] for change in plan.changed]
        pairs = zip(zip(*(change.before for change in plan.changed), strict=True), zip(*after, strict=True), strict=True)
        places = [place for place, (old, new) in enumerate(pairs) if old != new]
        names = tuple(chunk.columns[KEY_AND_IDENTITY + place] for place in places)
        rows = [(change.id, *(values[place] for place in places)) for change, values in zip(plan.changed, after, strict=True)]
        further, values = self.dependent_columns(chunk, plan.changed, names)
        if further:
            rows = [(*row, *each) for row, each in zip(rows, values, strict=True)]
        versions = {change.id: change.updated_at for change in plan.changed}
        bulk.update(session, self.table, (*names, *further), rows, {"updated_at": now}, versions=versions)
        extras = [self.extra_columns.index(name) for name in further]
        before = [
            (each.id, *(each.before[place] for place in places), *(each.extra[place] for place in extras), each.updated_at)
            for each in plan.changed
        ]
        return (*names, *further), before


class RowTypes:
    """Every row type by name. Features add theirs while the app is set up."""

    def __init__(self) -> None:
        self._by_name: dict[str, RowType] = {}

    def add(self, *row_types: RowType) -> None:
        self._by_name |= {row_type.name: row_type for row_type in row_types}

    def named(self, name: str) -> RowType:
        return self._by_name[name]
