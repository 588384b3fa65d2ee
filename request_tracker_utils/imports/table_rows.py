"""Row types of one table: rows are compared with its records, which are inserted, updated and restored in bulk."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, Table, delete, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.imports import bulk
from request_tracker_utils.imports.changes import Changes, FollowedUp
from request_tracker_utils.imports.row_types import KEY_AND_IDENTITY, Change, Chunk, NumberColumns, Plan, ReadChanges, RowType


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

    def apply(self, session: Session, chunk: Chunk, plan: Plan, *, actor: Actor, now: datetime, source: str) -> Changes:
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
