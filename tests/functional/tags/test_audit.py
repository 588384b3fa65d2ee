"""The audit trail as people read it: a page with a search and filters, and a file."""

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
from tests.functional.accounts.person import Person
from tests.functional.accounts.test_queries import plans
from tests.services.apps import make_app, token, user

PAGE = "/admin/asset-tags/audit"
NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def staff(app: Flask) -> Person:
    return Person(app, user(app, "staff", "bob"))


def write(app: Flask, *rows: dict[str, object]) -> None:
    """Rows of the trail, a minute apart unless they say when."""
    whole = {"actor": "ada", "action": "assigned", "asset_id": None, "old_name": None, "new_name": None, "reason": None}
    each = [{**whole, "at": NOON + timedelta(minutes=number), **row} for number, row in enumerate(rows)]
    with app.app_context(), transaction() as session:
        session.execute(insert(TagEvent), each)


def many(app: Flask, count: int, **more: object) -> None:
    write(app, *({"tag": f"W12-{number + 1:04d}", "asset_id": number + 1, **more} for number in range(count)))


def found(person: Person, query: str = "") -> list[list[str]]:
    """Rows of the file, without its head."""
    answer = person.get(f"{PAGE}.csv{query}")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    head, *rows = csv.reader(io.StringIO(answer.get_data(as_text=True)))
    assert head == ["when", "who", "action", "tag", "asset", "old name", "new name", "why"]
    return rows


def tags(person: Person, query: str) -> list[str]:
    """Tags on the page and, the same, in the file."""
    page = person.read(f"{PAGE}{query}")
    shown = [line.split('">', 2)[2].split("<", 1)[0] for line in page.splitlines() if line.startswith('<td class="first">')]
    assert [row[3] for row in found(person, query)] == shown
    return shown


def test_the_newest_fifty_come_first_and_older_ones_on_further_pages(app: Flask, staff: Person) -> None:
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


def test_a_row_says_who_did_what_when_to_which_asset_and_why(app: Flask, staff: Person) -> None:
    row = {"tag": "W12-0007", "asset_id": 123, "old_name": "laptop", "new_name": "W12-0007", "reason": "<b>because</b>"}
    write(app, row)
    page = staff.get(PAGE).get_data(as_text=True)
    for part in ("W12-0007", "#123", "laptop → W12-0007", "&lt;b&gt;because&lt;/b&gt;", "ada", "2026-07-01 12:00"):
        assert part in page, part
    assert found(staff) == [["2026-07-01T12:00:00+00:00", "ada", "assigned", "W12-0007", "123", "laptop", "W12-0007", "<b>because</b>"]]


def test_it_is_searched_for_a_tag_an_asset_a_person_and_an_old_name_exactly(app: Flask, staff: Person) -> None:
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
    assert tags(staff, "?q=123") == ["W12-0005", "W12-0004", "W12-0001"], "asset, person or old name, each row once"
    assert tags(staff, "?q=job+confirm-tags") == ["W12-0002"]
    assert tags(staff, "?q=+Cart+4,+front+") == ["W12-0003"]
    for nothing in ("W12", "w12-0003", "Cart", "12", "%25", "'", "%23", "9" * 30, "x" * 600):
        assert tags(staff, f"?q={nothing}") == [], nothing
    assert "Nothing on the trail is exactly that" in staff.read(f"{PAGE}?q=nothing")


def test_filters_narrow_the_search_and_stay_on_further_pages(app: Flask, staff: Person) -> None:
    many(app, 60, action="confirmed")
    many(app, 60, action="released", actor="eve")
    page = staff.read(f"{PAGE}?q=eve&action=released&from=2026-07-01&until=2026-07-01")
    older = staff.read(page.split('rel="next" href="', 1)[1].split('"', 1)[0])
    assert (older.count('<td class="first">'), ">confirmed</span>" in older) == (10, False)
    assert len(found(staff, "?q=eve&action=released")) == 60
    assert found(staff, "?q=eve&action=confirmed") == found(staff, "?action=nonsense") == []


def test_days_are_those_of_the_installations_zone_and_both_are_included(tmp_path: Path, database_url: str) -> None:
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


