"""Accounts that belong to a student, or have a school and a homeroom: on the page, by command, and when the student changes."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from request_tracker_utils.accounts import service as accounts, student_links
from request_tracker_utils.accounts.models import LoginKind, User
from request_tracker_utils.accounts.student_links import StudentLookup
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Conflict
from request_tracker_utils.students import service
from request_tracker_utils.web.registry import registry_of
from tests.functional.accounts.records import account, made, recorded
from tests.services import rosters
from tests.services.apps import user
from tests.services.people import Person, errors_in, text_of
from tests.services.school import School
from tests.services.tables import check_all
from tests.services.terminal import Run


@pytest.fixture
def school(app: Flask) -> School:
    """Grace and Alan at North, Ada at South."""
    school = School(app)
    for number, (first, last, building, homeroom) in enumerate(
        [("Grace", "Hopper", "North", "B12"), ("Alan", "Turing", "North", "B13"), ("Ada", "Lovelace", "South", "C1")]
    ):
        school.student(str(1001 + number), first, last, building=building, homeroom=homeroom)
    return school


def linked_number(app: Flask, name: str) -> str | None:
    """The number of the account's student."""
    row_id = account(app, name).student_id
    with app.app_context(), reading() as session:
        student = registry_of(app).get(StudentLookup).by_row(session, row_id) if row_id else None
    return student.number if student else None


def place(app: Flask, name: str) -> tuple[str, str]:
    return account(app, name).school, account(app, name).homeroom


def test_the_page_links_a_student_by_number_or_by_search_and_unlinks(app: Flask, admin: Person, school: School) -> None:
    number = made(app, "student", "grace")
    path = f"/admin/people/{number}"
    assert "Not linked" in admin.read(path)
    answer = admin.submit(f"{path}/student", student=" 1001 ")
    assert (answer.status_code, linked_number(app, "grace")) == (303, "1001")
    page = admin.read(path)
    assert all(text in page for text in ("Grace Hopper", "1001", "North", "grace is linked to Grace Hopper (1001)."))
    assert admin.submit(f"{path}/student", student="").status_code == 303
    assert linked_number(app, "grace") is None
    found = text_of(admin.submit(f"{path}/student", student="tur"))
    assert ("Alan Turing" in found, 'name="student" value="1002"' in found, linked_number(app, "grace")) == (True, True, None)
    details = [event.detail for event in recorded(app, LoginKind.CHANGED)]
    assert details[-2:] == ["linked to student 1001 by ada", "unlinked from the student by ada"]


def test_links_that_cannot_be_are_refused_with_a_reason(app: Flask, admin: Person, school: School) -> None:
    ids = {name: made(app, role, name) for name, role in (("grace", "student"), ("alan", "student"), ("lee", "teacher"), ("sam", "staff"))}
    admin.submit(f"/admin/people/{ids['grace']}/student", student="1001")

    def is_refused(name: str, address: str, form: dict[str, str], status: int, field: str, sentence: str) -> None:
        answer = admin.submit(f"/admin/people/{ids[name]}/{address}", **form)
        assert (answer.status_code, list(errors_in(answer))) == (status, [field] if field else [])
        assert sentence in text_of(answer)

    rows: list[tuple[Any, ...]] = [
        ("alan", "student", {"student": "1001"}, 409, "student", "Student 1001 is already linked to the account grace."),
        ("alan", "student", {"student": "9999"}, 404, "student", "No student has the number 9999."),
        (
            "lee",
            "school",
            {"school": "East", "homeroom": ""},
            400,
            "school",
            "No active student has the school East. Choose one of: North, South.",
        ),
        ("lee", "school", {"school": "North", "homeroom": "C1"}, 400, "homeroom", "No active student of North has the homeroom C1."),
        ("lee", "school", {"school": "", "homeroom": "C1"}, 400, "school", "Choose the school of the homeroom."),
    ]
    check_all(rows, is_refused)
    for name, address, form, sentence in (
        ("lee", "student", {"student": "1002"}, "Only accounts with the role student can be linked to a student."),
        ("sam", "school", {"school": "North", "homeroom": ""}, "Only accounts with the role teacher have a school."),
    ):
        assert admin.submit(f"/admin/people/{ids[name]}/{address}", **form).status_code == 400, sentence
    assert [linked_number(app, name) for name in ids] == ["1001", None, None, None]
    assert place(app, "lee") == place(app, "sam") == ("", "")


def test_a_teachers_school_is_chosen_from_those_of_students(app: Flask, admin: Person, school: School) -> None:
    path = f"/admin/people/{made(app, 'teacher', 'lee')}"
    page = admin.read(path)
    assert [f'<option value="{name}">{name}' in page for name in ("North", "South")] == [True, True]
    assert admin.submit(f"{path}/school", school="North", homeroom="b12").status_code == 303
    assert place(app, "lee") == ("North", "B12")
    lee = Person(app, "lee")
    assert ("Hopper" in lee.read("/students"), "Turing" in lee.read("/students"), "Lovelace" in lee.read("/students")) == (
        True,
        True,
        False,
    )
    with school.writing() as session:  # nobody has that homeroom now: what is set already may stay
        for student in (service.get(session, number) for number in ("1001", "1002")):
            student.building = "West"
    assert admin.submit(f"{path}/school", school="North", homeroom="B12").status_code == 303
    assert "Hopper" not in lee.read("/students")


