"""Imports of balances, levels and deliveries: what they write to the ledger, and how they are undone."""

import pytest
from flask import Flask
from sqlalchemy import event, select

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.imports import service as imports, undo
from request_tracker_utils.imports.models import ImportRun
from request_tracker_utils.imports.report import CHANGED, NEW, ImportReport
from request_tracker_utils.imports.row_types import RowType, RowTypes
from request_tracker_utils.inventory import listing, receiving, service
from request_tracker_utils.inventory.listing import StockFilter
from request_tracker_utils.inventory.models import CableReceipt, Movement
from request_tracker_utils.inventory.stock import find_imbalances
from request_tracker_utils.tasks import jobs
from request_tracker_utils.tasks.models import Task
from request_tracker_utils.tasks.running import claim
from request_tracker_utils.web.registry import registry
from tests.services.rosters import csv, import_file, preview
from tests.services.school import ADA
from tests.services.stocking import NO_ALERTS, delivered, taken
from tests.services.tables import check_all

LEVELS = "Cable Type,Length,On Hand,Threshold,Target"
SLIPS = "Packing Slip,Vendor,PO,Cable Type,Length,Quantity"


def row_type(name: str) -> RowType:
    return registry().get(RowTypes).named(name)


def balances() -> dict[str, tuple[int, int | None, int | None]]:
    """Cable → on hand, threshold, target."""
    with reading() as session:
        assert find_imbalances(session) == []
        rows = service.on_hand(session, include_zero=True)
        return {f"{row.cable_type} {row.cable_length}": (row.on_hand, row.threshold, row.target) for row in rows}


def movements() -> list[tuple[str, int, str]]:
    with reading() as session:
        found = session.scalars(select(Movement).order_by(Movement.id))
        return [(each.movement_type, each.quantity_delta, each.notes) for each in found]


def imported(name: str, *lines: str) -> ImportReport:
    return import_file(csv(*lines, header=LEVELS if name == "stock" else SLIPS), row_type(name))


def undone(name: str) -> Task:
    """The task that undoes the last import that has changed anything."""
    now = utc_now()
    with transaction() as session:
        run_id = session.scalars(select(ImportRun.id).where(ImportRun.followed_up > 0).order_by(ImportRun.id.desc())).first()
        assert run_id is not None
        started = undo.start(session, run_id, row_type(name), actor=ADA, now=now)
        claimed = claim(session, now=now, task_id=started.id)
    assert claimed is not None
    jobs.run(claimed)
    with reading() as session:
        return session.get_one(Task, started.id)


def test_balances_and_levels_are_previewed_imported_and_undone(app: Flask) -> None:
    with app.app_context():
        delivered(("Cat6", "100 ft", 5), ("HDMI", "6 ft", 2))
        lines = ("Cat6,100ft,7,3,10", "Cat6,1000',2,,", "HDMI,6 ft,2,,", "Fiber,spool,4,1,2")
        planned = preview(csv(*lines, header=LEVELS), row_type("stock"))
        assert (planned.new, planned.changed, planned.unchanged) == (2, 1, 1)
        assert planned.examples[CHANGED][0].changes == [("on_hand", "5", "7"), ("threshold", "", "3"), ("target", "", "10")]
        assert balances() == {"Cat6 100 ft": (5, None, None), "HDMI 6 ft": (2, None, None)}
        imported("stock", *lines)
        after = {"Cat6 100 ft": (7, 3, 10), "Cat6 1000'": (2, None, None), "HDMI 6 ft": (2, None, None), "Fiber spool": (4, 1, 2)}
        assert balances() == after
        assert [each for each in movements() if each[0] == "adjustment"] == [
            ("adjustment", 2, "From import 1"),
            ("adjustment", 2, "From import 1"),
            ("adjustment", 4, "From import 1"),
        ]
        again = imported("stock", *lines)
        assert (again.new, again.changed, again.unchanged, balances()) == (0, 0, 4, after)
        task = undone("stock")
        assert (task.state, task.summary) == ("done", "0 deleted, 2 restored, 3 movements undone.")
        assert balances() == {key: (5 if key == "Cat6 100 ft" else 2 if key == "HDMI 6 ft" else 0, None, None) for key in after}
        assert sum(each[0] == "reversal" for each in movements()) == 3


