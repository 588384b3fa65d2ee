"""Giving devices out and taking them back."""

from datetime import date

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from request_tracker_utils.core.db import transaction
from request_tracker_utils.students import assignments, devices, service
from request_tracker_utils.students.errors import (
    ChangeNotUndoable,
    DeviceHeld,
    DeviceNotAvailable,
    FieldUnfit,
    NotHeld,
    NotWithStudent,
    StudentHoldsDevice,
    StudentInactive,
)
from request_tracker_utils.students.models import Device, DeviceLog
from tests.services.school import ADA, School


def test_a_device_that_is_given_out_is_the_students_and_one_row_of_the_record(school: School) -> None:
    school.student()
    school.device()
    log = school.assign("w12-0001", "1001", notes="first day", due=date(2027, 6, 1), accessories=["charger"])
    device = school.device_now("W12-0001")
    assert (device.status, device.current_student_id, device.accessories) == ("checked_out", "1001", ["charger"])
    assert (log.action, log.student_name, log.status, log.actor, log.notes) == (
        "check_in",
        "Grace Hopper",
        "checked_out",
        "ada",
        "first day",
    )
    assert school.student_now("1001").device_count == 1
    assert device.rt_due_at is not None
    assert not school.miscounted()


def test_what_comes_back_is_free_again_and_what_did_not_come_back_is_noted(school: School) -> None:
    school.student()
    school.device()
    school.assign("W12-0001", "1001", accessories=["charger", "case"])
    log = school.take_back("W12-0001", returned=["case"])
    assert (log.action, log.student_id, log.missing, log.accessories) == ("check_out", "1001", ["charger"], ["case"])
    assert school.device_now("W12-0001").status == "available"
    assert not school.miscounted()


def test_what_comes_back_damaged_goes_into_maintenance(school: School) -> None:
    school.student()
    school.device()
    school.assign("W12-0001", "1001")
    assert school.take_back("W12-0001", condition="damaged").status == "maintenance"
    with pytest.raises(DeviceNotAvailable) as refused:
        school.assign("W12-0001", "1001")
    assert (refused.value.message, refused.value.fields["device_status"]) == ("Device is not available", "maintenance")


def test_a_device_that_somebody_has_is_not_given_to_another(school: School) -> None:
    school.students(2)
    school.device()
    school.assign("W12-0001", "1001")
    with pytest.raises(DeviceNotAvailable) as refused:
        school.assign("W12-0001", "1002")
    assert refused.value.fields["reason"] == "W12-0001 is with Grace Hopper (1001, grade 9). Return it first."
    assert len(school.log()) == 1


def test_a_retired_device_is_not_given_out(school: School) -> None:
    school.student()
    school.device()
    with transaction() as session:
        assignments.set_status(session, devices.get(session, "W12-0001"), "retired", actor=ADA, now=school.now())
    with pytest.raises(DeviceNotAvailable) as refused:
        school.assign("W12-0001", "1001")
    assert "is retired" in refused.value.fields["reason"]


def test_who_has_left_is_given_nothing(school: School) -> None:
    student = school.student()
    school.device()
    with transaction() as session:
        service.change(session, service.get(session, student.student_id), {"active": False}, now=school.now())
    with pytest.raises(StudentInactive):
        school.assign("W12-0001", "1001")
    assert not school.miscounted()


def test_a_device_is_taken_back_only_from_the_student_who_has_it_when_one_is_named(school: School) -> None:
    one, other = school.students(2)
    school.device()
    school.assign("W12-0001", one.student_id)
    with pytest.raises(NotWithStudent) as refused:
        school.take_back("W12-0001", of=other)
    assert "is with Grace Hopper" in refused.value.fields["reason"]
    school.take_back("W12-0001", of=one)
    with pytest.raises(NotHeld):
        school.take_back("W12-0001")


def test_the_database_itself_knows_one_holder_a_device(school: School) -> None:
    school.student()
    school.device()
    school.assign("W12-0001", "1001")
    for wrong in ({"status": "available"}, {"current_student_id": None}, {"current_student_id": "nobody"}):
        with pytest.raises(IntegrityError), transaction() as session:
            session.execute(update(Device).values(**wrong))


def test_the_record_only_grows(school: School) -> None:
    school.student()
    school.device()
    school.assign("W12-0001", "1001")
    for statement in (update(DeviceLog).values(notes="x"), delete(DeviceLog)):
        with pytest.raises(DBAPIError, match="only grows"), transaction() as session:
            session.execute(statement)


def test_the_record_outlives_student_and_device(school: School) -> None:
    school.student()
    school.device()
    school.assign("W12-0001", "1001")
    with pytest.raises(StudentHoldsDevice, match="W12-0001"), transaction() as session:
        service.delete(session, service.locked(session, "1001"))
    with pytest.raises(DeviceHeld), transaction() as session:
        devices.delete(session, devices.get(session, "W12-0001"))
    school.take_back("W12-0001")
    with transaction() as session:
        service.delete(session, service.locked(session, "1001"))
        devices.delete(session, devices.get(session, "W12-0001"))
    assert [(each.action, each.student_name) for each in school.log()] == [("check_in", "Grace Hopper"), ("check_out", "Grace Hopper")]
    assert not school.miscounted()


def test_each_change_is_taken_back_once_and_only_while_it_is_the_last(school: School) -> None:
    school.students(2)
    school.device()
    first = school.assign("W12-0001", "1001", accessories=["charger"], due=date(2027, 1, 1))
    second = school.take_back("W12-0001", condition="damaged")
    with pytest.raises(ChangeNotUndoable):
        school.undo(first)
    undone = school.undo(second)
    device = school.device_now("W12-0001")
    assert (undone.action, undone.undoes_id, undone.student_id) == ("check_in", second.id, "1001")
    assert (device.current_student_id, device.accessories, device.due_date, device.condition) == (
        "1001",
        ["charger"],
        date(2027, 1, 1),
        "good",
    )
    with pytest.raises(ChangeNotUndoable):
        school.undo(second)
    school.undo(undone)
    assert school.device_now("W12-0001").status == "maintenance"
    assert not school.miscounted()


def test_an_administrator_sets_the_holder_in_spite_of_another_and_says_why(school: School) -> None:
    school.students(2)
    school.device()
    school.assign("W12-0001", "1001")
    with transaction() as session:
        device, other = devices.get(session, "W12-0001", lock=True), service.get(session, "1002")
        with pytest.raises(FieldUnfit):
            assignments.override(session, device, other, reason=" ", actor=ADA, now=school.now())
        log = assignments.override(session, device, other, reason="swapped in class", actor=ADA, now=school.now())
    assert (log.action, log.student_id, log.notes) == ("override", "1002", "swapped in class (before: 1001)")
    assert [school.student_now(each).device_count for each in ("1001", "1002")] == [0, 1]
    school.undo(log)
    assert [school.student_now(each).device_count for each in ("1001", "1002")] == [1, 0]
    assert not school.miscounted()


def test_counts_follow_every_change_however_it_is_made(school: School) -> None:
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
