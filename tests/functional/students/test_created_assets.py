"""Created assets are assigned at once: nobody has to add them as devices first."""

from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask

from request_tracker_utils.asset_store.brief_lookup import AssetKeys, BriefLookup
from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import Asset, AssetStoreUnreachable
from request_tracker_utils.students.models import COMPLETE_DEVICES
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import run_job
from tests.services.asking import Ask
from tests.services.people import Person, text_of
from tests.services.school import School
from tests.services.tables import check_all

MANY = 6


@pytest.fixture
def tags(ask: Ask, school: School) -> list[str]:
    """Tags of created assets, with the serial numbers 5CD2000 and following. There are no devices, and three students."""
    school.students(3)
    fields = {"manufacturer": "Dell", "model": "Chromebook 3100", "category": "Laptop", "catalog": "Chromebooks"}
    created = (ask("POST", "/assets/create", json={"serial_number": f"5CD{number}", **fields}) for number in range(2000, 2000 + MANY))
    return [answer.get_json()["asset_tag"] for answer in created]


def listed(ask: Ask) -> list[str]:
    return [row["asset_tag"] for row in ask("GET", "/api/devices").get_json()["results"]]


def scan(ask: Ask, what: str, code: str, **more: Any) -> tuple[int, dict[str, Any]]:
    values = {"code": code, **({} if what == "resolve" else {"scan_id": f"scan-{what}-{code}"}), **more}
    answer = ask("POST", f"/api/scan/{what}", json=values)
    return answer.status_code, answer.get_json()


def test_lookups_show_assets_and_write_nothing(ask: Ask, tags: list[str]) -> None:
    row = ask("GET", f"/api/devices/{tags[0].lower()}").get_json()
    assert (row["id"], row["asset_tag"], row["serial_number"], row["model"]) == (None, tags[0], "5CD2000", "Chromebook 3100")
    assert (row["status"], row["current_student_id"], row["created_at"]) == ("available", None, None)
    history = ask("GET", f"/api/devices/{tags[0]}/history").get_json()
    assert (history["device"], history["current_status"], history["history"]) == (tags[0], "available", [])
    for code in (tags[1], tags[1][-4:], "5cd2001", "S5CD2001", f"]C1{tags[1]}"):
        status, found = scan(ask, "resolve", code)
        assert (status, found["kind"], found["line"]) == (200, "device", tags[1])
        assert found["words"] == "Chromebook 3100 · S/N 5CD2001 · available"
    assert listed(ask) == []


def test_searches_read_the_address_in_a_labels_qr_code(app: Flask, ask: Ask, tags: list[str], staff: Person, school: School) -> None:
    with app.app_context():
        known, new, missing = (asset_store().page_address(number) for number in (1, 2, 4711))
    assert scan(ask, "assign", "1001")[0] == scan(ask, "assign", tags[0], student_id="1001")[0] == 200
    evil = known.replace(known.split("/")[2], "evil.example")

    def check(page: str, text: str, shown: str, *words: str) -> None:
        found = staff.read(f"{page}{'&' if '?' in page else '?'}{urlencode({'q': text})}")
        assert [tag for tag in tags if f'/devices/{tag}"' in found] == ([shown] if shown else [])
        assert [each for each in words if each not in found] == []

    for page in ("/devices", "/students"):
        rows = [(known, tags[0]), (f"]Q1{known}", tags[0]), (new, tags[1]), (evil, ""), (missing, "", "Asset #4711 does not exist.")]
        check_all([(page, *row) for row in rows], check)
    check("/devices", known, tags[0], "1 device")
    check("/devices", new, tags[1], "The asset becomes a device with its first change.")
    check_all([("/devices?status=assigned", known, tags[0]), ("/devices?status=available", known, "")], check)


