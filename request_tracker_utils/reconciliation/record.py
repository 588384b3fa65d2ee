"""The record of differences: what was seen, what was settled and how, what is open."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from sqlalchemy import and_, case, func, null, or_, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Base, affected, upsert_into
from request_tracker_utils.reconciliation.errors import DifferenceNotFound

Row = TypeVar("Row", bound=Base)
Kind = TypeVar("Kind", bound=StrEnum)
LEFT, VANISHED = "left", "vanished"
"""Settlements: it is to stay as it is; a later comparison saw it no more."""
SETTLED = ("settled_at", "settled_by", "settlement")


class Record(Generic[Row, Kind]):
    """The rows of a table with `id`, `kind`, `found_at`, `seen_at` and what SETTLED names. `identity` names the columns by which a
    difference is the same one, and `told` those that say how it stands."""

    def __init__(self, table: type[Row], kinds: type[Kind], *, identity: Sequence[str], told: Sequence[str]) -> None:
        self._row, self._table, self._kinds = table, _columns(table), kinds
        self._identity, self._told = list(identity), list(told)
        self.is_open = self._table["settled_at"].is_(None)

    def write(self, session: Session, seen: Sequence[Mapping[str, Any]], *, since: datetime, now: datetime) -> None:
        """Writes down what was seen. One that was left as it is stays settled while it is told in the same words; one that was settled
        otherwise before `since`, and is seen all the same, is open again."""
        if not seen:
            return
        table, insert = self._table, upsert_into(session)(self._row)
        new = insert.excluded
        same = and_(*(table[name].is_not_distinct_from(new[name]) for name in self._told))
        left = table["settlement"] == LEFT
        stays = or_(and_(left, same), and_(table["settlement"] != LEFT, table["settled_at"] >= since))
        settled = {name: case((stays, table[name]), else_=null()) for name in SETTLED}
        told = {name: new[name] for name in self._told}
        upsert = insert.on_conflict_do_update(index_elements=self._identity, set_={"seen_at": new.seen_at, **told, **settled})
        session.execute(upsert.values([{**row, "found_at": now, "seen_at": now} for row in seen]))

    def forget_unseen(self, session: Session, *, since: datetime, actor: Actor, now: datetime) -> int:
        """Settles the open ones that nobody has seen since then; returns how many. Only for one who has looked at everything."""
        unseen = update(self._row).where(self.is_open, self._table["seen_at"] < since)
        return affected(session.execute(unseen.values(_settled(VANISHED, actor, now))))

    def get(self, session: Session, difference_id: int, *, lock: bool = False) -> Row:
        """Raises DifferenceNotFound."""
        found = session.get(self._row, difference_id, with_for_update=lock or None)
        if found is None:
            raise DifferenceNotFound(f"There is no difference {difference_id}.")
        return found

    def close(self, session: Session, difference_id: int, settlement: str, *, actor: Actor, now: datetime) -> None:
        """Settles it, unless it is settled."""
        still_open = update(self._row).where(self._table["id"] == difference_id, self.is_open)
        session.execute(still_open.values(_settled(settlement, actor, now)))

    def open_again(self, session: Session, difference_id: int, *, closed_at: datetime) -> None:
        """Takes back what `close` did at that time."""
        ours = update(self._row).where(self._table["id"] == difference_id, self._table["settled_at"] == closed_at)
        session.execute(ours.values(dict.fromkeys(SETTLED)))

    def counts(self, session: Session) -> dict[Kind, int]:
        """How many are open of each kind."""
        kind = self._table["kind"]
        found = {name: count for name, count in session.execute(select(kind, func.count()).where(self.is_open).group_by(kind))}  # noqa: C416
        return {each: found.get(str(each), 0) for each in self._kinds}

    def count_left(self, session: Session) -> int:
        """How many somebody has left as they are."""
        return session.execute(select(func.count()).where(self._table["settlement"] == LEFT)).scalar_one()

    def page_of(self, session: Session, kind: Kind, *, after: int, limit: int) -> tuple[list[Row], bool]:
        """Open ones behind that id, in the order in which they were found, and whether more follow."""
        query = select(self._row).where(self.is_open, self._table["kind"] == kind, self._table["id"] > after)
        found = list(session.scalars(query.order_by(self._table["id"]).limit(limit + 1)))
        return found[:limit], len(found) > limit

    def all_of(self, session: Session, kind: Kind) -> list[Row]:
        """All that are open, in the order in which they were found."""
        return list(session.scalars(select(self._row).where(self.is_open, self._table["kind"] == kind).order_by(self._table["id"])))


def _columns(table: type[Base]) -> Mapping[str, Any]:
    return {name: getattr(table, name) for name in table.__mapper__.columns.keys()}  # noqa: SIM118 — a collection of columns, not a dict


def _settled(settlement: str, actor: Actor, now: datetime) -> dict[str, Any]:
    return dict(zip(SETTLED, (now, actor.name[:100], settlement), strict=True))
