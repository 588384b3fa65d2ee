"""Pages of students and devices."""

from urllib.parse import urlencode

from flask import Flask

from tests.services.apps import user
from tests.services.people import Person, errors_in, text_of
from tests.services.school import NOW, School
from tests.services.tables import check_all


def test_the_dashboard_counts_filters_and_finds(school: School, staff: Person) -> None:
    assert "No students yet" in staff.read("/students")
    school.students(3)
    school.student("K1", "Zoe", "Zimmermann", grade="K")
    school.devices(2)
    school.assign("W12-0001", "1001")
    text = staff.read("/students")
    for shown in ("25%", "1 of 3", "0 of 1", "Zimmermann, Zoe", "W12-0001", "4 students"):
        assert shown in text, shown
    assert "Hopper, Grace" not in staff.read("/students?grade=K")
    assert "Zimmermann, Zoe" in staff.read("/students?grade=K&grade=9&status=pending")
    assert "Hopper, Grace" in staff.read("/students?status=assigned&q=grace")
    assert "/devices/W12-0001" in staff.read("/students?q=sn00001")
    assert "No students found" in staff.read("/students?q=nobody")
    assert "4 students" in staff.read("/students?status=shoe&grade=99&page=-3&after=x")


def test_searches_read_codes_as_the_scanner_meant_them(school: School, staff: Person) -> None:
    school.student("10-26049", "Zoe", "Zimmermann")
    school.students(2)
    school.device("W12-0001", serial_number="5CD2198XK")
    school.device("W12-0002", serial_number="5CD2198XL")
    school.device("W12-0003", serial_number="S5CD2198XL")

    def finds(page: str, text: str, *shown: str) -> None:
        found = staff.read(f"{page}?{urlencode({'q': text})}")
        pages = ("W12-0001", "W12-0002", "W12-0003", "10-26049", "1001")
        assert [each for each in pages if f'/{each}"' in found] == list(shown)

    dashes = "\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
    tags = [*(f"W12{dash}0001" for dash in dashes), "]C1W12-0001", "]C0w12-0001", "]Q1W12\u20130001"]
    serials = ["S5CD2198XK", "1S5cd2198xk", "S/N: 5CD2198XK", "SN:5CD2198XK", "]C1S5CD2198XK"]
    students = [f"10{dash}26049" for dash in dashes] + ["]C110-26049"]
    check_all(
        [
            *((page, text, "W12-0001") for page in ("/devices", "/students") for text in [*tags, *serials]),
            *(("/students", text, "10-26049") for text in students),
            ("/devices", "S5CD2198XL", "W12-0003"),  # the literal serial number
            ("/devices", "S5CD2198X", "W12-0003"),  # part of one
            ("/devices", "1S5CD2198X"),
            ("/devices", "S5CD0000XX"),
        ],
        finds,
    )
    assert "/devices/W12-0001" not in staff.read("/devices?status=maintenance&q=%5DC1W12-0001")
    for page in ("/devices", "/students"):
        for code in ("W12ß0001", "Z&é)ààà&"):
            shown = staff.read(f"{page}?{urlencode({'q': code})}")
            assert "language differs from this computer’s: “" in shown
            assert "is probably W12-0001." in shown
        assert "keyboard language" not in staff.read(f"{page}?q=nobody")


def test_the_pages_of_a_long_list_show_each_student_once(school: School, staff: Person) -> None:
    school.students(120)
    text, seen = staff.read("/students"), 0
    while True:
        seen += text.count('class="first"')
        if 'rel="next"' not in text:
            break
        link = text.split('rel="next" href="', 1)[1].split('"', 1)[0]
        text = staff.read(link)
    assert seen == 120


def test_a_student_is_added_changed_and_deleted(staff: Person) -> None:
    form = {"student_id": "0042", "first_name": "Grace", "last_name": "Hopper", "grade": "9"}
    invalid = staff.submit("/students/new", **{**form, "grade": "77", "student_id": "a/b"})
    assert (invalid.status_code, "slash" in errors_in(invalid)["student_id"]) == (400, True)
    assert staff.submit("/students/new", **form).location == "/students/0042"
    assert staff.submit("/students/new", **form).status_code == 409
    assert staff.submit("/students/0042/edit", **{**form, "grade": "10", "student_id": "77"}).status_code == 303
    assert "<dd>10</dd>" in staff.read("/students/0042")
    assert errors_in(staff.submit("/students/0042/edit", **{**form, "last_name": ""})) == {"last_name": "The last name is missing."}
    staff.submit("/students/0042/status", active="no")
    assert "inactive" in staff.read("/students/0042")
    assert staff.submit("/students/0042/delete").location == "/students"
    assert staff.get("/students/0042").status_code == 404


def test_a_device_is_added_assigned_returned_and_the_return_undone(school: School, staff: Person) -> None:
    school.student("1001", "Grace", "Hopper")
    assert staff.submit("/devices/new", asset_tag="W12-0001", condition="good").location == "/devices/W12-0001"
    assert errors_in(staff.submit("/devices/new", asset_tag="w12-0001", condition="good"))[""] == "Device W12-0001 already exists."
    staff.submit("/students/1001/assign", asset_tag="w12-0001")
    assert "Grace Hopper" in staff.read("/devices/W12-0001")
    staff.submit("/devices/W12-0001/return", damaged="yes", notes="Cracked")
    text = staff.read("/devices/W12-0001")
    assert "damaged</span>" in text
    assert "Cracked" in text
    staff.submit(f"/devices/W12-0001/undo/{school.log()[-1].id}")
    assert school.device_now("W12-0001").current_student_id == "1001"
    refused = staff.submit("/devices/W12-0001/delete")
    assert refused.location == "/devices/W12-0001"
    assert "Return it first" in staff.read("/devices/W12-0001")


