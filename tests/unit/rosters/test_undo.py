"""Undoing imports of students and devices: everything is as before, or nothing changes and the refusal says why."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.imports import bulk, importer, service, undo
from request_tracker_utils.imports.errors import ImportBusy, ImportNotFound, ImportNotUndoable
from request_tracker_utils.imports.models import ImportChanges, ImportFile, ImportRun, ImportState
from request_tracker_utils.rosters import rollover
from request_tracker_utils.rosters.student_import import StudentRows
from request_tracker_utils.students import assignments, devices, service as students
from request_tracker_utils.students.errors import StudentNotFound
from request_tracker_utils.students.models import Device, Student
from request_tracker_utils.tasks.models import Task, TaskState
from tests.services.rosters import ALAN, DEVICES, GRACE, STUDENTS, csv, import_file, newest_import, run, undo_import, upload
from tests.services.school import ADA, NOW, School
from tests.services.tables import check_all

SYNC_COLUMNS = {"rt_due_at", "rt_attempts", "rt_problem", "rt_synced_at", "asset_read_at"}
"""Columns of jobs that sync with the asset store: an undo makes devices due again."""


def table(model: Any) -> list[tuple[Any, ...]]:
    columns = [column for column in model.__table__.c if column.name not in SYNC_COLUMNS]
    with reading() as session:
        return [tuple(row) for row in session.execute(select(*columns).order_by(model.__table__.c.id))]


def everything() -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    return table(Student), table(Device)


def change_student(school: School, student_id: str, **values: Any) -> None:
    with school.writing() as session:
        students.change(session, students.get(session, student_id), values, now=school.now())


def roll_over(school: School) -> None:
    with school.writing() as session:
        rollover.roll_over(session, "2026/27", "12", actor=ADA, now=NOW)


class TestUndo:
    def test_students_are_deleted_restored_and_active_again(self, school: School, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importer, "CHUNK", 3)
        school.students(5, grade="8", email="old@example.org", homeroom="H9")
        school.student("1009", is_active=False)
        school.device()
        school.assign("W12-0001", "1004")
        roll_over(school)
        with school.writing() as session:
            session.execute(update(Device).values(rt_due_at=None))
        before = everything()
        lines = [GRACE, ALAN, "1003,Ada,Lovelace,9,H9,,old@example.org", "1004,E,D,10,,,new@example.org"]
        data = csv(*lines, "1009,A,B,9,,,", *(f"20{n},New,Student,9,,," for n in range(10, 18)))
        report = import_file(data, deactivate_missing=True)
        assert (report.new, report.changed, report.deactivated, report.invalid) == (8, 4, 1, 0)
        assert everything() != before
        with school.writing() as session:
            session.execute(update(Device).values(rt_due_at=None))
        task = undo_import()
        assert (task.state, task.error, task.done, task.total) == (TaskState.DONE, None, 13, 13)
        assert task.summary == "8 deleted, 5 restored."
        assert (everything(), school.miscounted()) == (before, [])
        assert school.device_now("W12-0001").rt_due_at is not None, "the student's user is restored in Request Tracker"
        undone = newest_import()
        assert (undone.undone_by, undone.undone_at is not None) == ("ada", True)
        with reading() as session:
            assert session.scalar(select(func.count()).select_from(ImportChanges)) == 0
            assert session.get_one(ImportFile, undone.roster_id).state == ImportState.UPLOADED
        again = import_file(data, deactivate_missing=True)
        assert (again.new, again.changed, again.deactivated, again.invalid) == (8, 4, 1, 0)

    def test_devices_are_deleted_restored_and_returned_with_an_entry_in_their_history(self, school: School) -> None:
        school.students(3)
        school.devices(4)
        school.assign("W12-0004", "1003")
        before = everything()
        header = "Asset Tag,Serial Number,Model,Status,Assigned To"
        lines = ["W12-0001,NEW1,iPad,,1001", "W12-0002,SN00002,,retired,", "W12-0003,,,,1002", "W12-0004,SNX,,,1003"]
        report = import_file(csv(*lines, "W12-0010,,,,1002", "W12-0011,,,maintenance,", "W12-0012,,,,", header=header), DEVICES)
        assert (report.new, report.changed, report.followed_up, report.invalid) == (3, 4, 5, 0)
        with school.writing() as session:
            session.execute(update(Device).values(rt_due_at=None))
        entries = len(school.log())
        task = undo_import(DEVICES)
        assert (task.state, task.error) == (TaskState.DONE, None)
        assert task.summary == "3 deleted, 4 restored, 5 assignments or status changes undone."
        assert (everything(), school.miscounted()) == (before, [])
        undone = {log.asset_tag: log for log in school.log()[entries:]}
        assert {tag: (log.action, log.student_id, log.actor, log.notes) for tag, log in undone.items()} == {
            "W12-0001": ("check_out", "1001", "ada", "Undo of import 1"),
            "W12-0002": ("repair", None, "ada", "Undo of import 1"),
            "W12-0003": ("check_out", "1002", "ada", "Undo of import 1"),
            "W12-0010": ("check_out", "1002", "ada", "Undo of import 1"),
            "W12-0011": ("repair", None, "ada", "Undo of import 1"),
        }
        assert all(log.undoes_id for log in undone.values())
        assert [school.device_now(f"W12-000{n}").rt_due_at is not None for n in (1, 3, 4)] == [True, True, False]

    def test_the_last_of_several_imports_is_undone_first(self, school: School) -> None:
        school.student("1001", grade="7")
        states, imports = [], []
        for grade in ("8", "9", "10"):
            states.append(everything())
            import_file(csv(f"1001,{grade}", header="Student ID,Grade"))
            imports.append(newest_import().id)
        task = undo_import(import_id=imports[0])
        assert (task.state, "1001 Grace Hopper" in (task.error or "")) == (TaskState.FAILED, True)
        for import_id, before in reversed(list(zip(imports, states, strict=True))):
            assert undo_import(import_id=import_id).state == TaskState.DONE
            assert everything() == before

    def test_an_import_that_changed_nothing_is_not_listed(self, school: School) -> None:
        import_file(csv(GRACE))
        import_file(csv(GRACE))
        with reading() as session:
            assert [run.created for run, _file in undo.recent(session)] == [1]


class TestRefusals:
    def test_an_import_with_changed_records_is_refused_as_a_whole(self, school: School) -> None:
        school.students(2, begin=3001)
        school.devices(2)
        import_file(csv(GRACE, ALAN, "3001,G,H,12,,,", *(f"20{n},New,Student,9,,," for n in range(10, 18))), deactivate_missing=True)
        changes: list[tuple[Callable[[], Any], str]] = [
            (lambda: change_student(school, "1002", homeroom="H5"), "1002 Alan Turing"),
            (lambda: change_student(school, "3002", active=True), "1002 Alan Turing, 3002 Alan Turing"),
            (lambda: school.assign("W12-0001", "2010"), "1002 Alan Turing, 2010 New Student, 3002 Alan Turing"),
            (
                lambda: import_file(csv("1001,11", header="Student ID,Grade")),
                "1001 Grace Hopper, 1002 Alan Turing, 2010 New Student, 1 more",
            ),
        ]

        def check(change: Callable[[], Any], names: str) -> None:
            with reading() as session:
                import_id = session.scalars(select(func.min(ImportRun.id))).one()
            change()
            before = everything()
            task = undo_import(import_id=import_id)
            assert (task.state, f": {names}. Return the devices" in (task.error or "")) == (TaskState.FAILED, True), task.error
            assert (everything(), newest_import().undone_at) == (before, None)

        check_all(changes, check)

    def test_a_rollover_and_deleted_students_are_changes(self, school: School) -> None:
        import_file(csv(GRACE))
        roll_over(school)
        assert "1001 Grace Hopper" in (undo_import().error or "")
        with school.writing() as session:
            students.delete(session, students.get(session, "1001"))
        assert ": 1 deleted. " in (undo_import().error or "")
        school.student("1001")
        error = undo_import().error or ""
        assert ": 1001 Grace Hopper. " in error or ": 1 deleted. " in error, "even if the database uses the same id again"

    def test_grades_of_a_rollover_that_was_undone_are_not_restored(self, school: School) -> None:
        school.student("1001", grade="8")
        roll_over(school)
        import_file(csv(GRACE.replace(",9,", ",11,")))
        with school.writing() as session:
            rollover.undo(session, 1, actor=ADA, now=NOW)
        task = undo_import()
        assert (task.state, "the rollover 2026/27, which has since been undone" in (task.error or "")) == (TaskState.FAILED, True)
        assert school.student_now("1001").grade == "11"

    def test_a_returned_device_no_longer_prevents_the_undo(self, school: School) -> None:
        school.device()
        import_file(csv(GRACE))
        school.assign("W12-0001", "1001")
        assert undo_import().state == TaskState.FAILED
        school.return_device("W12-0001")
        assert undo_import().state == TaskState.DONE
        assert (table(Student), school.miscounted(), len(school.log())) == ([], [], 2)

    def test_a_device_that_was_scanned_since_is_refused(self, school: School) -> None:
        school.students(2)
        import_file(csv("W12-0001,1001", "W12-0002,", header="Tag,Assigned To"), DEVICES)
        school.return_device("W12-0001")
        school.assign("W12-0002", "1002")
        before = everything()
        task = undo_import(DEVICES)
        assert (task.state, ": W12-0001, W12-0002. " in (task.error or "")) == (TaskState.FAILED, True), task.error
        assert (everything(), len(school.log())) == (before, 3)

    def test_an_import_is_undone_once_and_not_while_it_runs(self, school: School) -> None:
        file = upload(csv(GRACE))
        run(service.start_preview, file)
        with transaction() as session:
            service.start_import(session, file.id, STUDENTS, actor=ADA, now=NOW)
        with transaction() as session, pytest.raises(ImportBusy):
            undo.start(session, newest_import().id, STUDENTS, actor=ADA, now=NOW)
        with transaction() as session:
            session.execute(update(Task).values(state=TaskState.CANCELLED, due_at=None))
        with transaction() as session:
            undo.start(session, newest_import().id, STUDENTS, actor=ADA, now=NOW)
        with transaction() as session, pytest.raises(ImportBusy):
            undo.start(session, newest_import().id, STUDENTS, actor=ADA, now=NOW)
        with transaction() as session:
            session.execute(update(Task).values(state=TaskState.CANCELLED, due_at=None))
        assert undo_import().state == TaskState.DONE
        with transaction() as session, pytest.raises(ImportNotUndoable, match="already undone by ada"):
            undo.start(session, newest_import().id, STUDENTS, actor=ADA, now=NOW)
        with transaction() as session, pytest.raises(ImportNotFound):
            undo.start(session, 99, STUDENTS, actor=ADA, now=NOW)

    def test_an_import_that_was_undone_is_not_resumed(self, school: School) -> None:
        file = upload(csv(GRACE))
        with transaction() as session:
            session.get_one(ImportFile, file.id).state = ImportState.PREVIEWED
        with transaction() as session:
            service.start_import(session, file.id, STUDENTS, actor=ADA, now=NOW)
            session.execute(update(ImportRun).values(undone_at=NOW, undone_by="ada"))
        options: dict[str, Any] = {"actor": ADA, "clock": utc_now, "dry_run": False, "import_id": newest_import().id}
        with pytest.raises(ImportNotUndoable, match="was undone"):
            service.work_through(transaction, reading, file.id, STUDENTS, lambda _: None, **options)
        assert table(Student) == []


class Killed(Exception):
    """Simulates the death of the process."""


def test_an_undo_that_was_killed_has_changed_nothing_and_runs_again(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "CHUNK", 2)
    school.student("1001", grade="8")
    before = everything()
    import_file(csv(GRACE, ALAN, "1003,A,B,9,,,", "1004,A,B,9,,,"))
    after, import_id = everything(), newest_import().id
    restore, calls = StudentRows.undo, iter([True, False])

    def restore_or_die(*arguments: Any, **options: Any) -> None:
        restore(*arguments, **options)
        if not next(calls, True):
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(StudentRows, "undo", restore_or_die)
        with pytest.raises(Killed):
            undo.undo(transaction, reading, import_id, STUDENTS, lambda _: None, actor=ADA, clock=utc_now)
    assert everything() == after
    for _ in range(2):  # the second run finds that the first has committed
        undone = undo.undo(transaction, reading, import_id, STUDENTS, lambda _: None, actor=ADA, clock=utc_now)
        assert (undone.created, undone.changed, everything()) == (3, 1, before)
    assert school.miscounted() == []


def test_an_import_that_was_killed_and_completed_is_undone_as_a_whole(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "CHUNK", 1)
    school.student("1001", grade="8")
    before = everything()
    file = upload(csv(GRACE, ALAN))
    with transaction() as session:
        session.get_one(ImportFile, file.id).state = ImportState.PREVIEWED
    with transaction() as session:
        service.start_import(session, file.id, STUDENTS, actor=ADA, now=NOW)
        session.execute(update(Task).values(state=TaskState.CANCELLED, due_at=None))

    def die(_rows: int) -> None:
        raise Killed

    options: dict[str, Any] = {"actor": ADA, "clock": utc_now, "dry_run": False, "import_id": newest_import().id}
    with pytest.raises(Killed):
        service.work_through(transaction, reading, file.id, STUDENTS, die, **options)
    service.work_through(transaction, reading, file.id, STUDENTS, lambda _: None, **options)
    assert undo_import().state == TaskState.DONE
    assert everything() == before


def test_a_change_between_two_runs_of_an_import_is_found(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second run changes the student again, so that only its first change is outdated."""
    school.student("1001", grade="8")
    file = upload(csv("1001,9", header="Student ID,Grade"))
    with transaction() as session:
        session.get_one(ImportFile, file.id).state = ImportState.PREVIEWED
    with transaction() as session:
        service.start_import(session, file.id, STUDENTS, actor=ADA, now=NOW)
        session.execute(update(Task).values(state=TaskState.CANCELLED, due_at=None))

    def die(_rows: int) -> None:
        raise Killed

    options: dict[str, Any] = {"actor": ADA, "clock": utc_now, "dry_run": False, "import_id": newest_import().id}
    with pytest.raises(Killed):
        service.work_through(transaction, reading, file.id, STUDENTS, die, **options)
    change_student(school, "1001", grade="7")
    service.work_through(transaction, reading, file.id, STUDENTS, lambda _: None, **options)
    before = everything()
    assert "1001 Grace Hopper" in (undo_import().error or "")
    assert everything() == before


