"""Statements on a table of discrepancies."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, and_, case, func, null, or_, select, true, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import is_believed
from request_tracker_utils.core.db import affected, upsert_into
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.reconciliation.errors import DiscrepancyNotFound
from request_tracker_utils.reconciliation.models import IGNORED, RESOLUTION, VANISHED, Discrepancy, content_columns

D = TypeVar("D", bound=Discrepancy)
LONGEST_COMPARISON = timedelta(days=1)
"""What was seen or resolved later than this after now was so while the clock was ahead."""


class Discrepancies(Generic[D]):
    """`identity` names the columns of the table's unique index: a discrepancy with the same values is the same one, found again."""

    def __init__(self, table: type[D], kinds: type[StrEnum], *, identity: Sequence[str]) -> None:
        self._table, self._kinds, self._identity = table, kinds, list(identity)
        self._content = content_columns(table)

    def is_open(self) -> ColumnElement[bool]:
        return self._table.settled_at.is_(None)

    def write(self, session: Session, found: Iterable[D], *, since: datetime, now: datetime) -> None:
        """Records rows of a comparison that started at `since`; they belong to no session.

        An ignored one stays ignored while its content is the same. One that was resolved otherwise before `since` is open again.
        """
        values = [{**row.content, "found_at": now, "seen_at": now} for row in found]
        if not values:
            return
        table, insert = self._table, upsert_into(session)(self._table)
        new, details = insert.excluded, [name for name in self._content if name not in self._identity]
        unchanged = and_(true(), *(getattr(table, name).is_not_distinct_from(new[name]) for name in details))
        ignored = table.settlement == IGNORED
        stays_resolved = or_(and_(ignored, unchanged), and_(~ignored, table.settled_at.between(since, now + LONGEST_COMPARISON)))
        resolution = {name: case((stays_resolved, getattr(table, name)), else_=null()) for name in RESOLUTION}
        update_ = {"seen_at": new.seen_at, **{name: new[name] for name in details}, **resolution}
        session.execute(insert.on_conflict_do_update(index_elements=self._identity, set_=update_).values(values))

    def close_unseen(self, session: Session, *, since: datetime, actor: Actor, now: datetime) -> int:
        """Marks the open ones that were not found since then as vanished; returns how many. Only after a complete comparison, and not if
        the clock was set back during it: then the next one marks them."""
        if not is_believed(since, now):
            return 0
        unseen = update(self._table).where(self.is_open(), or_(self._table.seen_at < since, self._table.seen_at > now + LONGEST_COMPARISON))
        return affected(session.execute(unseen.values(_resolution(VANISHED, actor, now))))

    def get(self, session: Session, discrepancy_id: int, *, lock: bool = False) -> D:
        """Raises DiscrepancyNotFound."""
        found = session.get(self._table, discrepancy_id, with_for_update=lock or None)
        if found is None:
            raise DiscrepancyNotFound(_("Difference %(number)s does not exist. Reload the page.", number=discrepancy_id))
        return found

    def close(self, session: Session, discrepancy_id: int, resolution: str, *, actor: Actor, now: datetime) -> None:
        """Marks it as resolved, unless it is."""
        still_open = update(self._table).where(self._table.id == discrepancy_id, self.is_open())
        session.execute(still_open.values(_resolution(resolution, actor, now)))

    def reopen(self, session: Session, discrepancy_id: int, *, closed_at: datetime) -> None:
        """Reverts the `close` of that time."""
        closed = update(self._table).where(self._table.id == discrepancy_id, self._table.settled_at == closed_at)
        session.execute(closed.values(dict.fromkeys(RESOLUTION)))

    def is_same(self, one: D, other: D) -> bool:
        """Whether both are the same discrepancy, regardless of its details."""
        return all(one.content[name] == other.content[name] for name in self._identity)

    def count_open(self, session: Session) -> dict[str, int]:
        """Open ones by kind, for every kind there is."""
        kind = self._table.kind
        rows = session.execute(select(kind, func.count()).where(self.is_open()).group_by(kind))
        counts = {name: count for name, count in rows}  # noqa: C416 — the type checker does not see that a row is a pair
        return {each.value: counts.get(each.value, 0) for each in self._kinds}

    def total_open(self, session: Session) -> int:
        return session.execute(select(func.count()).where(self.is_open())).scalar_one()

    def count_ignored(self, session: Session) -> int:
        return session.execute(select(func.count()).where(self._table.settlement == IGNORED)).scalar_one()

    def count(self, session: Session, kind: str, where: ColumnElement[bool]) -> int:
        """Open ones of the kind to which the condition applies."""
        return session.execute(select(func.count()).where(self.is_open(), self._table.kind == kind, where)).scalar_one()

    def page(self, session: Session, kind: str, *, after: int, limit: int) -> tuple[list[D], bool]:
        """Open ones of the kind with higher ids than `after`, by id, and whether more follow."""
        query = select(self._table).where(self.is_open(), self._table.kind == kind, self._table.id > after)
        found = list(session.scalars(query.order_by(self._table.id).limit(limit + 1)))
        return found[:limit], len(found) > limit

    def all(self, session: Session, kind: str, where: ColumnElement[bool]) -> list[D]:
        """Every open one of the kind to which the condition applies, by id."""
        query = select(self._table).where(self.is_open(), self._table.kind == kind, where)
        return list(session.scalars(query.order_by(self._table.id)))


def _resolution(resolution: str, actor: Actor, now: datetime) -> dict[str, Any]:
    return dict(zip(RESOLUTION, (now, actor.name[:100], resolution), strict=True))
