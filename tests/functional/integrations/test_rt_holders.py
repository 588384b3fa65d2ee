"""Holders with a real Request Tracker: synced, looked up and compared; and repair tickets."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import AssetStoreInvalid, AssetStoreUnreachable, NewTicket, UserNotFound
from request_tracker_utils.core import jobs
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.holders.comparison import DISCREPANCIES
from request_tracker_utils.holders.models import HolderDiscrepancy
from request_tracker_utils.holders.tickets import mark
from request_tracker_utils.students import devices
from request_tracker_utils.students.models import Device, RepairTicket
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import make_app, ready, token
from tests.services.local_server import Call, Reply
from tests.services.proxy import Forward, Proxy, nobody_there
from tests.services.request_tracker import RequestTracker
from tests.services.school import ADA, School

pytestmark = pytest.mark.rt

_numbers = count(1)


@dataclass
class Office:
    """An app with a Request Tracker behind a proxy, and a school with students who have users `RULE` there. Its names are unique."""

    app: Flask
    rt: RequestTracker
    line: Proxy
    school: School
    name: str
    headers: dict[str, str]

    def user(self, student_id: str) -> str:
        """Creates the student's user in Request Tracker."""
        name = f"{self.name}{student_id}"
        assert self.rt.rest("POST", "user", json={"Name": name, "Privileged": 0}).status_code == 201
        return name

    def student(self, student_id: str) -> str:
        """Adds a student, and the user in Request Tracker. Returns the user."""
        self.school.student(student_id)
        return self.user(student_id)

    def asset(self, tag: str, **more: Any) -> int:
        return self.rt.create_asset(f"{self.name}{tag}", **more)

    def device(self, tag: str) -> int:
        """Adds a device, and the asset in Request Tracker. Returns the asset."""
        self.school.device(f"{self.name}{tag}")
        return self.asset(tag)

    def holders(self, asset_id: int) -> tuple[list[str], str]:
        asset = self.rt.asset(asset_id)
        return [each["id"] for each in asset["HeldBy"]], asset["Owner"]["id"]

    def job(self, name: str) -> int:
        with self.app.app_context():
            return jobs.run(registry_of(self.app).jobs.named(name))

    def ask(self, method: str, path: str, **more: Any) -> TestResponse:
        return self.app.test_client().open(path, method=method, headers=self.headers, **more)

    def time_passes(self) -> None:
        now = utc_now()
        with self.app.app_context(), transaction() as session:
            session.execute(update(Device).where(Device.rt_due_at.is_not(None)).values(rt_due_at=now))
            session.execute(update(RepairTicket).where(RepairTicket.due_at.is_not(None)).values(due_at=now))


@pytest.fixture
def office(request_tracker: RequestTracker, database_url: str, tmp_path: Path) -> Iterator[Office]:
    name = f"h{next(_numbers)}x"
    with Proxy(request_tracker.url) as line:
        settings = {"rt_url": line.url, "rt_token": request_tracker.token, "prefix": f"{name}-", "rt_timeout": "30"}
        more = {"rt_student_user": name + "{student_id}", "rt_ticket_queue": "Device Repair"}
        app = ready(make_app(tmp_path, database_url=database_url, **settings, **more))
        yield Office(app, request_tracker, line, School(app), name, token(app, "staff"))
        with app.app_context():
            db.engine.dispose()


def test_assignments_and_returns_become_holder_and_owner(office: Office) -> None:
    user = office.student("1")
    office.school.student("2")  # who has no user there
    given, returned, unknown = (office.device(f"-000{number}") for number in (1, 2, 3))
    for number, student in ((1, "1"), (2, "1"), (3, "2")):
        office.school.assign(f"{office.name}-000{number}", student)
    office.school.device(f"{office.name}-0004")
    office.school.assign(f"{office.name}-0004", "1")
    assert office.job("sync-holders") == 2
    office.school.return_device(f"{office.name}-0002")
    assert office.job("sync-holders") == 1
    assert office.holders(given) == ([user], user)
    assert office.holders(returned) == ([], "Nobody")
    assert office.holders(unknown) == ([], "Nobody")
    problems = [office.school.device_now(f"{office.name}-000{number}").rt_problem for number in (3, 4)]
    assert problems == [
        f"Request Tracker has no user '{office.name}2'. Create the user there, or correct the name.",
        f"No asset is named {office.name}-0004. Create the asset, or resolve it under Differences.",
    ]
    office.user("2")
    office.asset("-0004")
    office.time_passes()
    assert office.job("sync-holders") == 2
    assert office.holders(unknown)[0] == [f"{office.name}2"]


