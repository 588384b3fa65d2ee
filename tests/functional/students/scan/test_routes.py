"""The scan station's routes: each scan is processed immediately and exactly once, and recorded in the history."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from request_tracker_utils.students import scan_station as students_station
from request_tracker_utils.students.current import today
from request_tracker_utils.students.models import RepairTicket
from tests.services.apps import csrf_token, sign_in, user
from tests.services.asking import Ask
from tests.services.at_once import until_free
from tests.services.school import School
from tests.services.tables import check_all

_numbers = count(1)


class Station:
    def __init__(self, ask: Ask) -> None:
        self.ask = ask

    def assign(self, code: str, student_id: str = "", **more: Any) -> TestResponse:
        return self._post("assign", {"code": code, "student_id": student_id, **more})

    def return_device(self, code: str, **more: Any) -> TestResponse:
        return self._post("return", {"code": code, **more})

    def undo(self, log_id: int, **more: Any) -> TestResponse:
        return self._post("undo", {"log_id": log_id, **more})

    def look_up(self, code: str, **more: Any) -> TestResponse:
        return self.ask("POST", "/api/scan/resolve", json={"code": code}, **more)

    def recent(self, **query: Any) -> dict[str, Any]:
        return dict(self.ask("GET", "/api/scan/recent", query_string=query).get_json())

    def _post(self, what: str, body: dict[str, Any]) -> TestResponse:
        return self.ask("POST", f"/api/scan/{what}", json={"scan_id": f"scan-{next(_numbers):08}", **body})


@pytest.fixture
def station(ask: Ask, school: School) -> Station:
    school.student("1001")
    school.student("1002", "Alan", "Turing")
    school.devices(3)
    return Station(ask)


def test_a_student_is_selected_and_gets_devices(station: Station, school: School) -> None:
    selected = station.assign("1001").get_json()
    assert (selected["kind"], selected["line"], selected["words"]) == ("student", "Grace Hopper", "1001, grade 9, has no device.")
    given = station.assign("1", "1001", accessories=["charger", "case"], due_date="2999-06-01").get_json()
    assert (given["kind"], given["line"]) == ("assigned", "W12-0001")
    assert given["words"] == "Assigned to Grace Hopper (1001) with charger and case."
    assert [(device["asset_tag"], device["due_date"]) for device in given["student"]["devices"]] == [("W12-0001", "2999-06-01")]
    log = school.log("W12-0001")[0]
    assert (log.id, log.action, log.student_id, log.accessories) == (given["log_id"], "check_in", "1001", ["charger", "case"])
    assert school.device_now("W12-0001").rt_due_at is not None


def test_a_due_date_in_the_past_is_questioned(app: Flask, station: Station, school: School) -> None:
    with app.app_context():
        now = today()
    yesterday, tomorrow = str(now - timedelta(days=1)), str(now + timedelta(days=1))
    assert station.assign("1001", due_date=yesterday).status_code == 200  # selects the student
    scan_id = "one-scan-1"
    refused = station.assign("1", "1001", due_date=yesterday, scan_id=scan_id)
    assert (refused.status_code, refused.get_json()["code"], refused.get_json()["field"]) == (409, "due_date_past", "due_date")
    assert refused.get_json()["error"] == f"The due date {yesterday} is in the past. Correct it, or allow a due date in the past."
    assert school.log() == []
    assert station.assign("1", "1001", due_date=yesterday, allow_past_due_date=True, scan_id=scan_id).status_code == 200
    assert station.assign("1", "1001", due_date=yesterday, scan_id=scan_id).status_code == 200  # its first result
    assert station.assign("1", "1001", due_date=yesterday).get_json()["kind"] == "unchanged"
    for code, due in (("2", str(now)), ("3", tomorrow)):
        assert station.assign(code, "1001", due_date=due).status_code == 200
    assert [str(school.device_now(f"W12-000{number}").due_date) for number in (1, 2, 3)] == [yesterday, str(now), tomorrow]


def test_a_device_without_a_selected_student_is_refused(station: Station, school: School) -> None:
    answer = station.assign("W12-0001")
    assert (answer.status_code, answer.get_json()["code"]) == (409, "nobody_chosen")
    assert answer.get_json()["error"] == "Scan the student first, then W12-0001."
    assert school.log() == []


def test_a_device_of_another_student_is_refused_with_the_name(station: Station, school: School) -> None:
    school.assign("W12-0001", "1002")
    answer = station.assign("SN00001", "1001")
    body = answer.get_json()
    assert (answer.status_code, body["code"], body["asset_tag"], body["held_by"]) == (400, "device_not_available", "W12-0001", "1002")
    assert body["reason"] == "W12-0001 is assigned to Alan Turing (1002, grade 9). Return it first."


def test_a_device_that_the_student_has_is_left_unchanged(station: Station, school: School) -> None:
    school.assign("W12-0001", "1001")
    again = station.assign("W12-0001", "1001").get_json()
    assert (again["kind"], again["words"], len(school.log())) == ("unchanged", "Grace Hopper already has W12-0001.", 1)


def test_an_inactive_student_is_not_selected_and_the_previous_one_is_deselected(station: Station, ask: Ask) -> None:
    ask("PUT", "/api/students/1002", json={"active": False})
    body = station.assign("1002", "1001").get_json()
    assert (body["code"], body["student_stays"]) == ("student_inactive", False)
    assert station.look_up("1002").get_json()["student"]["active"] is False


def test_a_return_names_the_student_and_the_missing_accessories(station: Station, school: School) -> None:
    school.assign("W12-0001", "1001", accessories=["charger", "case"])
    back = station.return_device("W12-0001", accessories=["case", "mouse"]).get_json()
    assert (back["kind"], back["came_back"], back["missing"]) == ("returned", ["case"], ["charger"])
    assert back["words"] == "Returned by Grace Hopper (1001) with case. Missing: charger."
    assert back["student"]["devices"] == []
    assert school.log()[-1].missing == ["charger"]


def test_an_unassigned_device_cannot_be_returned(station: Station) -> None:
    answer = station.return_device("W12-0001")
    assert (answer.status_code, answer.get_json()["error"]) == (409, "W12-0001 is not assigned to a student: it is available.")


def test_a_damaged_return_sets_maintenance_and_requests_one_ticket(station: Station, school: School) -> None:
    school.assign("W12-0001", "1001")
    sent = {"scan_id": "damaged-0001", "condition": "damaged", "ticket": "Screen is  cracked"}
    for _ in range(2):
        back = station.return_device("W12-0001", **sent).get_json()
        assert back["words"] == "Returned by Grace Hopper (1001). The device is in maintenance. A repair ticket will be created."
    device = school.device_now("W12-0001")
    assert (device.status, device.condition) == ("maintenance", "damaged")
    with school.looking() as session:
        tickets = [(each.subject, each.body, each.student_id) for each in session.scalars(select(RepairTicket))]
    body = "Grace Hopper (1001) returned W12-0001 Chromebook 3100.\n\nScreen is cracked"
    assert tickets == [("W12-0001: Screen is cracked", body, "1001")]


def test_undoing_a_damaged_return_removes_its_ticket(station: Station, school: School) -> None:
    school.assign("W12-0001", "1001")
    back = station.return_device("W12-0001", condition="damaged", ticket="").get_json()
    undone = station.undo(back["log_id"]).get_json()
    assert (undone["kind"], undone["words"]) == ("undone", "Undone. The device is assigned to Grace Hopper (1001) again.")
    with school.looking() as session:
        assert list(session.scalars(select(RepairTicket))) == []


def test_a_return_is_corrected_in_one_step(station: Station, school: School) -> None:
    school.assign("W12-0001", "1001", accessories=["charger", "case"])
    back = station.return_device("W12-0001", accessories=["charger", "case"]).get_json()
    corrected = station.return_device("W12-0001", accessories=["case"], instead_of=back["log_id"]).get_json()
    assert (corrected["missing"], school.device_now("W12-0001").status) == (["charger"], "available")
    assert [log.action for log in school.log("W12-0001")] == ["check_in", "check_out", "check_in", "check_out"]
    assert station.return_device("W12-0002", instead_of=back["log_id"]).get_json()["field"] == "instead_of"
    late = station.return_device("W12-0001", accessories=[], instead_of=back["log_id"])
    assert (late.status_code, late.get_json()["code"]) == (409, "change_not_undoable")


def test_a_repeated_scan_is_processed_once_with_the_same_answer(station: Station, school: School) -> None:
    school.assign("W12-0002", "1002", accessories=["case"])
    undoable = school.assign("W12-0003", "1002")
    for send in (
        lambda: station.assign("W12-0001", "1001", scan_id="same-scan-1"),
        lambda: station.return_device("W12-0002", scan_id="same-scan-2"),
        lambda: station.undo(undoable.id, scan_id="same-scan-3"),
    ):
        entries = len(school.log())
        first = send().get_json()
        assert send().get_json() == first
        assert len(school.log()) == entries + 1


def test_a_repeated_scan_is_not_processed_again_after_a_return_elsewhere(station: Station, school: School) -> None:
    first = station.assign("W12-0001", "1001", scan_id="same-scan-1").get_json()
    station.return_device("W12-0001")
    again = station.assign("W12-0001", "1001", scan_id="same-scan-1").get_json()
    assert (again["log_id"], again["kind"], again["student"]["devices"]) == (first["log_id"], "assigned", [])
    assert school.device_now("W12-0001").status == "available"


def test_one_scan_id_for_two_concurrent_scans_processes_one(station: Station, school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(students_station, "_previous", lambda *_: None)  # neither sees the other
    assert station.assign("W12-0001", "1001", scan_id="same-scan-1").status_code == 200
    other = station.assign("W12-0002", "1001", scan_id="same-scan-1")
    assert (other.status_code, other.get_json()["code"]) == (409, "scan_twice")
    assert [log.asset_tag for log in school.log()] == ["W12-0001"]
    assert school.device_now("W12-0002").status == "available"


def test_only_the_last_change_is_undone_once(station: Station) -> None:
    given = station.assign("W12-0001", "1001").get_json()["log_id"]
    back = station.return_device("W12-0001").get_json()["log_id"]
    assert station.undo(given).get_json()["code"] == "change_not_undoable"
    assert station.undo(back).get_json()["line"] == "W12-0001"
    assert station.undo(back).status_code == 409
    assert station.undo(99_999).status_code == 404


def test_a_lookup_describes_and_changes_nothing(station: Station, school: School) -> None:
    school.assign("W12-0001", "1001", due=date(2999, 6, 1))
    device = station.look_up("1").get_json()
    assert (device["kind"], device["student"]["name"]) == ("device", "Grace Hopper")
    assert device["words"] == "Chromebook 3100 · S/N SN00001 · assigned to Grace Hopper (1001) · due 2999-06-01"
    assert station.look_up("W12-0002").get_json()["words"] == "Chromebook 3100 · S/N SN00002 · available"
    student = station.look_up("1001").get_json()
    assert (student["kind"], student["words"]) == ("student", "1001, grade 9, has W12-0001.")
    assert len(school.log()) == 1


def test_the_url_on_a_label_is_resolved(station: Station, ask: Ask) -> None:
    ask("PUT", "/api/devices/W12-0003", json={"asset_id": 12})
    assert station.look_up("http://127.0.0.1:8080/assets/12").get_json()["line"] == "W12-0003"
    assert station.look_up("http://127.0.0.1:8080/assets/13").status_code == 404


def test_other_stations_get_the_changes_since_their_last_request(station: Station) -> None:
    before = station.recent()
    assert (before["changes"], before["after"], before["student"]) == ([], 0, None)
    given = station.assign("W12-0001", "1001", scan_id="scan-of-station-1").get_json()
    latest = station.recent(after=before["after"], student_id="1001")
    assert [(change["id"], change["scan_id"], change["words"]) for change in latest["changes"]] == [
        (given["log_id"], "scan-of-station-1", "Assigned to Grace Hopper (1001).")
    ]
    assert [device["asset_tag"] for device in latest["student"]["devices"]] == ["W12-0001"]


def test_changes_older_than_the_overlap_are_sent_once(station: Station, school: School) -> None:
    old = school.assign("W12-0001", "1001")
    assert station.recent()["after"] == old.id
    assert station.recent(after=old.id)["changes"] == []


def test_missing_fields_are_named(ask: Ask) -> None:
    def check(body: dict[str, str], field: str) -> None:
        answer = ask("POST", "/api/scan/assign", json=body)
        assert (answer.status_code, answer.get_json()["field"]) == (400, field)

    check_all([({"code": "x"}, "scan_id"), ({"scan_id": "a b", "code": "x"}, "scan_id"), ({"scan_id": "12345678"}, "code")], check)


def test_teachers_only_look_up(station: Station, ask: Ask) -> None:
    for what in ("assign", "return", "undo"):
        assert ask("POST", f"/api/scan/{what}", json={}, role="teacher").status_code == 403


@pytest.mark.both_databases
def test_fifty_concurrent_scans_of_one_device_assign_it_once(station: Station, school: School, app: Flask, ask: Ask) -> None:
    ask("GET", "/api/students")  # creates the token

    def assign(number: int) -> int:
        return until_free(lambda: station.assign("W12-0001", ("1001", "1002")[number % 2])).status_code

    with ThreadPoolExecutor(10) as threads:
        statuses = list(threads.map(assign, range(50)))
    assert (len(school.log("W12-0001")), set(statuses)) == (1, {200, 400})


class TestFormWithoutJavaScript:
    @pytest.fixture
    def send(self, app: Flask, client: FlaskClient) -> Any:
        user(app, "staff")
        sign_in(client, "staff")
        csrf = csrf_token(client, "/students/scan")

        def send(code: str, mode: str = "assign", **more: Any) -> TestResponse:
            form = {"csrf_token": csrf, "mode": mode, "code": code, "scan_id": f"form-{next(_numbers):08}", **more}
            return client.post("/students/scan", data=form, headers={"Accept": "text/html"})

        return send

    def test_processes_one_scan_at_a_time_and_remembers_the_student(self, station: Station, school: School, send: Any) -> None:
        selected = send("1001")
        assert 'name="student_id" value="1001"' in selected.text
        given = send("W12-0001", student_id="1001", accessories=["charger"])
        assert "Assigned to Grace Hopper (1001) with charger." in given.text
        assert 'name="student_id" value="1001"' in given.text
        assert "Returned by Grace Hopper (1001)." in send("W12-0001", "return").text
        assert school.device_now("W12-0001").status == "available"

    def test_a_due_date_in_the_past_is_sent_again_with_its_checkbox(self, station: Station, school: School, send: Any) -> None:
        asked = send("W12-0001", student_id="1001", due_date="2020-01-02")
        assert "The due date 2020-01-02 is in the past." in asked.text
        assert 'name="student_id" value="1001"' in asked.text
        assert 'value="2020-01-02"' in asked.text
        assert re.search(r'<label class="checkbox-label" id="past-due"><input', asked.text)
        assert "Assigned to" in send("W12-0001", student_id="1001", due_date="2020-01-02", allow_past_due_date="yes").text
        later = send("W12-0002", student_id="1001", due_date="2999-06-01")
        assert "Assigned to" in later.text
        assert re.search(r'<label class="checkbox-label" id="past-due" hidden><input', later.text)

    def test_the_navigation_marks_the_station_alone(self, send: Any, client: FlaskClient) -> None:
        for path in ("/students/scan", "/students/scan/commands"):
            page = client.get(path, headers={"Accept": "text/html"}).text
            assert re.findall(r'aria-current="(?:page|true)">([^<]+)<', page) == ["Scan station"]
        assert client.get("/students/scan/card").location == "/students/scan/commands"

    def test_a_repeated_form_is_processed_once(self, station: Station, school: School, send: Any) -> None:
        for _ in range(2):
            assert "Assigned to" in send("W12-0001", student_id="1001", scan_id="twice-sent").text
        assert len(school.log()) == 1

    def test_an_error_is_shown_and_deselects_the_student(self, station: Station, send: Any) -> None:
        answer = send("nobody", student_id="1001")
        assert (answer.status_code, "“nobody” does not match a student or a device." in answer.text) == (404, True)
        assert 'name="student_id" value=""' in answer.text
        assert send("1001", due_date="soon").status_code == 400

    def test_a_command_changes_the_mode(self, station: Station, send: Any) -> None:
        assert 'value="damaged" checked' in send("MODE:DAMAGED").text

    def test_damage_requests_a_ticket(self, station: Station, school: School, send: Any) -> None:
        school.assign("W12-0001", "1001")
        assert "A repair ticket will be created." in send("W12-0001", "damaged", ticket_wanted="on", ticket="Hinge").text


def test_teachers_see_only_the_lookup_mode(app: Flask, client: FlaskClient, station: Station) -> None:
    user(app, "teacher")
    sign_in(client, "teacher")
    page = client.get("/students/scan", headers={"Accept": "text/html"}).text
    assert ('value="lookup" checked' in page, 'value="assign"' in page) == (True, False)
    form = {"csrf_token": csrf_token(client, "/students/scan"), "mode": "return", "code": "W12-0001"}
    assert client.post("/students/scan", data=form, headers={"Accept": "text/html"}).status_code == 403
    assert "available" in client.post("/students/scan", data={**form, "mode": "lookup"}, headers={"Accept": "text/html"}).text
