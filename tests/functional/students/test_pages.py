"""Pages of students and devices, as people use them without a scanner."""

import pytest
from flask import Flask

from tests.functional.accounts.person import Person, errors_in, text_of
from tests.services.apps import user
from tests.services.school import NOW, School


@pytest.fixture
def ada(app: Flask) -> Person:
    return Person(app, user(app, "staff"))


def test_the_dashboard_says_how_far_the_handing_out_has_come(school: School, ada: Person) -> None:
    assert "No students yet" in ada.read("/students")
    school.students(3)
    school.student("K1", "Zoe", "Zimmermann", grade="K")
    school.devices(2)
    school.assign("W12-0001", "1001")
    text = ada.read("/students")
    for shown in ("25%", "1 of 3", "0 of 1", "Zimmermann, Zoe", "W12-0001", "4 students"):
        assert shown in text, shown


def test_the_dashboard_filters_and_finds_devices_too(school: School, ada: Person) -> None:
    school.students(3)
    school.student("K1", "Zoe", "Zimmermann", grade="K")
    school.devices(2)
    school.assign("W12-0001", "1001")
    assert "Hopper, Grace" not in ada.read("/students?grade=K")
    assert "Zimmermann, Zoe" in ada.read("/students?grade=K&grade=9&status=pending")
    assert "Hopper, Grace" in ada.read("/students?status=assigned&q=grace")
    assert "/devices/W12-0001" in ada.read("/students?q=sn00001")
    assert "Nobody found" in ada.read("/students?q=nobody")
    assert "4 students" in ada.read("/students?status=shoe&grade=99&page=-3&after=x")


def test_pages_of_a_long_list_go_on_where_the_one_before_ended(school: School, ada: Person) -> None:
    school.students(120)
    text, seen = ada.read("/students"), 0
    while True:
        seen += text.count('class="first"')
        if 'rel="next"' not in text:
            break
        link = text.split('rel="next" href="', 1)[1].split('"', 1)[0]
        text = ada.read(link)
    assert seen == 120


def test_a_student_is_entered_changed_and_deleted(ada: Person) -> None:
    form = {"student_id": "0042", "first_name": "Grace", "last_name": "Hopper", "grade": "9"}
    wrong = ada.post("/students/new", **{**form, "grade": "77", "student_id": "a/b"})
    assert (wrong.status_code, "slash" in errors_in(wrong)["student_id"]) == (400, True)
    assert ada.post("/students/new", **form).location == "/students/0042"
    assert ada.post("/students/new", **form).status_code == 409
    assert ada.post("/students/0042/edit", **{**form, "grade": "10", "student_id": "77"}).status_code == 303
    assert "<dd>10</dd>" in ada.read("/students/0042")
    assert errors_in(ada.post("/students/0042/edit", **{**form, "last_name": ""})) == {"last_name": "The last name is missing."}
    ada.post("/students/0042/state", active="no")
    assert "has left" in ada.read("/students/0042")
    assert ada.post("/students/0042/delete").location == "/students"
    assert ada.get("/students/0042").status_code == 404


def test_a_device_is_registered_given_out_returned_and_the_return_taken_back(school: School, ada: Person) -> None:
    school.student("1001", "Grace", "Hopper")
    assert ada.post("/devices/new", asset_tag="W12-0001", condition="good").location == "/devices/W12-0001"
    assert errors_in(ada.post("/devices/new", asset_tag="w12-0001", condition="good"))[""] == "Device W12-0001 exists already."
    ada.post("/students/1001/assign", asset_tag="w12-0001")
    assert "Grace Hopper" in ada.read("/devices/W12-0001")
    ada.post("/devices/W12-0001/return", damaged="yes", notes="Cracked")
    text = ada.read("/devices/W12-0001")
    assert "damaged, into maintenance" in text
    assert "Cracked" in text
    ada.post(f"/devices/W12-0001/undo/{school.log()[-1].id}")
    assert school.device_now("W12-0001").current_student_id == "1001"
    refused = ada.post("/devices/W12-0001/delete", follow="no")
    assert refused.location == "/devices/W12-0001"
    assert "Take it back first" in ada.read("/devices/W12-0001")


def test_what_cannot_be_is_said_in_a_sentence_that_says_what_to_do(school: School, ada: Person) -> None:
    school.students(2)
    school.devices(2)
    school.assign("W12-0001", "1001")
    for path, form, said in (
        ("/students/1002/assign", {"asset_tag": "W12-0001"}, "W12-0001 is with Grace Hopper (1001, grade 9). Return it first."),
        ("/students/1002/assign", {"asset_tag": "W12-77"}, "No device has the tag W12-77."),
        ("/devices/W12-0002/assign", {"student_id": "77"}, "No student has the number 77."),
        ("/devices/W12-0002/assign", {"student_id": "1002", "due_date": "soon"}, "The day is none"),
        ("/devices/W12-0002/return", {}, "Nobody has W12-0002"),
        ("/devices/W12-0001/status", {"status": "retired"}, "Take it back first"),
    ):
        answer = ada.post(path, **form)
        assert said in text_of(ada.get(answer.location)), path
    assert len(school.log()) == 1


def test_only_an_administrator_sets_a_holder_by_hand(app: Flask, school: School, ada: Person) -> None:
    school.students(2)
    school.device()
    school.assign("W12-0001", "1001")
    assert "Set it by hand" not in ada.read("/devices/W12-0001")
    root = Person(app, user(app, "admin"))
    root.post("/devices/W12-0001/override", student_id="1002", reason="")
    assert school.device_now("W12-0001").current_student_id == "1001"
    root.post("/devices/W12-0001/override", student_id="1002", reason="Swapped in class")
    assert school.device_now("W12-0001").current_student_id == "1002"
    assert "Swapped in class" in root.read("/devices/W12-0001")


def test_loaners_that_should_be_back_are_listed_those_that_are_late_longest_first(school: School, ada: Person) -> None:
    assert "Nothing is overdue" in ada.read("/devices/overdue")
    school.students(3)
    school.devices(3)
    for number, days in enumerate((30, 5), 1):
        school.assign(f"W12-{number:04d}", f"{1000 + number}", due=NOW.date().replace(day=31 - days))
    school.assign("W12-0003", "1003", due=NOW.date().replace(year=2999))
    text = ada.read("/devices/overdue")
    assert text.index("W12-0001") < text.index("W12-0002")
    assert "W12-0003" not in text
    assert "2 loaners are overdue" in ada.read("/students")


def test_a_teacher_sees_who_has_what_and_changes_nothing(app: Flask, school: School) -> None:
    school.student()
    school.device()
    school.assign("W12-0001", "1001")
    teacher = Person(app, user(app, "teacher"))
    for path in ("/students", "/students/1001", "/devices", "/devices/W12-0001", "/devices/overdue"):
        assert '<form method="post"' not in teacher.read(path).split("<main", 1)[1]
