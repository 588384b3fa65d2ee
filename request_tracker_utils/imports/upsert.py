"""Rows that become records of one table: compared with the records that exist, inserted and updated in bulk."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Table
from sqlalchemy.orm import Session

from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.imports import bulk
from request_tracker_utils.imports.row_types import Change, Chunk, Plan, RowType

KEY_AND_IDENTITY = 2
"""Number of a chunk's columns before those of the fields."""


class TableRowType(RowType):
    """The table has a unique `key_column`, and the columns `id`, `created_at` and `updated_at`."""

    table: ClassVar[Table]
    required: ClassVar[Sequence[str]] = ()
    """Columns without which no record is created."""
    defaults: ClassVar[Mapping[str, Any]] = {}
    """Values of a new record for columns that the file does not have."""
    extra_columns: ClassVar[Sequence[str]] = ()
    """Columns of existing records that `has_follow_up` and `dependent_columns` need."""

    def plan(self, session: Session, chunk: Chunk) -> Plan:
        plan = Plan()
        if not chunk.values:
            return plan
        columns = chunk.columns[KEY_AND_IDENTITY:]
        existing = bulk.select_existing(session, self.table, self.key_column, list(chunk.values), (*columns, *self.extra_columns))
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
            before, extra = record[1:end], record[end:]
            has_follow_up = follow_up is not None and self.has_follow_up(follow_up, extra)
            if has_follow_up:
                plan.follow_ups.append(key)
            if values[KEY_AND_IDENTITY:] != before:
                plan.changed.append(Change(key, record[0], before, extra))
            elif not has_follow_up:
                plan.unchanged += 1
        return plan

    def apply(self, session: Session, chunk: Chunk, plan: Plan, *, now: datetime) -> None:
        if plan.new:
            self._insert(session, chunk, plan, now)
        if plan.changed:
            self._update(session, chunk, plan, now)

    def has_follow_up(self, follow_up: Any, extra: tuple[Any, ...] | None) -> bool:
        """Whether a row's second step changes anything. `extra` are the record's `extra_columns`; None for a new record."""
        return False

    def dependent_columns(
        self, chunk: Chunk, changed: Sequence[Change], columns: Sequence[str]
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Further columns that change because `columns` do, and their values for each of `changed`."""
        return (), []

    def _insert(self, session: Session, chunk: Chunk, plan: Plan, now: datetime) -> None:
        shared = {name: value for name, value in self.defaults.items() if name not in chunk.columns}
        rows = [chunk.values[key] for key in sorted(plan.new)]
        bulk.insert(session, self.table, chunk.columns, rows, {**shared, "created_at": now, "updated_at": now})

    def _update(self, session: Session, chunk: Chunk, plan: Plan, now: datetime) -> None:
        """Only columns in which something changes: a database maintains the indexes of all that it is given."""
        after = [chunk.values[change.key][KEY_AND_IDENTITY:] for change in plan.changed]
        pairs = zip(zip(*(change.before for change in plan.changed), strict=True), zip(*after, strict=True), strict=True)
        places = [place for place, (old, new) in enumerate(pairs) if old != new]
        names = tuple(chunk.columns[KEY_AND_IDENTITY + place] for place in places)
        rows = [(change.id, *(values[place] for place in places)) for change, values in zip(plan.changed, after, strict=True)]
        further, values = self.dependent_columns(chunk, plan.changed, names)
        if further:
            rows = [(*row, *each) for row, each in zip(rows, values, strict=True)]
        bulk.update(session, self.table, (*names, *further), rows, {"updated_at": now})
