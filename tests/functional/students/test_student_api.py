"""JSON routes of students, in the shapes and statuses of the contract."""

from datetime import timedelta
from itertools import count

from flask import Flask
from werkzeug.test import TestResponse

from request_tracker_utils.students.current import today
from tests.services.asking import Ask
from tests.services.school import School
from tests.services.tables import check_all

STUDENT = {"student_id": "0042", "first_name": "Grace", "last_name": "Hopper", "grade": 9}


def test_a_student_is_created_shown_changed_and_deleted(ask: Ask) -> None:
    created = ask("POST", "/api/students", json=STUDENT)
    assert created.status_code == 201
    row = created.get_json()
    assert {name: row[name] for name in STUDENT} == STUDENT
    assert {"id", "created_at"} < row.keys()
    assert ask("GET", "/api/students/0042").get_json() == row
    changed = ask("PUT", "/api/students/0042", json={"grade": "K", "email": "grace@example.org"}).get_json()
    assert (changed["grade"], changed["email"], changed["first_name"]) == ("K", "grace@example.org", "Grace")
    deleted = ask("DELETE", "/api/students/0042")
    assert (deleted.status_code, deleted.get_json()) == (200, {"message": "Student 0042 was deleted"})
    assert ask("GET", "/api/students/0042").status_code == 404


def test_every_route_accepts_a_trailing_slash(school: School, ask: Ask) -> None:
    for number, slash in (("12345", ""), ("12346", "/")):
        before = int(ask("GET", f"/api/students{slash}").get_json()["count"])
        tag = f"W12-{number}"
        school.device(tag)
        assert ask("POST", f"/api/students{slash}", json={**STUDENT, "student_id": number}).status_code == 201
        assert ask("GET", f"/api/students{slash}").get_json()["count"] == before + 1
        assert ask("GET", f"/api/students/{number}/devices{slash}").get_json()["device_count"] == 0
        assert ask("POST", f"/api/students/{number}/checkin{slash}", json={"asset_tag": tag}).status_code == 200
        assert ask("GET", f"/api/devices{slash}").get_json()["count"] >= 1
        assert ask("GET", f"/api/devices/{tag}/history{slash}").get_json()["count"] == 1
        assert ask("POST", f"/api/students/{number}/checkout{slash}", json={"asset_tag": tag}).status_code == 200
        assert ask("PUT", f"/api/devices/{tag}{slash}", json={"model": "X"}).get_json()["model"] == "X"
        assert ask("POST", f"/api/devices/batch-checkin{slash}", json={"operations": []}).status_code == 200
        assert ask("GET", f"/api/students/stats{slash}").status_code == 200
        assert ask("DELETE", f"/api/students/{number}{slash}").status_code == 200


def test_invalid_identifiers_and_fields_are_refused_by_name(ask: Ask) -> None:
    def refused(fields: dict[str, object], field: str) -> None:
        answer = ask("POST", "/api/students", json={**STUDENT, **fields})
        assert (answer.status_code, answer.get_json()["field"]) == (400, field)

    def accepted(sent: object, stored: str) -> None:
        answer = ask("POST", "/api/students", json={**STUDENT, "student_id": sent})
        assert (answer.status_code, answer.get_json().get("student_id")) == (201, stored)
        assert ask("GET", f"/api/students/{stored}").get_json()["student_id"] == stored

    numbers = ["", "x" * 300, "a/b", "a\\b", "a\nb", "stats", ".."]
    check_all(
        [
            *(({"student_id": number}, "student_id") for number in numbers),
            ({"first_name": " "}, "first_name"),
            ({"last_name": "x" * 101}, "last_name"),
            ({"grade": 14}, "grade"),
            ({"grade": -7}, "grade"),
            ({"grade": "Grade 14"}, "grade"),
            ({"grade": "99.0"}, "grade"),
            ({"grade": "a\x07"}, "grade"),
            ({"email": "nobody"}, "email"),
        ],
        refused,
    )
    check_all([(" 12 ", "12"), ("a b", "a b"), ("Ünïcode-7", "Ünïcode-7"), (12345, "12345")], accepted)


