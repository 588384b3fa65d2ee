"""Students over JSON, with the shapes and statuses that programs know."""

import pytest

from tests.services.asking import Ask
from tests.services.school import School

STUDENT = {"student_id": "0042", "first_name": "Grace", "last_name": "Hopper", "grade": 9}


def test_a_student_is_entered_shown_changed_and_deleted(ask: Ask) -> None:
    made = ask("POST", "/api/students", json=STUDENT)
    assert made.status_code == 201
    row = made.get_json()
    assert {name: row[name] for name in STUDENT} == STUDENT
    assert {"id", "created_at"} < row.keys()
    assert ask("GET", "/api/students/0042").get_json() == row
    changed = ask("PUT", "/api/students/0042", json={"grade": "K", "email": "grace@example.org"}).get_json()
    assert (changed["grade"], changed["email"], changed["first_name"]) == ("K", "grace@example.org", "Grace")
    gone = ask("DELETE", "/api/students/0042")
    assert (gone.status_code, gone.get_json()) == (200, {"message": "Student 0042 was deleted"})
    assert ask("GET", "/api/students/0042").status_code == 404


@pytest.mark.parametrize("slash", ["", "/"])
def test_every_address_answers_with_and_without_a_slash_at_its_end(school: School, ask: Ask, slash: str) -> None:
    school.student("12345")
    school.device("W12-1001")
    assert ask("GET", f"/api/students{slash}").get_json()["count"] == 1
    assert ask("POST", f"/api/students{slash}", json=STUDENT).status_code == 201
    assert ask("GET", f"/api/students/12345/devices{slash}").get_json()["device_count"] == 0
    assert ask("POST", f"/api/students/12345/checkin{slash}", json={"asset_tag": "W12-1001"}).status_code == 200
    assert ask("GET", f"/api/devices{slash}").get_json()["count"] == 1
    assert ask("GET", f"/api/devices/W12-1001/history{slash}").get_json()["count"] == 1
    assert ask("POST", f"/api/students/12345/checkout{slash}", json={"asset_tag": "W12-1001"}).status_code == 200
    assert ask("PUT", f"/api/devices/W12-1001{slash}", json={"model": "X"}).get_json()["model"] == "X"
    assert ask("POST", f"/api/devices/batch-checkin{slash}", json={"operations": []}).status_code == 200
    assert ask("GET", f"/api/students/stats{slash}").status_code == 200
    assert ask("DELETE", f"/api/students/12345{slash}").status_code == 200


@pytest.mark.parametrize(
    ("fields", "status", "field"),
    [
        ({"student_id": ""}, 400, "student_id"),
        ({"student_id": "x" * 300}, 400, "student_id"),
        ({"student_id": "a/b"}, 400, "student_id"),
        ({"student_id": "a\\b"}, 400, "student_id"),
        ({"student_id": "a\nb"}, 400, "student_id"),
        ({"student_id": "stats"}, 400, "student_id"),
        ({"student_id": ".."}, 400, "student_id"),
        ({"first_name": " "}, 400, "first_name"),
        ({"last_name": "x" * 101}, 400, "last_name"),
        ({"grade": 14}, 400, "grade"),
        ({"grade": -7}, 400, "grade"),
        ({"email": "nobody"}, 400, "email"),
        ({"student_id": " 12 "}, 201, "12"),
        ({"student_id": "a b"}, 201, "a b"),
        ({"student_id": "Ünïcode-7"}, 201, "Ünïcode-7"),
        ({"student_id": 12345}, 201, "12345"),
    ],
)
def test_identifiers_and_fields_that_cannot_be_are_refused_by_name(ask: Ask, fields: dict[str, object], status: int, field: str) -> None:
    answer = ask("POST", "/api/students", json={**STUDENT, **fields})
    assert answer.status_code == status
    body = answer.get_json()
    assert body["field" if status == 400 else "student_id"] == field
    if status == 201:
        assert ask("GET", f"/api/students/{field}").get_json()["student_id"] == field


@pytest.mark.parametrize(
    ("sent", "told"), [("K", "K"), ("pk", "PK"), (13, 13), ("09", 9), (0, "K"), ("", None), (None, None), ("Transition", "Transition")]
)
def test_grades_are_numbers_where_they_are_and_text_where_they_are_not(ask: Ask, sent: object, told: object) -> None:
    assert ask("POST", "/api/students", json={**STUDENT, "grade": sent}).get_json()["grade"] == told


def test_the_same_number_is_a_conflict_whatever_its_capitals(ask: Ask) -> None:
    assert ask("POST", "/api/students", json={**STUDENT, "student_id": "ab1"}).status_code == 201
    twin = ask("POST", "/api/students", json={**STUDENT, "student_id": "AB1"})
    assert (twin.status_code, twin.get_json()["student_id"]) == (409, "ab1")


def test_two_students_with_one_name_are_two_students(ask: Ask) -> None:
    for number in ("1", "2"):
        assert ask("POST", "/api/students", json={**STUDENT, "student_id": number}).status_code == 201
    assert ask("GET", "/api/students?search=grace hop").get_json()["count"] == 2


