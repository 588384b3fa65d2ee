"""The documented form of the older database: who has which device, and the record of it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from request_tracker_utils.students.models import Device, DeviceLog, Student
from tests.services.legacy import NOW, OlderFile, only, take
from tests.services.school import School


def test_students_devices_and_their_record_come_over(app: Flask, documented: OlderFile, school: School) -> None:
    documented.student("001001", created_at="2025-08-01 12:00:00")
    documented.device(serial_number="SN-1", model="Chromebook 3100", status="checked_out", current_student_id="001001")
    documented.device("W12-0002", status="available", created_at="2025-08-02 12:00:00")
    documented.log(student_id="001001", action="check_in", timestamp="2025-08-20 08:00:00", notes="with charger")
    done = take(app, documented)
    assert (done.of("students"), done.of("device_info"), done.of("device_logs")) == ((1, 0, 0, 0), (2, 0, 0, 0), (1, 0, 0, 0))
    assert (done.problems, done.counts.lost) == ([], 0)
    student = only(app, Student)
    assert (student.student_id, student.name, student.grade) == ("001001", "Grace Hopper", "9")
    assert (student.created_at, student.device_count) == (datetime(2025, 8, 1, 12, 0, tzinfo=UTC), 1)
    device = only(app, Device, lambda each: each.asset_tag == "W12-0001")
    assert (device.serial_number, device.model, device.status) == ("SN-1", "Chromebook 3100", "checked_out")
    assert (device.current_student_id, device.rt_due_at) == ("001001", None)
    assert device.assigned_at == datetime(2025, 8, 20, 8, 0, tzinfo=UTC), "what the record says of it"
    other = only(app, Device, lambda each: each.asset_tag == "W12-0002")
    assert (other.status, other.created_at) == ("available", datetime(2025, 8, 2, 12, 0, tzinfo=UTC))
    log = only(app, DeviceLog)
    assert (log.asset_tag, log.student_id, log.student_name, log.action) == ("W12-0001", "001001", "Grace Hopper", "check_in")
    assert (log.status, log.notes, log.actor, log.before) == ("checked_out", "with charger", "older installation", None)
    assert log.timestamp == datetime(2025, 8, 20, 8, 0, tzinfo=UTC), "SQLite's own clock is in UTC"
    assert school.miscounted() == []


def test_the_school_goes_on_with_them(app: Flask, documented: OlderFile, school: School) -> None:
    documented.student()
    documented.device(status="checked_out", current_student_id="1001")
    take(app, documented)
    school.return_device("W12-0001")
    school.assign("W12-0001", "1001")
    assert school.miscounted() == []


@pytest.mark.parametrize(
    ("row", "grade", "said"),
    [
        ({"grade": 14}, None, "14 is not a grade"),
        ({"grade": "K"}, "K", ""),
        ({"grade": 0}, "K", ""),
        ({"grade": None}, None, ""),
        ({"grade": 9.0}, "9", ""),
        ({"grade": "a grade of more than twenty letters"}, None, "It was left out."),
        ({"created_at": "long ago"}, "9", "created_at: 'long ago' is no time."),
        ({"created_at": "2031-01-01 00:00:00"}, "9", "lies in the future"),
    ],
)
def test_a_student_is_taken_without_what_does_not_fit(
    app: Flask, documented: OlderFile, row: dict[str, Any], grade: str | None, said: str
) -> None:
    documented.student(**row)
    done = take(app, documented)
    assert done.of("students") == ((0, 0, 1, 0) if said else (1, 0, 0, 0))
    assert only(app, Student).grade == grade
    assert said in (done.reason if said else "")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"number": "10/01"}, "contains a slash"),
        ({"number": "  "}, "The student number is missing."),
        ({"number": "1" * 300}, "is longer than 50 characters"),
        ({"number": "stats"}, "is reserved"),
        ({"first": ""}, "The first name is missing."),
        ({"last": "x" * 101}, "The last name is longer than 100 characters."),
        ({"last": "Hop\nper"}, "control character"),
    ],
)
def test_a_student_who_cannot_be_told_from_others_is_not_taken(app: Flask, documented: OlderFile, row: dict[str, Any], said: str) -> None:
    documented.student("7", "Ada", "Lovelace")
    documented.student(**row)
    done = take(app, documented)
    assert (done.of("students"), done.counts.lost) == ((1, 0, 0, 1), 1)
    assert said in done.reason
    assert (done.problems[0].table, done.problems[0].row) == ("students", "2")
    assert only(app, Student).student_id == "7"


def test_of_two_numbers_that_differ_in_capitals_the_first_is_taken(app: Flask, documented: OlderFile) -> None:
    documented.student("a1")
    documented.student("A1", "Ada", "Lovelace")
    done = take(app, documented)
    assert (done.of("students"), done.reason) == ((1, 0, 0, 1), "Row 1 has the student number a1 already.")


def test_further_columns_with_a_value_are_told(app: Flask, documented: OlderFile) -> None:
    documented.run("ALTER TABLE students ADD COLUMN locker TEXT; ALTER TABLE students ADD COLUMN homeroom TEXT;")
    documented.student(locker="B17", homeroom="204")
    documented.student("1002", locker="")
    done = take(app, documented)
    assert (done.of("students"), done.reason) == ((1, 0, 1, 0), "locker has no place here: 'B17'.")
    assert only(app, Student, lambda each: each.student_id == "1001").homeroom == "204"


@pytest.mark.parametrize(
    ("row", "status", "holder", "said"),
    [
        (
            {"status": "checked_out", "current_student_id": "999"},
            "available",
            None,
            "Student 999, who has it, is neither in the file",
        ),
        ({"status": "checked_out"}, "available", None, "It is checked_out, and nobody is named"),
        ({"status": "available", "current_student_id": "1001"}, "checked_out", "1001", "taken as checked_out and not as available"),
        ({"status": "maintenance", "current_student_id": "1001"}, "maintenance", None, "student 1001 was left out"),
        ({"status": "retired"}, "retired", None, ""),
        ({"status": None}, "available", None, ""),
        ({"status": "Checked-Out", "current_student_id": "1001"}, "checked_out", "1001", ""),
        ({"status": "on the moon"}, "available", None, "status: 'on the moon' is unknown; it was taken as available."),
        ({"status": "lent", "current_student_id": "1001"}, "checked_out", "1001", "'lent' is unknown; it was taken as checked_out."),
        ({"model": "x" * 201}, "available", None, "The model is longer than 200 characters. It was left out."),
    ],
)
def test_a_devices_status_and_holder_are_made_to_agree(
    app: Flask, documented: OlderFile, school: School, row: dict[str, Any], status: str, holder: str | None, said: str
) -> None:
    documented.student()
    documented.device(**row)
    done = take(app, documented)
    assert done.of("device_info") == ((0, 0, 1, 0) if said else (1, 0, 0, 0))
    assert said in (done.reason if said else "")
    device = only(app, Device)
    assert (device.status, device.current_student_id) == (status, holder)
    assert school.miscounted() == []


def test_devices_that_cannot_be_told_from_others_are_not_taken(app: Flask, documented: OlderFile) -> None:
    documented.device("W12-0001")
    documented.device("w12-0001")
    documented.device("W12/0002")
    documented.device("")
    done = take(app, documented)
    assert done.of("device_info") == (1, 0, 0, 3)
    twin, slash, nothing = done.reasons("device_info")
    assert twin == "Row 1 has the tag W12-0001 already."
    assert "contains a slash" in slash
    assert nothing == "The tag is missing."


def test_devices_with_one_serial_number_are_all_taken_and_told(app: Flask, documented: OlderFile, school: School) -> None:
    school.device("W12-0100", serial_number="SN-3")
    documented.device("W12-0001", serial_number="SN-1")
    documented.device("W12-0002", serial_number="sn-1")
    documented.device("W12-0003", serial_number="SN-3")
    done = take(app, documented)
    assert done.of("device_info") == (1, 0, 2, 0)
    assert done.reasons("device_info") == [
        "W12-0001 has the serial number sn-1 too.",
        "W12-0100 has the serial number SN-3 too.",
    ]


def test_a_number_of_an_asset_is_kept_where_it_is_one_and_nobody_elses(app: Flask, documented: OlderFile) -> None:
    documented.run("ALTER TABLE device_info ADD COLUMN asset_id")
    for tag, asset_id in (("W12-0001", 123), ("W12-0002", "0123"), ("W12-0003", "x"), ("W12-0004", 2**40), ("W12-0005", None)):
        documented.device(tag, asset_id=asset_id)
    done = take(app, documented)
    assert done.of("device_info") == (2, 0, 3, 0)
    assert done.reasons("device_info") == [
        "asset_id: W12-0001 has asset 0123 already. It was left out.",
        "asset_id: 'x' is no number of an asset. It was left out.",
        "asset_id: '1099511627776' is no number of an asset. It was left out.",
    ]
    assert only(app, Device, lambda each: each.asset_id is not None).asset_id == 123


def test_numbers_of_assets_mean_nothing_without_request_tracker(app: Flask, documented: OlderFile) -> None:
    documented.run("ALTER TABLE device_info ADD COLUMN asset_id")
    documented.device(asset_id=123)
    done = take(app, documented, knows_assets=False)
    assert "RT_URL" in done.reason
    assert only(app, Device).asset_id is None


def test_the_directory_is_told_who_has_what_only_when_that_is_wanted(app: Flask, documented: OlderFile) -> None:
    documented.student()
    documented.device(status="checked_out", current_student_id="1001")
    documented.device("W12-0002")
    take(app, documented, tells_directory=True)
    device = only(app, Device, lambda each: each.rt_due_at is not None)
    assert (device.asset_tag, device.rt_due_at) == ("W12-0001", NOW)


@pytest.mark.parametrize(
    ("written", "action", "status", "said"),
    [
        ("check_in", "check_in", "checked_out", ""),
        ("check_out", "check_out", "available", ""),
        ("Check-In", "check_in", "checked_out", ""),
        ("maintenance", "maintenance", "maintenance", ""),
        ("repair", "repair", "available", ""),
        ("override", "override", "checked_out", ""),
        ("inspected", "override", "checked_out", "action: 'inspected' is unknown; it was taken as override, and noted."),
    ],
)
def test_each_action_is_known_by_its_name(app: Flask, documented: OlderFile, written: str, action: str, status: str, said: str) -> None:
    documented.student()
    documented.device()
    documented.log(student_id="1001", action=written, timestamp="2025-08-20 08:00:00")
    done = take(app, documented)
    assert (done.reason if said else "") == said
    log = only(app, DeviceLog)
    assert (log.action, log.status, log.notes) == (action, status, "action: inspected" if said else "")


def test_entries_whose_student_or_device_is_gone_are_kept_and_told(app: Flask, documented: OlderFile) -> None:
    documented.log("W12-0009", student_id="999", action="check_in", timestamp="2025-08-20 08:00:00")
    done = take(app, documented)
    assert done.of("device_logs") == (0, 0, 1, 0)
    assert done.reason == (
        "Device W12-0009 is neither in the file nor here: its record stands without it. "
        "Student 999 is neither in the file nor here: the record keeps the number."
    )
    log = only(app, DeviceLog)
    assert (log.asset_tag, log.student_id, log.student_name) == ("W12-0009", "999", "")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"timestamp": "yesterday"}, "timestamp: 'yesterday' is no time."),
        ({"timestamp": None}, "It does not say when it was."),
        ({"asset_tag": " "}, "The tag is missing."),
        ({"asset_tag": "a/b"}, "contains a slash"),
    ],
)
def test_an_entry_without_a_tag_or_a_time_is_not_taken(app: Flask, documented: OlderFile, row: dict[str, Any], said: str) -> None:
    documented.add("device_logs", {"asset_tag": "W12-0001", "student_id": "", "action": "repair", "timestamp": 1759924800, **row})
    done = take(app, documented)
    assert (done.of("device_logs"), said in done.reason) == ((0, 0, 0, 1), True)


def test_entries_name_device_and_student_as_they_are_spelt_here(app: Flask, documented: OlderFile) -> None:
    documented.student("A1")
    documented.device("W12-0001")
    documented.log("w12-0001", student_id="a1", action="check_in", timestamp="2025-08-20 08:00:00")
    assert take(app, documented).problems == []
    log = only(app, DeviceLog)
    assert (log.asset_tag, log.student_id, log.student_name) == ("W12-0001", "A1", "Grace Hopper")


def test_a_hand_over_that_names_nobody_is_told(app: Flask, documented: OlderFile) -> None:
    documented.device()
    documented.log(student_id="", action="check_in", timestamp="2025-08-20 08:00:00")
    assert take(app, documented).reason == "It names no student."


def test_a_file_with_one_table_alone_is_taken(app: Flask, documented: OlderFile) -> None:
    documented.run("DROP TABLE students; DROP TABLE device_logs; ALTER TABLE device_info DROP COLUMN model;")
    documented.device()
    done = take(app, documented)
    assert (done.of("students"), done.of("device_info")) == ((0, 0, 0, 0), (1, 0, 0, 0))


def test_letters_that_no_database_takes_are_replaced(app: Flask, documented: OlderFile) -> None:
    documented.student()
    documented.device()
    documented.log(student_id="1001", action="check_in", timestamp="2025-08-20 08:00:00", notes="a\0b")
    take(app, documented)
    assert only(app, DeviceLog).notes == "a\ufffdb"
