"""Files as people and spreadsheets leave them, through the page and by command: the header row is found, text is cleaned, and what is odd
is reported before the import."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

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
    shown = text_of(client.get(upload(client, data).location, headers=HTML))
    assert "No header row with known names was found. Choose the column of each field." in shown


def _is(value: object, expected: object) -> None:
    assert value == expected
