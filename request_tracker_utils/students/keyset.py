"""Long lists a page at a time: along an index from where the page before ended, however long the list is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, func, literal, not_, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

Row = TypeVar("Row")
Condition = ColumnElement[bool]
Column = InstrumentedAttribute[Any]


@dataclass(frozen=True)
class Walk:
    """Rows that fit all conditions, in the order of `columns`, of which the last is unique; there is an index with these columns."""

    columns: tuple[Column, ...]
    conditions: list[Condition] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """Behind which row a page begins: the walk, from 0, and the row's id."""

    walk: int
    row_id: int

    def __str__(self) -> str:
        return f"{self.walk}.{self.row_id}"

    @classmethod
    def parse(cls, text: str) -> "Place | None":
        """None for what is no place."""
        walk, _, row_id = text.partition(".")
        if not (walk.isascii() and walk.isdigit() and row_id.isascii() and row_id.isdigit()) or len(walk) > 2 or len(row_id) > 18:
            return None
        return cls(int(walk), int(row_id))


@dataclass(frozen=True)
class Page(Generic[Row]):
    """`following` is where the next page begins; None on the last one."""

    rows: list[Row]
    following: Place | None


class Walks(Generic[Row]):
    """Several walks one after the other; what one has shown the next ones leave out. All of them are walked backwards if wanted."""

    def __init__(self, entity: type[Row], walks: Sequence[Walk], conditions: Sequence[Condition] = (), *, backwards: bool = False) -> None:
        self._entity, self._backwards, self._id = entity, backwards, entity.id  # type: ignore[attr-defined]
        self._walks = [
            Walk(walk.columns, [*walk.conditions, *(not_(and_(*other.conditions)) for other in walks[:number]), *conditions])
            for number, walk in enumerate(walks)
        ]

    def page(self, session: Session, *, size: int, after: Place | None = None, offset: int = 0) -> Page[Row]:
        """Begins behind `after` where it is known and its row is still there; otherwise `offset` rows from the beginning."""
        begin = self._beginning(session, after)
        first, offset = (after.walk, 0) if after and begin is not None else (0, offset)
        rows: list[tuple[int, Row]] = []
        for number, walk in list(enumerate(self._walks))[first:]:
            if offset and offset >= (count := self._count(session, walk)):
                offset -= count
                continue
            query = self._ordered(walk).offset(offset).limit(size + 1 - len(rows))
            if begin is not None and number == first:
                query = query.where(self._behind(walk, begin))
            rows += [(number, row) for row in session.scalars(query)]
            offset = 0
            if len(rows) > size:
                break
        following = Place(rows[size - 1][0], rows[size - 1][1].id) if len(rows) > size else None  # type: ignore[attr-defined]
        return Page([row for _, row in rows[:size]], following)

    def count(self, session: Session) -> int:
        return sum(self._count(session, walk) for walk in self._walks)

    def _beginning(self, session: Session, after: Place | None) -> Sequence[Any] | None:
        if after is None or after.walk >= len(self._walks):
            return None
        return session.execute(select(*self._walks[after.walk].columns).where(self._id == after.row_id)).first()

    def _behind(self, walk: Walk, begin: Sequence[Any]) -> Condition:
        values = tuple_(*(literal(value, column.type) for column, value in zip(walk.columns, begin, strict=True)))
        return tuple_(*walk.columns) < values if self._backwards else tuple_(*walk.columns) > values

    def _ordered(self, walk: Walk) -> Select[Row]:
        order = [column.desc() if self._backwards else column.asc() for column in walk.columns]
        return select(self._entity).where(*walk.conditions).order_by(*order)

    def _count(self, session: Session, walk: Walk) -> int:
        return session.scalar(select(func.count()).select_from(self._entity).where(*walk.conditions)) or 0