def test_unknown_tags_are_answered_as_before(ask: Ask, tags: list[str]) -> None:
    def refuses(method: str, path: str, body: dict[str, Any] | None) -> None:
        answer = ask(method, path, json=body, role="admin")
        assert (answer.status_code, answer.get_json()["error"]) == (404, "Device not found")

    device = "/api/devices/W12-7777"
    check_all(
        [
            *[("GET", device, None), ("GET", f"{device}/history", None), ("PUT", device, {"model": "x"}), ("DELETE", device, None)],
            *[("PUT", device, {}), ("POST", f"{device}/override", {"reason": "x"})],
            ("POST", "/api/students/1001/checkin", {"asset_tag": "W12-7777"}),
        ],
        refuses,
    )
    assert ask("POST", "/api/students/7777/checkin", json={"asset_tag": "W12-7777"}).get_json()["error"] == "Student not found"
    out = ask("POST", "/api/students/1001/checkout", json={"asset_tag": tags[0]})
    assert (out.status_code, out.get_json()["error"]) == (404, "Device not found or not assigned to student")
    assert listed(ask) == []


def test_every_first_change_adds_the_device(ask: Ask, tags: list[str], school: School) -> None:
    changes = [
        ("POST", "/api/students/1001/checkin", {"asset_tag": tags[0]}),
        ("PUT", f"/api/devices/{tags[1]}", {"status": "maintenance"}),
        ("PUT", f"/api/devices/{tags[2]}", {"building": "High School"}),
        ("POST", f"/api/devices/{tags[3]}/override", {"student_id": "1002", "reason": "Swapped"}),
        ("POST", "/api/devices/batch-checkin", {"operations": [{"student_id": "1003", "asset_tag": tags[4]}]}),
    ]
    for method, path, body in changes:
        assert ask(method, path, json=body, role="admin").status_code == 200
    assert scan(ask, "assign", "5CD2005", student_id="1001")[0] == 200
    assert listed(ask) == tags
    for number, tag in enumerate(tags):
        row = ask("GET", f"/api/devices/{tag}").get_json()
        assert (row["serial_number"], row["model"], row["asset_id"]) == (f"5CD{2000 + number}", "Chromebook 3100", number + 1)
        again = ask("POST", "/api/devices", json={"asset_tag": tag})
        assert (again.status_code, again.get_json()["asset_tag"]) == (409, tag)
    assert not school.miscounted()


def test_refused_changes_add_nothing_and_registering_still_creates(ask: Ask, tags: list[str], school: School) -> None:
    ask("PUT", "/api/students/1003", json={"active": False})
    assert scan(ask, "assign", tags[0], student_id="1003")[1]["code"] == "student_inactive"
    assert scan(ask, "assign", tags[0])[1]["code"] == "nobody_chosen"
    status, body = scan(ask, "return", tags[0])
    assert (status, body["error"]) == (409, f"{tags[0]} is not assigned to a student: it is available.")
    assert ask("POST", "/api/students/1003/checkin", json={"asset_tag": tags[0]}).status_code == 400
    batch = ask("POST", "/api/devices/batch-checkin", json={"operations": [{"student_id": "1003", "asset_tag": tags[0]}]})
    assert batch.get_json()["results"][0]["status"] == "error"
    assert ask("PUT", f"/api/devices/{tags[0]}", json={}).get_json()["id"] is None
    assert listed(ask) == []
    created = ask("POST", "/api/devices", json={"asset_tag": tags[0], "model": "typed"})
    assert (created.status_code, created.get_json()["model"]) == (201, "typed")
    assert run_job(school.app, COMPLETE_DEVICES) == 1
    row = ask("GET", f"/api/devices/{tags[0]}").get_json()
    assert (row["model"], row["serial_number"], row["asset_id"]) == ("Chromebook 3100", "5CD2000", 1)


def test_a_deletion_lasts_until_the_device_is_registered_again(ask: Ask, tags: list[str]) -> None:
    ask("POST", "/api/devices", json={"asset_tag": tags[0]})
    for tag in tags[:2]:  # one with a row, one without
        assert ask("DELETE", f"/api/devices/{tag}").get_json() == {"message": f"Device {tag} was deleted"}
        gone = ask("GET", f"/api/devices/{tag}")
        assert (gone.status_code, gone.get_json()["error"]) == (404, "Device not found")
        assert ask("DELETE", f"/api/devices/{tag}").status_code == 404
    for code in (tags[0], "5CD2001"):
        status, body = scan(ask, "assign", code, student_id="1001")
        assert (status, body["code"]) == (404, "device_not_found")
        assert "was deleted on" in body["reason"]
    assert ask("POST", "/api/devices", json={"asset_tag": tags[0]}).status_code == 201
    assert scan(ask, "assign", tags[0], student_id="1001")[0] == 200
    assert listed(ask) == [tags[0]]


