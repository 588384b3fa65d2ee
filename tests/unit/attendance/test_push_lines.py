"""Lines that terminals push, and what they are answered."""

from datetime import UTC, datetime

import pytest

from request_tracker_utils.attendance.push.contacts import Contact
from request_tracker_utils.attendance.push.errors import InvalidPush
from request_tracker_utils.attendance.push.lines import LONGEST_LINE, PushedRecord, PushedUser, parse_punches, parse_users
from request_tracker_utils.attendance.push.options import zone_offset
from tests.services.tables import check_all

AT = datetime.fromisoformat("2026-03-02 08:00:01")


def test_punches_are_read_in_their_order() -> None:
    body = (
        b"0017\t2026-03-02 08:00:01\t0\t15\t9\t0\t0\r\n"
        b"A-18\t2026-03-02 08:00:01\t1\t1\n"
        b"\n"
        b" 19 \t2026-03-02 08:00:01\n"
        b"20\t2026-03-02 08:00:01\t255\t4\t\t\t\t\t\t\0\0"
    )
    found = parse_punches(body)
    assert (found.damaged, len(found)) == ([], 4)
    assert found.records == [
        PushedRecord("0017", AT, status=15, punch=0, work_code="9"),
        PushedRecord("A-18", AT, status=1, punch=1, work_code=None),
        PushedRecord("19", AT, status=0, punch=0, work_code=None),
        PushedRecord("20", AT, status=4, punch=255, work_code=None),
    ]


def test_what_is_not_a_punch_stays_as_it_came() -> None:
    def is_damaged(line: bytes, reason: str) -> None:
        found = parse_punches(b"17\t2026-03-02 08:00:01\t0\t1\n" + line + b"\n18\t2026-03-02 08:00:01\t0\t1")
        assert found.damaged == [(line, reason)]
        assert [each.user_id for each in found.records] == ["17", "18"]

    check_all(
        [
            (b"17", "invalid_time"),
            (b"17\t", "invalid_time"),
            (b"17\t2026-02-31 08:00:00\t0\t1", "invalid_time"),
            (b"17\t2026-03-02 24:00:00\t0\t1", "invalid_time"),
            (b"17\t2026-03-02 08:0", "invalid_time"),
            (b"17\t2026-03-02T08:00:00Z\t0\t1", "invalid_time"),
            (b"17\t0001-01-01 00:00:00\t0\t1", "invalid_time"),
            (b"17\t2200-01-01 00:00:00\t0\t1", "invalid_time"),
            (b"17\t9999-12-31 23:59:59\t0\t1", "invalid_time"),
            ("17\t２０２６-03-02 08:00:00\t0\t1".encode(), "invalid_time"),
            (b"\t2026-03-02 08:00:00\t0\t1", "invalid_user_id"),
            (b"1" * 51 + b"\t2026-03-02 08:00:00\t0\t1", "invalid_user_id"),
            (b"1\x007\t2026-03-02 08:00:00\t0\t1", "invalid_user_id"),
            (b"17\t2026-03-02 08:00:00\tin\t1", "invalid_number"),
            (b"17\t2026-03-02 08:00:00\t0\t99999", "invalid_number"),
            (b"17\t2026-03-02 08:00:00\t0\t1\t" + b"9" * 41, "invalid_work_code"),
            (b"17\xff\t2026-03-02 08:00:00\t0\t1", "invalid_text"),
            (b"\x89PNG\x1a\x00", "invalid_text"),
            (b"<html>", "invalid_time"),
        ],
        is_damaged,
    )
    assert parse_punches(b"x" * 100_000).damaged == [(b"x" * LONGEST_LINE, "invalid_user_id")]
    assert len(parse_punches(b"\n\r\n\0\0")) == 0


def test_users_bring_their_names_and_nothing_else() -> None:
    body = (
        "OPLOG 4\t0\t2026-03-02 08:00:00\t0\t0\t0\t0\n"
        "USER PIN=0017\tName=Ada Lovelace\tPri=14\tPasswd=4711\tCard=[1234567800]\tGrp=1\tTZ=0000000100000000\n"
        "USER Name=Zoë\tPIN=18\r\n"
        "FP PIN=17\tFID=1\tSize=8\tValid=1\tTMP=Z2VoZWlt\n"
        "USERPIC PIN=17\tContent=AAAA\n"
        "USER PIN=19\n"
        "USER Name=Nobody\n"
        "USER PIN=18\tName=Zoë B.\n"
        f"USER PIN={'9' * 51}\tName=Long\n"
        "USER\n=\n"
    ).encode()
    assert parse_users(body + b"USER PIN=20\tName=Jos\xc3\n\xff\xfe") == [
        PushedUser("0017", "Ada Lovelace"),
        PushedUser("18", "Zoë B."),
        PushedUser("19", ""),
        PushedUser("20", "Jos"),
    ]


def test_offsets_are_those_of_the_day() -> None:
    def is_offset(zone: str, month: int, offset: int) -> None:
        assert zone_offset(zone, datetime(2026, month, 15, 12, tzinfo=UTC)) == offset

    check_all(
        [
            ("America/Chicago", 1, -6),
            ("America/Chicago", 7, -5),
            ("UTC", 7, 0),
            ("Asia/Kolkata", 7, 330),
            ("America/St_Johns", 1, -210),
            ("Asia/Kathmandu", 1, 345),
            ("Pacific/Auckland", 1, 780),
            ("Pacific/Kiritimati", 1, 840),
            ("Pacific/Auckland", 7, 12),
        ],
        is_offset,
    )


def test_serial_numbers_have_a_form() -> None:
    def is_refused(serial_number: str) -> None:
        with pytest.raises(InvalidPush):
            Contact.of(serial_number, "10.0.0.50", datetime.now(UTC))

    check_all([("",), ("..",), ("a b",), ("x" * 65,), ("CK\0",), ("CK\n",), ("<b>",), ("ÄK",), ("' OR 1=1",)], is_refused)
    contact = Contact.of("CK-20.08_6", "10.0.0.50", datetime.now(UTC), version="2.4.1" + "x" * 100)
    assert len(contact.version or "") == 40
    assert Contact.of("CK2", "10.0.0.50", datetime.now(UTC), version="2\x07").version is None