def test_a_name_of_digits_is_a_name(office: Office) -> None:
    """A student number is not a user's number."""
    digits = f"77{next(_numbers):03d}00"
    assert office.rt.rest("POST", "user", json={"Name": digits}).status_code == 201
    office.school.student("1", rt_user=digits)
    asset_id = office.device("-0001")
    office.school.assign(f"{office.name}-0001", "1")
    assert office.job("sync-holders") == 1
    assert office.holders(asset_id) == ([digits], digits)
    answer = office.ask("GET", "/api/rt-lookup/student/1").json
    assert answer is not None
    assert (answer["rt_user_id"], [asset["id"] for asset in answer["assets"]]) == (digits, [asset_id])
    response = office.ask("GET", f"/api/rt-lookup/user/{digits}").json
    assert response is not None
    assert response["username"] == digits
    by_number = office.ask("GET", f"/api/rt-lookup/user/{response['id']}").json
    assert by_number == response
    ticket = office.ask("POST", "/api/tickets/create", json={"subject": "Broken", "body": "x", "student_id": "1"}).json
    assert ticket is not None
    assert [each["id"] for each in office.rt.rest("GET", f"ticket/{ticket['ticket_id']}").json()["Requestor"]] == [digits]


def test_a_renamed_asset_is_unchanged(office: Office) -> None:
    user = office.student("1")
    asset_id = office.device("-0001")
    office.school.assign(f"{office.name}-0001", "1")
    office.job("sync-holders")
    assert office.rt.rest("PUT", f"asset/{asset_id}", json={"Name": "Ms O'Brien’s laptop"}).ok
    office.school.return_device(f"{office.name}-0001")
    assert office.job("sync-holders") == 0
    assert office.holders(asset_id) == ([user], user)
    assert "is now named “Ms O'Brien’s laptop”" in str(office.school.device_now(f"{office.name}-0001").rt_problem)


def test_request_tracker_may_fail_during_a_sync(office: Office) -> None:
    user = office.student("1")
    assets = [office.device(f"-{number:04d}") for number in range(8)]
    for number in range(8):
        office.school.assign(f"{office.name}-{number:04d}", "1")
    written = count(1)

    def ends_after_three(call: Call, forward: Forward) -> Reply:
        if call.method == "PUT" and next(written) > 3:
            return nobody_there(call, forward)
        return forward()

    with office.line.meddling(ends_after_three), pytest.raises(AssetStoreUnreachable):
        office.job("sync-holders")
    office.time_passes()
    with office.line.meddling(nobody_there), pytest.raises(AssetStoreUnreachable):
        office.job("sync-holders")
    office.time_passes()
    office.job("sync-holders")
    assert [office.holders(asset_id) for asset_id in assets] == [([user], user)] * 8
    assert office.job("sync-holders") == 0


def test_a_lost_answer_does_no_harm(office: Office) -> None:
    user = office.student("1")
    asset_id = office.device("-0001")
    office.school.assign(f"{office.name}-0001", "1")

    def loses_answers(call: Call, forward: Forward) -> Reply:
        reply = forward()
        return Reply(hang_up=True) if call.method == "PUT" else reply

    with office.line.meddling(loses_answers):
        assert office.job("sync-holders") == 1  # it was read back
    assert office.holders(asset_id) == ([user], user)


