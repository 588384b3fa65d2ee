"""Keyset pagination: a page starts behind the last row of the page before, which an index finds: deep pages are as fast as the first."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, func, literal, not_, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

Row = TypeVar("Row")
Condition = ColumnElement[bool]
Column = InstrumentedAttribute[Any]


@dataclass(frozen=True)
class Segment:
    """Rows that meet all conditions, ordered by `columns`; the last column is unique. An index has these columns."""

    columns: tuple[Column, ...]
    conditions: list[Condition] = field(default_factory=list)


@dataclass(frozen=True)
class Cursor:
    """The row behind which a page starts: the segment's position, from 0, and the row's id."""

    segment: int
    row_id: int

    def __str__(self) -> str:
        return f"{self.segment}.{self.row_id}"

    @classmethod
    def parse(cls, text: str) -> "Cursor | None":
        """None if the text is not a cursor."""
        segment, _, row_id = text.partition(".")
        if not (segment.isascii() and segment.isdigit() and row_id.isascii() and row_id.isdigit()) or len(segment) > 2 or len(row_id) > 18:
            return None
        return cls(int(segment), int(row_id))


@dataclass(frozen=True)
class Page(Generic[Row]):
    """`next_cursor` is None on the last page."""

    rows: list[Row]
    next_cursor: Cursor | None


class KeysetQuery(Generic[Row]):
    """Segments one after another; each leaves out the rows of the segments before it. `descending` reverses the order of all of them.

    Rows without the conditions `within` do not exist for the caller: a cursor cannot name one, since its page would tell where the row is
    in the order. A cursor stays valid when its row stops meeting the other conditions.
    """

    def __init__(
        self,
        entity: type[Row],
        segments: Sequence[Segment],
        conditions: Sequence[Condition] = (),
        *,
        within: Sequence[Condition] = (),
        descending: bool = False,
    ) -> None:
        self._within, conditions = within, [*within, *conditions]
        self._entity, self._descending, self._id = entity, descending, entity.id  # type: ignore[attr-defined]
        self._segments = [
            Segment(segment.columns, [*segment.conditions, *(not_(and_(*other.conditions)) for other in segments[:number]), *conditions])
            for number, segment in enumerate(segments)
        ]

    def page(self, session: Session, *, size: int, after: Cursor | None = None, offset: int = 0) -> Page[Row]:
        """Starts behind `after` if that row still exists; otherwise `offset` rows from the beginning."""
        start = self._start(session, after)
        first, offset = (after.segment, 0) if after and start is not None else (0, offset)
        rows: list[tuple[int, Row]] = []
        for number, segment in list(enumerate(self._segments))[first:]:
            if offset and offset >= (count := self._count(session, segment)):
                offset -= count
                continue
            query = self._ordered(segment).offset(offset).limit(size + 1 - len(rows))
            if start is not None and number == first:
                query = query.where(self._behind(segment, start))
            rows += [(number, row) for row in session.scalars(query)]
            offset = 0
            if len(rows) > size:
                break
        last = Cursor(rows[size - 1][0], rows[size - 1][1].id) if len(rows) > size else None  # type: ignore[attr-defined]
        return Page([row for _, row in rows[:size]], last)

    def count(self, session: Session) -> int:
        return sum(self._count(session, segment) for segment in self._segments)

    def _start(self, session: Session, after: Cursor | None) -> Sequence[Any] | None:
        """The key columns of the cursor's row; None if the row does not exist."""
        if after is None or after.segment >= len(self._segments):
            return None
        return session.execute(select(*self._segments[after.segment].columns).where(self._id == after.row_id, *self._within)).first()

    def _behind(self, segment: Segment, start: Sequence[Any]) -> Condition:
        values = tuple_(*(literal(value, column.type) for column, value in zip(segment.columns, start, strict=True)))
        return tuple_(*segment.columns) < values if self._descending else tuple_(*segment.columns) > values

    def _ordered(self, segment: Segment) -> Select[Row]:
        order = [column.desc() if self._descending else column.asc() for column in segment.columns]
        return select(self._entity).where(*segment.conditions).order_by(*order)

    def _count(self, session: Session, segment: Segment) -> int:
        return session.scalar(select(func.count()).select_from(self._entity).where(*segment.conditions)) or 0
