"""JSON routes of devices."""

from tests.services.asking import Ask
from tests.services.school import School
from tests.services.tables import check_all


def test_a_device_is_created_shown_changed_and_deleted(ask: Ask) -> None:
    created = ask("POST", "/api/devices", json={"asset_tag": "W12-1001", "serial_number": "5CD", "model": "Chromebook", "asset_id": 7})
    row = created.get_json()
    assert (created.status_code, row["status"], row["current_student_id"]) == (201, "available", None)
    assert ask("GET", "/api/devices/w12-1001").get_json() == row
    changed = ask("PUT", "/api/devices/W12-1001", json={"model": "Latitude", "serial_number": None}).get_json()
    assert (changed["model"], changed["serial_number"], changed["asset_id"]) == ("Latitude", None, 7)
    assert ask("DELETE", "/api/devices/W12-1001").status_code == 200
    assert ask("DELETE", "/api/devices/W12-1001").status_code == 404


def test_tags_and_assets_are_unique(ask: Ask) -> None:
    assert ask("POST", "/api/devices", json={"asset_tag": "W12-1", "asset_id": 7}).status_code == 201
    for duplicate in ({"asset_tag": "w12-1"}, {"asset_tag": "W12\N{EN DASH}1"}, {"asset_tag": "W12-2", "asset_id": 7}):
        answer = ask("POST", "/api/devices", json=duplicate)
        assert (answer.status_code, answer.get_json()["asset_tag"]) == (409, "W12-1")
    assert ask("POST", "/api/devices", json={"asset_tag": "W12-2"}).status_code == 201
    assert ask("PUT", "/api/devices/W12-2", json={"asset_id": 7}).status_code == 409


def test_invalid_tags_are_refused(ask: Ask) -> None:
    def check(tag: str) -> None:
        answer = ask("POST", "/api/devices", json={"asset_tag": tag})
        assert (answer.status_code, answer.get_json()["field"]) == (400, "asset_tag")

    check_all(["", "a/b", "x" * 300, "batch-checkin", "poll_all", "\t"], check)


def test_status_changes_are_in_the_history(school: School, ask: Ask) -> None:
    school.device()
    assert (
        ask("PUT", "/api/devices/W12-0001", json={"status": "maintenance", "notes": "Key Q sticks"}).get_json()["status"] == "maintenance"
    )
    assert ask("PUT", "/api/devices/W12-0001", json={"status": "available"}).get_json()["status"] == "available"
    assert [(entry.action, entry.notes) for entry in school.log()] == [("maintenance", "Key Q sticks"), ("repair", "")]
    for wrong in ("checked_out", "lost"):
        assert ask("PUT", "/api/devices/W12-0001", json={"status": wrong}).status_code == 400
    school.student()
    school.assign("W12-0001", "1001")
    assert ask("PUT", "/api/devices/W12-0001", json={"status": "retired"}).status_code == 409


def test_a_batch_reports_each_row_and_an_invalid_row_does_not_affect_the_others(school: School, ask: Ask) -> None:
    school.students(3)
    school.devices(3)
    school.assign("W12-0003", "1003")
    rows = [
        ("1001", "W12-0001"),
        ("77", "W12-0002"),
        ("1002", "W12-0099"),
        ("1002", "W12-0003"),
        ("1002", "w12-0002"),
        ("1003", "W12-0001"),
        ("1001", ""),
    ]
    sent = [{"student_id": student_id, "asset_tag": tag} for student_id, tag in rows]
    body = ask("POST", "/api/devices/batch-checkin", json={"operations": sent}).get_json()
    assert (body["batch_operation"], body["total_operations"]) == ("checkin", 7)
    assert [(each["status"], each["message"]) for each in body["results"]] == [
        ("success", "Device checked in successfully"),
        ("error", "Student not found"),
        ("error", "Device not found"),
        ("error", "Device not available"),
        ("success", "Device checked in successfully"),
        ("error", "Device not available"),
        ("error", "asset_tag is required"),
    ]
    assert [each["asset_tag"] for each in body["results"]] == [tag for _, tag in rows]
    assert not school.miscounted()


def test_a_batch_has_at_most_a_thousand_operations(school: School, ask: Ask) -> None:
    school.student()
    school.devices(40)
    sent = [{"student_id": "1001", "asset_tag": f"W12-{number:04d}"} for number in range(1, 1001)]
    body = ask("POST", "/api/devices/batch-checkin", json={"operations": sent}).get_json()
    assert [each["status"] for each in body["results"]].count("success") == 40
    assert ask("POST", "/api/devices/batch-checkin", json={"operations": [*sent, sent[0]]}).status_code == 400


def test_only_an_administrator_overrides_with_a_reason(school: School, ask: Ask) -> None:
    school.students(2)
    school.device()
    school.assign("W12-0001", "1001")
    path = "/api/devices/W12-0001/override"
    assert ask("POST", path, json={"student_id": "1002", "reason": "x"}).status_code == 403
    missing = ask("POST", path, json={"student_id": "1002"}, role="admin").get_json()
    assert missing["field"] == "reason"
    reassigned = ask("POST", path, json={"student_id": "1002", "reason": "Swapped in class"}, role="admin").get_json()
    assert (reassigned["student"], reassigned["previous_student"], reassigned["status"]) == ("1002", "1001", "checked_out")
    freed = ask("POST", path, json={"status": "retired", "reason": "Lost in the lake"}, role="admin").get_json()
    assert (freed["student"], freed["previous_student"], freed["status"]) == (None, "1002", "retired")
    assert [entry.action for entry in school.log()] == ["check_in", "override", "override"]
    assert not school.miscounted()


def test_devices_are_listed_by_status_and_found_by_digits(school: School, ask: Ask) -> None:
    school.students(1)
    school.devices(12)
    school.assign("W12-0007", "1001")
    assert ask("GET", "/api/devices?status=checked_out").get_json()["results"][0]["current_student_id"] == "1001"
    assert [row["asset_tag"] for row in ask("GET", "/api/devices?search=7").get_json()["results"]] == ["W12-0007"]
    assert [row["asset_tag"] for row in ask("GET", "/api/devices?search=sn00007").get_json()["results"]] == ["W12-0007"]
    first = ask("GET", "/api/devices?page_size=5&sort=-asset_tag").get_json()
    assert (first["count"], first["results"][0]["asset_tag"]) == (12, "W12-0012")
    assert ask("GET", ask("GET", first["next"]).get_json()["next"]).get_json()["results"][-1]["asset_tag"] == "W12-0001"