def test_grades_are_numbers_where_possible(ask: Ask) -> None:
    numbers = count(1)

    def check(sent: object, stored: object) -> None:
        answer = ask("POST", "/api/students", json={**STUDENT, "student_id": f"G{next(numbers)}", "grade": sent})
        assert answer.get_json()["grade"] == stored

    check_all(
        [
            *((13, 13), (0, "K"), (-1, "PK"), ("", None), (None, None)),
            *((text, "PK") for text in ("pk", "Pre-K", "Pre Kindergarten", "Grade PK")),
            *((text, "K") for text in ("K", "KG", "kg", "Kinder", "Kindergarten", "00", "0.0", "Grade K")),
            *(
                (text, 9)
                for text in ("9", "09", "9.0", "9th", "9TH", "9th grade", "Grade 9", "Grade: 09", "gr. 9", "G9", "Freshman", "ninth")
            ),
            *((text, 1) for text in ("1.0", "1st", "1st\u00a0Grade", "First Grade")),
            *(("Sophomore", 10), ("junior", 11), ("SENIOR", 12), ("2nd", 2), ("3rd", 3), ("Grade 11", 11)),
            *((text, text) for text in ("Transition", "Grade", "9.5", "9-12", "Room 9", "Graduate", "Kilo", "9x")),
        ],
        check,
    )


def test_text_is_stored_without_invisible_characters_and_what_is_refused_is_named(ask: Ask) -> None:
    numbers = count(1)

    def send(text: str) -> TestResponse:
        return ask("POST", "/api/students", json={**STUDENT, "student_id": f"T{next(numbers)}", "first_name": text})

    def stored(text: str, cleaned: str) -> None:
        assert send(text).get_json()["first_name"] == cleaned

    def refused(text: str, code: str) -> None:
        answer = send(text)
        assert (answer.status_code, answer.get_json()["error"]) == (400, f"The first name contains the character {code}. Remove it.")

    check_all(
        [("Ana\u00a0Sofía", "Ana Sofía"), ("\u200bGra\u00adce\u200e", "Grace"), ("می\u200cنا", "می\u200cنا"), ("क्\u200dष", "क्\u200dष")],
        stored,
    )
    named = [("Ada\x07", "U+0007 (BELL)"), ("Ada\nMay", "U+000A (LINE FEED)"), ("Ada\u2028May", "U+2028 (LINE SEPARATOR)")]
    check_all(named, refused)
    assert ask("GET", "/api/students?search=مینا").get_json()["count"] == 1
    same = ask("POST", "/api/students", json={**STUDENT, "student_id": "T\u200d1"})
    assert (same.status_code, same.get_json()["student_id"]) == (409, "T1")


def test_the_same_number_in_another_case_is_a_conflict(ask: Ask) -> None:
    assert ask("POST", "/api/students", json={**STUDENT, "student_id": "ab1"}).status_code == 201
    duplicate = ask("POST", "/api/students", json={**STUDENT, "student_id": "AB1"})
    assert (duplicate.status_code, duplicate.get_json()["student_id"]) == (409, "ab1")


def test_two_students_may_have_the_same_name(ask: Ask) -> None:
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


def test_a_due_date_in_the_past_must_be_confirmed(app: Flask, school: School, ask: Ask) -> None:
    school.students(1)
    school.devices(3)
    with app.app_context():
        now = today()

    def check_in(number: int, days: int, **more: object) -> TestResponse:
        body = {"asset_tag": f"W12-000{number}", "due_date": str(now + timedelta(days=days)), **more}
        return ask("POST", "/api/students/1001/checkin", json=body)

    refused = check_in(1, -1)
    assert (refused.status_code, refused.get_json()["code"], refused.get_json()["field"]) == (409, "due_date_past", "due_date")
    assert school.log() == []
    assert [check_in(1, -1, allow_past_due_date=True).status_code, check_in(2, 0).status_code, check_in(3, 1).status_code] == [200] * 3