def test_two_codes_of_new_assets_in_one_scan_change_nothing(ask: Ask, tags: list[str]) -> None:
    for code in (tags[0] + tags[1], f"1001{tags[0]}", "10015CD2000", tags[0] * 2):
        status, body = scan(ask, "assign", code, student_id="1002")
        assert (status, body["code"]) == (409, "scans_together")
    assert listed(ask) == []


def test_a_silent_asset_store_is_told_apart_from_an_unknown_tag(ask: Ask, tags: list[str], app: Flask, staff: Person) -> None:
    def silent(keys: AssetKeys) -> list[Asset]:
        raise AssetStoreUnreachable("No answer.")

    scan(ask, "assign", tags[0], student_id="1001")
    lookup = registry_of(app).get(BriefLookup)
    registry_of(app).provide(BriefLookup, silent)
    try:
        for what, more in (("resolve", {}), ("assign", {"student_id": "1001"}), ("return", {})):
            status, body = scan(ask, what, tags[1], **more)
            assert (status, body["code"], body["student_stays"]) == (424, "asset_store_silent", True)
            assert body["error"] == (
                f"“{tags[1]}” is unknown here. Request Tracker did not answer within a second. "
                "Try again, or check Request Tracker. Then scan again."
            )
        assert ask("GET", f"/api/devices/{tags[1]}").status_code == 424
        assert ask("POST", "/api/students/1001/checkin", json={"asset_tag": tags[1]}).status_code == 424
        assert "did not answer within a second" in text_of(staff.get(f"/devices/{tags[1]}"))
        page = staff.submit("/students/1001/assign", asset_tag=tags[1], follow_redirects=True)
        assert page.status_code in (200, 303)
        # What is known here needs no asset store.
        assert scan(ask, "return", tags[0])[0] == 200
        assert ask("GET", f"/api/devices/{tags[0]}").status_code == 200
    finally:
        registry_of(app).provide(BriefLookup, lookup)
    assert scan(ask, "resolve", "W12-7777")[1]["error"].startswith("No device has the tag W12-7777.")
    assert listed(ask) == [tags[0]]


def test_pages_show_and_change_new_assets(tags: list[str], staff: Person, ask: Ask, school: School) -> None:
    page = staff.read(f"/devices/{tags[0]}")
    assert "5CD2000" in page
    assert "Not assigned to a student." in page
    assert "The asset becomes a device with its first change." in page
    assert staff.get(f"/devices/{tags[0]}/edit").status_code == 200
    for text in (tags[1], "5cd2001"):
        found = staff.read(f"/devices?q={text}")
        assert f"/devices/{tags[1]}" in found
        assert f"/devices/{tags[1]}" in staff.read(f"/students?q={text}")
    assert listed(ask) == []
    staff.submit(f"/devices/{tags[0]}/assign", student_id="1001")
    staff.submit("/students/1002/assign", asset_tag=tags[1])
    staff.submit(f"/devices/{tags[2]}/status", status="maintenance")
    staff.submit(f"/devices/{tags[3]}/edit", asset_tag=tags[3], model="Chromebook 3100", building="High School", condition="good")
    assert listed(ask) == tags[:4]
    assert [school.device_now(tag).current_student_id for tag in tags[:2]] == ["1001", "1002"]
    staff.submit(f"/devices/{tags[4]}/delete")
    gone = staff.get(f"/devices/{tags[4]}")
    assert gone.status_code == 404
    assert f"The device {tags[4]} was deleted on" in text_of(gone)
    assert f"The device {tags[4]} was deleted on" in staff.read("/devices?q=5CD2004")
    assert "The asset becomes a device" not in staff.read(f"/devices/{tags[0]}")
