"""The stock as pages and files list it: rows by type and length, what was written before, and a row's history."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import Reading
from request_tracker_utils.core.keyset import Cursor, KeysetQuery, Page, Segment
from request_tracker_utils.inventory.errors import InvalidStockField
from request_tracker_utils.inventory.lengths import Length, key_of, parse_length
from request_tracker_utils.inventory.models import CableReceipt, CableType, Movement, StockCountRow, StockRow

MAX_SUGGESTIONS = 300
MAX_WORDS = 8
CHUNK = 500
STOCK_HEADER = ("cable_type", "cable_length", "on_hand", "reserved", "available", "backordered", "threshold", "target")
"""Columns of an exported file. The import knows these names."""

AVAILABLE = StockRow.on_hand - StockRow.reserved
_ORDER = (StockRow.type_key, StockRow.unit, func.coalesce(StockRow.length_thousandths, 0), StockRow.id)
_CONDITIONS: dict[str, ColumnElement[bool]] = {
    "": or_(StockRow.on_hand > 0, StockRow.target.is_not(None), StockRow.backordered > 0),
    "low": StockRow.threshold >= AVAILABLE,
    "reserved": StockRow.reserved > 0,
}


@dataclass(frozen=True)
class StockFilter:
    """`text` is words of a type and a length; `only` is `low`, `reserved`, `all`, or empty for rows with stock or a target."""

    text: str = ""
    only: str = ""


def find_rows(session: Session, filters: StockFilter, *, size: int, after: Cursor | None = None, offset: int = 0) -> Page[StockRow]:
    """By type, then by length."""
    return _query(filters).page(session, size=size, after=after, offset=offset)


def export_rows(reading: Reading, filters: StockFilter) -> Iterator[list[object]]:
    """All rows, in chunks with a short session each."""
    after: Cursor | None = None
    while True:
        with reading() as session:
            page = _query(filters).page(session, size=CHUNK, after=after)
        for row in page.rows:
            yield [getattr(row, name) for name in STOCK_HEADER]
        if page.next_cursor is None:
            return
        after = page.next_cursor


def types_written(session: Session) -> list[str]:
    """Names of cable types, and other types that the stock has."""
    known = session.execute(select(CableType.name_key, CableType.name).where(CableType.active)).all()
    written = select(StockRow.type_key, func.min(StockRow.cable_type)).group_by(StockRow.type_key).limit(MAX_SUGGESTIONS)
    return sorted({**dict(session.execute(written).all()), **dict(known)}.values(), key=str.casefold)


def types_on_shelf(session: Session) -> list[str]:
    """Types that stock rows have, by name."""
    query = select(func.min(StockRow.cable_type)).group_by(StockRow.type_key).order_by(StockRow.type_key)
    return [name for name in session.scalars(query) if name]


def lengths_written(session: Session) -> list[str]:
    """Usual lengths of the cable types, and other lengths that the stock has, the shortest first."""
    found: dict[str, Length] = {}
    usual = session.scalars(select(CableType.lengths).where(CableType.active)).all()
    written = session.scalars(select(StockRow.cable_length).distinct().limit(MAX_SUGGESTIONS))
    for text in [*(text for lengths in usual for text in lengths), *written]:
        try:
            length = parse_length(text)
        except InvalidStockField:
            continue
        found.setdefault(length.key, length)
    return [each.written for each in sorted(found.values(), key=lambda each: (each.unit == "", each.unit, each.thousandths or 0))]


def vendors_written(session: Session) -> list[str]:
    """The latest vendors."""
    latest = select(func.max(CableReceipt.id)).where(CableReceipt.vendor_key != "").group_by(CableReceipt.vendor_key)
    query = select(CableReceipt.vendor).where(CableReceipt.id.in_(latest)).order_by(CableReceipt.id.desc()).limit(MAX_SUGGESTIONS)
    return list(session.scalars(query))


@dataclass(frozen=True)
class LevelCounts:
    """How many rows have stock, and how many have fallen to their threshold or have back-orders."""

    in_stock: int
    low: int
    backordered: int


def level_counts(session: Session) -> LevelCounts:
    conditions = (StockRow.on_hand > 0, _CONDITIONS["low"], StockRow.backordered > 0)
    query = select(*(func.count().filter(each) for each in conditions)).select_from(StockRow)
    in_stock, low, backordered = tuple(session.execute(query).one())
    return LevelCounts(in_stock, low, backordered)


def history(session: Session, stock_id: int, *, limit: int) -> Sequence[Movement]:
    """A row's last movements, the newest first."""
    return session.scalars(select(Movement).where(Movement.stock_id == stock_id).order_by(Movement.id.desc()).limit(limit)).all()


def count_progress(session: Session, count_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Count → how many rows are counted, and how many of them differ. Without counts of which no row is counted."""
    differs = func.count().filter(StockCountRow.counted != StockCountRow.expected)
    query = select(StockCountRow.count_id, func.count(), differs).where(StockCountRow.count_id.in_(count_ids))
    return {count_id: (counted, differing) for count_id, counted, differing in session.execute(query.group_by(StockCountRow.count_id))}


def by_keys(session: Session, keys: Sequence[str]) -> dict[str, StockRow]:
    """The rows that exist, by key."""
    return {row.key: row for row in session.scalars(select(StockRow).where(StockRow.key.in_(keys)))}


def balances(session: Session, stock_ids: Sequence[int]) -> dict[int, int]:
    """What is on hand in these rows, by ID."""
    return dict(session.execute(select(StockRow.id, StockRow.on_hand).where(StockRow.id.in_(stock_ids))).all())


def _query(filters: StockFilter) -> KeysetQuery[StockRow]:
    conditions = [_CONDITIONS[filters.only]] if filters.only in _CONDITIONS else []
    return KeysetQuery(StockRow, [Segment(_ORDER)], [*conditions, *_matches(filters.text)])  # type: ignore[arg-type]


def _matches(text: str) -> list[ColumnElement[bool]]:
    """`Cat6 100ft` finds the length however it is written; otherwise each word is in the type or in the length."""
    words = text.split()[:MAX_WORDS]
    for start in range(len(words)):
        length = _length(" ".join(words[start:]))
        if length is not None:
            same = and_(StockRow.unit == length.unit, StockRow.length_thousandths == length.thousandths)
            return [*(StockRow.type_key.contains(key_of(word), autoescape=True) for word in words[:start]), same]
    return [
        or_(
            StockRow.type_key.contains(key_of(word), autoescape=True),
            func.lower(StockRow.cable_length).contains(word.lower(), autoescape=True),
        )
        for word in words
    ]


def _length(text: str) -> Length | None:
    try:
        length = parse_length(text)
    except InvalidStockField:
        return None
    return length if length.unit else None
