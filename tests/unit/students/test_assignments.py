"""Assigning, returning, overriding and undoing, and what the database itself enforces."""

from datetime import date

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from request_tracker_utils.core.db import transaction
from request_tracker_utils.students import assignments, devices, service
from request_tracker_utils.students.errors import (
    ChangeNotUndoable,
    DeviceAssigned,
    DeviceNotAssigned,
    DeviceNotAvailable,
    InvalidField,
    NotAssignedToStudent,
    StudentHasDevices,
    StudentInactive,
)
from request_tracker_utils.students.models import Device, DeviceLog
from tests.services.school import ADA, NOW, School


def refused(school: School, tag: str, student_id: str) -> tuple[str, str, str]:
    """Message, status and reason of an assignment that is refused."""
    with pytest.raises(DeviceNotAvailable) as error:
        school.assign(tag, student_id)
    fields = error.value.fields
    return error.value.message, fields["device_status"], fields["reason"]


def test_an_assignment_sets_the_student_and_adds_a_history_entry(school: School) -> None:
    school.student()
    school.device()
    log = school.assign("w12-0001", "1001", notes="first day", due=date(2027, 6, 1), accessories=["charger"])
    device = school.device_now("W12-0001")
    assert (device.status, device.current_student_id, device.accessories) == ("checked_out", "1001", ["charger"])
    assert (log.action, log.student_name, log.status) == ("check_in", "Grace Hopper", "checked_out")
    assert (log.actor, log.notes) == ("ada", "first day")
    assert school.student_now("1001").device_count == 1
    assert device.rt_due_at is not None
    assert not school.miscounted()


def test_a_return_frees_the_device_and_records_missing_accessories(school: School) -> None:
    one, other = school.students(2)
    school.device()
    school.assign("W12-0001", one.student_id, accessories=["charger", "case"])
    with pytest.raises(NotAssignedToStudent) as error:
        school.return_device("W12-0001", student=other)
    assert "is assigned to Grace Hopper" in error.value.fields["reason"]
    log = school.return_device("W12-0001", student=one, returned=["case"])
    assert (log.action, log.student_id, log.missing, log.accessories) == ("check_out", "1001", ["charger"], ["case"])
    assert school.device_now("W12-0001").status == "available"
    with pytest.raises(DeviceNotAssigned):
        school.return_device("W12-0001")
    assert not school.miscounted()


def test_unavailable_devices_are_refused_with_the_reason(school: School) -> None:
    school.students(2)
    school.devices(3)
    school.assign("W12-0001", "1001")
    school.assign("W12-0002", "1001")
    assert school.return_device("W12-0002", condition="damaged").status == "maintenance"
    with transaction() as session:
        assignments.set_status(session, devices.get(session, "W12-0003"), "retired", actor=ADA, now=school.now())
    entries = len(school.log())
    message = "Device is not available"
    reason = "W12-0001 is assigned to Grace Hopper (1001, grade 9). Return it first."
    assert refused(school, "W12-0001", "1002") == (message, "checked_out", reason)
    reason = "W12-0002 is in maintenance. Set it to available after the repair."
    assert refused(school, "W12-0002", "1002") == (message, "maintenance", reason)
    reason = "W12-0003 is retired. Set it to available to use it again."
    assert refused(school, "W12-0003", "1002") == (message, "retired", reason)
    assert len(school.log()) == entries


def test_inactive_students_get_no_device(school: School) -> None:
    school.student()
    school.device()
    with transaction() as session:
        service.change(session, service.get(session, "1001"), {"active": False}, now=school.now())
    with pytest.raises(StudentInactive):
        school.assign("W12-0001", "1001")
    assert not school.miscounted()


def test_the_database_enforces_one_student_per_device_and_an_append_only_history(school: School) -> None:
    school.student()
    school.device()
    school.assign("W12-0001", "1001")
    for values in ({"status": "available"}, {"current_student_id": None}, {"current_student_id": "nobody"}):
        with pytest.raises(IntegrityError), transaction() as session:
            session.execute(update(Device).values(**values))
    for statement in (update(DeviceLog).values(notes="x"), delete(DeviceLog)):
        with pytest.raises(DBAPIError, match="only grows"), transaction() as session:
            session.execute(statement)


def test_the_history_outlives_the_student_and_the_device(school: School) -> None:
    school.student()
    school.device()
    school.assign("W12-0001", "1001")
    with pytest.raises(StudentHasDevices, match="W12-0001"), transaction() as session:
        service.delete(session, service.get(session, "1001", lock=True))
    with pytest.raises(DeviceAssigned), transaction() as session:
        devices.delete(session, devices.get(session, "W12-0001"), now=NOW)
    school.return_device("W12-0001")
    with transaction() as session:
        service.delete(session, service.get(session, "1001", lock=True))
        devices.delete(session, devices.get(session, "W12-0001"), now=NOW)
    assert [(each.action, each.student_name) for each in school.log()] == [("check_in", "Grace Hopper"), ("check_out", "Grace Hopper")]
    assert not school.miscounted()


def test_a_change_is_undone_once_and_only_while_it_is_the_last(school: School) -> None:
    school.students(2)
    school.device()
    first = school.assign("W12-0001", "1001", accessories=["charger"], due=date(2027, 1, 1))
    second = school.return_device("W12-0001", condition="damaged")
    with pytest.raises(ChangeNotUndoable):
        school.undo(first)
    undone = school.undo(second)
    device = school.device_now("W12-0001")
    assert (undone.action, undone.undoes_id, undone.student_id) == ("check_in", second.id, "1001")
    assert (device.current_student_id, device.accessories) == ("1001", ["charger"])
    assert (device.due_date, device.condition) == (date(2027, 1, 1), "good")
    with pytest.raises(ChangeNotUndoable):
        school.undo(second)
    school.undo(undone)
    assert school.device_now("W12-0001").status == "maintenance"
    assert not school.miscounted()


def test_an_override_reassigns_an_assigned_device_with_a_reason(school: School) -> None:
    school.students(2)
    school.device()
    school.assign("W12-0001", "1001")
    with transaction() as session:
        device, other = devices.get(session, "W12-0001", lock=True), service.get(session, "1002")
        with pytest.raises(InvalidField):
            assignments.override(session, device, other, reason=" ", actor=ADA, now=school.now())
        log = assignments.override(session, device, other, reason="swapped in class", actor=ADA, now=school.now())
    assert (log.action, log.student_id, log.notes) == ("override", "1002", "swapped in class (before: 1001)")
    assert [school.student_now(each).device_count for each in ("1001", "1002")] == [0, 1]
    school.undo(log)
    assert [school.student_now(each).device_count for each in ("1001", "1002")] == [1, 0]
    assert not school.miscounted()


def test_counters_follow_every_change(school: School) -> None:
    school.students(6)
    school.devices(4)
    for number in range(1, 5):
        school.assign(f"W12-{number:04d}", str(1000 + (number + 1) // 2))
    with transaction() as session:
        session.execute(text("UPDATE students SET grade = '10', grade_rank = 10 WHERE student_id > '1001'"))
        session.execute(text("UPDATE students SET is_active = (student_id > '1003')"))
    assert not school.miscounted()
    with transaction() as session:
        session.execute(text("DELETE FROM device_info WHERE asset_tag < 'W12-0003'"))
        session.execute(text("UPDATE device_info SET status = 'retired', current_student_id = NULL"))
        session.execute(text("DELETE FROM students WHERE student_id IN ('1005', '1006')"))
    assert not school.miscounted()
