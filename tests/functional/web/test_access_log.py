"""Each route that exports, looks up a person or lists people is recorded: who, what, how many."""

import csv
import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest
import requests
from flask import Flask
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from request_tracker_utils.accounts import access_events
from request_tracker_utils.accounts.current import StoredAccessLog
from request_tracker_utils.accounts.models import AccessEvent
from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.service import AssetStoreUser, NewAsset
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import Base, db, transaction
from request_tracker_utils.students import service
from request_tracker_utils.web import addresses
from request_tracker_utils.web.registry import registry_of
from tests.functional.accounts.records import invited, made
from tests.services import workdays
from tests.services.access_log import accesses, storing_in_background
from tests.services.apps import run_job, token, user
from tests.services.csv_files import without_mark
from tests.services.local_server import wait_until
from tests.services.messages import add_message, suppress
from tests.services.people import HOME, Person
from tests.services.punching import people_with_punches, punched
from tests.services.reviewed_days import to_review
from tests.services.school import School
from tests.services.server import RunningServer
from tests.services.tables import check_all
from tests.services.terminal import Run

GRACE, EXPORT, LOOKUP, LIST = "student 1001", "export", "lookup", "list"
TABLES = list(Base.metadata.tables)

# A new route that answers with personal data needs a line here: what does it record?
RECORDED: dict[str, tuple[str, str, str]] = {
    "GET /students": ("/students", LIST, ""),
    "GET /students/<student_id>": ("/students/1001", LOOKUP, GRACE),
    "GET /students/<student_id>/edit": ("/students/1001/edit", LOOKUP, GRACE),
    "GET /api/students": ("/api/students?search=hopper", LIST, ""),
    "GET /api/students/<student_id>": ("/api/students/1001", LOOKUP, GRACE),
    "GET /api/students/<student_id>/devices": ("/api/students/1001/devices", LOOKUP, GRACE),
    "GET /students/export.csv": ("/students/export.csv", EXPORT, ""),
    "GET /students/leavers": ("/students/leavers", LIST, ""),
    "GET /students/leavers.csv": ("/students/leavers.csv", EXPORT, ""),
    "GET /students/rollover": ("/students/rollover?last_grade=9", LIST, ""),
    "GET /students/differences": ("/students/differences", LIST, ""),
    "GET /students/scan": ("/students/scan", LIST, ""),
    "GET /devices": ("/devices", LIST, ""),
    "GET /devices/overdue": ("/devices/overdue", LIST, ""),
    "GET /devices/<asset_tag>": ("/devices/W12-0001", LOOKUP, GRACE),
    "GET /devices/export.csv": ("/devices/export.csv", EXPORT, ""),
    "GET /devices/logs.csv": ("/devices/logs.csv", EXPORT, ""),
    "GET /api/devices": ("/api/devices", LIST, ""),
    "GET /api/devices/<asset_tag>": ("/api/devices/W12-0001", LOOKUP, GRACE),
    "GET /api/devices/<asset_tag>/history": ("/api/devices/W12-0001/history", LIST, ""),
    "GET /api/scan/recent": ("/api/scan/recent?student_id=1001", LOOKUP, GRACE),
    "POST /api/scan/resolve": ("/api/scan/resolve", LOOKUP, GRACE),
    "GET /api/rt-lookup/student/<student_id>": ("/api/rt-lookup/student/1001", LOOKUP, GRACE),
    "POST /api/rt-lookup/batch": ("/api/rt-lookup/batch", LIST, ""),
    "GET /api/rt-lookup/user/<username>": ("/api/rt-lookup/user/1001", LOOKUP, "RT user 1001"),
    "GET /assets": ("/assets?holder=1001", LOOKUP, "RT user 1001"),
    "GET /assets/<int:asset_id>": ("/assets/{asset}", LOOKUP, "RT user 1001"),
    "GET /punches": ("/punches?from=&to=", LIST, ""),
    "GET /punches/rows": ("/punches/rows?from=&to=", LIST, ""),
    "GET /punches/punches.csv": ("/punches/punches.csv", EXPORT, ""),
    "GET /api/raw-attendance/": ("/api/raw-attendance/", LIST, ""),
    **{f"GET /api/processed-attendance/{rows}": (f"/api/processed-attendance/{rows}", LIST, "") for rows in ("", "outliers/", "unsynced/")},
    "GET /workdays/sync": ("/workdays/sync?show=unsynced", LIST, ""),
    "GET /workdays": ("/workdays", LIST, ""),
    "GET /workdays/days/<day>": ("/workdays/days/2026-03-02", LIST, ""),
    "GET /workdays/<int:workday_id>": ("/workdays/1", LOOKUP, "person with punches 1"),
    "GET /workdays/people/<int:person_id>": ("/workdays/people/1", LOOKUP, "person with punches 1"),
    "GET /workdays/users/<int:terminal_id>/<user_id>": ("/workdays/users/1/17", LOOKUP, "user 17 of terminal 1"),
    "GET /workdays/workdays.csv": ("/workdays/workdays.csv", EXPORT, ""),
    "GET /workdays/export.xlsx": ("/workdays/export.xlsx", EXPORT, ""),
    "GET /workdays/reports": ("/workdays/reports?day=2026-03-02", LIST, ""),
    "GET /workdays/reports/report.csv": ("/workdays/reports/report.csv", EXPORT, ""),
    "GET /workdays/reports/export.xlsx": ("/workdays/reports/export.xlsx", EXPORT, ""),
    "GET /api/processed-attendance/<int:workday_id>/why/": ("/api/processed-attendance/1/why/", LOOKUP, "person with punches 1"),
    "GET /api/processed-attendance/<int:workday_id>/": ("/api/processed-attendance/1/", LOOKUP, "person with punches 1"),
    "GET /workdays/review": ("/workdays/review", LIST, ""),
    "GET /workdays/review/<int:workday_id>": ("/workdays/review/1", LIST, ""),
    "GET /workdays/review/batch": ("/workdays/review/batch", LIST, ""),
    "GET /workdays/requests": ("/workdays/requests", LIST, ""),
    "GET /api/missed-punch-requests/": ("/api/missed-punch-requests/", LIST, ""),
    "GET /workdays/pay-periods/<int:period_id>": ("/workdays/pay-periods/1", LIST, ""),
    "GET /workdays/pay-periods/<int:period_id>/totals.csv": ("/workdays/pay-periods/1/totals.csv", EXPORT, ""),
    "GET /workdays/pay-periods/<int:period_id>/adjustments.csv": ("/workdays/pay-periods/1/adjustments.csv", EXPORT, ""),
    "GET /punches/review": ("/punches/review", LIST, ""),
    "GET /punches/quarantine": ("/punches/quarantine", LIST, ""),
    "GET /punches/quarantine/logs/<int:log_id>": ("/punches/quarantine/logs/1", LIST, ""),
    "GET /labels/prints/unscanned.csv": ("/labels/prints/unscanned.csv", EXPORT, ""),
    "GET /admin/asset-tags/audit.csv": ("/admin/asset-tags/audit.csv", EXPORT, ""),
    "GET /api/users": ("/api/users", LIST, ""),
    "GET /api/users/<user_id>": ("/api/users/{colleague}", LOOKUP, "account colleague"),
    "GET /admin/people": ("/admin/people", LIST, ""),
    "GET /admin/people/invitations": ("/admin/people/invitations", LIST, ""),
    "GET /admin/people/<int:user_id>": ("/admin/people/{user}", LOOKUP, "account reader"),
    "GET /admin/sign-ins": ("/admin/sign-ins", LIST, ""),
    "GET /admin/sign-ins.csv": ("/admin/sign-ins.csv", EXPORT, ""),
    "GET /admin/personal-data.csv": ("/admin/personal-data.csv", EXPORT, ""),
    "GET /stock/stock.csv": ("/stock/stock.csv", EXPORT, ""),
    "GET /stock/movements/movements.csv": ("/stock/movements/movements.csv", EXPORT, ""),
    "GET /stock/reorder/order.csv": ("/stock/reorder/order.csv", EXPORT, ""),
    "GET /stock/imports/<int:file_id>/problems.csv": ("/stock/imports/{stock}/problems.csv", EXPORT, ""),
    "GET /students/imports/<int:file_id>/problems.csv": ("/students/imports/{file}/problems.csv", EXPORT, ""),
    "GET /notifications": ("/notifications", LIST, ""),
    "GET /notifications/<int:message_id>": ("/notifications/{message}", LOOKUP, "account colleague"),
    "GET /notifications/messages.csv": ("/notifications/messages.csv", EXPORT, ""),
    "GET /notifications/suppressed": ("/notifications/suppressed", LIST, ""),
    "GET /punches/people": ("/punches/people", LIST, ""),
    "GET /punches/people/<int:person_id>": ("/punches/people/1", LOOKUP, "person with punches 1"),
    "GET /workdays/groups/<int:group_id>": ("/workdays/groups/1", LIST, ""),
    **{f"GET /api/staff-groups/<int:group_id>/{rows}/": (f"/api/staff-groups/1/{rows}/", LIST, "") for rows in ("members", "upcoming")},
    "GET /api/attendance-people/": ("/api/attendance-people/", LIST, ""),
    **{
        f"GET /api/attendance-people/{rows}/": (f"/api/attendance-people/{rows}/", LIST, "")
        for rows in ("conflicts", "unassigned", "changes")
    },
    "GET /api/attendance-people/<int:person_id>": ("/api/attendance-people/1", LOOKUP, "person with punches 1"),
    "GET /punches/people/imports/<int:file_id>/problems.csv": ("/punches/people/imports/{people}/problems.csv", EXPORT, ""),
    "GET /punches/people/conflicts": ("/punches/people/conflicts", LIST, ""),
    "GET /punches/people/changes": ("/punches/people/changes", LIST, ""),
    **{f"GET /admin/data/{table}/export/<export_type>/": (f"/admin/data/{table}/export/csv/", EXPORT, "") for table in TABLES},
    "GET /admin/data/students/": ("/admin/data/students/", LIST, ""),
    "GET /admin/data/students/details/": ("/admin/data/students/details/?id=1", LOOKUP, GRACE),
    "GET /admin/data/users/": ("/admin/data/users/", LIST, ""),
    "GET /admin/data/users/details/": ("/admin/data/users/details/?id=1", LIST, ""),
}
BODIES = {"POST /api/scan/resolve": {"code": "1001"}, "POST /api/rt-lookup/batch": {"student_ids": ["1001", "1002"]}}

