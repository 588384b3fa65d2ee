"""The documented form of the legacy database: who has which device, and its history."""

from datetime import UTC, datetime
from typing import Any

from flask import Flask

from request_tracker_utils.students.models import Device, DeviceLog, Student
from tests.services.legacy import NOW, LegacyFile, import_legacy, only
from tests.services.school import School
from tests.services.tables import check_all


def reasons(done: Any, table: str) -> dict[str, str]:
    """Reports by row."""
    return {report.row: report.reason for report in done.reports if report.table == table}


def test_students_devices_and_their_history_are_imported(app: Flask, documented: LegacyFile, school: School) -> None:
    documented.student("001001", created_at="2025-08-01 12:00:00")
    documented.device(serial_number="SN-1", model="Chromebook 3100", status="checked_out", current_student_id="001001")
    documented.device("W12-0002", status="available", created_at="2025-08-02 12:00:00")
    documented.log(student_id="001001", action="check_in", timestamp="2025-08-20 08:00:00", notes="with charger")
    done = import_legacy(app, documented)
    assert (done.of("students"), done.of("device_info"), done.of("device_logs")) == ((1, 0, 0, 0), (2, 0, 0, 0), (1, 0, 0, 0))
    assert (done.reports, done.counts.not_imported) == ([], 0)
    student = only(app, Student)
    assert (student.student_id, student.name, student.grade) == ("001001", "Grace Hopper", "9")
    assert (student.created_at, student.device_count) == (datetime(2025, 8, 1, 12, 0, tzinfo=UTC), 1)
    device = only(app, Device, lambda each: each.asset_tag == "W12-0001")
    assert (device.serial_number, device.model, device.status) == ("SN-1", "Chromebook 3100", "checked_out")
    assert (device.current_student_id, device.rt_due_at) == ("001001", None)
    assert device.assigned_at == datetime(2025, 8, 20, 8, 0, tzinfo=UTC), "from the history"
    other = only(app, Device, lambda each: each.asset_tag == "W12-0002")
    assert (other.status, other.created_at) == ("available", datetime(2025, 8, 2, 12, 0, tzinfo=UTC))
    log = only(app, DeviceLog)
    assert (log.asset_tag, log.student_id, log.student_name, log.action) == ("W12-0001", "001001", "Grace Hopper", "check_in")
    assert (log.status, log.notes, log.actor, log.before) == ("checked_out", "with charger", "older installation", None)
    assert log.timestamp == datetime(2025, 8, 20, 8, 0, tzinfo=UTC), "SQLite's clock is in UTC"
    assert school.miscounted() == []
    school.return_device("W12-0001")
    school.assign("W12-0001", "001001")
    assert school.miscounted() == []


def test_invalid_values_of_students_are_left_out_with_a_warning(app: Flask, documented: LegacyFile) -> None:
    table: list[tuple[dict[str, Any], str | None, str]] = [
        ({"grade": 14}, None, "14"),
        ({"grade": "K"}, "K", ""),
        ({"grade": 0}, "K", ""),
        ({"grade": None}, None, ""),
        ({"grade": 9.0}, "9", ""),
        ({"grade": "a grade of more than twenty letters"}, None, "It was not imported."),
        ({"created_at": "long ago"}, "9", "created_at: 'long ago' is not a valid time."),
        ({"created_at": "2031-01-01 00:00:00"}, "9", "is in the future"),
    ]
    for number, (row, _grade, _words) in enumerate(table, 1):
        documented.student(str(number), **row)
    done = import_legacy(app, documented)
    found = reasons(done, "students")
    assert done.of("students") == (4, 0, 4, 0)

    def check(number: int, grade: str | None, words: str) -> None:
        assert only(app, Student, lambda each: each.student_id == str(number)).grade == grade
        assert words in found.get(str(number), "")
        assert bool(words) == (str(number) in found)

    check_all([(number, grade, words) for number, (_row, grade, words) in enumerate(table, 1)], check)


def test_students_without_a_valid_number_or_name_are_not_imported(app: Flask, documented: LegacyFile) -> None:
    documented.student("7", "Ada", "Lovelace")
    table: list[tuple[dict[str, Any], str]] = [
        ({"number": "10/01"}, "10/01"),
        ({"number": "  "}, "student number is missing"),
        ({"number": "1" * 300}, "longer than 50"),
        ({"number": "stats"}, "stats"),
        ({"first": ""}, "first name"),
        ({"last": "x" * 101}, "last name"),
        ({"last": "Hop\nper"}, "last name"),
    ]
    for number, (row, _words) in enumerate(table):
        documented.student(**{"number": str(100 + number), **row})
    documented.student("a1")
    documented.student("A1", "Ada", "Lovelace")
    done = import_legacy(app, documented)
    assert (done.of("students"), done.counts.not_imported) == ((2, 0, 0, 8), 8)
    found = reasons(done, "students")
    check_all([(row, words) for row, (_row, words) in enumerate(table, 2)], lambda row, words: _contains(found[str(row)], words))
    assert found["10"] == "Row 9 already has the student number a1."
    assert {report.table for report in done.reports} == {"students"}
    assert only(app, Student, lambda each: each.student_id != "a1").student_id == "7"


