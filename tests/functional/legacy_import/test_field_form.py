"""The field form of the legacy database: devices that students returned at the end of a year."""

from datetime import UTC, datetime
from typing import Any

from flask import Flask

from request_tracker_utils.students.models import Device, DeviceLog, Student
from tests.services.legacy import LegacyFile, import_legacy, only
from tests.services.school import School
from tests.services.tables import check_all

JUNE = 1749549600000
"""2025-06-10 10:00 UTC, in milliseconds; 5 in the morning in Chicago."""
AT = datetime(2025, 6, 10, 10, 0, tzinfo=UTC)


def return_device(file: LegacyFile, tag: str = "W12-0001", student: str = "001001", at: Any = JUNE, **more: Any) -> None:
    file.device(tag, student_id=student, device_type="Chromebook", serial_number=f"SN-{tag}", check_in_timestamp=at, **more)


def log_of(app: Flask, tag: str) -> Any:
    return only(app, DeviceLog, lambda each: each.asset_tag == tag)


def test_returned_devices_are_available_and_their_history_has_the_student(app: Flask, field: LegacyFile, school: School) -> None:
    field.student(
        "001001", grade="11", rt_user_id="ghopper", device_checked_in=1, check_in_date="2025-06-10", created_at="2024-08-01T08:00:00"
    )
    return_device(field, asset_id=123)
    done = import_legacy(app, field)
    assert (done.reports, done.of("students"), done.of("device_info")) == ([], (1, 0, 0, 0), (1, 0, 0, 0))
    student = only(app, Student)
    assert (student.student_id, student.grade, student.rt_user) == ("001001", "11", "ghopper")
    assert student.created_at == datetime(2024, 8, 1, 13, 0, tzinfo=UTC), "in the zone of the legacy installation"
    device = only(app, Device)
    assert (device.status, device.current_student_id, device.asset_id, device.model) == ("available", None, 123, "Chromebook")
    log = only(app, DeviceLog)
    assert (log.action, log.status, log.student_id, log.student_name) == ("check_out", "available", "001001", "Grace Hopper")
    assert (log.timestamp, log.asset_tag, log.notes) == (AT, "W12-0001", "Returned")
    assert school.miscounted() == []


def test_entries_are_returns_with_notes_of_everything_else(app: Flask, field: LegacyFile) -> None:
    field.student("001001", rt_user_id="ghopper")
    return_device(field)
    field.log(
        timestamp=JUNE // 1000,
        date="2025-06-10",
        time="05:00:00",
        device_type="Chromebook",
        serial_number="SN-W12-0001",
        previous_owner="ghopper",
        ticket_id=55,
        has_ticket=1,
        ticket_description="Hinge; lid\nloose",
        broken_screen=0,
        checked_by="ada",
        created_at="2025-06-10T05:00:01",
    )
    return_device(field, "W12-0002", student="", asset_id=5)
    other = {"asset_id": 6, "device_type": "iPad", "serial_number": "SN-W12-0002", "date": "someday"}
    field.log("W12-0002", timestamp=JUNE, created_at="2025-07-01T00:00:00", **other)
    done = import_legacy(app, field)
    assert (done.reports, done.of("device_logs")) == ([], (2, 0, 0, 0))
    log = log_of(app, "W12-0001")
    assert (log.action, log.student_id, log.student_name, log.actor, log.timestamp) == ("check_out", "001001", "Grace Hopper", "ada", AT)
    notes = ["previous_owner: ghopper", "ticket_id: 55", "has_ticket: 1", "ticket_description: Hinge; lid", "loose"]
    assert log.notes.splitlines() == notes
    notes = ["asset_id: 6", "device_type: iPad", "date: someday", "created_at: 2025-07-01T00:00:00"]
    assert log_of(app, "W12-0002").notes.splitlines() == notes


def test_a_broken_screen_puts_the_device_into_maintenance(app: Flask, field: LegacyFile) -> None:
    return_device(field, student="")
    return_device(field, "W12-0002", student="")
    field.log(timestamp=JUNE, broken_screen=1)
    field.log("W12-0002", timestamp=JUNE, broken_screen="true")
    field.log("W12-0002", timestamp=JUNE + 1000, broken_screen="false")
    import_legacy(app, field)
    broken = only(app, Device, lambda each: each.condition == "damaged")
    assert (broken.asset_tag, broken.status) == ("W12-0001", "maintenance")
    log = log_of(app, "W12-0001")
    assert (log.condition, log.status, log.notes) == ("damaged", "maintenance", "broken_screen: 1")
    assert only(app, Device, lambda each: each.condition == "good").status == "available", "by its latest entry"