def test_changes_are_deleted_with_their_file(school: School) -> None:
    import_file(csv(GRACE))
    with transaction() as session:
        service.delete_old(session, now=NOW + timedelta(days=31))
        assert [session.scalar(select(func.count()).select_from(model)) for model in (ImportRun, ImportChanges)] == [0, 0]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_student_that_another_transaction_changes_in_the_meantime_is_compared_again(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL: the change that is undone later is that of the database, not what was read before."""
    school.student("1001", grade="8")
    plan: Callable[..., Any] = StudentRows.plan
    edits = iter([lambda: None, lambda: change_student(school, "1001", grade="7")])  # the preview's plan, and the first of the import

    def plan_then_edit(*arguments: Any) -> Any:
        planned = plan(*arguments)
        next(edits, lambda: None)()
        return planned

    monkeypatch.setattr(bulk, "PAUSE", 0)
    monkeypatch.setattr(StudentRows, "plan", plan_then_edit)
    import_file(csv(GRACE))
    assert undo_import().state == TaskState.DONE
    assert school.student_now("1001").grade == "7"


def test_a_device_that_is_assigned_at_the_same_time_prevents_the_undo(school: School) -> None:
    """The first check, without locks, does not see the assignment yet; the one with locks waits for it."""
    school.device()
    import_file(csv(GRACE, ALAN))
    import_id, checked = newest_import().id, threading.Event()

    def undo_at_the_same_time() -> None:
        with school.app.app_context():
            undo.undo(transaction, reading, import_id, STUDENTS, lambda _: checked.set(), actor=ADA, clock=utc_now)

    with ThreadPoolExecutor(1) as pool:
        with school.writing() as session:
            device, student = devices.get(session, "W12-0001", lock=True), students.get(session, "1001")
            assignments.assign(session, device, student, actor=ADA, now=NOW)
            undoing = pool.submit(undo_at_the_same_time)
            assert checked.wait(30)
        with pytest.raises(ImportNotUndoable, match="1001 Grace Hopper"):
            undoing.result(30)
    assert (len(table(Student)), school.device_now("W12-0001").current_student_id, school.miscounted()) == (2, "1001", [])


def test_a_scan_during_the_undo_finds_the_student_deleted(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    school.device()
    import_file(csv(GRACE, ALAN))
    restore = StudentRows.undo
    with ThreadPoolExecutor(1) as pool:
        scans = []

        def scan_meanwhile(*arguments: Any, **options: Any) -> None:
            restore(*arguments, **options)
            scans.append(pool.submit(school.assign, "W12-0001", "1001"))

        monkeypatch.setattr(StudentRows, "undo", scan_meanwhile)
        assert undo_import().state == TaskState.DONE
        with pytest.raises(StudentNotFound):
            scans[0].result(30)
    assert (table(Student), school.device_now("W12-0001").current_student_id, school.miscounted()) == ([], None, [])


def test_two_processes_that_undo_an_import_undo_it_once(school: School) -> None:
    school.student()
    import_file(csv("W12-0001,1001", header="Tag,Assigned To"), DEVICES)
    import_id, both_checked = newest_import().id, threading.Barrier(2, timeout=30)

    def undo_with_another() -> int:
        with school.app.app_context():
            return undo.undo(transaction, reading, import_id, DEVICES, lambda _: _wait_once(), actor=ADA, clock=utc_now).created

    waited = threading.local()

    def _wait_once() -> None:
        if not getattr(waited, "done", False):
            waited.done = True
            both_checked.wait()

    with ThreadPoolExecutor(2) as pool:
        assert [each.result(30) for each in [pool.submit(undo_with_another) for _ in range(2)]] == [1, 1]
    assert (len(school.log()), table(Device), school.miscounted()) == (2, [], [])


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_undo_gives_way_to_a_transaction_that_has_locked_a_student(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    """On PostgreSQL: SQLite has one writer at a time. The task is postponed."""
    monkeypatch.setattr(bulk, "ATTEMPTS", 2)
    monkeypatch.setattr(bulk, "PAUSE", 0)
    monkeypatch.setattr(bulk, "LOCK_TIMEOUT", 1)
    import_file(csv(GRACE, ALAN))
    with school.writing() as session:
        students.get(session, "1001", lock=True)
        task = undo_import()
    assert (task.state, task.error) == (TaskState.PENDING, "The records are locked by other changes. The task will be retried.")
    assert (len(table(Student)), newest_import().undone_at) == (2, None)