def _contains(text: str, words: str) -> None:
    assert words in text, text


def test_other_columns_with_a_value_are_reported(app: Flask, documented: LegacyFile) -> None:
    documented.run("ALTER TABLE students ADD COLUMN locker TEXT; ALTER TABLE students ADD COLUMN homeroom TEXT;")
    documented.student(locker="B17", homeroom="204")
    documented.student("1002", locker="")
    done = import_legacy(app, documented)
    assert (done.of("students"), done.reason) == ((1, 0, 1, 0), "locker is not imported: 'B17'.")
    assert only(app, Student, lambda each: each.student_id == "1001").homeroom == "204"


def test_status_and_student_of_a_device_are_made_consistent(app: Flask, documented: LegacyFile, school: School) -> None:
    documented.student()
    table: list[tuple[dict[str, Any], str, str | None, str]] = [
        ({"status": "checked_out", "current_student_id": "999"}, "available", None, "Its student 999 is neither in the file"),
        ({"status": "checked_out"}, "available", None, "It is checked_out, but the student is missing"),
        ({"status": "available", "current_student_id": "1001"}, "checked_out", "1001", "as checked_out instead of available"),
        ({"status": "maintenance", "current_student_id": "1001"}, "maintenance", None, "student 1001 was not imported"),
        ({"status": "retired"}, "retired", None, ""),
        ({"status": None}, "available", None, ""),
        ({"status": "Checked-Out", "current_student_id": "1001"}, "checked_out", "1001", ""),
        ({"status": "on the moon"}, "available", None, "status: 'on the moon' is unknown; it was imported as available."),
        ({"status": "lent", "current_student_id": "1001"}, "checked_out", "1001", "'lent' is unknown; it was imported as checked_out."),
        ({"model": "x" * 201}, "available", None, "It was not imported."),
    ]
    for number, (row, *_expected) in enumerate(table, 1):
        documented.device(f"W12-{number:04d}", **row)
    done = import_legacy(app, documented)
    assert done.of("device_info") == (3, 0, 7, 0)
    found = reasons(done, "device_info")

    def check(number: int, status: str, holder: str | None, words: str) -> None:
        device = only(app, Device, lambda each: each.asset_tag == f"W12-{number:04d}")
        assert (device.status, device.current_student_id) == (status, holder)
        assert words in found.get(str(number), "")
        assert bool(words) == (str(number) in found)

    check_all([(number, *expected) for number, (_row, *expected) in enumerate(table, 1)], check)
    assert school.miscounted() == []


def test_devices_without_a_valid_and_unique_tag_are_not_imported(app: Flask, documented: LegacyFile) -> None:
    for tag in ("W12-0001", "w12-0001", "W12/0002", ""):
        documented.device(tag)
    done = import_legacy(app, documented)
    assert done.of("device_info") == (1, 0, 0, 3)
    duplicate, slash, missing = done.reasons("device_info")
    assert duplicate == "Row 1 already has the tag W12-0001."
    assert "W12/0002" in slash
    assert "tag is missing" in missing


def test_devices_with_the_same_serial_number_are_imported_with_a_warning(app: Flask, documented: LegacyFile, school: School) -> None:
    school.device("W12-0100", serial_number="SN-3")
    documented.device("W12-0001", serial_number="SN-1")
    documented.device("W12-0002", serial_number="sn-1")
    documented.device("W12-0003", serial_number="SN-3")
    done = import_legacy(app, documented)
    assert done.of("device_info") == (1, 0, 2, 0)
    assert done.reasons("device_info") == ["W12-0001 also has the serial number sn-1.", "W12-0100 also has the serial number SN-3."]


def test_valid_and_unique_asset_ids_are_imported(app: Flask, documented: LegacyFile) -> None:
    documented.run("ALTER TABLE device_info ADD COLUMN asset_id")
    for tag, asset_id in (("W12-0001", 123), ("W12-0002", "0123"), ("W12-0003", "x"), ("W12-0004", 2**40), ("W12-0005", None)):
        documented.device(tag, asset_id=asset_id)
    done = import_legacy(app, documented)
    assert done.of("device_info") == (2, 0, 3, 0)
    assert done.reasons("device_info") == [
        "asset_id: W12-0001 already has asset 0123. It was not imported.",
        "asset_id: 'x' is not an asset ID. It was not imported.",
        "asset_id: '1099511627776' is not an asset ID. It was not imported.",
    ]
    assert only(app, Device, lambda each: each.asset_id is not None).asset_id == 123


