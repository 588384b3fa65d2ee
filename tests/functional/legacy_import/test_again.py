"""Running it twice, after a change here, killed in the middle, and dry."""

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
from tests.services.legacy import NOW, Done, OlderFile, everything, only, take
from tests.services.school import School


@pytest.fixture(params=["documented", "field"])
def file(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> OlderFile:
    """Of many small chunks, with rows of all kinds in all tables."""
    monkeypatch.setattr(source, "CHUNK", 3)
    older: OlderFile = request.getfixturevalue(request.param)
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


def test_a_second_run_changes_nothing_and_loses_the_same_rows(app: Flask, file: OlderFile, school: School) -> None:
    first = take(app, file)
    before = everything(app)
    second = take(app, file)
    assert everything(app) == before
    assert numbers(first) == [(8, 0, 0, 1), (7, 0, 1, 1), (16, 0, 1, 1)]
    for once, again in zip(numbers(first), numbers(second), strict=True):
        assert again == (0, once[0] + once[2], 0, once[3])
    assert school.miscounted() == []


def test_another_zone_makes_no_other_entries(app: Flask, file: OlderFile) -> None:
    take(app, file)
    before = everything(app)
    take(app, file, zone=ZoneInfo("Asia/Tokyo"))
    assert everything(app) == before


def test_equal_rows_are_as_many_here(app: Flask, documented: OlderFile, school: School) -> None:
    for _ in range(3):
        documented.log(student_id="1001", action="check_in", timestamp="2025-06-10 10:00:00")
    take(app, documented)
    documented.log(student_id="1001", action="check_in", timestamp="2025-06-10 10:00:00")
    done = take(app, documented)
    assert (done.of("device_logs"), len(school.log())) == ((0, 3, 1, 0), 4)


def test_what_was_changed_here_stays_and_the_difference_is_told(app: Flask, documented: OlderFile, school: School) -> None:
    documented.student()
    documented.device(status="checked_out", current_student_id="1001", model="Chromebook")
    take(app, documented)
    school.return_device("W12-0001")
    with school.writing() as session:
        service.change(session, service.get(session, "1001"), {"grade": "10", "last_name": "Murray"}, now=school.now())
    before = everything(app)
    done = take(app, documented)
    assert everything(app) == before
    assert (done.of("students"), done.of("device_info")) == ((0, 1, 0, 0), (0, 1, 0, 0))
    assert done.reasons("students") == [
        "last_name is Murray here and Hopper in the older file; it was left as it is. "
        "grade is 10 here and 9 in the older file; it was left as it is."
    ]
    assert "status is available here and checked_out in the older file" in done.reasons("device_info")[0]


def test_what_was_here_before_stays(app: Flask, documented: OlderFile, school: School) -> None:
    school.student("1001", "Barbara", "Liskov")
    school.device("W12-0001", model="iPad")
    documented.student()
    documented.device(status="checked_out", current_student_id="1001")
    take(app, documented)
    assert only(app, Student).name == "Barbara Liskov"
    assert (only(app, Device).model, only(app, Device).status) == ("iPad", "available")


class Killed(BaseException):
    pass


def killed_after(many: int) -> Callable[[], object]:
    """A factory of transactions of which the last one is not committed."""
    left = [many]

    @contextmanager
    def factory() -> Iterator[Session]:
        with transaction() as session:
            yield session
            left[0] -= 1
            if left[0] <= 0:
                raise Killed

    return factory


@pytest.mark.parametrize("many", [1, 2, 4, 5, 8, 12, 13])
def test_a_run_that_was_killed_is_ended_by_the_next(app: Flask, file: OlderFile, school: School, many: int) -> None:
    with pytest.raises(Killed):
        take(app, file, transactions=killed_after(many))  # type: ignore[arg-type]
    take(app, file)
    ended = everything(app)
    assert [len(rows) for rows in ended[:3]] == [8, 8, 17]
    take(app, file)
    assert everything(app) == ended
    assert school.miscounted() == []


def test_a_dry_run_writes_nothing_and_tells_the_same(app: Flask, file: OlderFile) -> None:
    before = everything(app)
    dry = take(app, file, dry=True)
    assert everything(app) == before
    real = take(app, file)
    assert (numbers(dry), dry.problems) == (numbers(real), real.problems)
    again = take(app, file, dry=True)
    assert numbers(again) == numbers(take(app, file))


def test_a_dry_run_waits_for_no_writer(app: Flask, documented: OlderFile, school: School) -> None:
    documented.student()
    with school.writing() as session:
        service.create(session, {"student_id": "1", "first_name": "Ada", "last_name": "Lovelace"}, now=NOW)
        assert take(app, documented, dry=True).of("students") == (1, 0, 0, 0)


def test_logs_of_the_older_installation_cannot_be_undone_here(app: Flask, documented: OlderFile) -> None:
    documented.log(student_id="1001", action="check_in", timestamp="2025-06-10 10:00:00")
    take(app, documented)
    assert only(app, DeviceLog).before is None
