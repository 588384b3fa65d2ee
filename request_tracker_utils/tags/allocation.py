"""Allocates the next tag of a sequence. A name that an asset has already is skipped, and recorded as used.

Names are not unique in Request Tracker: a person may have given the next tag to an asset by hand. Such a name is known from a search
(`CheckedNames`), or because it is open under Differences.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from threading import Lock
from typing import Any, Self, TypeVar

from sqlalchemy import BigInteger, Connection, String, bindparam, select, text, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import Asset, AssetStore
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Instant
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tags import audit
from request_tracker_utils.tags.comparison import DISCREPANCIES, of_name
from request_tracker_utils.tags.models import IS_RELEASED, Tag, TagSequence, TagState
from request_tracker_utils.tags.sequence import HAS_RELEASED, IS_NAMED, NEXT_NAME, asset_named, free_names, not_ready
from request_tracker_utils.tags.tag_format import LARGEST_NUMBER, TagName

T = TypeVar("T")

MARGIN = 25
"""Names to search for beyond those needed, because other requests allocate tags in the meantime."""
NOTHING = (0, -1)
"""A range without numbers."""
ATTEMPTS = 5
"""Searches for names before an allocation gives up, because others allocate faster."""


class NameUnchecked(Exception):
    """The asset store was not asked for the name of the tag that is next. The transaction has to be rolled back."""

    def __init__(self, name: TagName) -> None:
        super().__init__(str(name))
        self.name = name


@dataclass(frozen=True)
class CheckedNames:
    """The asset store was asked for all of these names. `taken` maps those that assets have to the id of one of these assets."""

    asked: frozenset[TagName] = frozenset()
    taken: Mapping[TagName, int] = field(default_factory=dict)

    @classmethod
    def of(cls, asked: Iterable[TagName], found: Iterable[Asset]) -> Self:
        """`found` may contain assets with other names too."""
        names = {str(name): name for name in asked}
        return cls(frozenset(names.values()), {names[asset.name]: asset.id for asset in found if asset.name in names})

    def __or__(self, other: "CheckedNames") -> "CheckedNames":
        return CheckedNames(self.asked | other.asked, {**self.taken, **other.taken})

    def free_range(self, prefix: str) -> tuple[int, int]:
        """The longest run of numbers that no asset has as its name."""
        return self._free_ranges.get(prefix, NOTHING)

    @cached_property
    def _free_ranges(self) -> dict[str, tuple[int, int]]:
        longest: dict[str, tuple[int, int]] = {}
        previous, first = TagName("", 0), 0
        for name in sorted(self.asked - self.taken.keys(), key=lambda name: (name.prefix, name.number)):
            if (name.prefix, name.number) != (previous.prefix, previous.number + 1):
                first = name.number
            begin, end = longest.get(name.prefix, NOTHING)
            if name.number - first > end - begin:
                longest[name.prefix] = (first, name.number)
            previous = name
        return longest


NOTHING_CHECKED = CheckedNames()


def allocate(
    session: Session,
    prefix: str,
    *,
    state: TagState,
    actor: Actor,
    now: datetime,
    due_at: datetime,
    asset_id: int | None = None,
    old_name: str | None = None,
    names: CheckedNames | None = None,
) -> Tag:
    """Takes the next tag: the lowest released one from the floor on, else the next number that is not in use.

    `names` are the names that the asset store was asked for; without them, names that only it knows are not skipped. Returns a copy of the
    tag's row that belongs to no session. Raises NameUnchecked; SequenceNotReady, and SequenceExhausted past 999,999,999. An IntegrityError
    means that the asset got a tag concurrently.
    """
    connection = session.connection()
    first, last = (1, LARGEST_NUMBER) if names is None else names.free_range(prefix)
    row = {"state": str(state), "asset_id": asset_id, "previous_name": old_name, "changed_at": now, "due_at": due_at}
    event = {"actor": actor.name, "action": str(state), "old_name": old_name}
    take = _take_next_postgresql if connection.dialect.name == "postgresql" else _take_next_sqlite
    tag = take(connection, {"prefix": prefix, "first": first, "last": last}, row, event)
    return tag or _Allocation(session, prefix, names or NOTHING_CHECKED, actor, now, is_checked=names is not None).take(row, event)


def upcoming(session: Session, prefix: str, count: int) -> list[TagName]:
    """The names that so many allocations will probably use, and MARGIN more; none before the adoption."""
    found = session.execute(_POSITION, {"prefix": prefix}).first()
    if found is None:
        return []
    next_number, floor = found
    released = select(Tag.number).where(Tag.prefix == prefix, IS_RELEASED, Tag.number >= floor, Tag.number < next_number)
    lowest = session.scalars(released.order_by(Tag.number).limit(count + MARGIN))
    last = min(next_number + count + MARGIN, LARGEST_NUMBER + 1)
    return [TagName(prefix, number) for number in (*lowest, *range(next_number, last))]


def with_checked_names(asset_store: AssetStore, allocate_: Callable[[CheckedNames], T], *, names: CheckedNames = NOTHING_CHECKED) -> T:
    """`NameSearch.run` for one allocation. `names` are those that are known already."""
    return NameSearch(asset_store, names=names).run(allocate_)


class NameSearch:
    """Searches the asset store for the names that allocations need, at least `size` at once. Several threads may share it."""

    def __init__(self, asset_store: AssetStore, *, names: CheckedNames = NOTHING_CHECKED, size: int = MARGIN) -> None:
        self._asset_store, self._known, self._size = asset_store, names, size
        self._lock = Lock()

    def run(self, allocate_: Callable[[CheckedNames], T]) -> T:
        """Calls the function, which allocates tags in a transaction of its own, until all names that it needs are known.

        Raises what the function and the asset store raise, and Unavailable.
        """
        for attempt in range(ATTEMPTS):
            try:
                return allocate_(self._known)
            except NameUnchecked as error:
                self._search(error.name, self._size * 4**attempt)  # ever more: all names so far were taken
        raise Unavailable(_("Many tags are being assigned at the moment. Try again."))

    def _search(self, name: TagName, count: int) -> None:
        with self._lock:
            if name not in self._known.asked:  # else another thread was faster
                asked = [TagName(name.prefix, number) for number in range(name.number, min(name.number + count, LARGEST_NUMBER + 1))]
                self._known |= CheckedNames.of(asked, self._asset_store.find_by_names(map(str, asked)))


class _Allocation:
    """One allocation, statement by statement: numbers were released, are in use, or are the names of assets."""

    def __init__(self, session: Session, prefix: str, names: CheckedNames, actor: Actor, now: datetime, *, is_checked: bool) -> None:
        self._session, self._prefix, self._names, self._is_checked = session, prefix, names, is_checked
        self._actor, self._now = actor, now

    def take(self, row: dict[str, Any], event: dict[str, Any]) -> Tag:
        own = (TagSequence.prefix == self._prefix, TagSequence.adopted_at.is_not(None))
        found = self._session.execute(select(TagSequence.next_number, TagSequence.floor).where(*own).with_for_update()).first()
        if found is None:
            raise not_ready(self._prefix)
        next_number, floor = found
        for name in free_names(self._session, self._prefix, next_number=next_number, floor=floor):
            if self._is_checked and name not in self._names.asked:
                raise NameUnchecked(name)
            asset_id = self._names.taken.get(name) or asset_named(self._session, name)
            if name.number >= next_number:
                advance = update(TagSequence).where(*own).values(next_number=name.number + 1)
                self._session.execute(advance, execution_options={"synchronize_session": False})
            if asset_id is None:
                tag = _claim(self._session.connection(), name, row)
                audit.record_row(self._session, {**event, "at": self._now, "tag": tag.tag, "asset_id": tag.asset_id})
                return tag
            self._skip(name, asset_id)
        raise AssertionError("free names end with an error")

    def _skip(self, name: TagName, asset_id: int) -> None:
        """Retires the tag, and records what differs, so that a person can make it the asset's tag or rename the asset."""
        retired = {"state": str(TagState.RESERVED), "asset_id": None, "previous_name": None, "changed_at": self._now, "due_at": None}
        _claim(self._session.connection(), name, retired)
        record_used_name(self._session, str(name), asset_id, actor=self._actor, now=self._now)


