"""Imports of students: what they change, and which rows have problems."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.imports import importer
from request_tracker_utils.imports.report import ImportReport
from request_tracker_utils.rosters import rollover
from request_tracker_utils.rosters.student_import import StudentRows
from request_tracker_utils.students.models import Student
from tests.services.rosters import ALAN, GRACE, csv, import_file, preview, problems
from tests.services.school import ADA, NOW, School


def count() -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(Student)) or 0


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.new, report.changed, report.unchanged, report.invalid


class TestChanges:
    def test_students_are_created_and_a_second_import_changes_nothing(self, school: School) -> None:
        assert counts(import_file(csv(GRACE, ALAN))) == (2, 0, 0, 0)
        grace = school.student_now("1001")
        named = (grace.name, grace.grade, grace.grade_rank, grace.homeroom, grace.building, grace.email)
        assert named == ("Grace Hopper", "9", 9, "H1", "North High", "grace@example.org")
        assert (grace.is_active, grace.device_count, grace.last_key) == (True, 0, "hopper")
        assert abs((utc_now() - grace.created_at).total_seconds()) < 60
        assert school.miscounted() == []
        assert counts(import_file(csv(GRACE, ALAN))) == (0, 0, 2, 0)
        assert school.student_now("1001").updated_at == grace.updated_at

    def test_only_fields_with_a_column_change(self, school: School) -> None:
        school.student("1001", homeroom="H9", building="South High", rt_user="ghopper")
        assert counts(import_file(csv("1001,10", header="Student ID,Grade"))) == (0, 1, 0, 0)
        grace = school.student_now("1001")
        assert (grace.grade, grace.grade_rank, grace.homeroom, grace.building, grace.rt_user) == ("10", 10, "H9", "South High", "ghopper")
        assert school.miscounted() == []

    def test_a_preview_shows_the_changes_and_writes_nothing(self, school: School) -> None:
        school.student("1001", grade="8", homeroom="H1", building="North High", email="grace@example.org")
        report = preview(csv(GRACE, ALAN))
        assert counts(report) == (1, 1, 0, 0)
        changed, new = report.examples["changed"][0], report.examples["new"][0]
        assert (changed.name, changed.line, changed.changes) == ("1001 Grace Hopper", 2, [("grade", "8", "9")])
        assert (new.name, new.line, new.changes[0]) == ("1002 Alan Turing", 3, ("grade", "", "10"))
        assert (count(), school.student_now("1001").grade) == (1, "8")

    def test_student_numbers_keep_their_spelling_and_are_found_in_any_case(self, school: School) -> None:
        school.student("AB-1", grade="9")
        assert counts(import_file(csv("0007,James,Bond,,,,", "Ж 12,Юрий,Гагарин,PK,,,", "ab-1,Ada,Lovelace,10,,,"))) == (2, 1, 0, 0)
        assert school.student_now("0007").student_id == "0007"
        assert (school.student_now("ж 12").student_id, school.student_now("ж 12").grade) == ("Ж 12", "PK")
        assert (school.student_now("AB-1").student_id, school.student_now("AB-1").grade, count()) == ("AB-1", "10", 3)

    def test_two_students_may_have_the_same_name(self, school: School) -> None:
        assert counts(import_file(csv("1,Ada,Lovelace,9,,,", "2,Ada,Lovelace,9,,,"))) == (2, 0, 0, 0)
        assert school.miscounted() == []

    def test_a_column_sets_who_is_active(self, school: School) -> None:
        school.students(2)
        report = import_file(csv("1001,no", "1002,yes", "1003,perhaps", header="Student ID,Active"))
        assert (counts(report), problems(report)) == ((0, 1, 1, 1), [(4, "Active must be yes or no, not “perhaps”.")])
        assert (school.student_now("1001").is_active, school.student_now("1002").is_active) == (False, True)
        assert school.miscounted() == []

    def test_a_changed_grade_is_not_restored_when_the_rollover_is_undone(self, school: School) -> None:
        school.students(2, grade="9")
        with school.writing() as session:
            rollover.roll_over(session, "2026/27", "12", actor=ADA, now=NOW)
        import_file(csv("1001,9,H5", "1002,10,H5", header="Student ID,Grade,Homeroom"))
        changed, same = school.student_now("1001"), school.student_now("1002")
        assert (changed.grade, changed.school_year_id, changed.grade_before) == ("9", None, None)
        assert (same.grade, same.grade_before, same.homeroom) == ("10", "9", "H5")

    def test_devices_are_synced_when_request_tracker_knows_their_student_by_another_name(self, school: School) -> None:
        school.student("1001")
        school.device("W12-0001")
        school.assign("W12-0001", "1001")
        for header, value, is_synced in (("Homeroom", "12", False), ("RT User", "ghopper", True), ("Email", "grace@example.org", True)):
            with school.writing() as session:
                session.get_one(type(school.device_now("W12-0001")), 1).rt_due_at = None
            import_file(csv(f"1001,{value}", header=f"Student ID,{header}"))
            assert (school.device_now("W12-0001").rt_due_at is not None) == is_synced, header


class TestProblems:
    def test_every_problem_is_reported_by_line_and_other_rows_are_imported(self, school: School) -> None:
        report = import_file(
            csv(
                "1001,,X,9,,,",
                "1002,,Turing,14,,,",
                f"{'7' * 300},Ada,Lovelace,9,,,",
                "a/b,Ada,Lovelace,9,,,",
                ",Ada,Lovelace,9,,,",
                "1003,Grace,Hopper,9,,,",
                "1003,Grace,Hopper,9,,,",
                "1005,Ada,Lovelace,13,,,nobody",
                "1001,Grace,Hopper,9,,,",
            )
        )
        assert (counts(report), count()) == ((1, 0, 0, 8), 1)
        expected = [
            (2, "first name"),
            (3, "first name"),
            (3, "14"),
            (4, "longer than 50"),
            (5, "a/b"),
            (6, "student number is missing"),
            (8, "1003 is already in line 7."),
            (9, "nobody"),
            (10, "1001 is already in line 2."),
        ]
        assert [line for line, _ in problems(report)] == [line for line, _ in expected]
        for (line, message), (_, words) in zip(problems(report), expected, strict=True):
            assert re.search(words, message), (line, message)
        assert report.without_key == 3

    def test_a_new_student_needs_a_name(self, school: School) -> None:
        report = preview(csv("1001,9", header="Student ID,Grade"))
        assert problems(report) == [(2, "The first name is missing."), (2, "The last name is missing.")]

    def test_a_thousand_problems_are_stored_and_the_others_counted(self, school: School) -> None:
        report = preview(csv(*(f"{number},,L,9,,," for number in range(1_200))))
        assert (report.invalid, report.problem_count, len(report.problems)) == (1_200, 1_200, 1_000)

    def test_duplicates_are_found_across_chunks(self, school: School, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importer, "CHUNK", 2)
        report = preview(csv(*(f"{number},A,B,9,,," for number in [1, 2, 3, 4, 5, 1, 6, 3])))
        assert problems(report) == [(7, "1 is already in line 2."), (9, "3 is already in line 4.")]


class TestDeactivation:
    def test_missing_students_become_inactive_only_when_asked(self, school: School) -> None:
        school.students(4)
        school.device("W12-0001")
        school.assign("W12-0001", "1003")
        data = csv("1001,Grace,Hopper,9,,,", "1002,Alan,Turing,9,,,")
        assert import_file(data).deactivated == 0
        report = preview(data, deactivate_missing=True)
        assert (report.deactivated, report.examples["deactivated"][0].name) == (2, "1003 Ada Lovelace")
        assert school.student_now("1003").is_active
        assert import_file(data, deactivate_missing=True).deactivated == 2
        assert [school.student_now(str(number)).is_active for number in range(1001, 1005)] == [True, True, False, False]
        assert (school.device_now("W12-0001").current_student_id, school.miscounted()) == ("1003", [])
        assert import_file(data, deactivate_missing=True).deactivated == 0

    def test_a_student_in_the_file_becomes_active(self, school: School) -> None:
        school.student("1001", is_active=False)
        import_file(csv("9999,A,B,9,,,"), deactivate_missing=True)
        assert not school.student_now("1001").is_active
        import_file(csv("1001,Grace,Hopper,9,,,"), deactivate_missing=True)
        assert school.student_now("1001").is_active

    def test_a_row_with_problems_is_not_missing(self, school: School) -> None:
        school.student("1001")
        assert import_file(csv("1001,,Hopper,9,,,", "2,A,B,9,,,"), deactivate_missing=True).deactivated == 0
        assert school.student_now("1001").is_active

    def test_no_student_is_deactivated_while_a_row_has_an_invalid_number(self, school: School) -> None:
        school.student("1001")
        report = import_file(csv(",Grace,Hopper,9,,,", "2,A,B,9,,,"), deactivate_missing=True)
        assert (report.deactivated, "1 row has an invalid number" in report.not_deactivated) == (0, True)
        assert school.student_now("1001").is_active


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_student_that_another_transaction_creates_is_changed_instead(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    """On PostgreSQL: SQLite has one writer at a time."""
    plan: Callable[..., Any] = StudentRows.plan
    creations = iter([lambda: None, lambda: school.student("1001", grade="5")])  # the preview's plan, and the first of the import

    def plan_then_lose(*arguments: Any) -> Any:
        planned = plan(*arguments)
        next(creations, lambda: None)()
        return planned

    monkeypatch.setattr(StudentRows, "plan", plan_then_lose)
    assert counts(import_file(csv(GRACE))) == (0, 1, 0, 0)
    assert (school.student_now("1001").grade, count()) == ("9", 1)
