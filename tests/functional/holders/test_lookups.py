"""Lookups and tickets over JSON without Request Tracker: the embedded asset store answers as far as it can."""

from typing import Any

from tests.functional.holders.conftest import Office
from tests.services.asking import Ask
from tests.services.tables import check_all


def test_a_student_has_the_assets_of_the_asset_store(office: Office, ask: Ask) -> None:
    office.student("01001")
    asset_id = office.asset("W12-0001", "01001", serial="SN1", model="Latitude", catalog="Chromebooks")
    office.asset("W12-0002", "ms.lee")
    office.student("1001")
    office.device("W12-0003", asset_id=office.asset("Grace’s laptop", "1001"))
    for path in ("/api/rt-lookup/student/01001", "/api/rt-lookup/student/01001/"):
        answer = ask("GET", path)
        assert (answer.status_code, answer.headers["Age"]) == (200, "0")
        asset = {"id": asset_id, "name": "W12-0001", "asset_tag": "W12-0001", "serial_number": "SN1", "model": "Latitude"}
        assert answer.json == {
            "student_id": "01001",
            "rt_user_id": "01001",
            "assets": [{**asset, "status": "new", "catalog": "Chromebooks"}],
        }
    other = ask("GET", "/api/rt-lookup/student/01001?rt_user_id=MS.Lee").json
    assert other is not None
    assert (other["student_id"], other["rt_user_id"], [each["name"] for each in other["assets"]]) == ("01001", "MS.Lee", ["W12-0002"])
    renamed = (ask("GET", "/api/rt-lookup/student/1001").json or {})["assets"]
    assert [(each["name"], each["asset_tag"]) for each in renamed] == [("Grace’s laptop", "W12-0003")]


def test_a_batch_has_the_results_in_order_and_a_maximum(office: Office, ask: Ask) -> None:
    office.students(2)
    office.asset("W12-0001", "1002")
    answer = ask("POST", "/api/rt-lookup/batch/", json={"student_ids": [1002, "nobody", "1001", "1002"]})
    results = (answer.json or {})["results"]
    assert [(each["student_id"], len(each.get("assets", "xxx")), each.get("error")) for each in results] == [
        ("1002", 1, None),
        ("nobody", 3, "Student not found"),
        ("1001", 0, None),
        ("1002", 1, None),
    ]

    def has_status(body: dict[str, Any], status: int) -> None:
        assert ask("POST", "/api/rt-lookup/batch", json=body).status_code == status

    check_all(
        [
            ({"student_ids": [str(number) for number in range(1001)]}, 400),
            ({"student_ids": []}, 400),
            ({"student_ids": "1001"}, 400),
            ({}, 400),
            ({"student_ids": ["\0", "x" * 300, "Ωß", " 1001 "]}, 200),
        ],
        has_status,
    )


def test_an_unknown_student_is_not_found(ask: Ask) -> None:
    for path in ("/api/rt-lookup/student/1001", "/api/rt-lookup/student/1001?rt_user_id=x"):
        assert ((answer := ask("GET", path)).status_code, (answer.json or {})["code"]) == (404, "student_not_found")


def test_users_and_tickets_need_a_request_tracker(office: Office, ask: Ask) -> None:
    user = ask("GET", "/api/rt-lookup/user/1001")
    assert (user.status_code, (user.json or {})["code"]) == (409, "no_request_tracker")
    assert "Set RT_URL and RT_TOKEN." in (user.json or {})["error"]
    ticket = ask("POST", "/api/tickets/create", json={"subject": "Broken", "body": "It fell."})
    assert (ticket.status_code, (ticket.json or {})["success"], (ticket.json or {})["code"]) == (409, False, "no_request_tracker")


def test_an_invalid_ticket_is_refused_in_the_shape_of_the_contract(ask: Ask) -> None:
    def is_refused(body: Any, error: str) -> None:
        answer = ask("POST", "/api/tickets/create", json=body)
        shown = answer.json or {}
        assert (answer.status_code, shown["success"], shown["error"].startswith(error)) == (400, False, True), shown

    check_all(
        [
            ({"body": "x"}, "subject: Field required"),
            ({"subject": " ", "body": "x"}, "subject: is required"),
            ({"subject": "x"}, "body: Field required"),
            ({"subject": "x", "body": ""}, "body: is required"),
            ({"subject": "x" * 201, "body": "y"}, "subject: String should have at most 200 characters"),
            ({"subject": "x", "body": "y", "asset_ids": ["W12-1"]}, "asset_ids.0: must be the number of an asset"),
            ({"subject": "x", "body": "y", "device_id": -1}, "device_id: Input should be greater than or equal to 1"),
            ({"subject": "x", "body": "y", "asset_ids": list(range(1, 102))}, "asset_ids: List should have at most 100 items"),
            (["no object"], "Send a JSON object."),
        ],
        is_refused,
    )
    answer = ask("POST", "/api/tickets/create", json={"subject": "x", "body": "y", "student_id": "4711"})
    shown = answer.json or {}
    assert (answer.status_code, shown["success"]) == (404, False)
    assert shown["error"] == "No student has the number 4711. Check the number, or add the student."
