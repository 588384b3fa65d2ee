"""Numbers of a file that equal existing ones but for leading zeros: refused, or matched with those."""

import pytest

from request_tracker_utils.core.db import transaction
from request_tracker_utils.imports import bulk, importer, service
from request_tracker_utils.imports.bulk import ConcurrentChange
from request_tracker_utils.imports.report import ImportReport
from request_tracker_utils.rosters.student_import import StudentRows
from tests.services.rosters import DEVICES, csv, problems, run, upload
from tests.services.school import School

HEADER = "Student ID,Grade"
MISSING = [(2, "The first name is missing."), (2, "The last name is missing.")]


def students(*rows: str, match: bool = False, deactivate: bool = False, header: str = HEADER) -> ImportReport:
    file = upload(csv(*rows, header=header))
    with transaction() as session:
        service.map_columns(session, file.id, StudentRows(), file.columns, deactivate_missing=deactivate, match_zeros=match)
    previewed = run(service.start_preview, file)
    report = run(service.start_import, file)
    assert (previewed.zeros, previewed.new, previewed.changed) == (report.zeros, report.new, report.changed), "the preview said so"
    return report


def test_only_numbers_that_differ_in_zeros_alone_are_alike(school: School) -> None:
    for number in ("0042", "77", "A01", "00"):
        school.student(number, grade="8")
    assert students("42,9").zeros == 1
    assert students("00042,9", "077,9").zeros == 2
    assert students("0,9").zeros == 1
    for other in ("420", "042x", "A1", "7", "4 2"):
        report = students(f"{other},9")
        assert (report.zeros, problems(report)) == (0, MISSING), other
    report = students("42,9", "077,9", "0,9", "A01,9", match=True)
    assert (report.zeros, report.changed, report.invalid) == (0, 4, 0)
    assert [school.student_now(number).grade for number in ("0042", "77", "00")] == ["9", "9", "9"]


def test_a_file_with_both_numbers_means_two_students(school: School) -> None:
    school.student("0042", grade="8")
    report = students("42,Ada,Byron,9", "0042,Grace,Hopper,9", match=True, header="Student ID,First,Last,Grade")
    assert (report.zeros, report.new, report.changed) == (0, 1, 1)
    assert (school.student_now("42").first_name, school.student_now("0042").first_name) == ("Ada", "Grace")


def test_numbers_that_fit_several_existing_ones_are_never_matched(school: School) -> None:
    school.student("0042", grade="8")
    school.student("042", grade="8")
    report = students("42,9", match=True)
    assert report.zeros == 1
    assert problems(report)[0][1].startswith("0042, 042 exists")
    assert [school.student_now(number).grade for number in ("0042", "042")] == ["8", "8"]


def test_two_rows_are_not_matched_with_one_student(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    school.student("0042", grade="8")
    for chunk in (importer.CHUNK, 1):
        monkeypatch.setattr(importer, "CHUNK", chunk)
        report = students("42,9", "00042,10", match=True)
        assert problems(report) == [(3, "0042 is already in line 2.")]
        assert school.student_now("0042").grade == "9"


def test_matched_students_are_not_missing(school: School) -> None:
    for number in ("0041", "0042", "0043"):
        school.student(number, grade="8")
    report = students("41,9", "42,9", deactivate=True)
    assert (report.zeros, report.deactivated, "only in leading zeros" in report.not_deactivated) == (2, 0, True)
    assert school.student_now("0043").is_active
    report = students("41,9", "42,9", deactivate=True, match=True)
    assert (report.deactivated, report.changed) == (1, 2)
    assert [school.student_now(number).is_active for number in ("0041", "0042", "0043")] == [True, True, False]


def test_a_transaction_that_is_repeated_matches_the_same_rows(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PAUSE", 0)
    school.student("0042", grade="8")
    apply, conflicts = StudentRows.apply, iter([True, False])

    def conflict_once(*arguments: object, **options: object) -> object:
        if next(conflicts, False):
            raise ConcurrentChange
        return apply(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(StudentRows, "apply", conflict_once)
    report = students("42,9", "00042,10", match=True)
    assert (report.changed, report.remarks) == (
        1,
        ["1 row was matched with an existing number that differs only in leading zeros: 42 with 0042."],
    )
    assert problems(report) == [(3, "0042 is already in line 2.")]


def test_a_serial_number_without_zeros_never_replaces_one_with_zeros(school: School) -> None:
    school.device("W12-0001", serial_number="0012")
    for match, problem in ((False, 1), (True, 0)):
        file = upload(csv("W12-0001,12,new", "W12-0002,12,new", header="Tag,Serial,Model"), DEVICES)
        with transaction() as session:
            service.map_columns(session, file.id, DEVICES, file.columns, deactivate_missing=False, match_zeros=match)
        run(service.start_preview, file, DEVICES)
        assert run(service.start_import, file, DEVICES).zeros == problem
        assert school.device_now("W12-0001").serial_number == "0012"
    assert (school.device_now("W12-0001").model, school.device_now("W12-0001").serial_key) == ("new", "0012")
