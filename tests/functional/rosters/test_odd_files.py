"""Files as people and spreadsheets leave them, through the page and by command: the header row is found, text is cleaned, and what is odd
is reported before the import."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from request_tracker_utils.students.models import Device
from tests.functional.rosters.test_commands import count
from tests.functional.rosters.test_import_pages import HTML, IMPORT, PREVIEW, upload
from tests.services.apps import run_job
from tests.services.forms import submit
from tests.services.people import text_of
from tests.services.school import School
from tests.services.tables import check_all
from tests.services.terminal import Run

Import = Callable[[bytes], str]
"""Imports students, and returns what was said before."""


def chosen(page: str) -> dict[str, str]:
    """The columns that are selected on the page."""
    selects = re.findall(r'<select class="form-select" id="column-\w+" name="(\w+)">(.*?)</select>', page, re.DOTALL)
    return {name: found[1] for name, options in selects if (found := re.search(r'value="(\d+)" selected', options))}


@pytest.fixture(params=["page", "command"])
def students(request: pytest.FixtureRequest, app: Flask, client: FlaskClient, run: Run, tmp_path: Path) -> Import:
    def by_page(data: bytes) -> str:
        page = upload(client, data).location
        submit(client, page, PREVIEW, **chosen(client.get(page, headers=HTML).text))
        run_job(app, "run-tasks")
        said = text_of(client.get(page, headers=HTML))
        submit(client, page, IMPORT)
        run_job(app, "run-tasks")
        return said

    def by_command(data: bytes) -> str:
        path = tmp_path / "list.csv"
        path.write_bytes(data)
        return run("students", "import", str(path)).stderr

    return by_page if request.param == "page" else by_command


def table(*rows: str, header: str = "Student ID,First Name,Last Name,Grade,School", above: str = "", encoding: str = "utf-8") -> bytes:
    return (above + "\n".join([header, *rows]) + "\n").encode(encoding)


def test_titles_totals_and_the_separators_line_are_no_students(students: Import, school: School) -> None:
    above = "Lincoln High School\nStudent roster, printed 2026-08-17\n\n"
    said = students(table("0041,Ada,Lovelace,9,North", "0042,Alan,Turing,K,North", "", "Total students: 2", above=above))
    assert "1 row is a total or a note about the file, and was left out: “Total students: 2” in line 8." in said
    assert "is missing" not in said
    assert (school.student_now("0042").name, school.student_now("0042").grade) == ("Alan Turing", "K")
    students(table("0043;Grace;Hopper;9", header="identifier;givenName;familyName;grades", above="sep=;\n"))
    assert school.student_now("0043").name == "Grace Hopper"
    assert count(school) == 3


def test_grades_are_read_as_people_write_them_and_others_are_reported(students: Import, school: School) -> None:
    grades = {"9th": "9", "Grade 9": "9", "09": "9", "1.0": "1", "Freshman": "9", "KG": "K", "Room 12": "Room 12", "Blue": "Blue"}
    said = students(table(*(f"{number},A,B,{grade},North" for number, grade in enumerate(grades, 1))))
    assert "2 rows have grades that are not PK, K or a number: “Room 12” (line 8), “Blue” (line 9)." in said
    check_all(enumerate(grades.values(), 1), lambda number, grade: _is(school.student_now(str(number)).grade, grade))


def test_text_is_cleaned_and_a_character_that_is_refused_is_named(students: Import, school: School) -> None:
    names = ["Ana\u00a0Sofía", "Gra\u00adce\u200b", "\u202bעדה\u202c", "می\u200cنا"]
    said = students(table(*(f"{number},{name},B\u202fC,9,North" for number, name in enumerate(names, 1)), "9,Ada\x07,B,9,North"))
    assert "The first name contains the character U+0007 (BELL). Remove it." in said
    cleaned = ["Ana Sofía", "Grace", "עדה", "می\u200cنا"]
    check_all(enumerate(cleaned, 1), lambda number, name: _is(school.student_now(str(number)).name, f"{name} B C"))
    assert "damaged" not in said


def test_text_from_a_wrong_encoding_is_reported_before_the_import(students: Import, school: School) -> None:
    def check(name: str, encoding: str = "utf-8") -> None:
        said = students(table("1,Ada,Lovelace,9,North", f"2,{name},B,9,North", encoding=encoding))
        assert "1 row contains text that looks damaged: “" in said
        assert "in line 3" in said

    check_all(["GarcÃ\u00ada", "Garc√≠a", "GarcÌa", "Garc\ufffda", ("José", "mac_roman"), ("Muñoz", "mac_roman")], check)
    assert "damaged" not in students(table("1,García,O’Brien,9,North"))


def test_spoiled_identifiers_are_refused_with_the_reason(students: Import, school: School) -> None:
    school.student("026130", "Ada", "Lovelace")
    reasons = {
        "1.23457E+16": "a spreadsheet has shortened a long number, and its digits are lost",
        "1,23457E+16": "a spreadsheet has shortened a long number, and its digits are lost",
        "26130.0": "a spreadsheet has turned it into a number with decimals or separators",
        "26,130": "a spreadsheet has turned it into a number with decimals or separators",
        "#REF!": "a spreadsheet shows this where it cannot show the value",
        "#######": "a spreadsheet shows this where it cannot show the value",
    }
    said = students(
        table(*(f'"{number}",B,C,9,North' for number in reasons), '="026130",Ada,Byron,10,North', '="0012",Alan,Turing,9,North')
    )
    check_all(reasons.items(), lambda number, reason: _is(f"{number} is not the student number: {reason}" in said, True))
    assert (count(school), school.student_now("026130").name, school.student_now("0012").name) == (2, "Ada Byron", "Alan Turing")


@pytest.mark.parametrize("kind", ["page", "command"])
def test_an_export_without_its_leading_zeros_is_matched_by_one_choice(
    kind: str, app: Flask, client: FlaskClient, run: Run, tmp_path: Path, school: School
) -> None:
    """As a spreadsheet saves an export: with every missing student deactivated, all would be inactive beside new ones."""
    for number in range(160):
        school.student(f"{26_100 + number:06d}", "Ada", f"Number {number}")
    data = b"".join(
        re.sub(rb"^0+", b"", line).replace(b"Ada", b"Grace") for line in client.get("/students/export.csv").data.splitlines(keepends=True)
    )
    assert b"\n26100,Grace" in data
    if kind == "page":
        page = upload(client, data).location
        submit(client, page, PREVIEW, **chosen(client.get(page, headers=HTML).text), deactivate_missing="on")
        run_job(app, "run-tasks")
        said = text_of(client.get(page, headers=HTML))
        assert "160 numbers differ from existing ones only in leading zeros, such as 26100 and 026100." in said
        assert "Nothing was deactivated: 160 rows differ from existing numbers only in leading zeros." in said
        assert "No changes." in said
        submit(client, page, "Match all 160 numbers")
        run_job(app, "run-tasks")
        assert "160 rows were matched with existing numbers" in text_of(client.get(page, headers=HTML))
        submit(client, page, IMPORT)
        run_job(app, "run-tasks")
    else:
        path = tmp_path / "list.csv"
        path.write_bytes(data)
        refused = run("students", "import", str(path), "--deactivate-missing")
        assert (refused.exit_code, refused.stdout) == (1, "Imported: 0 new, 0 changed, 0 unchanged, 160 skipped.\n")
        assert "line 2\t26100\t026100 exists, which differs only in leading zeros." in refused.stderr
        assert "To match them, import the file with --match-zeros." in refused.stderr
        assert (count(school), school.student_now("026100").is_active) == (160, True)
        matched = run("students", "import", str(path), "--deactivate-missing", "--match-zeros")
        assert (matched.exit_code, matched.stdout) == (0, "Imported: 0 new, 160 changed, 0 unchanged, 0 skipped.\n"), matched.output
    students = [school.student_now(f"{26_100 + number:06d}") for number in range(160)]
    assert {(student.first_name, student.is_active) for student in students} == {("Grace", True)}
    assert count(school) == 160


@pytest.mark.parametrize("kind", ["page", "command"])
def test_spoiled_identifiers_of_devices_never_replace_good_ones(
    kind: str, app: Flask, client: FlaskClient, run: Run, tmp_path: Path, school: School
) -> None:
    school.student("0042")
    for tag, serial in (("W12-0001", "0012345"), ("W12-0002", "SN2"), ("W12-0003", "SN3"), ("000777", "SN4"), ("W12-0005", "SN5")):
        school.device(tag, serial_number=serial)
    school.assign("W12-0005", "0042")
    rows = ("W12-0001,12345,", "W12-0002,1.23457E+16,", "W12\N{EN DASH}0003,SN3,42", "777,SN4,", "W12-0005,SN5,42", "W12-0006,S6,1.0")
    data = ("Tag,Serial,Assigned To\n" + "\n".join(rows) + "\n").encode()

    def bring(match: str = "") -> str:
        if kind == "command":
            path = tmp_path / "devices.csv"
            path.write_bytes(data)
            return run("devices", "import", str(path), *(["--match-zeros"] if match else [])).stderr
        page = upload(client, data, subject="devices").location
        submit(client, page, PREVIEW, **chosen(client.get(page, headers=HTML).text))
        run_job(app, "run-tasks")
        if match:
            submit(client, page, match)
            run_job(app, "run-tasks")
        said = text_of(client.get(page, headers=HTML))
        if "autofocus" in said:
            submit(client, page, IMPORT)
            run_job(app, "run-tasks")
        return said

    said = bring()
    for words in (
        "0012345 exists, which differs only",
        "1.23457E+16 is not the serial number",
        "1.0 is not the student number",
        "4 numbers",
    ):
        assert words in said, words
    assert [school.device_now(tag).serial_number for tag in ("W12-0001", "W12-0002", "000777")] == ["0012345", "SN2", "SN4"]
    assert (school.device_now("W12-0003").current_student_id, count(school, Device)) == (None, 5)
    assert "4 rows were matched with existing numbers" in bring("Match all 4 numbers")
    assert [school.device_now(tag).serial_number for tag in ("W12-0001", "W12-0002", "000777")] == ["0012345", "SN2", "SN4"]
    assert (school.device_now("W12-0003").current_student_id, count(school, Device)) == ("0042", 5)


def test_a_preview_shows_names_with_accents(app: Flask, client: FlaskClient) -> None:
    page = upload(client, table("1,Ada,Lovelace,9,North", "2,Zoë,Größe,9,North", "3,Юрий,Гагарин,9,North")).location
    submit(client, page, PREVIEW, **chosen(client.get(page, headers=HTML).text))
    run_job(app, "run-tasks")
    assert "Check that these names are right: 2 Zoë Größe, 3 Юрий Гагарин." in text_of(client.get(page, headers=HTML))


def test_a_file_without_known_names_of_columns_is_one_message(client: FlaskClient, run: Run, tmp_path: Path, school: School) -> None:
    data = table("007,James,Bond,9", "008,Bill,Timothy,9", header="Nr.,Vorname,Nachname,Klasse", above="Schülerliste\n\n")
    path = tmp_path / "list.csv"
    path.write_bytes(data)
    refused = run("students", "import", str(path))
    assert refused.exit_code == 1
    assert refused.stderr.count("\n") == 1
    assert "The column of the student number is not known" in refused.stderr
    assert '--column student_id="' in refused.stderr
    options = [option for each in ("student_id=Nr.", "first_name=Vorname", "last_name=Nachname") for option in ("--column", each)]
    assert run("students", "import", str(path), *options).exit_code == 0
    assert (school.student_now("007").name, count(school)) == ("James Bond", 2)
    shown = text_of(upload(client, data))
    assert "No header row with known names was found. Choose the column of each field." in shown


def _is(value: object, expected: object) -> None:
    assert value == expected