def test_a_hundred_students_are_looked_up_with_five_requests_at_most(office: Office) -> None:
    students = [str(number) for number in range(1, 101)]
    for number in students:
        office.school.student(number)
    held = {number: office.asset(f"-{number}", HeldBy=[office.user(number)]) for number in ("1", "26", "51", "100")}
    office.school.device(f"{office.name}-1", asset_id=held["1"])
    office.line.calls.clear()
    answer = office.ask("POST", "/api/rt-lookup/batch", json={"student_ids": [*students, "no such"]})
    assert answer.status_code == 200
    assert len(office.line.calls) <= 5
    assert answer.json is not None
    results = answer.json["results"]
    assert [each["student_id"] for each in results] == [*students, "no such"]
    assert results[-1]["error"] == "Student not found"
    assert {each["student_id"]: [asset["id"] for asset in each["assets"]] for each in results[:-1] if each["assets"]} == {
        number: [asset_id] for number, asset_id in held.items()
    }
    assert results[0]["assets"][0] == {
        "id": held["1"],
        "name": f"{office.name}-1",
        "asset_tag": f"{office.name}-1",
        "serial_number": "",
        "model": "",
        "status": "new",
        "catalog": "Chromebooks",
    }
    office.line.calls.clear()
    with office.line.meddling(nobody_there):
        again = office.ask("GET", "/api/rt-lookup/student/26/")
        assert (again.status_code, [asset["id"] for asset in (again.json or {})["assets"]]) == (200, [held["26"]])
        assert int(again.headers["Age"]) <= 15
        silent = office.ask("GET", "/api/rt-lookup/student/1?rt_user_id=root")
        assert (silent.status_code, (silent.json or {})["code"]) == (503, "directory_unreachable")


def test_an_unknown_user_or_student_is_not_found(office: Office) -> None:
    office.school.student("1")
    for path, code in (
        ("/api/rt-lookup/student/9", "student_not_found"),
        ("/api/rt-lookup/student/1?rt_user_id=987654", "user_not_found"),
        ("/api/rt-lookup/user/nobody-knows", "user_not_found"),
        ("/api/rt-lookup/user/99999999999999999999", "user_not_found"),
    ):
        answer = office.ask("GET", path)
        assert (answer.status_code, (answer.json or {})["code"]) == (404, code)
    response = office.ask("GET", "/api/rt-lookup/user/student1001/").json
    assert response is not None
    assert {name: response[name] for name in ("username", "real_name", "email", "privileged")} == {
        "username": "student1001",
        "real_name": "Student 1001",
        "email": "student1001@rt.test",
        "privileged": False,
    }
    root = office.ask("GET", f"/api/rt-lookup/student/1?rt_user_id={response['id']}").json
    assert root is not None
    assert (root["student_id"], root["rt_user_id"]) == ("1", "student1001")


def test_a_ticket_is_created_and_linked_and_missing_links_are_reported(office: Office) -> None:
    office.student("1")
    asset_id, other = office.asset("-1"), office.asset("-2")
    body = {"subject": "Broken screen", "body": "It fell.", "student_id": "1", "device_name": "W12-1"}
    answer = office.ask("POST", "/api/tickets/create", json={**body, "device_id": str(asset_id), "asset_ids": [other, 999_999]})
    assert answer.status_code == 201
    response = answer.json
    assert response is not None
    assert response["ticket_url"] == f"{office.line.url}/Ticket/Display.html?id={response['ticket_id']}"
    assert (response["success"], response["linked_assets"], response["unlinked_assets"]) == (True, sorted([asset_id, other]), [999_999])
    assert response["warnings"] == ["Request Tracker did not link the ticket to asset #999999. Check the asset ID."]
    ticket = office.rt.rest("GET", f"ticket/{response['ticket_id']}").json()
    assert (ticket["Subject"], [each["id"] for each in ticket["Requestor"]]) == ("Broken screen", [f"{office.name}1"])
    refused = office.ask("POST", "/api/tickets/create/", json={**body, "queue": "No such queue"})
    assert (refused.status_code, (refused.json or {})["success"]) == (502, False)
    with office.line.meddling(nobody_there):
        silent = office.ask("POST", "/api/tickets/create", json={"subject": "x", "body": "y"})
    assert (silent.status_code, (silent.json or {})["success"]) == (503, False)
    assert "may already exist" in (silent.json or {})["error"]