def test_forms_take_what_a_scanner_sends(school: School, staff: Person) -> None:
    school.student("026049", "Grace", "Hopper")
    school.device("W12-0001", serial_number="5CD2198XK")

    def check(path: str, **form: str) -> None:
        staff.submit(path, **form)
        assert school.device_now("W12-0001").current_student_id == "026049"
        staff.submit("/devices/W12-0001/return")

    for code in ("]C1W12-0001", "W12\u20130001", "5cd2198xk", "S5CD2198XK", "S/N: 5CD2198XK", "1"):
        check("/students/026049/assign", asset_tag=code)
    check("/devices/W12-0001/assign", student_id="]C1026049")

    differs = "keyboard language differs from this computer’s: “W12ß0001” is probably W12-0001."
    assert differs in text_of(staff.get(staff.submit("/students/026049/assign", asset_tag="W12ß0001").location))
    refused = staff.submit("/devices/new", asset_tag="W12ß0001", condition="good")
    assert (refused.status_code, differs in text_of(refused)) == (400, True)
    added = staff.submit("/devices/new", asset_tag="]C1W12\u20130002", serial_number="S/N: 5CD2198XM", condition="good")
    assert (added.location, school.device_now("W12-0002").serial_number) == ("/devices/W12-0002", "5CD2198XM")
    assert staff.submit("/students/new", student_id="]C1026050", first_name="Ada", last_name="Lovelace").location == "/students/026050"


def test_refused_changes_explain_what_to_do(school: School, staff: Person) -> None:
    school.students(2)
    school.devices(2)
    school.assign("W12-0001", "1001")

    def check(path: str, form: dict[str, str], message: str) -> None:
        answer = staff.submit(path, **form)
        assert message in text_of(staff.get(answer.location))

    check_all(
        [
            ("/students/1002/assign", {"asset_tag": "W12-0001"}, "W12-0001 is assigned to Grace Hopper (1001, grade 9). Return it first."),
            ("/students/1002/assign", {"asset_tag": "W12-77"}, "No device has the tag W12-77."),
            ("/devices/W12-0002/assign", {"student_id": "77"}, "No student has the number 77."),
            ("/devices/W12-0002/assign", {"student_id": "1002", "due_date": "soon"}, "The due date is not valid"),
            ("/devices/W12-0002/return", {}, "W12-0002 is not assigned to a student"),
            ("/devices/W12-0001/status", {"status": "retired"}, "Return it first"),
            ("/students/1001/delete", {}, "Grace Hopper still has W12-0001. Return it first."),
        ],
        check,
    )
    assert len(school.log()) == 1


def test_a_due_date_in_the_past_is_questioned_and_the_form_stays_filled(school: School, staff: Person) -> None:
    school.students(1)
    school.devices(2)
    form = {"student_id": "1001", "due_date": "2020-01-02"}
    asked = staff.read(staff.submit("/devices/W12-0001/assign", **form).location)
    assert "The due date 2020-01-02 is in the past. Correct it, or allow a due date in the past." in asked
    assert "Allow a due date in the past" in asked
    assert all(f'value="{value}"' in asked for value in form.values())
    assert school.log() == []
    staff.submit("/devices/W12-0001/assign", **form, allow_past_due_date="yes")
    assert str(school.device_now("W12-0001").due_date) == "2020-01-02"
    assert "Allow a due date in the past" not in staff.read("/devices/W12-0002")
    staff.submit("/devices/W12-0002/assign", student_id="1001", due_date="2999-06-01")
    assert str(school.device_now("W12-0002").due_date) == "2999-06-01"


def test_only_an_administrator_overrides_an_assignment(app: Flask, school: School, staff: Person) -> None:
    school.students(2)
    school.device()
    school.assign("W12-0001", "1001")
    assert "Override the assignment" not in staff.read("/devices/W12-0001")
    admin = Person(app, user(app, "admin"))
    admin.submit("/devices/W12-0001/override", student_id="1002", reason="")
    assert school.device_now("W12-0001").current_student_id == "1001"
    admin.submit("/devices/W12-0001/override", student_id="1002", reason="Swapped in class")
    assert school.device_now("W12-0001").current_student_id == "1002"
    assert "Swapped in class" in admin.read("/devices/W12-0001")


def test_overdue_loaners_are_listed_by_due_date(school: School, staff: Person) -> None:
    assert "No overdue loaners" in staff.read("/devices/overdue")
    school.students(3)
    school.devices(3)
    for number, days in enumerate((30, 5), 1):
        school.assign(f"W12-{number:04d}", f"{1000 + number}", due=NOW.date().replace(day=31 - days))
    school.assign("W12-0003", "1003", due=NOW.date().replace(year=2999))
    text = staff.read("/devices/overdue")
    assert text.index("W12-0001") < text.index("W12-0002")
    assert "W12-0003" not in text
    assert "2 loaners are overdue." in staff.read("/students")


def test_a_teacher_sees_assignments_and_no_forms(app: Flask, school: School) -> None:
    school.student(building="North")
    school.device()
    school.assign("W12-0001", "1001")
    teacher = Person(app, user(app, "teacher", school="North"))
    assert "You see the students of North." in teacher.read("/students")
    for path in ("/students", "/students/1001", "/devices", "/devices/W12-0001", "/devices/overdue"):
        assert '<form method="post"' not in teacher.read(path).split("<main", 1)[1]
