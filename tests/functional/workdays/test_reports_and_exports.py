"""Reports of a period, and exports as CSV and XLSX."""

import io
import zipfile
from csv import DictReader
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient

from request_tracker_utils.attendance.reading import TerminalUser
from request_tracker_utils.attendance.storing import store_users
from request_tracker_utils.core.db import transaction
from tests.services.access_log import accesses
from tests.services.apps import signed_in
from tests.services.attendance import NOW, added
from tests.services.forms import page
from tests.services.workdays import person, stored, workday

NS = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
FORMULA = "=HYPERLINK(1)"


@pytest.fixture(autouse=True)
def days(app: Flask) -> None:
    with app.app_context():
        terminal = added()
        with transaction() as session:
            store_users(session, terminal.id, [TerminalUser(1, "18", FORMULA)], now=NOW)
        ada = person("Ada Lovelace", "17")
        stored(
            workday("17", "2026-03-02", "08:00-17:30", person_id=ada, is_late=True, synced=True),
            workday("17", "2026-03-03", "08:00", person_id=ada),
            workday("17", "2026-03-09", "08:00-12:00", person_id=ada, is_half_day=True, is_early=True),
            workday("18", "2026-03-04", "05:00-13:00", outlier_reason="Clock-in at 05:00 is more than 2 hours before the start at 08:00."),
        )


def cells(answer: bytes) -> list[list[tuple[str, str]]]:
    """The type and the text of each cell of the first sheet, row by row."""
    with zipfile.ZipFile(io.BytesIO(answer)) as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml"), "a formula"
    rows = sheet.findall(".//s:row", NS)
    return [[(cell.get("t", "n"), "".join(cell.itertext())) for cell in row.findall("s:c", NS)] for row in rows]


def exported(client: FlaskClient, path: str) -> list[list[tuple[str, str]]]:
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype.endswith("spreadsheetml.sheet")) == (200, True)
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="')
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    return cells(answer.data)


@pytest.mark.both_databases
def test_a_report_sums_a_week_or_month_by_person(app: Flask) -> None:
    client = signed_in(app, "staff")
    rows = list(DictReader(io.StringIO(page(client, "/workdays/reports/report.csv?by=week&day=2026-03-04").removeprefix("\ufeff"))))
    names = ("name", "user_id", "days", "hours", "late", "early", "half_days", "outliers", "incomplete")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("Ada Lovelace", "", "2", "9.5", "1", "0", "0", "0", "1"),
        (f"'{FORMULA}", "18", "1", "8.0", "0", "0", "0", "1", "0"),
    ]
    shown = page(client, "/workdays/reports?by=month&day=2026-03-31")
    assert ("Month 2026-03" in shown, "2 people" in shown, ">13:30<" in shown, ">21:30<" in shown) == (True, True, True, True)
    assert "Week 2026-03-02 to 2026-03-08" in page(client, "/workdays/reports?by=week&day=2026-03-08")
    assert "No workdays" in page(client, "/workdays/reports?day=2025-01-01")
    for day in ("0001-01-01", "9999-12-31", "x"):
        for by in ("week", "month", "x"):
            page(client, f"/workdays/reports?by={by}&day={day}&page=2")


def test_the_report_as_a_spreadsheet_has_numbers(app: Flask) -> None:
    client = signed_in(app, "staff")
    header, ada, other = exported(client, "/workdays/reports/export.xlsx?by=week&day=2026-03-04")
    assert [text for _, text in header][:4] == ["name", "user_id", "terminal", "days"]
    assert ada == [("inlineStr", "Ada Lovelace"), *(("n", text) for text in ("2", "9.5", "1", "0", "0", "0", "1"))]
    assert other[0] == ("inlineStr", FORMULA), "text stays text"


@pytest.mark.both_databases
def test_exports_have_all_workdays_with_these_filters(app: Flask) -> None:
    client = signed_in(app, "staff")
    rows = list(DictReader(io.StringIO(page(client, "/workdays/workdays.csv").removeprefix("\ufeff"))))
    assert [row["date"] for row in rows] == ["2026-03-09", "2026-03-04", "2026-03-03", "2026-03-02"]
    last = rows[-1]
    found = [last[name] for name in ("terminal", "user_id", "name", "clock_in", "clock_out", "hours", "late", "synced_to_crm")]
    assert found == ["Main entrance", "17", "Ada Lovelace", "2026-03-02T08:00:00", "2026-03-02T17:30:00", "9.5", "yes", "yes"]
    assert (rows[1]["name"], rows[1]["outlier"], rows[2]["clock_out"], rows[2]["incomplete"]) == (f"'{FORMULA}", "yes", "", "yes")
    filtered = page(client, "/workdays/workdays.csv?user_id=18&from=2026-03-04&to=2026-03-04").splitlines()
    assert len(filtered) == 2


def test_the_spreadsheet_has_real_dates_times_and_numbers(app: Flask) -> None:
    client = signed_in(app, "staff")
    before = len(accesses(app))
    header, *rows = exported(client, "/workdays/export.xlsx?to=2026-03-04")
    assert [text for _, text in header][:8] == ["id", "date", "terminal", "user_id", "name", "clock_in", "clock_out", "hours"]
    assert len(rows) == 3
    number, day, _terminal, user_id, name, clock_in, clock_out, hours = rows[0][:8]
    assert (number, day, user_id, name) == (("n", "4"), ("n", "46085"), ("inlineStr", "18"), ("inlineStr", FORMULA))
    assert (clock_in[0], round((float(clock_in[1]) - 46085) * 24), round((float(clock_out[1]) - 46085) * 24)) == ("n", 5, 13)
    assert hours == ("n", "8")
    (access,) = accesses(app)[before:]
    assert (access.kind, access.what, access.records, access.complete) == ("export", "workdays", 3, True)


def test_a_download_that_is_broken_off_is_recorded_as_such(app: Flask) -> None:
    client = signed_in(app, "staff")
    before = len(accesses(app))
    answer = client.get("/workdays/export.xlsx", buffered=False)
    answer.close()
    (access,) = accesses(app)[before:]
    assert (access.records, access.complete) == (4, False)