def test_an_exported_file_changes_nothing(app: Flask) -> None:
    with app.app_context():
        delivered(("Cat6", "100 ft", 5), ("=Cat6", "spool, large", 2))
        imported("stock", "Cat6,100 ft,5,1,9")
        exported = ["" if cell is None else str(cell) for row in listing.export_rows(reading, StockFilter(only="all")) for cell in row]
        lines = [",".join(f'"{cell}"' for cell in exported[start : start + 8]) for start in range(0, len(exported), 8)]
        report = import_file(csv(*lines, header=",".join(listing.STOCK_HEADER)), row_type("stock"))
        assert (report.new, report.changed, report.unchanged, report.invalid) == (0, 0, 2, 0)


def test_columns_that_a_file_lacks_stay(app: Flask) -> None:
    with app.app_context():
        imported("stock", "Cat6,100 ft,5,1,9")
        import_file(csv("cat6,100 FT,8", header="Type,Length,Qty"), row_type("stock"))
        assert balances() == {"Cat6 100 ft": (8, 1, 9)}
        import_file(csv("cat6,100 FT,2,4", header="Type,Length,Min,Max"), row_type("stock"))
        assert balances() == {"Cat6 100 ft": (8, 2, 4)}


def test_balances_that_have_moved_since_are_not_undone(app: Flask) -> None:
    with app.app_context():
        imported("stock", "Cat6,100 ft,5,1,9", "Cat6,50 ft,5,,")
        taken("Cat6", "100 ft", 1)
        task = undone("stock")
        assert (task.state, "moved or changed since then: Cat6, 100 ft." in str(task.error)) == ("failed", True), task.error
        assert balances() == {"Cat6 50 ft": (5, None, None), "Cat6 100 ft": (4, 1, 9)}


def test_bad_rows_of_balances_are_skipped_with_the_reason(app: Flask) -> None:
    rows = [
        (",100 ft,1,,", "Enter the cable type"),
        ("Cat6,,1,,", "Enter the length"),
        ("Cat6,-100 ft,1,,", "cannot be negative"),
        ("Cat6,0 ft,1,,", "cannot be zero"),
        ("Cat6,NaN,1,,", "not a length"),
        ("Cat6,99999999999 ft,1,,", "larger than"),
        ("Cat6,100 parsecs,1,,", "not a unit of length"),
        ("Cat6,100 ft,-1,,", "whole number"),
        ("Cat6,100 ft,,,", "whole number"),
        ("Cat6,100 ft,NaN,,", "whole number"),
        ("Cat6,100 ft,1e3,,", "whole number"),
        ("Cat6,100 ft,2.5,,", "whole number"),
        ("Cat6,100 ft,three,,", "whole number"),
        ("Cat6,100 ft,99999999999,,", "whole number"),
        ("Cat6,100 ft,1,5,", "both the threshold and the target"),
        ("Cat6,100 ft,1,5,4", "less than the threshold"),
        ("Cat6,100 ft,1,-5,4", "whole number"),
    ]

    def is_skipped(line: str, reason: str) -> None:
        report = preview(csv("Cat5,3 ft,1,,", line, header=LEVELS), row_type("stock"))
        assert (report.new, report.invalid) == (1, 1)
        assert reason in " ".join(problem.message for problem in report.problems)

    with app.app_context():
        check_all(rows, is_skipped)
        twice = preview(csv("Cat6,100 ft,1,,", "cat6,100ft,2,,", header=LEVELS), row_type("stock"))
        assert [each.message for each in twice.problems] == ["cat6, 100ft is already in line 2."]


def test_deliveries_are_imported_once_and_undone(app: Flask) -> None:
    with app.app_context():
        lines = ("4711,Graybar,PO-1,Cat6,100 ft,5", "4711,GRAYBAR,PO-1,Cat6,50 ft,3", "4712,Graybar,PO-1,Cat6,100ft,2")
        planned = preview(csv(*lines, header=SLIPS), row_type("deliveries"))
        assert (planned.new, planned.examples[NEW][0].name, balances()) == (3, "4711: Cat6, 100 ft", {})
        imported("deliveries", *lines)
        with reading() as session:
            receipts = session.scalars(select(CableReceipt).order_by(CableReceipt.id)).all()
            assert [(each.packing_slip, each.vendor, len(each.items), each.received_by) for each in receipts] == [
                ("4711", "Graybar", 2, "ada"),
                ("4712", "Graybar", 1, "ada"),
            ]
        assert balances() == {"Cat6 50 ft": (3, None, None), "Cat6 100 ft": (7, None, None)}
        again = imported("deliveries", *lines, "4712,Graybar,PO-1,Cat6,9 ft,1", "4713,,,Cat6,9 ft,1")
        assert (again.new, again.unchanged, again.invalid) == (1, 3, 1)
        assert "already recorded, as delivery 2, with other cable" in again.problems[0].message
        assert undone("deliveries").state == "done"
        assert balances()["Cat6 9 ft"] == (0, None, None)
        assert imported("deliveries", "4713,,,Cat6,9 ft,4").new == 1, "the packing slip is free again"