def test_check_in_and_check_out_have_the_messages_of_the_contract(school: School, ask: Ask) -> None:
    school.student("12345", "Grace", "Hopper")
    school.device("W12-1001", serial_number="5CD")
    assigned = ask("POST", "/api/students/12345/checkin", json={"asset_tag": "W12-1001", "notes": "Device assignment"})
    body = assigned.get_json()
    assert (assigned.status_code, body.pop("log_id") > 0) == (200, True)
    assert body == {
        "message": "Device W12-1001 checked in to Grace Hopper",
        "student": "12345",
        "device": "W12-1001",
        "status": "checked_in",
    }
    devices = ask("GET", "/api/students/12345/devices").get_json()
    assert (devices["student"], devices["student_id"], devices["grade"], devices["device_count"]) == ("Grace Hopper", "12345", 9, 1)
    assert {"asset_tag", "model", "serial_number", "status", "checked_in_date"} <= devices["devices"][0].keys()
    back = ask("POST", "/api/students/12345/checkout", json={"asset_tag": "W12-1001", "notes": "Device return"}).get_json()
    assert (back["message"], back["status"]) == ("Device W12-1001 checked out from Grace Hopper", "checked_out")
    history = ask("GET", "/api/devices/W12-1001/history").get_json()
    assert (history["device"], history["current_status"], history["current_student"]) == ("W12-1001", "available", None)
    assert [(entry["action"], entry["notes"]) for entry in history["history"]] == [
        ("check_out", "Device return"),
        ("check_in", "Device assignment"),
    ]


def test_refused_assignments_have_the_exact_messages_of_the_contract(school: School, ask: Ask) -> None:
    school.students(2)
    school.device()
    school.assign("W12-0001", "1001")
    tag = {"asset_tag": "W12-0001"}

    def check(path: str, body: dict[str, object], status: int, error: str) -> None:
        answer = ask("POST", f"/api/students/{path}", json=body)
        assert (answer.status_code, answer.get_json()["error"]) == (status, error)

    unknown = "Device not found or not assigned to student"
    check_all(
        [
            ("1002/checkin", tag, 400, "Device is not available"),
            ("1001/checkin", tag, 400, "Device is not available"),
            ("1002/checkin", {"asset_tag": "W12-9"}, 404, "Device not found"),
            ("77/checkin", tag, 404, "Student not found"),
            ("1002/checkin", {}, 400, "asset_tag is required"),
            ("1002/checkout", {"notes": "x"}, 400, "asset_tag is required"),
            ("1002/checkout", tag, 404, unknown),
            ("1002/checkout", {"asset_tag": "W12-9"}, 404, unknown),
        ],
        check,
    )
    assert ask("POST", "/api/students/1001/checkout", json={**tag, "condition": "melted"}).status_code == 400
    body = ask("POST", "/api/students/1002/checkin", json=tag).get_json()
    assert (body["reason"], body["held_by"]) == ("W12-0001 is assigned to Grace Hopper (1001, grade 9). Return it first.", "1001")
    assert len(school.log()) == 1
    refused = ask("DELETE", "/api/students/1001")
    assert (refused.status_code, "W12-0001" in refused.get_json()["error"]) == (409, True)
    assert ask("DELETE", "/api/devices/W12-0001").status_code == 409


def test_stats_count_students_and_devices(school: School, ask: Ask) -> None:
    school.students(3)
    school.student("K1", grade="K")
    school.devices(2)
    school.assign("W12-0001", "1001")
    stats = ask("GET", "/api/students/stats").get_json()
    assert stats["totals"] == {
        "students": 4,
        "assigned": 1,
        "pending": 3,
        "completion": 0.25,
        "holding": 0,
        "inactive": 0,
        "devices": 2,
    }
    assert [(each["grade"], each["students"], each["assigned"]) for each in stats["by_grade"]] == [("K", 1, 0), (9, 3, 1)]
    assert stats["by_status"] == {"available": 1, "checked_out": 1, "maintenance": 0, "retired": 0}
