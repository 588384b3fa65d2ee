"""What a domain defines about the rows that it imports: their fields, how a row is parsed, and what a chunk of rows changes.

Optional steps are types of their own: `FollowUpRowType` for a second step of each row, `DeactivatingRowType` for records that a file does
not contain. Row types of one table derive from `table_rows.TableRowType`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

from sqlalchemy import Table
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Reading
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _
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
    records: str
    """In titles of tasks, such as "students"."""
    introduction: str
    help: str
    """Which fields a file must contain."""
    undo_refused: str
    """Why an import cannot be undone, and what to do; `%(names)s` are some records that have changed since."""
    follow_up_done: str = ""
    follow_up_planned: str = ""
    follow_up: str = ""
    follow_ups: str = ""
    """What an undo takes back beside records, such as "assignment or status change", and its plural."""
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
    def apply(self, session: Session, chunk: Chunk, plan: Plan, *, actor: Actor, now: datetime, source: str) -> Changes:
        """Writes new and changed records, and returns what it has changed. `source` names the import in the history of its records. Raises
        bulk.ConcurrentChange."""

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
        """A warning about values beside the `usual_values`: each with its number of rows and the line of the first one. Types with
        `usual_values` implement it; it is not called for others."""
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
        """Performs the second step of these rows. In a preview the records may not exist. `source` names the import
        in the history of its records; it is empty in a preview."""


class DeactivatingRowType(RowType):
    """Records become inactive if a file that lists every record does not contain them."""

    @abstractmethod
    def find_missing(self, reading: Reading, lines_of: LinesOfKeys, *, until: datetime) -> Iterator[list[Missing]]:
        """Active records that the file does not contain, in chunks, without those created after `until`."""

    @abstractmethod
    def deactivate(self, session: Session, missing: Sequence[Missing], *, now: datetime) -> Changes:
        """Returns what it has changed."""


class RowTypes:
    """Every row type by name. Features add theirs while the app is set up."""

    def __init__(self) -> None:
        self._by_name: dict[str, RowType] = {}

    def add(self, *row_types: RowType) -> None:
        self._by_name |= {row_type.name: row_type for row_type in row_types}

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._by_name)

    def named(self, name: str) -> RowType:
        return self._by_name[name]
