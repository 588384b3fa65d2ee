"""The record as administrators read it: a page with filters, and a file."""

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask

from request_tracker_utils.accounts import login_events, service
from request_tracker_utils.accounts.login_events import Origin
from request_tracker_utils.accounts.models import LoginKind
from request_tracker_utils.core.db import transaction
from tests.functional.accounts.records import account, made, recorded
from tests.services.apps import make_app, user
from tests.services.csv_files import without_mark
from tests.services.people import Person

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
PHONE = "203.0.113.200"


def write(app: Flask, count: int = 1, kind: LoginKind = LoginKind.FAILED, *, name: str = "", agent: str = "curl/8", **more: str) -> None:
    with app.app_context(), transaction() as session:
        person = service.user_named(session, name) if name else None
        for number in range(count):
            at = NOON + timedelta(seconds=number)
            detail = more.get("detail", f"number {number:03}")
            login_events.record(session, kind, Origin(more.get("address", PHONE), agent), now=at, user=person, detail=detail)


def rows(person: Person, query: str = "") -> list[list[str]]:
    answer = person.get(f"/admin/sign-ins.csv{query}")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="sign-ins.csv"'
    return list(csv.reader(io.StringIO(without_mark(answer.get_data(as_text=True)))))


def test_events_are_paged_newest_first(app: Flask, admin: Person) -> None:
    write(app, 120)
    seen, path = [], "/admin/sign-ins"
    for _ in range(5):
        page = admin.read(path)
        table = page.split("<tbody>", 1)[1].split("</tbody>", 1)[0]
        seen.append(table.count("<tr>"))
        if "Older →" not in page:
            break
        path = page.split('rel="next" href="', 1)[1].split('"', 1)[0]
    assert seen == [50, 50, 22]
    assert "← Newest" in page
    assert "number 119" in admin.read("/admin/sign-ins")


def test_a_full_last_page_has_no_next_page(app: Flask, admin: Person) -> None:
    write(app, 50, detail="wanted")
    page = admin.read("/admin/sign-ins?q=wanted")
    assert (page.count(">wanted</td>"), "Older →" in page) == (50, False)


def test_events_are_found_by_text_by_kind_and_by_person(app: Flask, admin: Person) -> None:
    bob = made(app, "staff", "bob")
    write(app, kind=LoginKind.SIGNED_IN, name="bob", detail="first_one")
    write(app, kind=LoginKind.FAILED, address="2001:db8::5", detail="second 100%")

    def found(query: str) -> set[str]:
        page = admin.read(f"/admin/sign-ins?{query}")
        return {mark for mark in ("first_one", "second 100%") if f">{mark}</td>" in page}

    assert found("") == {"first_one", "second 100%"}
    assert found("q=BOB") == found(f"user={bob}") == found("kind=signed+in") == {"first_one"}
    assert found("q=2001:DB8") == found("q=100%25") == found("kind=wrong+password&q=second") == {"second 100%"}
    assert found("q=t_o") == {"first_one"}
    assert found("q=d_1") == found("kind=nonsense") == set()
    assert "No events found" in admin.read("/admin/sign-ins?q=nothing-like-it")


def test_the_filter_stays_on_further_pages_and_in_the_file(app: Flask, admin: Person) -> None:
    write(app, 60, detail="wanted")
    write(app, 60, detail="other")
    page = admin.read("/admin/sign-ins?q=wanted&kind=wrong+password")
    older = admin.read(page.split('rel="next" href="', 1)[1].split('"', 1)[0])
    assert (older.count(">wanted</td>"), ">other</td>" in older) == (10, False)
    assert {row[5] for row in rows(admin, "?q=wanted&kind=wrong+password")[1:]} == {"wanted"}


def test_the_export_contains_all_events_newest_first(app: Flask, admin: Person) -> None:
    write(app, 2_500)
    head, *lines = rows(admin)
    assert head == ["when", "what", "who", "address", "agent", "detail"]
    assert len(lines) == 2_500 + len(recorded(app, LoginKind.SIGNED_IN)) + len(recorded(app, LoginKind.CHANGED))
    assert [line[5] for line in lines[:2]] == ["number 2499", "number 2498"]
    assert lines[0][:5] == ["2026-07-01T12:41:39+00:00", "wrong password", "", PHONE, "curl/8"]


def test_a_spreadsheet_runs_nothing_of_it(app: Flask, admin: Person) -> None:
    for bad in ("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"):
        write(app, agent=f"{bad}", detail=f'{bad},"x"\n=2')
    for row in rows(admin)[1:7]:
        assert row[4].startswith("'")
        assert row[5].startswith("'")
    assert len(rows(admin)) == 1 + len(recorded(app))


def test_times_are_those_of_the_installations_zone(tmp_path: Path, database_url: str) -> None:
    app = make_app(tmp_path, database_url=database_url, timezone="America/Chicago")
    admin = Person(app, user(app, "admin", "ada"))
    write(app, detail="here")
    assert rows(admin, "?q=here")[1][0] == "2026-07-01T07:00:00-05:00"
    assert "2026-07-01 07:00" in admin.read("/admin/sign-ins?q=here")


def test_what_a_program_says_of_itself_is_text_on_the_page(app: Flask, admin: Person) -> None:
    write(app, agent="<script>alert(1)</script>", detail="<b>bold</b>")
    page = admin.get("/admin/sign-ins").get_data(as_text=True)
    assert ("<script>alert" in page, "<b>bold" in page, "&lt;b&gt;bold" in page) == (False, False, True)


def test_only_administrators_read_the_record(app: Flask) -> None:
    for role in ("staff", "teacher", "student", "user"):
        person = Person(app, user(app, role))
        for path in ("/admin/sign-ins", "/admin/sign-ins.csv"):
            assert person.get(path).status_code == 403
    assert Person(app).get("/admin/sign-ins.csv").status_code == 303


def test_odd_filters_are_no_fault(app: Flask, admin: Person) -> None:
    number = account(app, "ada").id
    for query in (
        "before=x",
        "before=-1",
        f"before={'9' * 30}",
        "user=x",
        f"user={'9' * 30}",
        f"user={number}&before=0",
        f"q={'x' * 5000}",
    ):
        assert admin.get(f"/admin/sign-ins?{query}").status_code == 200, query
        assert len(rows(admin, f"?{query}")) >= 1, query
