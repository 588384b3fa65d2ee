"""`rtutils students …` and `rtutils devices …`, as a person at a terminal runs them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select

from request_tracker_utils.students.models import Student
from tests.functional.rosters.conftest import Run
from tests.services.rosters import ALAN, GRACE, csv
from tests.services.school import School

File = Callable[[bytes], str]


@pytest.fixture
def file(tmp_path: Path) -> File:
    def write(data: bytes) -> str:
        path = tmp_path / "list.csv"
        path.write_bytes(data)
        return str(path)

    return write


def count(school: School) -> int:
    with school.looking() as session:
        return session.scalar(select(func.count()).select_from(Student)) or 0


def problems(result: Result) -> list[str]:
    return [line for line in result.stderr.splitlines() if line.startswith("line ")]


def test_students_come_in_from_a_file(run: Run, file: File, school: School) -> None:
    result = run("students", "import", file(csv(GRACE, ALAN)))
    assert (result.exit_code, result.stdout) == (0, "Are: 2 new, 0 changed, 0 unchanged. 0 left out.\n"), result.output
    assert school.student_now("1002").name == "Alan Turing"
    assert run("students", "import", file(csv(GRACE, ALAN))).stdout == "Are: 0 new, 0 changed, 2 unchanged. 0 left out.\n"


def test_all_problems_are_told_at_once_and_the_command_fails(run: Run, file: File, school: School) -> None:
    result = run("students", "import", file(csv(GRACE, "1002,,X,9,,,", "1003,A,B,99,,,", GRACE)))
    assert result.exit_code == 1
    assert problems(result) == [
        "line 3\t1002\tThe first name is missing.",
        "line 4\t1003\t99 is not a grade. Enter PK, K, or a number from 1 to 13.",
        "line 5\t1001\t1001 stands in line 2 already.",
    ]
    assert count(school) == 1


def test_a_dry_run_changes_nothing(run: Run, file: File, school: School) -> None:
    school.students(2, begin=2001)
    result = run("students", "import", file(csv(GRACE)), "--dry-run", "--deactivate-missing")
    assert (result.exit_code, result.stdout) == (0, "Would be: 1 new, 0 changed, 0 unchanged, 2 made inactive. 0 left out.\n")
    assert (count(school), school.student_now("2001").is_active) == (2, True)


def test_who_is_missing_becomes_inactive_when_asked(run: Run, file: File, school: School) -> None:
    school.student("2001")
    assert run("students", "import", file(csv(GRACE)), "--deactivate-missing").exit_code == 0
    assert not school.student_now("2001").is_active


def test_columns_are_named_by_options(run: Run, file: File, school: School) -> None:
    options = [option for named in ("student_id=Nr.", "first_name=Vorname", "last_name=Nachname") for option in ("--column", named)]
    data = csv("007;James;Bond", head="Nr.;Vorname;Nachname")
    assert run("students", "import", file(data), *options).exit_code == 0
    assert school.student_now("007").name == "James Bond"
    assert "There is no field nick" in run("students", "import", file(data), "--column", "nick=Nr.").stderr
    assert "No column is called Nummer" in run("students", "import", file(data), "--column", "student_id=Nummer").stderr


def test_standard_input_is_a_file_too(run: Run, school: School) -> None:
    assert run("students", "import", "-", typed=csv(GRACE)).exit_code == 0
    assert school.student_now("1001").name == "Grace Hopper"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"%PDF", "a PDF"),
        (b"", "empty"),
        (csv("1", head="Room"), "Say in which column the student number is."),
        (csv(*[GRACE] * 5, '1009,"A,B,9,,,'), "line 7"),
    ],
)
def test_what_is_no_list_is_refused(run: Run, file: File, school: School, data: bytes, words: str) -> None:
    result = run("students", "import", file(data))
    assert (result.exit_code, words in result.stderr, count(school)) == (1, True, 0), result.output


def test_devices_come_in_and_everything_goes_out(run: Run, file: File, school: School) -> None:
    school.student()
    result = run("devices", "import", file(csv("W12-0001,Chromebook,1001", "W12-0002,Chromebook,9", head="Tag,Model,Assigned To")))
    assert (result.exit_code, problems(result)) == (
        1,
        ["line 3\tW12-0002\tNo student has the number 9. Check the number, or add the student."],
    )
    assert run("students", "export").stdout.splitlines()[1].startswith("1001,Grace,Hopper,9")
    assert run("devices", "export").stdout.splitlines()[1].startswith("W12-0001,,Chromebook,checked_out")
    assert len(run("devices", "logs").stdout.splitlines()) == 2


def test_the_year_turns_and_is_taken_back(app: Flask, run: Run, school: School) -> None:
    school.student("1", grade="9")
    school.student("2", grade="12")
    school.device("W12-0001")
    school.assign("W12-0001", "2")
    looked = run("students", "rollover", "2026/27", "--dry-run")
    assert "grade 9\t1\tto grade 10" in looked.stderr
    assert "1 of those who leave still have something" in looked.stderr
    assert school.student_now("1").grade == "9"
    assert run("students", "rollover", "2026/27").stdout == "2026/27: 1 went up a grade, 1 left.\n"
    assert "W12-0001" in run("students", "leavers").stdout
    assert run("students", "rollover", "2026/27").exit_code == 1
    assert run("students", "rollover", "2026/27", "--undo").exit_code == 0
    assert school.student_now("2").is_active
    assert run("students", "rollover", "2026/27", "--undo").exit_code == 1
