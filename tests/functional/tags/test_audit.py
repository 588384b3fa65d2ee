"""The audit log: a page with filters, and a CSV file."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, insert, text

from request_tracker_utils.core.db import db, read_connection, reading, transaction
from request_tracker_utils.tags import audit
from request_tracker_utils.tags.models import TagEvent
from tests.functional.accounts.test_queries import plans
from tests.services.apps import make_app, token, user
from tests.services.csv_files import without_mark
from tests.services.people import Person
from tests.services.tables import check_all

PAGE = "/admin/asset-tags/audit"
NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def write(app: Flask, *rows: dict[str, object]) -> None:
    """Writes entries, a minute apart unless they have a time."""
    whole = {"actor": "ada", "action": "assigned", "asset_id": None, "old_name": None, "new_name": None, "reason": None}
    each = [{**whole, "at": NOON + timedelta(minutes=number), **row} for number, row in enumerate(rows)]
    with app.app_context(), transaction() as session:
        session.execute(insert(TagEvent), each)


def many(app: Flask, count: int, **more: object) -> None:
    write(app, *({"tag": f"W12-{number + 1:04d}", "asset_id": number + 1, **more} for number in range(count)))


def found(person: Person, query: str = "") -> list[list[str]]:
    """Rows of the CSV file, without the header."""
    answer = person.get(f"{PAGE}.csv{query}")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    header, *rows = csv.reader(io.StringIO(without_mark(answer.get_data(as_text=True))))
    assert header == ["time", "user", "action", "tag", "asset", "old name", "new name", "reason"]
    return rows


def tags(person: Person, query: str) -> list[str]:
    """Tags on the page, which are also those in the file."""
    page = person.read(f"{PAGE}{query}")
    shown = [line.split('">', 2)[2].split("<", 1)[0] for line in page.splitlines() if line.startswith('<td class="first">')]
    assert [row[3] for row in found(person, query)] == shown
    return shown


def test_the_page_has_fifty_entries_newest_first_and_links_to_older_ones(app: Flask, staff: Person) -> None:
    many(app, 120)
    seen, path = list[str](), PAGE
    for _ in range(5):
        page = staff.read(path)
        seen += [line.split('">', 2)[2].split("<", 1)[0] for line in page.splitlines() if line.startswith('<td class="first">')]
        if "Older →" not in page:
            break
        path = page.split('rel="next" href="', 1)[1].split('"', 1)[0]
    assert seen == [f"W12-{number:04d}" for number in range(120, 0, -1)]
    assert "← Newest" in page


def test_an_entry_shows_user_action_time_asset_and_reason(app: Flask, staff: Person) -> None:
    row = {"tag": "W12-0007", "asset_id": 123, "old_name": "laptop", "new_name": "W12-0007", "reason": "<b>because</b>"}
    write(app, row)
    page = staff.get(PAGE).get_data(as_text=True)
    for part in ("W12-0007", "#123", "laptop → W12-0007", "&lt;b&gt;because&lt;/b&gt;", "ada", "2026-07-01 12:00"):
        assert part in page, part
    assert found(staff) == [["2026-07-01T12:00:00+00:00", "ada", "assigned", "W12-0007", "123", "laptop", "W12-0007", "<b>because</b>"]]


def test_search_finds_exactly_a_tag_an_asset_a_user_or_an_old_name(app: Flask, staff: Person) -> None:
    write(
        app,
        {"tag": "W12-0001", "asset_id": 123},
        {"tag": "W12-0002", "asset_id": 1234, "actor": "job confirm-tags"},
        {"tag": "W12-0003", "asset_id": 5, "old_name": "Cart 4, front"},
        {"tag": "W12-0004", "asset_id": 6, "old_name": "123", "actor": "eve"},
        {"tag": "W12-0005", "asset_id": 123, "actor": "123", "old_name": "123"},
    )
    assert tags(staff, "?q=W12-0003") == ["W12-0003"]
    assert tags(staff, "?q=%23123") == ["W12-0005", "W12-0001"]
    assert tags(staff, "?q=123") == ["W12-0005", "W12-0004", "W12-0001"], "asset, user or old name, each entry once"
    assert tags(staff, "?q=job+confirm-tags") == ["W12-0002"]
    assert tags(staff, "?q=+Cart+4,+front+") == ["W12-0003"]
    for nothing in ("W12", "w12-0003", "Cart", "12", "%25", "'", "%23", "9" * 30, "x" * 600):
        assert tags(staff, f"?q={nothing}") == [], nothing
    assert "No entry matches exactly." in staff.read(f"{PAGE}?q=nothing")


def test_filters_apply_to_further_pages(app: Flask, staff: Person) -> None:
    many(app, 60, action="confirmed")
    many(app, 60, action="released", actor="eve")
    page = staff.read(f"{PAGE}?q=eve&action=released&from=2026-07-01&until=2026-07-01")
    older = staff.read(page.split('rel="next" href="', 1)[1].split('"', 1)[0])
    assert (older.count('<td class="first">'), ">confirmed</span>" in older) == (10, False)
    assert len(found(staff, "?q=eve&action=released")) == 60
    assert found(staff, "?q=eve&action=confirmed") == found(staff, "?action=nonsense") == []


def test_dates_are_in_the_installations_zone_and_inclusive(tmp_path: Path, database_url: str) -> None:
    app = make_app(tmp_path, database_url=database_url, timezone="America/Chicago")
    staff = Person(app, user(app, "staff", "bob"))
    hours = {"W12-0001": (1, 4, 59), "W12-0002": (1, 5, 0), "W12-0003": (2, 4, 59), "W12-0004": (2, 5, 0)}
    write(
        app,
        *({"tag": tag, "at": datetime(2026, 7, day, hour, minute, tzinfo=UTC)} for tag, (day, hour, minute) in hours.items()),
    )
    assert tags(staff, "?from=2026-07-01&until=2026-07-01") == ["W12-0003", "W12-0002"]
    assert tags(staff, "?from=2026-07-01") == ["W12-0004", "W12-0003", "W12-0002"]
    assert tags(staff, "?until=2026-06-30") == ["W12-0001"]
    assert tags(staff, "?from=2026-07-03") == tags(staff, "?from=2026-07-02&until=2026-07-01") == []
    assert found(staff, "?from=2026-07-02")[0][0] == "2026-07-02T00:00:00-05:00"


def test_dates_find_the_entries_of_a_legacy_log(app: Flask, staff: Person) -> None:
    write(app, {"tag": "W12-0001", "at": NOON - timedelta(days=400)}, {"tag": "W12-0002", "at": NOON})
    old = NOON - timedelta(days=500)
    write(app, *({"tag": f"W12-{n:04d}", "at": old + timedelta(hours=n), "action": "logged"} for n in range(10, 40)))
    write(app, {"tag": "W12-0050", "at": NOON + timedelta(days=1)})
    assert tags(staff, "?from=2026-07-01") == ["W12-0050", "W12-0002"]
    assert tags(staff, f"?until={old:%Y-%m-%d}") == [f"W12-{n:04d}" for n in range(21, 9, -1) if n < 12]
    assert tags(staff, "?until=2025-12-31")[-2:] == ["W12-0010", "W12-0001"]
    assert tags(staff, "?action=logged&q=W12-0017&until=2025-12-31") == ["W12-0017"]


def test_an_invalid_date_is_an_error_and_other_unusual_filters_are_not(app: Flask, staff: Person) -> None:
    many(app, 2)

    def check_date(day: str) -> None:
        for field in ("from", "until"):
            answer = staff.get(f"{PAGE}?{field}={day}")
            assert (answer.status_code, "is not a date. Enter a date such as 2026-01-31." in answer.get_data(as_text=True)) == (400, True)
            assert staff.get(f"{PAGE}.csv?{field}={day}").status_code == 400

    def check_query(query: str) -> None:
        assert staff.get(f"{PAGE}?{query}").status_code == 200
        found(staff, f"?{query}")

    check_all(["x", "2026-13-01", "2026-02-30", "0001-01-01", "9999-12-31", "2026-07-01T00:00", "-1", "9" * 50], check_date)
    check_all(["before=x", "before=-1", f"before={'9' * 30}", "q=%00", "action=%00", "before=", "from=&until="], check_query)


def test_the_file_has_all_entries_and_no_formulas(app: Flask, staff: Person) -> None:
    many(app, 2_300, old_name='=HYPERLINK("x")')
    rows = found(staff)
    assert [row[3] for row in rows] == [f"W12-{number:04d}" for number in range(2_300, 0, -1)]
    assert {row[5][:2] for row in rows} == {"'="}


def test_teachers_may_not_read_it(app: Flask, client) -> None:  # type: ignore[no-untyped-def]
    for path in (PAGE, f"{PAGE}.csv"):
        assert client.get(path, headers=token(app, "teacher")).status_code == 403


@pytest.fixture
def crowded(app: Flask) -> Flask:
    """Twenty thousand entries, half of them by one user, with statistics for the planner."""
    rows = 20_000
    with app.app_context(), transaction() as session:
        each = [
            {
                "at": NOON + timedelta(minutes=number),
                "actor": "ada" if number % 2 else f"person {number % 40}",
                "action": ("reserved", "assigned", "confirmed", "logged")[number % 4],
                "tag": f"W12-{number // 4 + 1:04d}",
                "asset_id": number // 4 + 1,
                "old_name": f"laptop {number % 3000}",
            }
            for number in range(rows)
        ]
        session.execute(insert(TagEvent), each)
    with app.app_context(), db.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
    return app


@pytest.mark.both_databases
def test_every_search_scans_an_index_and_sorts_few_rows(crowded: Flask) -> None:
    def check(filter_: audit.AuditFilter) -> None:
        statements: list[tuple[str, object]] = []
        with crowded.app_context(), reading() as session:
            event.listen(session.connection(), "before_cursor_execute", lambda _c, _k, sql, values, *_: statements.append((sql, values)))
            found = audit.search(session, filter_)
            audit.newest(session, found)
            audit.newest(session, found, before=15_000)
        assert len(statements) <= 60
        with crowded.app_context(), read_connection() as connection:
            for plan in plans(connection, statements):
                assert "Seq Scan" not in plan, plan
                assert "B-TREE" not in plan, plan
                assert all("USING" in line for line in plan.splitlines() if line.startswith("SCAN")) or plan == "SCAN tag_events", plan
                sorted_rows = re.search(r"Sort  \(cost=\S+ rows=(\d+)", plan)
                assert sorted_rows is None or int(sorted_rows[1]) < audit.PAGE, plan

    texts = ["", "W12-0007", "#7", "ada", "nobody", "laptop 7"]
    days = audit.AuditFilter(since=NOON + timedelta(days=3), until=NOON + timedelta(days=4))
    check_all([*map(audit.AuditFilter, texts), audit.AuditFilter(action="confirmed"), days], check)


@pytest.mark.both_databases
def test_the_first_entry_of_a_day_is_found_with_few_queries(crowded: Flask) -> None:
    seen: list[str] = []
    with crowded.app_context(), reading() as session:
        event.listen(session.connection(), "before_cursor_execute", lambda _c, _k, statement, *_: seen.append(statement))
        found = audit.search(session, audit.AuditFilter(since=NOON + timedelta(days=3), until=NOON + timedelta(days=3, hours=1)))
        rows = audit.newest(session, found, limit=100)
    assert len(rows) == 60
    assert len(seen) < 2 * 16 + 6