# Everything else that is read, by where it is: why it is not recorded.
NOT_RECORDED = {
    "/devices/<asset_tag>/edit": "a form for the device’s own columns",
    "/students/imports": "one’s own uploads",
    "/": "counts",
    "/sign-in": "no data",
    "/set-up": "one's own account",
    "/password": "one's own account",
    "/register": "one's own account",
    "/forgot-password": "no data",
    "/tickets/<int:ticket_id>/approve": "a request for cable, for its approver",
    "/tickets/<int:ticket_id>/reject": "a request for cable, for its approver",
    "/api/tickets/<int:ticket_id>/approve": "a request for cable, for its approver",
    "/api/tickets/<int:ticket_id>/reject": "a request for cable, for its approver",
    "/me": "one's own account",
    "/notifications/test": "an empty form",
    "/my": "one's own record and devices",
    "/api/raw-attendance/mine": "one's own punches",
    "/api/processed-attendance/mine": "one's own workdays",
    "/api/processed-attendance/stats": "counts",
    "/admin/data": "by table above: the list of tables, and lists and rows of other tables, which one function records",
    "/admin/personal-data": "the record itself; its export is recorded",
    "/admin/people/new": "an empty form",
    "/admin/jobs": "no people",
    "/admin/settings": "no people",
    "/admin/access": "roles",
    "/admin/asset-tags": "tags; the names of those who changed them are staff",
    "/admin": "counts",
    "/api/jobs": "no people",
    "/api/students/stats": "counts",
    "/api/labels": "assets",
    "/api/tasks": "one's own work",
    "/api/health": "no people",
    "/students/new": "an empty form",
    "/students/scan/commands": "no people",
    "/students/import": "one's own uploads",
    "/devices/new": "an empty form",
    "/devices/import": "one's own uploads",
    "/api/dashboard/stats": "counts",
    "/api/inventory": "cable; the names of those who moved it are staff",
    "/api/tickets": "cable; the names of those who asked and decided are staff",
    "/api/cable-receiving": "cable; the names of those who received it are staff",
    "/api/cable-types": "cable",
    "/api/optics-parts": "parts",
    "/api/optics-requests": "parts; the names of those who need them are colleagues",
    "/assets/create": "one's own work",
    "/assets/import": "one's own uploads",
    "/assets/validate-serial": "assets",
    "/assets/preview-next-tag": "tags",
    "/labels": "assets",
    "/next-asset-tag": "tags",
    "/stock": "cable; the names of those who moved it are staff",
    "/optics": "parts; the names of those who need them are colleagues",
    "/tags": "assets",
    "/tasks": "titles and counts of work",
    "/tickets": "cable; the names of those who ask and decide are staff",
    "/webhook": "no people",
    "/terminals": "terminals",
    "/api/terminals": "terminals",
    "/api/punch-completeness": "counts",
    "/punches/completeness": "counts",
    "/punches/clock-repairs": "terminals and times; previews are recorded",
    "/punches/mine": "one's own punches",
    "/workdays/mine": "one's own workdays",
    "/workdays/compute": "two dates",
    "/workdays/mine/requests": "one's own requests",
    "/api/missed-punch-requests/mine": "one's own requests",
    "/workdays/pay-periods": "periods; those who closed them are staff",
    "/workdays/completeness": "counts",
    "/api/workday-completeness": "counts",
    "/punches/people/new": "an empty form",
    "/punches/people/import": "one’s own uploads",
    "/punches/people/imports": "one’s own uploads",
    "/workdays/groups": "hours and counts; members are recorded",
    "/api/staff-groups": "hours and counts; members are recorded",
    "/calendars": "holidays; the names of those who changed them are staff",
    "/api/calendars": "holidays",
    "/api/holidays": "holidays",
    "/api/calendar-changes": "holidays; the names of those who changed them are staff",
    "/iclock": "called by terminals, with stamps and options",
    "/openapi": "no data",
    "/metrics": "counts",
    "/static": "no data",
    "/bootstrap": "no data",
}


