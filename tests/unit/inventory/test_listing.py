"""The stock as pages and files list it."""

from flask import Flask

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.inventory import counting, listing
from request_tracker_utils.inventory.listing import LevelCounts, StockFilter
from tests.services.stocking import HOW, delivered, line, reserved, taken

LENGTHS = ("1,000 ft", "3 m", "spool", "3 ft", "100 ft", "10 m", "0.5 m", "Box")


def test_pages_continue_behind_the_last_row_by_type_unit_and_length(app: Flask) -> None:
    with app.app_context():
        delivered(*(("cat6", length, 1) for length in LENGTHS), ("Aux", "2 m", 1), ("DAC", "2 m", 1))
        found, after = list[str](), None
        with reading() as session:
            while True:
                page = listing.find_rows(session, StockFilter(), size=3, after=after)
                found += [f"{row.cable_type} {row.cable_length}" for row in page.rows]
                after = page.next_cursor
                if after is None:
                    break
        assert [found[0], found[-1]] == ["Aux 2 m", "DAC 2 m"]
        assert set(found[1:3]) == {"cat6 spool", "cat6 Box"}
        assert found[3:-1] == ["cat6 3 ft", "cat6 100 ft", "cat6 1,000 ft", "cat6 0.5 m", "cat6 3 m", "cat6 10 m"]
        exported = [row[1] for row in listing.export_rows(reading, StockFilter(only="all"))]
        assert len(exported) == len(found)


def test_words_that_were_written_are_suggested_once(app: Flask) -> None:
    with app.app_context():
        delivered(("Cat6", "100 ft", 1), ("CAT6", "3ft", 1), ("Fiber", "spool", 1), vendor="Graybar")
        delivered(("Cat6", "3 ft", 1), vendor="GRAYBAR")
        delivered(("Cat6", "3 ft", 1), vendor="Anixter")
        with reading() as session:
            assert [name.casefold() for name in listing.types_written(session)] == ["cat6", "fiber"]
            assert listing.lengths_written(session) == ["3ft", "100 ft", "spool"]
            assert listing.vendors_written(session) == ["Anixter", "GRAYBAR"]


def test_levels_and_counts_are_summed_up(app: Flask) -> None:
    with app.app_context():
        delivered(("Cat6", "100 ft", 5), ("Cat6", "50 ft", 1), ("Gone", "1 m", 1))
        taken("Gone", "1 m", 1)
        reserved(7, line("50 ft", 3))
        with transaction() as session:
            count, empty = (counting.start(session, actor=HOW["actor"], now=HOW["now"]) for _ in range(2))  # type: ignore[arg-type]
            rows = counting.rows_of(session, count)
            for each, pieces in zip(rows, (1, 4), strict=False):
                facts = {"movement_id": each.row.movement_id, "reason": "Lost", **HOW}
                counting.count_row(session, count.id, each.row.id, pieces, **facts)  # type: ignore[arg-type]
        with reading() as session:
            assert listing.level_counts(session) == LevelCounts(in_stock=2, low=0, backordered=1)
            assert listing.count_progress(session, [count.id, empty.id]) == {count.id: (2, 1)}
