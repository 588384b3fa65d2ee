"""Repairs of clocks: previewed, never overlapping, reversible, and the same in Python and SQL. Reviews decide what counts."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import func, select

from request_tracker_utils.attendance import clock_repairs, clocks, reviews
from request_tracker_utils.attendance.clock_repairs import NewRepair, parse_offset
from request_tracker_utils.attendance.effective import COUNTS, EFFECTIVE_AT, effective_at, effective_local, repair_seconds
from request_tracker_utils.attendance.models import ClockRepair, Punch, ReviewDecision, TerminalEvent
from request_tracker_utils.attendance.punch_errors import ClockRepairOverlaps, ClockRepairReversed, InvalidClockRepair, PunchPlausible
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from tests.services.attendance import NOW, added, punches, record, shown, terminal
from tests.services.punching import store
from tests.services.tables import check_all

pytestmark = pytest.mark.usefixtures("inside")
LEE = Actor("lee")
QUARTER = 900


def repaired(first: int, last: int, seconds: int = QUARTER, terminal_id: int = 1) -> ClockRepair:
    with transaction() as session:
        new = NewRepair(terminal_id, first, last, seconds, "The clock was slow")
        return clock_repairs.apply(session, new, actor=LEE, now=NOW)


def reverse(repair: ClockRepair) -> None:
    with transaction() as session:
        clock_repairs.reverse(session, repair.id, actor=LEE, now=NOW)


def effective() -> list[str]:
    """Of all punches in UTC, the same from SQL and from Python."""
    with reading() as session:
        found = session.execute(select(Punch, EFFECTIVE_AT).order_by(Punch.id)).all()
        seconds = repair_seconds(session, [punch.id for punch, _at in found])
    assert [at for _punch, at in found] == [effective_at(punch, seconds.get(punch.id, 0)) for punch, _at in found]
    return [at.strftime("%H:%M:%S") for _punch, at in found]


def counted() -> list[int]:
    with reading() as session:
        return list(session.scalars(select(Punch.id).where(COUNTS).order_by(Punch.id)))


def day() -> None:
    """Four punches of a morning at one terminal, and one at another."""
    entrance, gym = added(), added("Gym", "10.0.0.51")
    store(entrance, [record("17", f"2026-03-02 08:{minute:02}:01") for minute in (0, 10, 20)])
    store(gym, [record("17", "2026-03-02 08:15:00")])
    store(entrance, [record("17", "2026-03-02 08:30:01")], follows=True)


def test_a_repair_moves_its_stretch_until_it_is_reversed() -> None:
    day()
    before = effective()
    assert before == ["14:00:01", "14:10:01", "14:20:01", "14:15:00", "14:30:01"]
    stored = shown(punches())
    repair = repaired(2, 5, -QUARTER)
    assert effective() == ["14:00:01", "13:55:01", "14:05:01", "14:15:00", "14:15:01"], "not those of other terminals"
    reverse(repair)
    assert effective() == before
    with pytest.raises(ClockRepairReversed):
        reverse(repair)
    repaired(2, 5, 7)
    assert effective()[1] == "14:10:08", "a reversed repair is not in the way"
    assert shown(punches()) == stored
    with reading() as session:
        events = session.scalars(select(TerminalEvent).order_by(TerminalEvent.id)).all()
    assert [(each.event, each.actor) for each in events[2:]] == [
        ("clock_repaired", "lee"),
        ("clock_repair_reversed", "lee"),
        ("clock_repaired", "lee"),
    ]
    assert events[2].detail["seconds"] == -QUARTER


def test_the_day_of_a_moved_punch_is_that_of_the_place() -> None:
    store(added(), [record("17", "2026-03-02 00:05")])
    (punch,) = punches()
    assert effective_local(punch, -QUARTER) == datetime.fromisoformat("2026-03-01 23:50")


def test_a_preview_shows_the_punches_and_readings_of_the_clock() -> None:
    entrance = added()
    log = [record("17", f"2026-03-02 08:{number:02}") for number in range(30)]
    store(entrance, log)
    with transaction() as session:
        read_at = NOW - timedelta(hours=1)
        clocks.record(session, [clocks.Shown(terminal(entrance.id), datetime.fromisoformat("2026-03-02 10:45"), read_at)])
        clocks.record(session, [clocks.Shown(terminal(entrance.id), datetime.fromisoformat("2026-02-01 10:45"), NOW - timedelta(days=29))])
        found = clock_repairs.preview(session, NewRepair(1, 1, 30, QUARTER))
    assert (found.count, found.hidden, [each.id for each in found.punches]) == (30, 10, [*range(1, 11), *range(21, 31)])
    assert [each.drift for each in found.readings] == [-QUARTER]
    repair = repaired(1, 30)
    assert repair.proof == {"punches": 30, "readings": [{"read_at": read_at.isoformat(), "drift": -QUARTER}]}


def test_what_makes_no_sense_is_refused_with_the_name_of_the_field() -> None:
    day()
    cases = [
        ((1, 3, 0), "offset"),
        ((1, 3, 61 * 366 * 86_400), "offset"),
        ((1, 3, 40 * 3_600), "offset"),
        ((9, 3, QUARTER), "first_punch"),
        ((4, 5, QUARTER), "first_punch"),
        ((1, 4, QUARTER), "last_punch"),
        ((3, 1, QUARTER), "last_punch"),
    ]

    def check(stretch: tuple[int, int, int], field: str) -> None:
        with pytest.raises(InvalidClockRepair) as refused:
            repaired(*stretch)
        assert refused.value.fields["field"] == field

    check_all(cases, check)


def test_repairs_never_overlap() -> None:
    day()
    repaired(2, 3)
    for stretch in ((1, 2), (3, 5), (2, 2), (1, 5)):
        with pytest.raises(ClockRepairOverlaps):
            repaired(*stretch)
    repaired(5, 5)
    repaired(1, 1)


def test_of_concurrent_repairs_of_a_stretch_one_succeeds(inside: Flask) -> None:
    day()
    start = Barrier(6)

    def apply(number: int) -> str:
        with inside.app_context():
            start.wait(60)
            try:
                repaired(1 + number % 2, 3, QUARTER + number)
            except AppError as error:
                return error.code
            return ""

    with ThreadPoolExecutor(6) as pool:
        assert Counter(pool.map(apply, range(6))) == {"": 1, "clock_repair_overlaps": 5}
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(ClockRepair)) == 1


def test_offsets_are_read_as_people_write_them() -> None:
    cases = [("900", 900), ("-900", -900), ("+0:15:00", 900), ("−15:00", -900), ("- 1:00:00", -3_600), ("8760:00:00", 31_536_000)]
    assert [(text, parse_offset(text)) for text, _seconds in cases] == cases
    for text in ("", "x", "15 min", "1:2:3:4", "1.5", "١٥"):
        with pytest.raises(InvalidClockRepair):
            parse_offset(text)


def test_implausible_punches_count_after_they_were_accepted_or_repaired() -> None:
    entrance = added()
    log = [
        record("1", "2026-03-02 08:00"),
        record("2", "2000-01-01 00:00"),
        record("3", "2000-01-01 00:05"),
        record("4", "2027-01-01 08:00"),
    ]
    store(entrance, log)

    def decide(punch_id: int, decision: ReviewDecision) -> None:
        with transaction() as session:
            reviews.decide(session, punch_id, decision, note="Seen", actor=LEE, now=NOW)

    def to_review() -> list[int]:
        with reading() as session:
            return [each.punch.id for each in reviews.implausible_punches(session, open_only=True, limit=10)]

    assert (counted(), to_review()) == ([1], [4, 3, 2])
    repair = repaired(2, 3, round((datetime(2026, 3, 2, 8, 1, tzinfo=UTC) - datetime(2000, 1, 1, tzinfo=UTC)).total_seconds()))
    assert (counted(), to_review()) == ([1, 2, 3], [4])
    decide(3, ReviewDecision.IGNORED)
    decide(4, ReviewDecision.ACCEPTED)
    assert (counted(), to_review()) == ([1, 2, 4], [])
    decide(4, ReviewDecision.IGNORED)
    reverse(repair)
    assert (counted(), to_review()) == ([1], [2])
    with transaction() as session:
        reviews.undo(session, 4, actor=LEE, now=NOW)
    assert to_review() == [4, 2]
    with pytest.raises(PunchPlausible):
        decide(1, ReviewDecision.IGNORED)
