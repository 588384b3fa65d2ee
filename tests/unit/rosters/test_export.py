"""Exports of students, devices and their history: complete, ordered, and importable."""

import csv
from zoneinfo import ZoneInfo

import pytest

from request_tracker_utils.core.csv import csv_lines
from request_tracker_utils.core.db import reading
from request_tracker_utils.rosters import export
from request_tracker_utils.rosters.export import Export, export_rows
from tests.services.csv_files import without_mark
from tests.services.rosters import DEVICES, import_file
from tests.services.school import School


def file(which: Export) -> str:
    return "".join(csv_lines(which.header, export_rows(reading, which, ZoneInfo("America/New_York"))))


def column(which: Export, name: str) -> list[str]:
    return [row[name] for row in csv.DictReader(without_mark(file(which)).splitlines())]


def test_every_row_is_exported_once_across_chunks_in_order(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "FIRST_CHUNK", 2)
    monkeypatch.setattr(export, "CHUNK", 3)
    students = school.students(13)
    school.devices(13)
    for number in range(1, 9):
        school.assign(f"W12-{number:04d}", str(1000 + number))
    assert column(export.DEVICES, "asset_tag") == [f"W12-{number:04d}" for number in range(1, 14)]
    by_name = sorted(students, key=lambda student: (student.last_key, student.first_key, student.id))
    assert column(export.STUDENTS, "student_id") == [student.student_id for student in by_name]
    assert column(export.LOGS, "asset_tag") == [f"W12-{number:04d}" for number in range(1, 9)]


def test_an_exported_file_is_imported_without_a_change(school: School) -> None:
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
    exported = file(export.STUDENTS).encode()
    assert b"0001,'=1+1,'-Dash," in exported, "formulas are escaped"
    students, devices = import_file(exported), import_file(file(export.DEVICES).encode(), DEVICES)
    assert (students.new, students.changed, students.unchanged, students.invalid) == (0, 0, 5, 0), students
    assert (devices.new, devices.changed, devices.followed_up, devices.unchanged, devices.invalid) == (0, 0, 0, 4, 0), devices
    assert len(school.log()) == 2


def test_an_empty_export_has_a_header(school: School) -> None:
    assert without_mark(file(export.STUDENTS)).startswith("student_id,first_name,last_name,grade")