def test_lists_are_paged_filtered_and_sorted(school: School, ask: Ask) -> None:
    school.students(25)
    school.student("9", "Zoe", "Zimmermann", grade="K")
    first = ask("GET", "/api/students?page_size=10&sort=student_id").get_json()
    assert (first["count"], len(first["results"]), first["previous"]) == (26, 10, None)
    second = ask("GET", first["next"]).get_json()
    assert second["results"] == ask("GET", "/api/students?page_size=10&page=2&sort=student_id").get_json()["results"]
    third = ask("GET", second["next"]).get_json()
    assert third["next"] is None
    assert [row["student_id"] for row in third["results"]][-1] == "9"
    assert ask("GET", third["previous"]).get_json()["results"] == second["results"]
    assert ask("GET", "/api/students?grade=K").get_json()["count"] == 1
    assert ask("GET", "/api/students?grade=9,K&status=pending").get_json()["count"] == 26
    assert ask("GET", "/api/students?grade=none").get_json()["count"] == 0
    assert ask("GET", "/api/students?status=assigned").get_json()["results"] == []
    for wrong in ("status=x", "sort=x", "page=0", "page_size=5000", "after=x", "grade=77"):
        assert ask("GET", f"/api/students?{wrong}").status_code == 400, wrong
    assert ask("GET", "/api/students?page=2&after=7.7").status_code == 200


def test_a_device_is_checked_in_to_a_student_and_out_again_in_the_words_programs_know(school: School, ask: Ask) -> None:
    school.student("12345", "Grace", "Hopper")
    school.device("W12-1001", serial_number="5CD")
    given = ask("POST", "/api/students/12345/checkin", json={"asset_tag": "W12-1001", "notes": "Device assignment"})
    body = given.get_json()
    assert (given.status_code, body.pop("log_id") > 0) == (200, True)
    assert body == {
        "message": "Device W12-1001 checked in to Grace Hopper",
        "student": "12345",
        "device": "W12-1001",
        "status": "checked_in",
    }
    held = ask("GET", "/api/students/12345/devices").get_json()
    assert (held["student"], held["student_id"], held["grade"], held["device_count"]) == ("Grace Hopper", "12345", 9, 1)
    assert {"asset_tag", "model", "serial_number", "status", "checked_in_date"} <= held["devices"][0].keys()
    back = ask("POST", "/api/students/12345/checkout", json={"asset_tag": "W12-1001", "notes": "Device return"}).get_json()
    assert (back["message"], back["status"]) == ("Device W12-1001 checked out from Grace Hopper", "checked_out")
    told = ask("GET", "/api/devices/W12-1001/history").get_json()
    assert (told["device"], told["current_status"], told["current_student"]) == ("W12-1001", "available", None)
    assert [(entry["action"], entry["notes"]) for entry in told["history"]] == [
        ("check_out", "Device return"),
        ("check_in", "Device assignment"),
    ]


def test_what_cannot_be_handed_over_is_refused_in_the_words_programs_know(school: School, ask: Ask) -> None:
    school.students(2)
    school.device()
    school.assign("W12-0001", "1001")

    def refused(path: str, body: dict[str, object]) -> tuple[int, str]:
        answer = ask("POST", path, json=body)
        return answer.status_code, answer.get_json()["error"]

    tag = {"asset_tag": "W12-0001"}
    assert refused("/api/students/1002/checkin", tag) == (400, "Device is not available")
    assert refused("/api/students/1001/checkin", tag) == (400, "Device is not available")
    assert refused("/api/students/1002/checkin", {"asset_tag": "W12-9"}) == (404, "Device not found")
    assert refused("/api/students/77/checkin", tag) == (404, "Student not found")
    assert refused("/api/students/1002/checkin", {}) == (400, "asset_tag is required")
    assert refused("/api/students/1002/checkout", {"notes": "x"}) == (400, "asset_tag is required")
    assert refused("/api/students/1002/checkout", tag) == (404, "Device not found or not assigned to student")
    assert refused("/api/students/1002/checkout", {"asset_tag": "W12-9"}) == (404, "Device not found or not assigned to student")
    assert refused("/api/students/1001/checkout", {**tag, "condition": "melted"})[0] == 400
    told = ask("POST", "/api/students/1002/checkin", json=tag).get_json()
    assert (told["reason"], told["held_by"]) == ("W12-0001 is with Grace Hopper (1001, grade 9). Return it first.", "1001")
    assert len(school.log()) == 1


def test_a_student_who_has_a_device_is_not_deleted(school: School, ask: Ask) -> None:
    school.student()
    school.device()
    school.assign("W12-0001", "1001")
    refused = ask("DELETE", "/api/students/1001")
    assert (refused.status_code, "W12-0001" in refused.get_json()["error"]) == (409, True)
    assert ask("DELETE", "/api/devices/W12-0001").status_code == 409


def test_the_counts_say_how_far_the_handing_out_has_come(school: School, ask: Ask) -> None:
    school.students(3)
    school.student("K1", grade="K")
    school.devices(2)
    school.assign("W12-0001", "1001")
    told = ask("GET", "/api/students/stats").get_json()
    assert told["totals"] == {
        "students": 4,
        "assigned": 1,
        "pending": 3,
        "completion": 0.25,
        "holding": 0,
        "inactive": 0,
        "devices": 2,
    }
    assert [(each["grade"], each["students"], each["assigned"]) for each in told["by_grade"]] == [("K", 1, 0), (9, 3, 1)]
    assert told["by_status"] == {"available": 1, "checked_out": 1, "maintenance": 0, "retired": 0}
