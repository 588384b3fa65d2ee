"""Uploaded files: stored, mapped, previewed and imported once, resumed after a crash, and deleted after a month."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import func, select

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.imports import bulk, importer, service, stored_rows
from request_tracker_utils.imports.bulk import ConcurrentChange
from request_tracker_utils.imports.errors import ColumnsInvalid, ImportBusy, ImportContentDeleted, ImportNotFound, ImportNotPreviewed
from request_tracker_utils.imports.models import ImportFile, ImportFilePart, ImportState
from request_tracker_utils.imports.parsing import FileUnreadable
from request_tracker_utils.imports.report import Example, ImportReport, Problem, report_from
from request_tracker_utils.students.models import Student
from request_tracker_utils.tasks.models import Task, TaskState
from tests.services.rosters import ALAN, GRACE, STUDENTS, csv, preview, problems, run, upload
from tests.services.school import ADA, NOW, School


def count(model: type) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


class TestStorage:
    def test_a_file_that_is_not_text_leaves_nothing_behind(self, school: School) -> None:
        with pytest.raises(FileUnreadable, match="not text"):
            upload(iter([b"Student ID,First Name\n1,\x81\n", b"x"]))
        assert (count(ImportFilePart), count(ImportFile)) == (0, 0)

    def test_a_file_is_not_found_while_it_is_uploaded_or_for_other_row_types(self, school: School) -> None:
        def chunks() -> Iterator[bytes]:
            yield csv(GRACE)
            with reading() as session, pytest.raises(ImportNotFound):
                service.get(session, 1)

        assert upload(chunks()).size == len(csv(GRACE))
        with reading() as session:
            assert service.get(session, 1, {"students"}).id == 1
            with pytest.raises(ImportNotFound):
                service.get(session, 1, {"devices"})

    def test_files_are_deleted_after_a_month(self, school: School) -> None:
        upload(csv(GRACE))
        with transaction() as session:
            assert service.delete_old(session, now=NOW + service.RETENTION) == 0
            assert service.delete_old(session, now=NOW + service.RETENTION * 2) == 1

    def test_a_report_is_stored_under_its_original_keys(self) -> None:
        report = ImportReport(rows=3, new=1, followed_up=1, invalid=1, problem_count=1, without_key=1, unreadable="x", not_deactivated="y")
        report.problems.append(Problem(2, "1001", "The grade is wrong."))
        report.add_example("new", Example("1002", 3, [("grade", "", "9")]))
        stored = report.to_json()
        assert {"rows", "new", "changed", "unchanged", "deactivated", "handed", "bad", "problem_count", "problems"} <= set(stored)
        assert {"examples", "unnamed", "broken", "kept"} <= set(stored)
        assert report_from(stored) == report
        assert report_from(report.counts()) == ImportReport(rows=3, new=1, followed_up=1)


class TestOrderOfSteps:
    def test_columns_have_to_be_complete_and_distinct(self, school: School) -> None:
        file = upload(csv(GRACE))
        for columns in ({"first_name": 1}, {"student_id": 0, "first_name": 0}, {"student_id": 100}, {"student_id": 0, "nickname": 1}):
            with transaction() as session, pytest.raises(ColumnsInvalid):
                service.map_columns(session, file.id, STUDENTS, columns, deactivate_missing=False)

    def test_a_file_has_one_task_at_a_time(self, school: School) -> None:
        file = upload(csv(GRACE))
        with transaction() as session:
            service.start_preview(session, file.id, STUDENTS, actor=ADA, now=NOW)
        with transaction() as session, pytest.raises(ImportBusy):
            service.start_preview(session, file.id, STUDENTS, actor=ADA, now=NOW)

    def test_an_import_needs_a_preview_with_the_same_columns(self, school: School) -> None:
        file = upload(csv(GRACE))
        run(service.start_preview, file)
        with transaction() as session:
            service.map_columns(session, file.id, STUDENTS, file.columns, deactivate_missing=True)
        with transaction() as session, pytest.raises(ImportNotPreviewed):
            service.start_import(session, file.id, STUDENTS, actor=ADA, now=NOW)

    def test_a_file_that_cannot_be_read_to_the_end_is_not_imported(self, school: School) -> None:
        file = upload(csv(*(f"{number},A,B,9,,," for number in range(10)), '11,"A,B,9,,,', "12,A,B,9,,,"))
        assert "line 12" in run(service.start_preview, file).unreadable
        with transaction() as session, pytest.raises(ImportNotPreviewed, match="cannot be read"):
            service.start_import(session, file.id, STUDENTS, actor=ADA, now=NOW)
        assert count(Student) == 0


class Killed(Exception):
    """Simulates the death of the process."""


def test_a_killed_import_is_completed_by_the_next_run(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "CHUNK", 4)
    school.student("3", grade="8")
    file = upload(csv(*(f"{number},A,B,9,,," for number in range(15)), "0,A,B,9,,,", "99,,B,9,,,"))
    run(service.start_preview, file)
    with transaction() as session:
        task = service.start_import(session, file.id, STUDENTS, actor=ADA, now=NOW)
    for chunks in (1, 2):  # the second run repeats the first chunk, and dies one later
        _kill_after(chunks, file)
        with reading() as session:
            assert session.get_one(ImportFile, file.id).report["reached"]["rows"] == 4 * chunks
        assert (count(Student), school.miscounted()) == (4 * chunks, [])
    report = service.work_through(transaction, reading, file.id, STUDENTS, lambda _: None, actor=ADA, clock=utc_now, dry_run=False)
    assert (report.new, report.changed, report.unchanged, report.invalid) == (14, 1, 0, 2)
    assert problems(report) == [(17, "0 is already in line 2."), (18, "The first name is missing.")]
    assert (count(Student), school.student_now("3").grade, school.miscounted()) == (15, "9", [])
    with reading() as session:
        assert session.get_one(ImportFile, file.id).state == ImportState.IMPORTED
        assert session.get_one(Task, task.id).state == TaskState.PENDING


def _kill_after(chunks: int, file: ImportFile) -> None:
    def advance(_rows: int) -> None:
        nonlocal chunks
        chunks -= 1
        if not chunks:
            raise Killed

    with pytest.raises(Killed):
        service.work_through(transaction, reading, file.id, STUDENTS, advance, actor=ADA, clock=utc_now, dry_run=False)


def test_rows_that_are_gone_are_not_missing_records(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is deactivated because an import runs again after it was finished, or after its rows were deleted, or while they are."""
    monkeypatch.setattr(stored_rows, "CHUNK_SIZE", 40)  # two parts
    monkeypatch.setattr(importer, "CHUNK", 1)

    def delete_rows(_rows: int = 0) -> None:
        with transaction() as session:
            service.delete_content(session, session.get_one(ImportFile, file.id))

    def work(advance: Callable[[int], None] = lambda _: None) -> ImportReport:
        return service.work_through(transaction, reading, file.id, STUDENTS, advance, actor=ADA, clock=utc_now, dry_run=False)

    school.student("1001")
    school.student("1002")
    file = upload(csv(GRACE, ALAN), deactivate_missing=True)
    with pytest.raises(ImportContentDeleted, match="upload the file again"):
        work(delete_rows)
    with pytest.raises(ImportContentDeleted):
        work()
    file = upload(csv(GRACE, ALAN), deactivate_missing=True)
    done = work()
    assert (done.rows, work()) == (2, done)
    assert [school.student_now(number).is_active for number in ("1001", "1002")] == [True, True]


def test_line_breaks_inside_a_cell_are_kept() -> None:
    rows = [(2, ["1", "a\rb"]), (3, ["2", "c\nd"]), (4, ["3", "e\r\nf"]), (5, ["4", 'g"\r"h'])]
    parts = list(stored_rows.encode(rows, [0, 1]))
    assert [(line, cells) for line, cells, _is_note in stored_rows.decode(parts)] == rows
    emptied = [stored_rows.without(part, {0}) for part in parts]
    assert [(line, cells[1]) for line, cells, _is_note in stored_rows.decode(emptied)] == [(line, cells[1]) for line, cells in rows]


def test_an_import_with_repeated_conflicts_continues_later(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PAUSE", 0)

    def conflict(*_arguments: object, **_options: object) -> None:
        raise ConcurrentChange

    file = upload(csv(GRACE, ALAN))
    assert preview(csv(GRACE, ALAN)).new == 2
    monkeypatch.setattr(STUDENTS.__class__, "apply", conflict)
    with pytest.raises(Unavailable, match="will be retried"):
        service.work_through(transaction, reading, file.id, STUDENTS, lambda _: None, actor=ADA, clock=utc_now, dry_run=False)
    assert count(Student) == 0
