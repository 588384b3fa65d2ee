"""`rtutils students …` and `rtutils devices …` at a terminal."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select

from request_tracker_utils.students.models import Student
from tests.services.csv_files import without_mark
from tests.services.rosters import ALAN, GRACE, csv
from tests.services.school import School
from tests.services.tables import check_all
from tests.services.terminal import Run

File = Callable[[bytes], str]


@pytest.fixture
def file(tmp_path: Path) -> File:
    def write(data: bytes) -> str:
        path = tmp_path / "list.csv"
        path.write_bytes(data)
        return str(path)

    return write


def count(school: School, model: type = Student) -> int:
    with school.looking() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def problems(result: Result) -> list[str]:
    return [line for line in result.stderr.splitlines() if line.startswith("line ")]


def test_students_are_imported_from_a_file_and_from_standard_input(run: Run, file: File, school: School) -> None:
    result = run("students", "import", file(csv(GRACE)))
    assert (result.exit_code, result.stdout) == (0, "Imported: 1 new, 0 changed, 0 unchanged, 0 skipped.\n"), result.output
    result = run("students", "import", "-", typed=csv(GRACE, ALAN))
    assert (result.exit_code, result.stdout) == (0, "Imported: 1 new, 0 changed, 1 unchanged, 0 skipped.\n"), result.output
    assert school.student_now("1002").name == "Alan Turing"


def test_all_problems_are_printed_and_the_exit_code_is_1(run: Run, file: File, school: School) -> None:
    result = run("students", "import", file(csv(GRACE, "1002,,X,9,,,", "1003,A,B,99,,,", GRACE)))
    assert result.exit_code == 1
    missing, grade, duplicate = problems(result)
    assert missing == "line 3\t1002\tThe first name is missing."
    assert grade.startswith("line 4\t1003\t")
    assert duplicate == "line 5\t1001\t1001 is already in line 2."
    assert count(school) == 1


def test_a_dry_run_changes_nothing(run: Run, file: File, school: School) -> None:
    school.students(2, begin=2001)
    result = run("students", "import", file(csv(GRACE)), "--dry-run", "--deactivate-missing")
    assert (result.exit_code, result.stdout) == (0, "Dry run: 1 new, 0 changed, 0 unchanged, 2 deactivated, 0 skipped.\n")
    assert (count(school), school.student_now("2001").is_active) == (2, True)
    assert run("students", "import", file(csv(GRACE)), "--deactivate-missing").exit_code == 0
    assert (count(school), school.student_now("2001").is_active) == (3, False)


def test_options_map_columns(run: Run, file: File, school: School) -> None:
    options = [option for column in ("student_id=Nr.", "first_name=Vorname", "last_name=Nachname") for option in ("--column", column)]
    path = file(csv("007;James;Bond", header="Nr.;Vorname;Nachname"))
    assert run("students", "import", path, *options).exit_code == 0
    assert school.student_now("007").name == "James Bond"
    assert "The field nick does not exist." in run("students", "import", path, "--column", "nick=Nr.").stderr
    assert "No column has the header Nummer." in run("students", "import", path, "--column", "student_id=Nummer").stderr


def test_files_that_cannot_be_read_are_refused(run: Run, file: File, school: School) -> None:
    def check(data: bytes, words: str) -> None:
        result = run("students", "import", file(data))
        assert (result.exit_code, words in result.stderr, count(school)) == (1, True, 0), result.output

    check_all(
        [
            (b"%PDF", "a PDF"),
            (b"", "empty"),
            (csv("1", header="Room"), '--column student_id="Room"'),
            (csv(*[GRACE] * 5, '1009,"A,B,9,,,'), "line 7"),
        ],
        check,
    )


def test_devices_are_imported_and_everything_is_exported(run: Run, file: File, school: School) -> None:
    school.student()
    result = run("devices", "import", file(csv("W12-0001,Chromebook,1001", "W12-0002,Chromebook,9", header="Tag,Model,Assigned To")))
    assert (result.exit_code, len(problems(result)), "1 assigned or status changed" in result.stdout) == (1, 1, True), result.output
    assert problems(result)[0].startswith("line 3\tW12-0002\t")
    assert without_mark(run("students", "export").stdout).splitlines()[1].startswith("1001,Grace,Hopper,9")
    assert without_mark(run("devices", "export").stdout).splitlines()[1].startswith("W12-0001,,Chromebook,checked_out")
    assert len(without_mark(run("devices", "logs").stdout).splitlines()) == 2


def test_imports_are_listed_and_undone(run: Run, file: File, school: School) -> None:
    school.student("1001", grade="8")
    result = run("students", "import", file(csv(GRACE, ALAN)))
    assert "To undo this import, run `rtutils imports undo 1`." in result.stderr
    school.device()
    assert run("devices", "import", file(csv("W12-0001,1002", "W12-0002,", header="Tag,Assigned To"))).exit_code == 0
    listed = [line.split("\t") for line in run("imports", "list").stdout.splitlines()]
    assert [(line[0], *line[3:]) for line in listed] == [
        ("2", "list.csv", "1 created, 0 changed, 1 assigned or status changed", ""),
        ("1", "list.csv", "1 created, 1 changed", ""),
    ]
    refused = run("imports", "undo", "1")
    assert (refused.exit_code, "or have devices: 1002 Alan Turing." in refused.stderr, count(school)) == (1, True, 2), refused.output
    planned = run("imports", "undo", "2", "--dry-run")
    assert planned.stdout == "Dry run: 1 deleted, 0 restored, 1 assignment or status change undone.\n"
    assert school.device_now("W12-0001").current_student_id == "1002"
    assert run("imports", "undo", "2").stdout == "Undone: 1 deleted, 0 restored, 1 assignment or status change undone.\n"
    assert school.device_now("W12-0001").current_student_id is None
    assert run("imports", "undo", "1").stdout == "Undone: 1 deleted, 1 restored.\n"
    assert (count(school), school.student_now("1001").grade) == (1, "8")
    assert "undone by" in run("imports", "list").stdout
    assert (run("imports", "undo", "1").exit_code, run("imports", "undo", "9").exit_code) == (1, 1)


def test_the_rollover_is_previewed_run_and_undone(app: Flask, run: Run, school: School) -> None:
    school.student("1", grade="9")
    school.student("2", grade="12")
    school.device("W12-0001")
    school.assign("W12-0001", "2")
    previewed = run("students", "rollover", "2026/27", "--dry-run")
    assert "grade 9\t1\tto grade 10" in previewed.stderr
    assert "grade 12\t1\tleaves school" in previewed.stderr
    assert "1 student who leaves school still has devices" in previewed.stderr
    assert school.student_now("1").grade == "9"
    assert run("students", "rollover", "2026/27").stdout == "2026/27: 1 promoted, 1 left school.\n"
    assert "W12-0001" in without_mark(run("students", "leavers").stdout)
    assert run("students", "rollover", "2026/27").exit_code == 1
    assert run("students", "rollover", "2026/27", "--undo").exit_code == 0
    assert school.student_now("2").is_active
    assert run("students", "rollover", "2026/27", "--undo").exit_code == 1