def test_a_new_role_ends_what_only_the_former_one_has(app: Flask, admin: Person, school: School, run: Run) -> None:
    grace, lee = made(app, "student", "grace"), made(app, "teacher", "lee")
    admin.submit(f"/admin/people/{grace}/student", student="1001")
    admin.submit(f"/admin/people/{lee}/school", school="North", homeroom="B12")
    for number, role in ((grace, "user"), (lee, "staff")):
        assert admin.submit(f"/admin/people/{number}", role=role, email="").status_code == 303
    assert (linked_number(app, "grace"), place(app, "lee")) == (None, ("", ""))
    details = [event.detail for event in recorded(app, LoginKind.CHANGED)][-2:]
    assert details == ["role student → user, unlinked from the student, by ada", "role teacher → staff, school removed, by ada"]


def test_commands_link_students_and_set_schools(app: Flask, school: School, run: Run) -> None:
    def done(*arguments: str) -> str:
        result = run("users", *arguments)
        assert result.exit_code == 0, result.output
        return result.output

    done("create", "grace", "--role", "student", "--student-id", "1001")
    done("create", "lee", "--role", "teacher", "--school", "north", "--homeroom", "b12")
    assert (linked_number(app, "grace"), place(app, "lee")) == ("1001", ("North", "B12"))
    done("change", "grace", "--student-id", "1002")
    done("change", "lee", "--homeroom", "B13")
    assert (linked_number(app, "grace"), place(app, "lee")) == ("1002", ("North", "B13"))
    done("change", "lee", "--school", "South")  # the homeroom was one of the other school
    done("change", "grace", "--student-id", "")
    assert (linked_number(app, "grace"), place(app, "lee")) == (None, ("South", ""))
    done("change", "lee", "--role", "student", "--student-id", "1001")
    assert (linked_number(app, "lee"), place(app, "lee")) == ("1001", ("", ""))

    def is_refused(sentence: str, *arguments: str) -> None:
        result = run("users", *arguments)
        assert (result.exit_code != 0, sentence in result.stderr) == (True, True), result.output

    rows = [
        ("Student 1001 is already linked to the account lee.", "change", "grace", "--student-id", "1001"),
        ("No student has the number 9.", "create", "bob", "--role", "student", "--student-id", "9"),
        ("Only accounts with the role student", "create", "bob", "--role", "staff", "--student-id", "1003"),
        ("Only accounts with the role teacher", "create", "bob", "--role", "staff", "--school", "North"),
        ("No active student has the school East.", "create", "bob", "--role", "teacher", "--school", "East"),
        ("Pass --role, --email, --phone, --student-id", "change", "grace"),
    ]
    check_all(rows, is_refused)
    with app.app_context(), reading() as session:
        assert [each.name for each in accounts.all_users(session)] == ["grace", "lee"]  # refused accounts were not created


@pytest.mark.both_databases
def test_one_of_two_accounts_gets_a_student(app: Flask, school: School) -> None:
    both = Barrier(2)
    names = [user(app, "student", name) for name in ("one", "two")]

    def link(name: str) -> bool:
        with app.app_context():
            both.wait()
            try:
                with transaction() as session:
                    student = student_links.student_numbered(session, registry_of(app).get(StudentLookup), "1001")
                    student_links.link_student(session, accounts.user_named(session, name), student, actor=of_command(), now=utc_now())
            except Conflict:
                return False
            return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(link, names)) == [False, True]


@pytest.mark.both_databases
def test_the_database_links_neither_other_roles_nor_one_student_twice(app: Flask, school: School) -> None:
    row_id = school.student_now("1001").id
    for role in ("student", "user", "staff", "teacher", "admin"):
        user(app, role)
    user(app, "student", "second")
    with app.app_context():

        def write(name: str, **values: object) -> None:
            with transaction() as session:
                session.execute(update(User).where(User.name == name).values(**values))

        write("student", student_id=row_id)
        refused = [("second", {"student_id": row_id}), ("student", {"role": "staff"}), ("staff", {"school": "North"})]
        for name, values in [*refused, *((role, {"student_id": row_id + 1}) for role in ("user", "staff", "teacher", "admin"))]:
            with pytest.raises(IntegrityError):
                write(name, **values)


@pytest.mark.both_databases
def test_the_account_of_a_student_whose_import_is_undone_stays_without_a_link(app: Flask) -> None:
    with app.app_context():
        rosters.import_file(rosters.csv(rosters.GRACE))
    grace = Person(app, user(app, "student", "grace", student_id=School(app).student_now("1001").id))
    assert "Hopper" in grace.read("/my/record")
    with app.app_context():
        rosters.undo_import()
    assert account(app, "grace").student_id is None
    assert "They need your student number" in grace.read("/my/record")


def test_a_student_who_left_school_still_sees_their_own_record(app: Flask, school: School) -> None:
    grace = Person(app, user(app, "student", "grace", student_id=school.student_now("1001").id))
    with school.writing() as session:
        service.change(session, service.get(session, "1001", lock=True), {"active": False}, now=utc_now())
    assert "Hopper" in grace.read("/my/record")
    assert grace.get("/api/students/1001").status_code == 200