def record_used_name(session: Session, name: str, asset_id: int, *, actor: Actor, now: datetime) -> None:
    """Adds an audit entry about a retired tag that is the name of this asset, and a discrepancy unless the asset's name is about to
    change."""
    reason = f"asset {asset_id} has this name in the asset store"
    audit.record_change(session, name, None, None, action="skipped", actor=actor, now=now, old_name=name, reason=reason)
    own = session.scalar(select(Tag).where(Tag.asset_id == asset_id))
    prefix = session.scalar(select(Tag.prefix).where(Tag.tag == name)) or ""
    found = of_name(asset_id, name, own=own, namesake=None, prefixes=[prefix], since=now)
    DISCREPANCIES.write(session, [found] if found else [], since=now, now=now)


def _take_next_postgresql(connection: Connection, step: dict[str, Any], row: dict[str, Any], event: dict[str, Any]) -> Tag | None:
    """Advances by one number and writes the tag's row and its audit entry, in one statement. None if that takes more."""
    taken = connection.execute(_TAKE_NEXT, {**step, **row, **event}).first()
    return None if taken is None else Tag(id=taken[0], tag=taken[1], prefix=step["prefix"], number=taken[2], attempts=0, absences=0, **row)


def _take_next_sqlite(connection: Connection, step: dict[str, Any], row: dict[str, Any], event: dict[str, Any]) -> Tag | None:
    """The same in three statements, because a statement of SQLite writes to one table. Passed to the driver as they are, they take half
    the time."""
    number = connection.exec_driver_sql(_ADVANCE, step).scalar_one_or_none()
    if number is None:
        return None
    name = {"tag": f"{step['prefix']}{number:04d}", "prefix": step["prefix"], "number": number}
    values = {**row, **event, **name, "changed_at": _sqlite_time(row["changed_at"]), "due_at": _sqlite_time(row["due_at"])}
    claimed = connection.exec_driver_sql(_CLAIM_NEXT, values).scalar_one_or_none()
    if claimed is None:
        return None
    connection.exec_driver_sql(_RECORD, values)
    return Tag(id=claimed, attempts=0, absences=0, **name, **row)