def test_a_return_gets_one_ticket_although_the_answer_is_lost(office: Office) -> None:
    user = office.student("1")
    asset_id, tag = office.device("-0001"), f"{office.name}-0001"
    office.school.assign(tag, "1")
    log = office.school.return_device(tag, condition="damaged")
    with office.school.writing() as session:
        device = devices.get(session, tag)
        devices.request_repair_ticket(session, log, device, subject="It's 'broken' %_\\", body="It fell.", actor=ADA, now=utc_now())

    def loses_answers(call: Call, forward: Forward) -> Reply:
        reply = forward()
        return Reply(hang_up=True) if call.path.endswith("/ticket") else reply

    with office.line.meddling(loses_answers), pytest.raises(AssetStoreUnreachable):
        office.job("create-repair-tickets")
    office.time_passes()
    assert office.job("create-repair-tickets") == 1
    with office.app.app_context(), reading() as session:
        row = session.scalars(select(RepairTicket)).one()
    found = office.rt.rest("POST", "tickets", data={"query": f"Subject LIKE '{mark(row)}' AND id > 0"}, params={"fields": "Subject"}).json()
    assert [(int(each["id"]), each["Subject"]) for each in found["items"]] == [(row.ticket_id, f"It's 'broken' %_\\ {mark(row)}")]
    with office.app.app_context():
        assert asset_store().tickets_with_mark("(R-0-nothing)") == []
        assert asset_store().link_ticket(row.ticket_id or 0, []).asset_ids == (asset_id,)
    assert [each["id"] for each in office.rt.rest("GET", f"ticket/{row.ticket_id}").json()["Requestor"]] == [user]


def test_the_asset_store_finds_users_and_names_and_creates_tickets(office: Office) -> None:
    one, other = office.asset("-1"), office.asset("-2")
    with office.app.app_context():
        names = [f"{office.name}-{number}" for number in (1, 2, 3)]
        assert [asset.id for asset in asset_store().find_by_names([*names, "", "x" * 300])] == [one, other]
        assert asset_store().find_by_names([names[0].upper()]) == []
        with pytest.raises(UserNotFound):
            asset_store().user("..")
        with pytest.raises(AssetStoreInvalid):
            asset_store().link_ticket(asset_store().create_ticket(NewTicket("General", "x", "y")).id, [999_999])


def test_differences_are_found_with_one_request_per_hundred_assets(office: Office) -> None:
    user, other = office.student("1"), office.student("2")
    assets = [office.device(f"-{number:04d}") for number in range(4)]
    for number in range(4):
        office.school.assign(f"{office.name}-{number:04d}", "1")
    office.job("sync-holders")
    assert office.rt.rest("PUT", f"asset/{assets[0]}", json={"HeldBy": [other], "Owner": "Nobody"}).ok
    assert office.rt.rest("PUT", f"asset/{assets[1]}", json={"Name": f"{office.name} spare"}).ok
    assert office.rt.rest("PUT", f"asset/{assets[2]}", json={"Status": "deleted"}).ok
    stranger = office.asset("-0009", HeldBy=[user])
    total = len(office.rt.all_assets())
    office.line.calls.clear()
    assert office.job("compare-holders") == 1
    assert office.job("run-tasks") == 1
    assert len(office.line.calls) <= total / 100 + 4
    with office.app.app_context(), reading() as session:
        rows = session.scalars(select(HolderDiscrepancy).where(DISCREPANCIES.is_open())).all()
    mine = {
        (row.kind, row.asset_tag, row.asset_id, row.ours, row.theirs)
        for row in rows
        if office.name in f"{row.asset_tag}{row.asset_name}{row.theirs}"
    }
    assert mine == {
        ("holder", f"{office.name}-0000", assets[0], user, other),
        ("renamed", f"{office.name}-0001", assets[1], "", ""),
        ("missing_there", f"{office.name}-0002", assets[2], user, ""),
        ("unknown_here", "", stranger, "", user),
    }