def test_asset_ids_are_left_out_without_request_tracker(app: Flask, documented: LegacyFile) -> None:
    documented.run("ALTER TABLE device_info ADD COLUMN asset_id")
    documented.device(asset_id=123)
    done = import_legacy(app, documented, has_asset_ids=False)
    assert ("RT_URL" in done.reason, only(app, Device).asset_id) == (True, None)


def test_holders_are_synced_only_when_asked(app: Flask, documented: LegacyFile) -> None:
    documented.student()
    documented.device(status="checked_out", current_student_id="1001")
    documented.device("W12-0002")
    import_legacy(app, documented, sync_holders=True)
    device = only(app, Device, lambda each: each.rt_due_at is not None)
    assert (device.asset_tag, device.rt_due_at) == ("W12-0001", NOW)


def test_actions_are_recognized_by_name(app: Flask, documented: LegacyFile) -> None:
    documented.student()
    table = [
        ("check_in", "check_in", "checked_out", ""),
        ("check_out", "check_out", "available", ""),
        ("Check-In", "check_in", "checked_out", ""),
        ("maintenance", "maintenance", "maintenance", ""),
        ("repair", "repair", "available", ""),
        ("override", "override", "checked_out", ""),
        ("inspected", "override", "checked_out", "action: 'inspected' is unknown; it was imported as override, with a note."),
    ]
    for number, (written, *_expected) in enumerate(table, 1):
        documented.device(f"W12-{number:04d}")
        documented.log(f"W12-{number:04d}", student_id="1001", action=written, timestamp="2025-08-20 08:00:00")
    found = reasons(import_legacy(app, documented), "device_logs")

    def check(number: int, action: str, status: str, reason: str) -> None:
        assert found.get(str(number), "") == reason
        log = only(app, DeviceLog, lambda each: each.asset_tag == f"W12-{number:04d}")
        assert (log.action, log.status, log.notes) == (action, status, "action: inspected" if reason else "")

    check_all([(number, *expected) for number, (_written, *expected) in enumerate(table, 1)], check)


def test_entries_without_their_student_or_device_are_imported_with_a_warning(app: Flask, documented: LegacyFile) -> None:
    documented.log("W12-0009", student_id="999", action="check_in", timestamp="2025-08-20 08:00:00")
    done = import_legacy(app, documented)
    assert done.of("device_logs") == (0, 0, 1, 0)
    assert done.reason == (
        "Device W12-0009 is neither in the file nor in this database. Its history was imported without it. "
        "Student 999 is neither in the file nor in this database. The number was imported."
    )
    log = only(app, DeviceLog)
    assert (log.asset_tag, log.student_id, log.student_name) == ("W12-0009", "999", "")


def test_entries_without_a_tag_or_a_time_are_not_imported(app: Flask, documented: LegacyFile) -> None:
    table: list[tuple[dict[str, Any], str]] = [
        ({"timestamp": "yesterday"}, "timestamp: 'yesterday' is not a valid time."),
        ({"timestamp": None}, "The row has no time."),
        ({"asset_tag": " "}, "tag is missing"),
        ({"asset_tag": "a/b"}, "a/b"),
    ]
    for row, _words in table:
        documented.add("device_logs", {"asset_tag": "W12-0001", "student_id": "", "action": "repair", "timestamp": 1759924800, **row})
    done = import_legacy(app, documented)
    assert done.of("device_logs") == (0, 0, 0, 4)
    found = reasons(done, "device_logs")
    check_all([(row, words) for row, (_row, words) in enumerate(table, 1)], lambda row, words: _contains(found[str(row)], words))


def test_entries_refer_to_devices_and_students_in_the_spelling_used_here(app: Flask, documented: LegacyFile) -> None:
    documented.student("A1")
    documented.device("W12-0001")
    documented.log("w12-0001", student_id="a1", action="check_in", timestamp="2025-08-20 08:00:00", notes="a\0b")
    assert import_legacy(app, documented).reports == []
    log = only(app, DeviceLog)
    assert (log.asset_tag, log.student_id, log.student_name) == ("W12-0001", "A1", "Grace Hopper")
    assert log.notes == "a\ufffdb", "no database stores NUL"


def test_an_assignment_without_a_student_is_reported(app: Flask, documented: LegacyFile) -> None:
    documented.device()
    documented.log(student_id="", action="check_in", timestamp="2025-08-20 08:00:00")
    assert import_legacy(app, documented).reason == "The row has no student."


def test_a_file_with_only_one_table_is_imported(app: Flask, documented: LegacyFile) -> None:
    documented.run("DROP TABLE students; DROP TABLE device_logs; ALTER TABLE device_info DROP COLUMN model;")
    documented.device()
    done = import_legacy(app, documented)
    assert (done.of("students"), done.of("device_info")) == ((0, 0, 0, 0), (1, 0, 0, 0))