def test_the_previous_owner_is_recognized_by_number_user_or_name(app: Flask, field: LegacyFile, school: School) -> None:
    field.student("001001", rt_user_id="ghopper")
    field.student("1002", "Alan", "Kay", rt_user_id="shared")
    field.student("1003", "Ada", "Lovelace", rt_user_id="shared")
    table = [
        ("001001", "001001", "Grace Hopper"),
        ("ghopper", "001001", "Grace Hopper"),
        ("Alan Turing", None, "Alan Turing"),
        (None, None, ""),
        ("shared", None, "shared"),
    ]
    for number, (owner, *_expected) in enumerate(table, 1):
        return_device(field, f"W12-{number:04d}", student="")
        field.log(f"W12-{number:04d}", timestamp=JUNE, previous_owner=owner)
    for student in ("1002", "1003"):
        return_device(field, f"W12-{student}", student=student)
        field.log(f"W12-{student}", timestamp=JUNE, previous_owner="ALAN  kay", broken_screen=1)
    field.log("W12-1002", timestamp=JUNE, previous_owner="Ada Lovelace")
    import_legacy(app, field)

    def check(number: int, student_id: str | None, name: str) -> None:
        log = log_of(app, f"W12-{number:04d}")
        assert (log.student_id, log.student_name) == (student_id, name)

    check_all([(number, *expected) for number, (_owner, *expected) in enumerate(table, 1)], check)
    by_name = [(log.student_id, log.student_name, log.status) for log in school.log("W12-1002")]
    assert by_name == [("1002", "Alan Kay", "maintenance"), (None, "Ada Lovelace", "available")], (
        "by the name of the student who returned it"
    )
    other = school.log("W12-1003")[0]
    assert (other.student_id, other.student_name) == (None, "ALAN  kay"), "another student returned this device"


def test_the_time_of_an_entry_may_be_in_another_column(app: Flask, field: LegacyFile) -> None:
    table: list[tuple[dict[str, Any], str, str]] = [
        ({"timestamp": None, "date": "2025-06-10", "time": "05:00"}, "", ""),
        ({"timestamp": None, "date": "06/10/2025", "time": "5:00 AM"}, "", ""),
        ({"timestamp": "soon", "date": "2025-06-10", "time": "05:00"}, "timestamp: 'soon' is not a valid time.", "timestamp: soon"),
        ({"timestamp": None, "created_at": "2025-06-10T10:00:00Z"}, "", ""),
    ]
    for number, (row, *_expected) in enumerate(table, 1):
        return_device(field, f"W12-{number:04d}", student="")
        field.log(f"W12-{number:04d}", **row)
    field.log(timestamp=0, date="soon")
    field.log(None, timestamp=JUNE)
    done = import_legacy(app, field)
    found = {report.row: report.reason for report in done.reports}

    def check(number: int, reason: str, notes: str) -> None:
        log = log_of(app, f"W12-{number:04d}")
        assert (found.get(str(number), ""), log.timestamp, log.notes) == (reason, AT, notes)

    check_all([(number, *expected) for number, (_row, *expected) in enumerate(table, 1)], check)
    assert done.of("device_logs") == (3, 0, 1, 2)
    assert found["5"] == "timestamp: '0' is not a valid time."
    assert "tag is missing" in found["6"]


def test_a_device_that_two_students_returned_has_two_entries(app: Flask, field: LegacyFile) -> None:
    field.student("1001")
    field.student("1002", "Ada", "Lovelace")
    return_device(field, student="1001")
    return_device(field, student="1002", at=JUNE + 86_400_000)
    return_device(field, student="1002", at=None)
    done = import_legacy(app, field)
    assert (done.of("device_info"), len(done.reports)) == ((1, 0, 1, 1), 2)
    only(app, Device)
    for number in ("1001", "1002"):
        only(app, DeviceLog, lambda each, number=number: each.student_id == number)


def test_a_return_is_imported_once(app: Flask, field: LegacyFile) -> None:
    field.student("1001")
    return_device(field, student="1001")
    field.log(timestamp=JUNE // 1000 + 20, previous_owner="1001")
    import_legacy(app, field)
    assert only(app, DeviceLog).student_id == "1001"


def test_an_unknown_student_who_returned_a_device_is_reported(app: Flask, field: LegacyFile) -> None:
    return_device(field, student="999")
    assert import_legacy(app, field).reason == "Student 999, who returned it, is neither in the file nor in this database."
    assert only(app, DeviceLog).student_id == "999"


def test_values_of_students_without_a_column_are_reported(app: Flask, field: LegacyFile) -> None:
    field.student("1001", device_checked_in="1", check_in_date="2025-06-10")
    field.student("1002", device_checked_in=0, rt_user_id=1002)
    field.student("1003", rt_user_id=57)
    done = import_legacy(app, field)
    returned, user = done.reasons("students")
    assert (done.of("students"), returned) == (
        (1, 0, 2, 0),
        "The student returned a device on 2025-06-10, but no row says which. This is not imported.",
    )
    assert "57 is a user ID in Request Tracker" in user
    assert only(app, Student, lambda each: each.rt_user).rt_user == "1002"


def test_each_row_of_nulls_is_reported(app: Flask, field: LegacyFile) -> None:
    field.student(None, None, None, None)
    field.device(None)
    field.log(None)
    done = import_legacy(app, field)
    assert (done.counts.not_imported, len(done.reports)) == (3, 3)
