"""Decoding logs, users and times, with tables of what is invalid."""

import struct
from datetime import date, datetime

import pytest

from request_tracker_utils.attendance.decoding import (
    Layout,
    Record,
    TerminalUser,
    count_days,
    decode_log,
    decode_time,
    decode_users,
    fitting_layouts,
)
from tests.services.attendance_terminal import Punched, SimulatedUser, day_number, encoded_time

ADA = SimulatedUser(uid=7, user_id="12")
GRACE = SimulatedUser(uid=300, user_id="4294967295")
USERS = (TerminalUser(7, "12", "Ada"), TerminalUser(300, "4294967295", "Grace"))
MORNING, EVENING = datetime(2026, 3, 9, 7, 58, 1), datetime(2026, 3, 10, 23, 59, 59)
LAYOUTS = [layout for layout in Layout if layout is not Layout.AUTO]


def packed(layout: Layout, *punches: Punched) -> memoryview:
    return memoryview(b"".join(punch.packed(layout.value) for punch in punches))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_records_of_each_layout(layout: Layout) -> None:
    log = packed(layout, Punched(ADA, MORNING, status=15, punch=1, work_code=9), Punched(GRACE, EVENING, status=1, punch=255))

    decoded = decode_log(log, layout, USERS)

    work_codes = (9, 0) if layout is Layout.BYTES_16 else (None, None)
    assert list(decoded.records) == [
        Record("12", 7, MORNING, 15, 1, work_codes[0]),
        Record("4294967295", 300, EVENING, 1, 255, work_codes[1]),
    ]
    assert decoded.undecodable == []
    assert decoded.by_day == {date(2026, 3, 9): 1, date(2026, 3, 10): 1}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_record_with_an_invalid_day_does_not_take_others_with_it(layout: Layout) -> None:
    february_31 = Punched(ADA, day_number(2026, 2, 31) * 86400 + 60)
    log = packed(layout, february_31, Punched(ADA, MORNING), february_31, february_31, Punched(GRACE, EVENING), february_31)

    decoded = decode_log(log, layout, USERS)

    assert [(record.user_id, record.time) for record in decoded.records] == [("12", MORNING), ("4294967295", EVENING)]
    assert [(each.reason, each.position) for each in decoded.undecodable] == [("invalid_time", position) for position in (0, 2, 3, 5)]
    assert {each.raw for each in decoded.undecodable} == {february_31.packed(layout.value)}
    assert decoded.by_day == {date(2026, 3, 9): 1, date(2026, 3, 10): 1}


def test_user_ids_that_are_text() -> None:
    table = {
        b"0042": "0042",
        b"A-17": "A-17",
        "ü".encode(): "ü",
        b" 42 ": "42",
        b"123456789012345678901234": "123456789012345678901234",
        b"42\0junk": "42",
        b"": None,
        b"   ": None,
        b"\xff\xfe": None,
        b"4\x01": None,
        b"4\n2": None,
    }
    for raw, user_id in table.items():
        log = memoryview(struct.pack("<H24sBIB8x", 1, raw, 1, encoded_time(MORNING), 0))
        decoded = decode_log(log, Layout.BYTES_40, ())
        assert [record.user_id for record in decoded.records] == ([user_id] if user_id else []), raw
        assert [each.reason for each in decoded.undecodable] == ([] if user_id else ["invalid_user_id"]), raw


def test_a_number_of_the_terminal_without_a_user_is_never_a_user_id() -> None:
    stranger = SimulatedUser(uid=12, user_id="99")  # 12 is the user ID of another person
    for layout in (Layout.BYTES_8, Layout.MA300):
        decoded = decode_log(packed(layout, Punched(stranger, MORNING), Punched(ADA, MORNING)), layout, USERS)
        assert list(decoded.records) == [Record("12", 7, MORNING, 1, 0)]
        assert [(each.reason, each.position) for each in decoded.undecodable] == [("unknown_uid", 0)]


def test_records_are_a_sequence() -> None:
    invalid = Punched(ADA, day_number(2026, 4, 31) * 86400)
    times = [MORNING.replace(minute=minute) for minute in range(5)]
    log = packed(
        Layout.BYTES_40, invalid, *(Punched(ADA, time) for time in times[:2]), invalid, *(Punched(ADA, time) for time in times[2:])
    )

    records = decode_log(log, Layout.BYTES_40, ()).records

    everything = list(records)
    assert len(records) == 5
    assert [record.time for record in everything] == times
    assert [records[index] for index in range(-5, 5)] == everything * 2
    assert records[1:4] == everything[1:4]
    assert everything[2] in records
    with pytest.raises(IndexError):
        records[5]


def test_a_tail_is_decoded_alone_with_its_positions() -> None:
    invalid = Punched(ADA, day_number(2026, 2, 30) * 86400)
    log = packed(Layout.BYTES_40, Punched(ADA, MORNING), invalid, Punched(ADA, EVENING), invalid)

    decoded = decode_log(log[80:], Layout.BYTES_40, (), first=2)

    assert [record.time for record in decoded.records] == [EVENING]
    assert [each.position for each in decoded.undecodable] == [3]
    assert decoded.by_day == {date(2026, 3, 10): 1}
    assert count_days(log, Layout.BYTES_40) == {date(2026, 3, 9): 1, date(2026, 3, 10): 1}


def test_times() -> None:
    table = {
        0: datetime(2000, 1, 1),
        encoded_time(MORNING): MORNING,
        encoded_time(datetime(2024, 2, 29, 23, 59, 59)): datetime(2024, 2, 29, 23, 59, 59),
        day_number(2026, 2, 29) * 86400: None,
        day_number(2026, 4, 31) * 86400 + 5: None,
        0xFFFFFFFF: datetime(2133, 8, 18, 6, 28, 15),
    }
    assert {encoded: decode_time(encoded) for encoded in table} == table


@pytest.mark.parametrize("size", [28, 72])
def test_users(size: int) -> None:
    users = [ADA, SimulatedUser(1, "77", "Linus Öå", password="99", card=5), SimulatedUser(2, "78", "a\x07b ")]
    data = b"".join(user.packed(size) for user in users)
    table = struct.pack("<I", len(data)) + data

    assert decode_users(table, 3) == (
        TerminalUser(7, "12", ""),
        TerminalUser(1, "77", "Linus Ö" if size == 28 else "Linus Öå"),
        TerminalUser(2, "78", "ab"),
    )
    assert decode_users(table, 2) is None
    assert decode_users(table[:-1], 3) is None
    assert decode_users(b"", 0) == ()


def test_which_layouts_fit() -> None:
    table = {
        (Layout.AUTO, 400, 10, 10): [Layout.BYTES_40],
        (Layout.AUTO, 490, 10, 10): [Layout.BYTES_49],
        (Layout.AUTO, 160, 10, 10): [Layout.BYTES_16],
        (Layout.AUTO, 80, 10, 10): [Layout.BYTES_8],
        (Layout.AUTO, 403, 10, 10): [],
        (Layout.AUTO, 240, 10, 10): [],
        (Layout.AUTO, 16, 1, 2): [Layout.BYTES_8, Layout.BYTES_16],  # the race on small logs
        (Layout.AUTO, 4040, 100, 101): [Layout.BYTES_40],
        (Layout.MA300, 80, 10, 10): [Layout.MA300],
        (Layout.BYTES_40, 80, 10, 10): [],
        (Layout.BYTES_8, 400, 10, 10): [],
    }
    assert {case: fitting_layouts(*case) for case in table} == table
