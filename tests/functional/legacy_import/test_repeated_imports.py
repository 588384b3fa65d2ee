"""Imports that are repeated, after a change here, after a crash, and dry runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import transaction
from request_tracker_utils.legacy_import import source
from request_tracker_utils.students import service
from request_tracker_utils.students.models import Device, DeviceLog, Student
from tests.services.legacy import NOW, Done, LegacyFile, import_legacy, only, written_tables
from tests.services.school import School


@pytest.fixture(params=["documented", "field"])
def file(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> LegacyFile:
    """With rows of all kinds in all tables, which are read in small chunks."""
    monkeypatch.setattr(source, "CHUNK", 3)
    older: LegacyFile = request.getfixturevalue(request.param)
    is_documented = request.param == "documented"
    for number in range(8):
        student, tag = str(1001 + number), f"W12-{number:04d}"
        older.student(student, grade=number + 6)
        holder = {"status": "checked_out", "current_student_id": student}
        handed_in = {"student_id": student, "check_in_timestamp": 1749549600 + number}
        older.device(tag, serial_number=f"SN{number % 7}", **(holder if is_documented else handed_in))
        given = {"student_id": student, "action": "check_in"}
        for _ in range(2):
            older.log(tag, timestamp=1749549600, **(given if is_documented else {"previous_owner": student}))
    older.student("10/1")
    older.device("W12/1")
    older.log("W12-9999", timestamp=1749549600, **({"student_id": "7", "action": "lost"} if is_documented else {"broken_screen": 1}))
    older.log("W12-0001", timestamp="never", **({"student_id": "7", "action": "lost"} if is_documented else {}))
    return older


def numbers(done: Done) -> list[tuple[int, int, int, int]]:
    return [done.of(table) for table in ("students", "device_info", "device_logs")]


def test_a_second_import_changes_nothing_and_reports_the_same_rows(app: Flask, file: LegacyFile, school: School) -> None:
    first = import_legacy(app, file)
    before = written_tables(app)
    second = import_legacy(app, file)
    assert written_tables(app) == before
    assert numbers(first) == [(8, 0, 0, 1), (7, 0, 1, 1), (16, 0, 1, 1)]
    for once, again in zip(numbers(first), numbers(second), strict=True):
        assert again == (0, once[0] + once[2], 0, once[3])
    assert school.miscounted() == []


def test_another_time_zone_adds_no_entries(app: Flask, file: LegacyFile) -> None:
    import_legacy(app, file)
    before = written_tables(app)
    import_legacy(app, file, zone=ZoneInfo("Asia/Tokyo"))
    assert written_tables(app) == before


def test_equal_rows_are_imported_as_often_as_they_occur(app: Flask, documented: LegacyFile, school: School) -> None:
    for _ in range(3):
        documented.log(student_id="1001", action="check_in", timestamp="2025-06-10 10:00:00")
    import_legacy(app, documented)
    documented.log(student_id="1001", action="check_in", timestamp="2025-06-10 10:00:00")
    done = import_legacy(app, documented)
    assert (done.of("device_logs"), len(school.log())) == ((0, 3, 1, 0), 4)


def test_records_that_changed_here_are_not_changed_and_differences_are_reported(app: Flask, documented: LegacyFile, school: School) -> None:
    documented.student()
    documented.device(status="checked_out", current_student_id="1001", model="Chromebook")
    import_legacy(app, documented)
    school.return_device("W12-0001")
    with school.writing() as session:
        service.change(session, service.get(session, "1001"), {"grade": "10", "last_name": "Murray"}, now=school.now())
    before = written_tables(app)
    done = import_legacy(app, documented)
    assert written_tables(app) == before
    assert (done.of("students"), done.of("device_info")) == ((0, 1, 0, 0), (0, 1, 0, 0))
    assert done.reasons("students") == [
        "last_name is Murray in this database and Hopper in the legacy database. It was not changed. "
        "grade is 10 in this database and 9 in the legacy database. It was not changed."
    ]
    assert "status is available in this database and checked_out in the legacy database" in done.reasons("device_info")[0]


def test_existing_records_are_not_changed(app: Flask, documented: LegacyFile, school: School) -> None:
    school.student("1001", "Barbara", "Liskov")
    school.device("W12-0001", model="iPad")
    documented.student()
    documented.device(status="checked_out", current_student_id="1001")
    import_legacy(app, documented)
    assert only(app, Student).name == "Barbara Liskov"
    assert (only(app, Device).model, only(app, Device).status) == ("iPad", "available")


class Killed(BaseException):
    pass


def killed_after(many: int) -> Callable[[], object]:
    """A factory of transactions; the last one is not committed."""
    left = [many]

    @contextmanager
    def factory() -> Iterator[Session]:
        with transaction() as session:
            yield session
            left[0] -= 1
            if left[0] <= 0:
                raise Killed

    return factory


def test_a_killed_import_is_completed_by_the_next(app: Flask, file: LegacyFile, school: School) -> None:
    for many in (1, 2, 4, 5, 8, 12, 13):  # in each of the tables, and in the steps after them
        with pytest.raises(Killed):
            import_legacy(app, file, transactions=killed_after(many))  # type: ignore[arg-type]
        assert school.miscounted() == []
    import_legacy(app, file)
    completed = written_tables(app)
    assert [len(rows) for rows in completed[:3]] == [8, 8, 17]
    import_legacy(app, file)
    assert written_tables(app) == completed
    assert school.miscounted() == []


def test_a_dry_run_writes_nothing_and_reports_the_same(app: Flask, file: LegacyFile) -> None:
    before = written_tables(app)
    dry = import_legacy(app, file, dry_run=True)
    assert written_tables(app) == before
    real = import_legacy(app, file)
    assert (numbers(dry), dry.reports) == (numbers(real), real.reports)
    again = import_legacy(app, file, dry_run=True)
    assert numbers(again) == numbers(import_legacy(app, file))


def test_a_dry_run_does_not_wait_for_writers(app: Flask, documented: LegacyFile, school: School) -> None:
    documented.student()
    with school.writing() as session:
        service.create(session, {"student_id": "1", "first_name": "Ada", "last_name": "Lovelace"}, now=NOW)
        assert import_legacy(app, documented, dry_run=True).of("students") == (1, 0, 0, 0)


def test_imported_entries_cannot_be_undone(app: Flask, documented: LegacyFile) -> None:
    documented.log(student_id="1001", action="check_in", timestamp="2025-06-10 10:00:00")
    import_legacy(app, documented)
    assert only(app, DeviceLog).before is None