def test_days_find_what_an_older_installation_wrote_although_it_was_taken_over_later(app: Flask, staff: Person) -> None:
    write(app, {"tag": "W12-0001", "at": NOON - timedelta(days=400)}, {"tag": "W12-0002", "at": NOON})
    old = NOON - timedelta(days=500)
    write(app, *({"tag": f"W12-{n:04d}", "at": old + timedelta(hours=n), "action": "logged"} for n in range(10, 40)))
    write(app, {"tag": "W12-0050", "at": NOON + timedelta(days=1)})
    assert tags(staff, "?from=2026-07-01") == ["W12-0050", "W12-0002"]
    assert tags(staff, f"?until={old:%Y-%m-%d}") == [f"W12-{n:04d}" for n in range(21, 9, -1) if n < 12]
    assert tags(staff, "?until=2025-12-31")[-2:] == ["W12-0010", "W12-0001"]
    assert tags(staff, "?action=logged&q=W12-0017&until=2025-12-31") == ["W12-0017"]


@pytest.mark.parametrize("day", ["x", "2026-13-01", "2026-02-30", "0001-01-01", "9999-12-31", "2026-07-01T00:00", "-1", "9" * 50])
def test_what_is_no_day_is_said(staff: Person, day: str) -> None:
    for field in ("from", "until"):
        answer = staff.get(f"{PAGE}?{field}={day}")
        assert (answer.status_code, "is no day. Write one like 2026-01-31." in answer.get_data(as_text=True)) == (400, True)
        assert staff.get(f"{PAGE}.csv?{field}={day}").status_code == 400


@pytest.mark.parametrize("query", ["before=x", "before=-1", f"before={'9' * 30}", "q=%00", "action=%00", "before=", "from=&until="])
def test_odd_filters_are_no_fault(app: Flask, staff: Person, query: str) -> None:
    many(app, 2)
    assert staff.get(f"{PAGE}?{query}").status_code == 200
    found(staff, f"?{query}")


def test_the_file_holds_all_of_them_and_a_spreadsheet_runs_nothing(app: Flask, staff: Person) -> None:
    many(app, 2_300, old_name='=HYPERLINK("x")')
    rows = found(staff)
    assert [row[3] for row in rows] == [f"W12-{number:04d}" for number in range(2_300, 0, -1)]
    assert {row[5][:2] for row in rows} == {"'="}


def test_teachers_do_not_read_it(app: Flask, client) -> None:  # type: ignore[no-untyped-def]
    for path in (PAGE, f"{PAGE}.csv"):
        assert client.get(path, headers=token(app, "teacher")).status_code == 403


@pytest.fixture
def crowded(app: Flask) -> Flask:
    """Twenty thousand rows, of which one person did half, and a database that knows it."""
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


@pytest.mark.parametrize(
    "wanted",
    [
        audit.Wanted(),
        audit.Wanted("W12-0007"),
        audit.Wanted("#7"),
        audit.Wanted("ada"),
        audit.Wanted("nobody"),
        audit.Wanted("laptop 7"),
        audit.Wanted(action="confirmed"),
        audit.Wanted(since=NOON + timedelta(days=3), until=NOON + timedelta(days=4)),
    ],
)
def test_every_search_is_a_walk_along_an_index_and_sorts_but_a_few_rows(crowded: Flask, wanted: audit.Wanted) -> None:
    seen: list[tuple[str, object]] = []
    with crowded.app_context(), reading() as session:
        event.listen(session.connection(), "before_cursor_execute", lambda _c, _k, statement, given, *_: seen.append((statement, given)))
        found = audit.search(session, wanted)
        audit.newest(session, found)
        audit.newest(session, found, before=15_000)
    assert len(seen) <= 60
    with crowded.app_context(), read_connection() as connection:
        for plan in plans(connection, seen):
            assert "Seq Scan" not in plan, plan
            assert "B-TREE" not in plan, plan
            assert all("USING" in line for line in plan.splitlines() if line.startswith("SCAN")) or plan == "SCAN tag_events", plan
            sorted_rows = re.search(r"Sort  \(cost=\S+ rows=(\d+)", plan)
            assert sorted_rows is None or int(sorted_rows[1]) < audit.PAGE, plan


def test_the_first_row_of_a_day_is_found_with_few_looks(crowded: Flask) -> None:
    seen: list[str] = []
    with crowded.app_context(), reading() as session:
        event.listen(session.connection(), "before_cursor_execute", lambda _c, _k, statement, *_: seen.append(statement))
        found = audit.search(session, audit.Wanted(since=NOON + timedelta(days=3), until=NOON + timedelta(days=3, hours=1)))
        rows = audit.newest(session, found, limit=100)
    assert len(rows) == 60
    assert len(seen) < 2 * 16 + 6