@pytest.mark.parametrize("name", ["stock", "deliveries"])
def test_types_are_locked_before_rows_and_packing_slips(app: Flask, name: str) -> None:
    """Everyone locks in this order, so nobody waits for somebody who waits for them."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    def locks() -> list[str]:
        kinds = {"advisory": "type", " FOR ": "row", "INTO cable_receipts": "slip"}
        found = [kind for each in statements for mark, kind in kinds.items() if mark in each and ("stock_rows" in each or kind != "row")]
        statements.clear()
        return found

    with app.app_context():
        imported(name, "Cat6,100 ft,5,," if name == "stock" else "4711,Graybar,,Cat6,100 ft,5")
        is_postgresql = db.engine.dialect.name == "postgresql"
        event.listen(db.engine, "before_cursor_execute", note)
        try:
            delivered(("Cat6A", "7 ft", 1), packing_slip="4712")
            order = [kind for kind in locks() if is_postgresql or kind == "slip"]
            assert order == (["type", "row", "slip"] if is_postgresql else ["slip"])
            assert undone(name).state == "done"
            assert not is_postgresql or locks()[:2] == ["type", "row"]
        finally:
            event.remove(db.engine, "before_cursor_execute", note)


def test_deliveries_are_undone_after_cable_was_taken_unless_it_is_gone(app: Flask) -> None:
    with app.app_context():
        delivered(("Cat6", "100 ft", 5))
        imported("deliveries", "4711,Graybar,,Cat6,100 ft,5", "4711,Graybar,,Cat6,3 ft,5")
        taken("Cat6", "100 ft", 4)
        taken("Cat6", "3 ft", 1)
        task = undone("deliveries")
        assert (task.state, "Return or adjust the stock first" in str(task.error)) == ("failed", True), task.error
        assert balances() == {"Cat6 3 ft": (4, None, None), "Cat6 100 ft": (6, None, None)}, "nothing is half undone"
        with transaction() as session:
            service.put_back(session, "Cat6", "3 ft", 1, actor=ADA, now=utc_now(), alerts=NO_ALERTS)
        assert undone("deliveries").state == "done"
        assert balances() == {"Cat6 3 ft": (0, None, None), "Cat6 100 ft": (1, None, None)}


def test_bad_rows_of_deliveries_are_skipped_with_the_reason(app: Flask) -> None:
    rows = [
        (",Graybar,,Cat6,100 ft,5", "Enter the packing slip"),
        ("4711,Graybar,,,100 ft,5", "Enter the cable type"),
        ("4711,Graybar,,Cat6,,5", "Enter the length"),
        ("4711,Graybar,,Cat6,100 ft,0", "whole number"),
        ("4711,Graybar,,Cat6,100 ft,-5", "whole number"),
        ("4711,Graybar,,Cat6,100 ft,five", "whole number"),
        (f"4711,{'x' * 101},,Cat6,100 ft,5", "at most 100 characters"),
        (f"{'4' * 61},Graybar,,Cat6,100 ft,5", "at most 60 characters"),
    ]

    def is_skipped(line: str, reason: str) -> None:
        report = preview(csv("4710,Graybar,,Cat5,3 ft,1", line, header=SLIPS), row_type("deliveries"))
        assert (report.new, report.invalid) == (1, 1)
        assert reason in " ".join(problem.message for problem in report.problems)

    with app.app_context():
        check_all(rows, is_skipped)
        many = [f"4711,Graybar,,Cat6,{number} ft,1" for number in range(1, receiving.MAX_ITEMS + 2)]
        report = preview(csv(*many, header=SLIPS), row_type("deliveries"))
        assert (report.new, report.invalid, "at most 500 rows" in report.problems[0].message) == (0, 501, True)


@pytest.mark.parametrize("name", ["stock", "deliveries"])
def test_an_import_that_was_killed_is_continued(app: Flask, name: str) -> None:
    """What is already recorded counts as unchanged."""
    with app.app_context():
        line = "Cat6,100 ft,5,1,9" if name == "stock" else "4711,Graybar,,Cat6,100 ft,5"
        imported(name, line)
        assert (imported(name, line).unchanged, len(movements())) == (1, 1)
        with reading() as session:
            assert imports.newest(session, {name}, before=None, limit=5)[0].subject == name