class Library(School):
    """Grace has W12-0001, which is overdue; Alan has a device that differs from its asset; Ada has left school with one."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app)
        self.students(3)
        self.devices(3)
        self.assign("W12-0001", "1001", due=utc_now().date() - timedelta(days=1))
        self.assign("W12-0002", "1002")
        self.assign("W12-0003", "1003")
        with self.writing() as session:
            service.get(session, "1003").is_active = False
        with app.app_context():
            self.asset = asset_store().create(NewAsset("W12-0001"))
            asset_store().set_holder(self.asset, "1001")
            asset_store().set_holder(asset_store().create(NewAsset("W12-0002")), "ms.lee")


@pytest.fixture
def library(app: Flask) -> Library:
    return Library(app)


def test_every_route_that_reads_is_classified(app: Flask) -> None:
    unknown = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(addresses.PREFIX) or "GET" not in (rule.methods or ()):
            continue
        is_known = any(rule.rule == prefix or rule.rule.startswith(f"{prefix.rstrip('/')}/") for prefix in NOT_RECORDED if prefix != "/")
        must_be_recorded = rule.rule.endswith(".csv") or "export" in rule.rule
        if f"GET {rule.rule}" not in RECORDED and (must_be_recorded or not (is_known or rule.rule == "/")):
            unknown.append(rule.rule)
    assert not unknown, "RECORDED says what these routes record, or NOT_RECORDED why they record nothing"


def test_every_export_and_look_up_is_recorded(app: Flask, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    found = AssetStoreUser(7, "1001", "Grace Hopper", "", is_privileged=False)
    monkeypatch.setattr(EmbeddedAssetStore, "user", lambda _self, _name: found)
    reader, headers = Person(app, user(app, "admin", "reader")), token(app, "admin")
    colleague, message = made(app, "staff", "colleague"), add_message(app, "colleague")
    suppress(app, "gone@example.org")
    invited(app)
    with app.app_context():
        punched()
        person = people_with_punches()
        workdays.in_staff_group(person)
        workdays.stored(workdays.workday("17", "2026-03-02", person_id=person, outlier_reason="Clock-in at 05:00"))
        workdays.stored(workdays.workday("17", utc_now().date(), person_id=person, outlier_reason="Clock-in at 05:00"))
        to_review(person)
    reader.submit("/students/differences/compare")
    run_job(app, "run-tasks")
    upload = {"file": (io.BytesIO(b"student_id,first_name,last_name\n77,Ann,Lee\n"), "a.csv")}
    file = reader.submit("/students/import", **upload).location.rsplit("/", 1)[1]
    upload = {"file": (io.BytesIO(b"cable_type,cable_length,on_hand\nCat6,100 ft,5\n"), "a.csv")}
    stock = reader.submit("/stock/import", **upload).location.rsplit("/", 1)[1]
    upload = {"file": (io.BytesIO(b"user_id,name\n17,Ada\n"), "a.csv")}
    people = reader.submit("/punches/people/import", **upload).location.rsplit("/", 1)[1]

    def is_recorded(route: str, path: str, kind: str, subject: str) -> None:
        before = len(accesses(app))
        if route in BODIES:
            answer = app.test_client().post(path, headers=headers, json=BODIES[route])
        else:
            named = {"colleague": colleague, "file": file, "stock": stock, "people": people, "message": message}
            answer = reader.get(path.format(asset=library.asset, user=1, **named))
        answer.get_data()
        recorded = [(each.kind, each.subject) for each in accesses(app)[before:]]
        assert (answer.status_code, (kind, subject) in recorded) == (200, True), recorded

    check_all([(route, *values) for route, values in RECORDED.items()], is_recorded)


def test_an_export_is_recorded_with_who_what_and_how_many(app: Flask, library: Library, run: Run) -> None:
    reader = Person(app, user(app, "staff", "bob"))
    reader.get("/students/export.csv").get_data()
    assert run("students", "export").exit_code == 0
    assert run("devices", "logs").exit_code == 0
    assert [(e.name, e.address, e.kind, e.what, e.records, e.complete, bool(e.user_id)) for e in accesses(app)] == [
        ("bob", HOME, EXPORT, "students", 3, True, True),
        ("command line", "", EXPORT, "students", 3, True, False),
        ("command line", "", EXPORT, "history of devices", 3, True, False),
    ]


def test_a_client_that_hangs_up_is_recorded_with_what_was_sent(app: Flask, library: Library) -> None:
    library.students(500, begin=2001)
    answer = Person(app, user(app, "staff")).get("/students/export.csv", buffered=False)
    lines = sum(part.count(b"\n") for part in islice(iter(answer.response), 2))
    answer.response.close()  # type: ignore[attr-defined]
    answer.close()
    assert [(e.records, e.complete) for e in accesses(app)] == [(lines - 1, False)]


def test_stations_are_recorded_once_an_hour_and_people_each_time(app: Flask, library: Library) -> None:
    headers = token(app, "staff")
    client = app.test_client()
    for _ in range(3):
        client.get("/api/scan/recent?student_id=1001", headers=headers)
    assert [(e.what, e.subject) for e in accesses(app)] == [("recent changes of devices", ""), ("selected student", GRACE)]
    for _ in range(2):
        client.get("/api/students/1001", headers=headers)
    assert [e.what for e in accesses(app)][2:] == ["student", "student"]


def test_what_a_scan_changes_is_in_the_history_only(app: Flask, library: Library) -> None:
    headers, client = token(app, "staff"), app.test_client()
    library.device("W12-0009")
    client.post("/api/scan/assign", headers=headers, json={"scan_id": "a" * 32, "code": "1001"})
    assert [(e.what, e.subject) for e in accesses(app)] == [("scanned student", GRACE)]
    done = client.post("/api/scan/assign", headers=headers, json={"scan_id": "b" * 32, "code": "W12-0009", "student_id": "1001"})
    assert (done.status_code, len(accesses(app))) == (200, 1)


def test_a_scan_that_shows_a_student_is_a_lookup_whatever_its_station_is_about_to_do(app: Flask, library: Library) -> None:
    headers, client = token(app, "staff"), app.test_client()
    for action in ("assign", "return"):
        assert client.post(f"/api/scan/{action}", headers=headers, json={"scan_id": action.ljust(32, "0"), "code": "1001"}).json["student"]
    assert [(e.what, e.subject) for e in accesses(app)] == [("scanned student", GRACE)] * 2


def test_a_failed_look_up_of_nobody_is_no_access(app: Flask, library: Library) -> None:
    headers, client = token(app, "staff"), app.test_client()
    for path in ("/api/students/9999", "/api/students?search=nobody-like-it", "/api/devices/W99-0001"):
        client.get(path, headers=headers)
    assert not accesses(app)


class TestAnEventThatCannotBeWritten:
    def test_reading_goes_on_and_the_event_is_in_the_log(self, app: Flask, library: Library, caplog: pytest.LogCaptureFixture) -> None:
        headers, client = token(app, "staff"), app.test_client()

        def full(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if "access_events" in statement:
                raise OperationalError(statement, None, sqlite3.OperationalError("database or disk is full"))

        with app.app_context():
            event.listen(db.engine, "before_cursor_execute", full)
            try:
                answers = [client.get(path, headers=headers) for path in ("/api/students/1001", "/students/export.csv")]
                texts = [answer.get_data(as_text=True) for answer in answers]
            finally:
                event.remove(db.engine, "before_cursor_execute", full)
        assert [answer.status_code for answer in answers] == [200, 200]
        assert "Hopper" in texts[0]
        assert texts[1].count("\n") == 4
        assert not accesses(app)
        lost = [record.getMessage() + str(record.msg) for record in caplog.records if "was not stored" in str(record.msg)]
        assert len(lost) == 2
        assert all("staff-" in line for line in lost)

    def test_reading_does_not_wait_for_the_write_lock(self, app: Flask, library: Library) -> None:
        headers, client = token(app, "staff"), app.test_client()
        client.get("/api/students/1001", headers=headers)  # the first use of a token is recorded, and that waits
        with storing_in_background(app) as log:
            with app.app_context(), transaction() as session:
                service.get(session, "1001", lock=True).homeroom = "12"
                session.flush()
                answer = client.get("/api/students/1002", headers=headers)
                assert answer.status_code == 200
            log.writer.flush(30)
            assert [e.subject for e in accesses(app)] == [GRACE, "student 1002"]

    def test_a_full_queue_drops_events_into_the_log(
        self, app: Flask, library: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(access_events, "MAX_PENDING", 0)
        headers, client = token(app, "staff"), app.test_client()
        with storing_in_background(app):
            assert client.get("/api/students/1001", headers=headers).status_code == 200
        assert not accesses(app)
        assert any("too many accesses are pending" in str(record.msg) for record in caplog.records)


class TestThePage:
    def test_events_are_listed_filtered_and_exported(self, app: Flask, library: Library, admin: Person) -> None:
        bob = Person(app, user(app, "staff", "bob"))
        bob.read("/students/1001")
        bob.get("/devices/export.csv").get_data()
        page = admin.read("/admin/personal-data")
        assert page.index("devices and their students") < page.index("student 1001")
        assert "devices and their students" not in admin.read("/admin/personal-data?kind=lookup")
        assert "No events found" in admin.read("/admin/personal-data?q=student+1002")
        assert "bob" in admin.read("/admin/personal-data?subject=student+1001")
        rows = list(csv.DictReader(io.StringIO(without_mark(admin.get("/admin/personal-data.csv?kind=lookup").get_data(as_text=True)))))
        assert [(row["subject"], row["person"], row["records"], row["complete"]) for row in rows] == [(GRACE, "bob", "1", "yes")]
        newest = accesses(app)[-1]
        assert (newest.kind, newest.what, newest.records) == (EXPORT, "access to personal data", 1)

    def test_pages_follow_the_last_event(self, app: Flask, library: Library, admin: Person) -> None:
        with app.app_context():
            log = registry_of(app).get(StoredAccessLog).writer
            first = access_events.Reading(utc_now(), LOOKUP, "student", GRACE, 1, True, None, "x", "")
            for number in range(120):
                log.add(replace(first, name=f"reader {number:03}"))
        path, seen = "/admin/personal-data?subject=student+1001", list[int]()
        for _ in range(4):
            page = admin.read(path)
            seen.append(page.count("reader "))
            if "Older →" not in page:
                break
            path = page.split('rel="next" href="', 1)[1].split('"', 1)[0]
        assert seen == [50, 50, 20]

    def test_a_students_page_says_to_administrators_who_looked(self, app: Flask, library: Library, admin: Person) -> None:
        bob = Person(app, user(app, "staff", "bob"))
        assert "Lookups of this record" not in bob.read("/students/1001")
        page = admin.read("/students/1001")
        assert "Lookups of this record" in page
        assert ">bob</a>" in page
        assert ">bob</a>" not in admin.read("/students/1002")

    def test_odd_filters_are_no_fault(self, admin: Person) -> None:
        for query in ("before=x", "before=-1", f"before={'9' * 30}", "user=x", f"user={'9' * 30}", "q=%00", "subject=%00", "kind=%00x"):
            assert admin.get(f"/admin/personal-data?{query}").status_code == 200, query
            with admin.get(f"/admin/personal-data.csv?{query}") as export:
                assert export.status_code == 200, query

    def test_old_events_are_deleted(self, app: Flask, library: Library) -> None:
        client, headers = app.test_client(), token(app, "staff")
        client.get("/api/students/1001", headers=headers)
        with app.app_context(), transaction() as session:
            session.query(AccessEvent).one().at = utc_now() - timedelta(days=366)
        client.get("/api/students/1002", headers=headers)
        assert run_job(app, "delete-access-events") == 1
        assert [e.subject for e in accesses(app)] == ["student 1002"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path) as running:
        yield running


STUDENTS = """INSERT INTO students (student_id, id_key, first_name, last_name, first_key, last_key, grade_rank, is_active, building,
 homeroom, email, rt_user, device_count, created_at, updated_at)
 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
 SELECT i, i, 'Grace', 'Hopper', 'grace', 'hopper', 0, 1, hex(zeroblob(40)), '', '', '', 0, '2026-01-01', '2026-01-01'
 FROM n"""
MANY = 200_000


def test_the_server_records_what_it_sent_to_a_client_that_hung_up_and_all_when_it_stops(server: RunningServer) -> None:
    server.run("users", "create", "bob", "--role", "staff", "--password-stdin", typed="correct horse battery\n")
    headers = {"Authorization": f"Bearer {server.run('tokens', 'create', 'bob').strip()}"}
    file = server.folder / "instance" / "database.sqlite"

    def recorded() -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(file)) as database:
            return database.execute("SELECT name, what, subject, records, complete FROM access_events ORDER BY id").fetchall()

    with closing(sqlite3.connect(file)) as database, database:
        database.execute(STUDENTS, {"count": MANY})
    with requests.get(f"{server.url}/students/export.csv", headers=headers, stream=True, timeout=60) as answer:
        assert next(answer.iter_content(1_000))
    wait_until(lambda: bool(recorded()), within=30)
    [(*what, records, complete)] = recorded()
    assert (what, complete) == (["bob", "students", ""], 0)
    assert 0 < int(str(records)) < MANY
    assert requests.get(f"{server.url}/api/students/17", headers=headers, timeout=60).status_code == 200
    server.stop()
    assert recorded()[1:] == [("bob", "student", "student 17", 1, 1)]