def _claim(connection: Connection, name: TagName, row: dict[str, Any]) -> Tag:
    """The row of a free tag with these values, new or reused from a released one. The sequence is locked."""
    values = {"tag": str(name), "prefix": name.prefix, "number": name.number, **row}
    return Tag(id=connection.execute(_CLAIM, values).scalar_one(), attempts=0, absences=0, **values)


_IS_NEXT = f"""prefix = :prefix AND adopted_at IS NOT NULL AND next_number BETWEEN :first AND :last
    AND NOT {HAS_RELEASED} AND NOT {{is_named}}"""
"""Nothing but the next number can be allocated."""
_CLAIMED = """ON CONFLICT (prefix, number) DO UPDATE SET state = excluded.state, asset_id = excluded.asset_id,
        previous_name = excluded.previous_name, changed_at = excluded.changed_at, due_at = excluded.due_at,
        confirmed_at = NULL, attempts = 0, absences = 0, problem = NULL
    WHERE asset_tags.state = 'released'"""
_TYPES = (
    bindparam("changed_at", type_=Instant),
    bindparam("due_at", type_=Instant),
    bindparam("asset_id", type_=BigInteger),
    bindparam("previous_name", type_=String),
)

# Text takes half the time: SQLAlchemy traverses the objects of a statement on every execution.
_POSITION = text("SELECT next_number, floor FROM tag_sequences WHERE prefix = :prefix AND adopted_at IS NOT NULL")
_ADVANCE = f"""
    UPDATE tag_sequences SET next_number = next_number + 1 WHERE {_IS_NEXT.format(is_named=IS_NAMED["sqlite"])}
    RETURNING next_number - 1"""  # noqa: S608
# Inserts a tag's row or reuses a released one. Returns its id, or nothing if the tag is in use.
_CLAIM_NEXT = f"""
    INSERT INTO asset_tags (tag, prefix, number, state, asset_id, previous_name, changed_at, due_at, attempts, absences)
    VALUES (:tag, :prefix, :number, :state, :asset_id, :previous_name, :changed_at, :due_at, 0, 0)
    {_CLAIMED} RETURNING id"""  # noqa: S608
_CLAIM = text(_CLAIM_NEXT).bindparams(*_TYPES)
_RECORD = """
    INSERT INTO tag_events (at, actor, action, tag, asset_id, old_name, new_name)
    VALUES (:changed_at, :actor, :action, :tag, :asset_id, :old_name, CASE WHEN :asset_id IS NOT NULL THEN :tag END)"""
_sqlite_time: Any = Instant().bind_processor(sqlite.dialect())
_TAKE_NEXT = text(f"""
    WITH step AS (
        UPDATE tag_sequences SET next_number = next_number + 1 WHERE {_IS_NEXT.format(is_named=IS_NAMED["postgresql"])}
        RETURNING next_number - 1 AS number, {NEXT_NAME["postgresql"].replace("next_number", "(next_number - 1)")} AS tag
    ), claimed AS (
        INSERT INTO asset_tags (tag, prefix, number, state, asset_id, previous_name, changed_at, due_at, attempts, absences)
        SELECT tag, :prefix, number, :state, :asset_id, :previous_name, :changed_at,
            :due_at, 0, 0 FROM step
        {_CLAIMED} RETURNING id, tag, number
    ), recorded AS (
        INSERT INTO tag_events (at, actor, action, tag, asset_id, old_name, new_name)
        SELECT :changed_at, :actor, :action, tag, :asset_id, :old_name,
            CASE WHEN :asset_id IS NOT NULL THEN tag END FROM claimed
    )
    SELECT id, tag, number FROM claimed""").bindparams(*_TYPES, bindparam("old_name", type_=String))  # noqa: S608
