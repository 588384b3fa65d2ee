"""Students, devices and their record as files: all of it, in order, and such that they can be brought back."""

from datetime import datetime

import pytest

from request_tracker_utils.core.csv import csv_lines
from request_tracker_utils.core.db import reading
from request_tracker_utils.rosters import export
from request_tracker_utils.rosters.export import DEVICES, LOGS, STUDENTS, Export, rows, together
from tests.services.rosters import bring
from tests.services.school import School


def written(which: Export) -> bytes:
    return "".join(together(csv_lines(which.head, rows(reading, which, datetime.isoformat)))).encode()


def test_every_row_is_there_once_over_many_chunks(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "FIRST", 2)
    monkeypatch.setattr(export, "CHUNK", 3)
    school.students(13)
    school.devices(13)
    for number in range(1, 9):
        school.assign(f"W12-{number:04d}", str(1000 + number))
    assert [row[0] for row in rows(reading, DEVICES, str)] == [f"W12-{number:04d}" for number in range(1, 14)]
    assert sorted(str(row[0]) for row in rows(reading, STUDENTS, str)) == [str(number) for number in range(1001, 1014)]
    assert [row[2] for row in rows(reading, LOGS, str)] == [f"W12-{number:04d}" for number in range(1, 9)]


def test_students_come_by_name(school: School) -> None:
    school.students(3)
    assert [row[2] for row in rows(reading, STUDENTS, str)] == ["Hopper", "Lovelace", "Turing"]


def test_what_was_exported_is_brought_back_without_a_change(school: School) -> None:
    school.student("0001", "=1+1", "-Dash", grade="K", homeroom="@home", email="a@b.org", rt_user="+plus")
    school.student("'=2", "'=quoted", "x;=1", grade=None, building="Straße")
    school.student("-3", 'Quo"te', "Com,ma", grade="Other")
    school.students(2)
    school.devices(3)
    school.device("=W1", model="-x;'=1", condition="damaged")
    school.assign("W12-0001", "0001")
    school.assign("=W1", "'=2")
    with school.writing() as session:
        session.get_one(type(school.student_now("1002")), 5).is_active = False
    students, devices = bring(written(STUDENTS)), bring(written(DEVICES), "devices")
    assert (students.new, students.changed, students.unchanged, students.bad) == (0, 0, 5, 0), students
    assert (devices.new, devices.changed, devices.handed, devices.unchanged, devices.bad) == (0, 0, 0, 4, 0), devices
    assert len(school.log()) == 2


def test_no_cell_begins_a_formula(school: School) -> None:
    school.student("0001", "=cmd()", "-Dash")
    assert b"0001,'=cmd(),'-Dash," in written(STUDENTS)


def test_a_school_without_anybody_has_a_heading() -> None:
    assert STUDENTS.head[:4] == ["student_id", "first_name", "last_name", "grade"]
    assert "".join(together(csv_lines(STUDENTS.head, []))).startswith("student_id,first_name")
