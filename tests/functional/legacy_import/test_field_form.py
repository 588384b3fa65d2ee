"""The form in the field: what students handed in at the end of a year."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from request_tracker_utils.students.models import Device, DeviceLog, Student
from tests.services.legacy import OlderFile, only, take
from tests.services.school import School

JUNE = 1749549600000
"""2025-06-10 10:00 UTC, in milliseconds; 5 in the morning in Chicago."""
AT = datetime(2025, 6, 10, 10, 0, tzinfo=UTC)


def hand_in(file: OlderFile, tag: str = "W12-0001", student: str = "001001", at: Any = JUNE, **more: Any) -> None:
    file.device(tag, student_id=student, device_type="Chromebook", serial_number=f"SN-{tag}", check_in_timestamp=at, **more)


def test_what_was_handed_in_is_nobodys_and_the_record_says_whose_it_was(app: Flask, field: OlderFile, school: School) -> None:
    field.student(
        "001001", grade="11", rt_user_id="ghopper", device_checked_in=1, check_in_date="2025-06-10", created_at="2024-08-01T08:00:00"
    )
    hand_in(field, asset_id=123)
    done = take(app, field)
    assert (done.problems, done.of("students"), done.of("device_info")) == ([], (1, 0, 0, 0), (1, 0, 0, 0))
    student = only(app, Student)
    assert (student.student_id, student.grade, student.rt_user) == ("001001", "11", "ghopper")
    assert student.created_at == datetime(2024, 8, 1, 13, 0, tzinfo=UTC), "in the zone of the older installation"
    device = only(app, Device)
    assert (device.status, device.current_student_id, device.asset_id, device.model) == ("available", None, 123, "Chromebook")
    log = only(app, DeviceLog)
    assert (log.action, log.status, log.student_id, log.student_name) == ("check_out", "available", "001001", "Grace Hopper")
    assert (log.timestamp, log.asset_tag) == (AT, "W12-0001")
    assert school.miscounted() == []


def test_its_record_tells_of_returns(app: Flask, field: OlderFile) -> None:
    field.student("001001", rt_user_id="ghopper")
    hand_in(field)
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
    done = take(app, field)
    assert (done.problems, done.of("device_logs")) == ([], (1, 0, 0, 0))
    log = only(app, DeviceLog)
    assert (log.action, log.student_id, log.student_name, log.actor, log.timestamp) == ("check_out", "001001", "Grace Hopper", "ada", AT)
    assert log.notes.splitlines() == [
        "previous_owner: ghopper",
        "ticket_id: 55",
        "has_ticket: 1",
        "ticket_description: Hinge; lid",
        "loose",
    ]


def test_a_broken_screen_puts_the_device_into_maintenance(app: Flask, field: OlderFile) -> None:
    hand_in(field, student="")
    hand_in(field, "W12-0002", student="")
    field.log(timestamp=JUNE, broken_screen=1)
    field.log("W12-0002", timestamp=JUNE, broken_screen="true")
    field.log("W12-0002", timestamp=JUNE + 1000, broken_screen="false")
    take(app, field)
    broken = only(app, Device, lambda each: each.condition == "damaged")
    assert (broken.asset_tag, broken.status) == ("W12-0001", "maintenance")
    log = only(app, DeviceLog, lambda each: each.asset_tag == "W12-0001")
    assert (log.condition, log.status, log.notes) == ("damaged", "maintenance", "broken_screen: 1")
    assert only(app, Device, lambda each: each.condition == "good").status == "available", "its last entry says so"


@pytest.mark.parametrize(
    ("owner", "student_id", "name"),
    [
        ("001001", "001001", "Grace Hopper"),
        ("ghopper", "001001", "Grace Hopper"),
        ("Alan Turing", None, "Alan Turing"),
        (None, None, ""),
        ("shared", None, "shared"),
    ],
)
def test_the_previous_owner_is_a_student_where_one_is_called_so(
    app: Flask, field: OlderFile, owner: str | None, student_id: str | None, name: str
) -> None:
    field.student("001001", rt_user_id="ghopper")
    field.student("1002", "Alan", "Kay", rt_user_id="shared")
    field.student("1003", "Ada", "Lovelace", rt_user_id="shared")
    hand_in(field, student="")
    field.log(timestamp=JUNE, previous_owner=owner)
    take(app, field)
    log = only(app, DeviceLog)
    assert (log.student_id, log.student_name) == (student_id, name)


def test_what_differs_from_the_device_and_has_no_column_is_noted(app: Flask, field: OlderFile) -> None:
    hand_in(field, student="", asset_id=5)
    field.log(timestamp=JUNE, asset_id=6, device_type="iPad", serial_number="SN-W12-0001", date="someday", created_at="2025-07-01T00:00:00")
    take(app, field)
    assert only(app, DeviceLog).notes.splitlines() == [
        "asset_id: 6",
        "device_type: iPad",
        "date: someday",
        "created_at: 2025-07-01T00:00:00",
    ]


@pytest.mark.parametrize(
    ("row", "said", "notes"),
    [
        ({"timestamp": None, "date": "2025-06-10", "time": "05:00"}, "", ""),
        ({"timestamp": None, "date": "06/10/2025", "time": "5:00 AM"}, "", ""),
        ({"timestamp": "soon", "date": "2025-06-10", "time": "05:00"}, "timestamp: 'soon' is no time.", "timestamp: soon"),
        ({"timestamp": None, "created_at": "2025-06-10T10:00:00Z"}, "", ""),
    ],
)
def test_the_time_is_found_in_another_column(app: Flask, field: OlderFile, row: dict[str, Any], said: str, notes: str) -> None:
    hand_in(field, student="")
    field.log(**row)
    done = take(app, field)
    assert (done.reason if said else "") == said
    assert (only(app, DeviceLog).timestamp, only(app, DeviceLog).notes) == (AT, notes)


def test_entries_without_any_time_or_tag_are_not_taken(app: Flask, field: OlderFile) -> None:
    field.log(timestamp=0, date="soon")
    field.log(None, timestamp=JUNE)
    done = take(app, field)
    assert (done.of("device_logs"), done.reasons("device_logs")) == ((0, 0, 0, 2), ["timestamp: '0' is no time.", "The tag is missing."])


def test_a_device_that_two_handed_in_is_one_with_two_entries(app: Flask, field: OlderFile) -> None:
    field.student("1001")
    field.student("1002", "Ada", "Lovelace")
    hand_in(field, student="1001")
    hand_in(field, student="1002", at=JUNE + 86_400_000)
    hand_in(field, student="1002", at=None)
    done = take(app, field)
    assert done.of("device_info") == (1, 0, 1, 1)
    only(app, Device)
    for number in ("1001", "1002"):
        only(app, DeviceLog, lambda each, number=number: each.student_id == number)


def test_a_return_that_the_record_tells_of_is_not_told_twice(app: Flask, field: OlderFile) -> None:
    field.student("1001")
    hand_in(field, student="1001")
    field.log(timestamp=JUNE // 1000 + 20, previous_owner="1001")
    take(app, field)
    assert only(app, DeviceLog).student_id == "1001"


def test_an_owner_is_known_by_name_when_that_student_handed_in_the_device(app: Flask, field: OlderFile, school: School) -> None:
    for number in ("1001", "1002"):
        field.student(number)
        hand_in(field, f"W12-{number}", student=number)
        field.log(f"W12-{number}", timestamp=JUNE, previous_owner="grace  HOPPER", broken_screen=1)
    field.log("W12-1001", timestamp=JUNE, previous_owner="Ada Lovelace")
    take(app, field)
    told = [(log.asset_tag, log.student_id, log.student_name, log.status) for log in school.log()]
    assert told == [
        ("W12-1001", "1001", "Grace Hopper", "maintenance"),
        ("W12-1002", "1002", "Grace Hopper", "maintenance"),
        ("W12-1001", None, "Ada Lovelace", "available"),
    ]


def test_who_handed_in_and_is_no_student_is_told_and_kept(app: Flask, field: OlderFile) -> None:
    hand_in(field, student="999")
    assert take(app, field).reason == "Student 999, who handed it in, is neither in the file nor here."
    assert only(app, DeviceLog).student_id == "999"


def test_a_hand_in_without_a_device_is_told(app: Flask, field: OlderFile) -> None:
    field.student("1001", device_checked_in="1", check_in_date="2025-06-10")
    field.student("1002", device_checked_in=0)
    done = take(app, field)
    assert (done.of("students"), done.reason) == (
        (1, 0, 1, 0),
        "The student handed in a device on 2025-06-10, and no row says which: there is no place for that here.",
    )


def test_a_users_number_is_no_name(app: Flask, field: OlderFile) -> None:
    field.student("1001", rt_user_id=57)
    field.student("1002", rt_user_id=1002)
    done = take(app, field)
    assert "57 is the number of a user in Request Tracker" in done.reason
    assert only(app, Student, lambda each: each.rt_user).rt_user == "1002"


def test_rows_of_nulls_are_each_told(app: Flask, field: OlderFile) -> None:
    field.student(None, None, None, None)
    field.device(None)
    field.log(None)
    done = take(app, field)
    assert (done.counts.lost, len(done.problems)) == (3, 3)
