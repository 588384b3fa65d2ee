"""Punches are stored once, with their UTC time, and never change."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from request_tracker_utils.attendance.completeness import proofs
from request_tracker_utils.attendance.models import (
    Implausible,
    QuarantinedRecord,
    RawLog,
    Source,
    TerminalUserRow,
)
from request_tracker_utils.attendance.reading import TerminalUser
from request_tracker_utils.attendance.storing import PUSHED, Receipt, keep_raw_log, quarantine, store_users
from request_tracker_utils.core.db import reading, transaction
from tests.services.attendance import NOW, HandMade, added, punches, record, shown, terminal
from tests.services.punching import store

pytestmark = pytest.mark.usefixtures("inside")


def test_a_punch_has_everything_that_the_terminal_recorded() -> None:
    entrance = added(timezone="America/Chicago")
    assert store(entrance, [record("0017", "2026-03-02 08:00:01", uid=17, status=15, punch=4, work_code=9)]) == 1
    (punch,) = punches()
    assert (punch.terminal_id, punch.user_id, punch.uid, punch.status, punch.punch_state) == (entrance.id, "0017", 17, 15, 4)
    assert (punch.work_code, punch.source, punch.timezone, punch.occurrence) == ("9", "poll", "America/Chicago", 1)
    assert (punch.terminal_time, punch.punched_at) == (
        datetime.fromisoformat("2026-03-02 08:00:01"),
        datetime(2026, 3, 2, 14, 0, 1, tzinfo=UTC),
    )
    assert (punch.received_at, punch.in_gap, punch.implausible) == (NOW, False, None)


def test_known_records_are_ignored_whatever_else_has_changed() -> None:
    entrance, gym = added(), added("Gym", "10.0.0.51")
    log = [record("17", "2026-03-02 08:00"), record("18", "2026-03-02 08:00"), record("17", "2026-03-02 12:00")]
    assert (store(entrance, log[:2]), store(entrance, log), store(entrance, log)) == (2, 1, 0)
    assert store(gym, log) == 3
    entrance.timezone = "America/Denver"
    assert store(entrance, log, source=Source.PUSH) == 0
    assert shown(punches(entrance.id)) == [
        ("17", "2026-03-02 08:00:00", 1),
        ("18", "2026-03-02 08:00:00", 1),
        ("17", "2026-03-02 12:00:00", 1),
    ]
    assert {punch.timezone for punch in punches(entrance.id)} == {"America/Chicago"}


def test_punches_cannot_be_changed_or_deleted() -> None:
    store(added(), [record("17", "2026-03-02 08:00")])
    for statement in ("UPDATE punches SET user_id = '18'", "DELETE FROM punches"):
        with pytest.raises(DatabaseError, match="punches never change"), transaction() as session:
            session.execute(text(statement))
    assert shown(punches()) == [("17", "2026-03-02 08:00:00", 1)]


def test_both_passes_of_a_repeated_hour_count_however_they_come() -> None:
    log = [record("17", f"2026-11-01 {at}") for at in ("01:30", "01:50", "01:10", "01:30", "02:10")]
    expected = [
        ("17", f"2026-11-01 {at}:00", number) for at, number in (("01:30", 1), ("01:50", 1), ("01:10", 2), ("01:30", 2), ("02:10", 1))
    ]
    received_at = datetime(2026, 11, 2, tzinfo=UTC)
    whole, parts, pushed = (added(name, f"10.0.0.{number}") for number, name in enumerate(("Whole", "Parts", "Pushed"), start=60))
    for _again in range(2):
        store(whole, log, received_at=received_at)
    assert shown(punches(whole.id)) == expected
    for begin, end in ((0, 1), (1, 3), (3, 5)):
        store(parts, log[begin:end], follows=True, received_at=received_at)
    store(parts, log, received_at=received_at)
    assert sorted(shown(punches(parts.id))) == sorted(expected)
    for end in (2, 2, 3, 5, 5):
        store(pushed, log[:end], follows=True, source=Source.PUSH, received_at=received_at)
    store(pushed, log, received_at=received_at)
    assert sorted(shown(punches(pushed.id))) == sorted(expected)
    assert [each.punched_at.strftime("%H:%M") for each in punches(whole.id)] == ["06:30", "06:50", "07:10", "07:30", "08:10"]


def test_times_that_are_not_believed_are_stored_and_marked() -> None:
    entrance = added()
    log = [
        record("1", "2026-03-02 08:00"),
        record("2", "2026-03-03 14:01"),  # 26 hours and a minute after it was received
        record("3", "2026-03-03 13:59"),
        record("4", "2000-01-01 00:00"),
        record("5", "2000-01-01 00:05"),
        record("6", "2026-03-03 14:00"),
        record("7", "2026-03-03 13:50"),
    ]
    store(entrance, log)
    assert [each.implausible for each in punches()] == [None, Implausible.FUTURE, None, Implausible.BEHIND, Implausible.BEHIND, None, None]


def test_a_clock_that_was_set_back_a_year_is_noticed_as_long_as_that_lasts() -> None:
    entrance = added()
    store(entrance, [record("1", "2026-03-02 08:00")])
    for day in ("03-02", "03-25", "05-20", "07-01"):
        store(entrance, [record("1", f"2025-{day} 09:00"), record("2", f"2025-{day} 09:30")], follows=True)
    assert {each.implausible for each in punches()[1:]} == {"behind"}
    store(entrance, [record("1", "2026-03-02 09:00")], follows=True)
    assert punches()[-1].implausible is None


def test_an_old_log_is_believed() -> None:
    entrance = added()
    log = [record("1", "2019-01-07 08:00"), record("1", "2022-01-10 08:00"), record("1", "2026-01-12 08:00")]
    store(entrance, log[2:])
    store(entrance, log)
    assert {each.implausible for each in punches()} == {None}


def test_records_from_before_the_cutoff_are_never_imported() -> None:
    entrance = added(cutoff=datetime.fromisoformat("2026-03-01"))
    log = [record("1", "2026-02-28 23:59:59"), record("1", "2026-03-01 00:00"), record("1", "2026-03-02 08:00")]
    assert (store(entrance, log), store(entrance, log)) == (2, 0)
    assert shown(punches())[0] == ("1", "2026-03-01 00:00:00", 1)


def test_many_records_are_stored_in_their_order() -> None:
    entrance = added()
    log = [record(str(number % 400), f"2026-02-{1 + number // 1_000:02} {8 + number % 10:02}:{number % 60:02}") for number in range(24_000)]
    distinct = list(dict.fromkeys((each.user_id, each.time) for each in log))
    assert store(entrance, log) == len(distinct)
    assert [(each.user_id, each.terminal_time) for each in punches()] == distinct
    assert store(entrance, log) == 0


def test_a_new_user_with_a_former_uid_gets_no_former_punches() -> None:
    entrance = added()
    for user_id, name, at in (("17", "Ada", 8), ("90", "Grace", 9)):
        with transaction() as session:
            store_users(session, entrance.id, [TerminalUser(5, user_id, name)], now=NOW.replace(hour=at))
        store(entrance, [record(user_id, f"2026-03-02 0{hour}:00", uid=5) for hour in range(8, at + 1)])
    assert shown(punches()) == [("17", "2026-03-02 08:00:00", 1), ("90", "2026-03-02 09:00:00", 1)]


def test_the_table_of_users_is_followed() -> None:
    entrance = added()
    seen: list[list[tuple[str, int | None, str, bool]]] = []
    for users in (
        [TerminalUser(1, "17", "Ada"), TerminalUser(2, "018", "Grace")],
        [TerminalUser(1, "17", "Ada L."), TerminalUser(3, "18", "Lee")],
        [TerminalUser(2, "018", "Grace")],
    ):
        with transaction() as session:
            store_users(session, entrance.id, users, now=NOW)
        with reading() as session:
            found = session.scalars(select(TerminalUserRow).order_by(TerminalUserRow.user_id)).all()
            seen.append([(each.user_id, each.uid, each.name, each.removed_at is None) for each in found])
    assert seen[0] == [("018", 2, "Grace", True), ("17", 1, "Ada", True)]
    assert seen[1] == [("018", 2, "Grace", False), ("17", 1, "Ada L.", True), ("18", 3, "Lee", True)]
    assert seen[2] == [("018", 2, "Grace", True), ("17", 1, "Ada L.", False), ("18", 3, "Lee", False)]


def test_what_cannot_be_decoded_is_kept_once_as_it_came() -> None:
    entrance = added()
    receipt = Receipt.of(entrance, Source.POLL, NOW)
    damaged = [(b"\x00\xff\xfe", "invalid_time", 7), (b"\x00\xff\xfe", "invalid_time", 9)]
    counts = []
    for _again in range(2):
        with transaction() as session:
            counts.append(quarantine(session, receipt, damaged))
            for number in range(5):
                keep_raw_log(session, receipt, b"log" * 1_000 + bytes([number]), records=11, problem="unknown_size")
    with reading() as session:
        found = session.execute(select(QuarantinedRecord.raw, QuarantinedRecord.position)).all()
        assert (counts, sorted(map(tuple, found))) == ([2, 0], [(b"\x00\xff\xfe", 7), (b"\x00\xff\xfe", 9)])
        assert [log.length for log in session.scalars(select(RawLog))] == [3_001] * 3


def test_every_day_proves_that_nothing_is_missing() -> None:
    entrance, device = added(), HandMade()
    device.log = [record(user, f"2026-03-0{day} 08:00") for day in (1, 2) for user in ("17", "18", "17")]
    device.poller().poll(entrance.id)
    device.log.append(record("17", "2026-03-02 09:00"))
    device.poller().poll(entrance.id)
    with reading() as session:
        found = proofs(session, entrance.id, date(2026, 2, 1), date(2026, 4, 1))
    assert [(each.day.day, each.records, each.stored, each.missing) for each in found] == [(1, 2, 2, 0), (2, 3, 3, 0)]
    assert terminal(entrance.id).known_records == 7


def test_text_is_stored_exactly() -> None:
    entrance = added()
    texts = ['O"Brien', "a\\b", "{a,b}", "NULL", "null", " x ", "é漢🎓", "'; --", "%s ?", "\\x00"]
    with transaction() as session:
        store_users(session, entrance.id, [TerminalUser(number, text, text) for number, text in enumerate(texts)], now=NOW)
        quarantine(session, Receipt.of(entrance, Source.PUSH, NOW), [(text.encode(), text, PUSHED) for text in texts])
    store(entrance, [record(text, "2026-03-02 08:00", work_code=text) for text in texts])
    assert [(each.user_id, each.work_code) for each in punches()] == [(text, text) for text in texts]
    with reading() as session:
        found = session.execute(select(TerminalUserRow.user_id, TerminalUserRow.name).order_by(TerminalUserRow.id)).all()
        assert list(map(tuple, found)) == [(text, text) for text in texts]
        damaged = session.execute(select(QuarantinedRecord.raw, QuarantinedRecord.reason).order_by(QuarantinedRecord.id)).all()
        assert list(map(tuple, damaged)) == [(text.encode(), text) for text in texts]
