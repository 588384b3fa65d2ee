"""From a terminal's own time to UTC."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from request_tracker_utils.attendance.clocks import drift
from request_tracker_utils.attendance.zones import HOUR, Passes, constant_offset, is_repeated, offsets
from tests.services.tables import check_all

CHICAGO = ZoneInfo("America/Chicago")


def placed(*records: tuple[str, str], zone: str = "America/Chicago", passes: Passes | None = None) -> list[tuple[str, int]]:
    """UTC and pass of each record, all on the first of November 2026 unless they say otherwise."""
    passes = passes or Passes(ZoneInfo(zone))
    found = [passes.place(user, datetime.fromisoformat(at if len(at) > 8 else f"2026-11-01 {at}")) for user, at in records]
    return [(each.at.strftime("%H:%M"), each.occurrence) for each in found]


def test_times_become_utc() -> None:
    def becomes(zone: str, local: str, utc: str) -> None:
        found = Passes(ZoneInfo(zone)).place("1", datetime.fromisoformat(local))
        assert (found.at, found.occurrence, found.in_gap) == (datetime.fromisoformat(utc).replace(tzinfo=UTC), 1, False)

    check_all(
        [
            ("America/Chicago", "2026-01-15 08:00", "2026-01-15 14:00"),
            ("America/Chicago", "2026-07-15 08:00", "2026-07-15 13:00"),
            ("America/Chicago", "2026-03-08 01:59:59", "2026-03-08 07:59:59"),
            ("America/Chicago", "2026-03-08 03:00", "2026-03-08 08:00"),
            ("America/Chicago", "2026-11-01 00:59:59", "2026-11-01 05:59:59"),
            ("America/Chicago", "2026-11-01 02:00", "2026-11-01 08:00"),
            ("America/Phoenix", "2026-07-15 08:00", "2026-07-15 15:00"),
            ("Asia/Kolkata", "2026-07-15 02:00", "2026-07-14 20:30"),
            ("Pacific/Auckland", "2026-01-01 00:30", "2025-12-31 11:30"),
            ("UTC", "2000-01-01 00:00", "2000-01-01 00:00"),
            ("America/Chicago", "9998-12-31 23:59:59", "9999-01-01 05:59:59"),
            ("America/Chicago", "9999-12-31 23:59:59", "9999-12-31 23:59:59"),
            ("Pacific/Kiritimati", "9999-12-31 23:59:59", "9999-12-31 23:59:59"),
            ("Pacific/Kiritimati", "0001-01-01 00:00", "0001-01-01 00:00"),
        ],
        becomes,
    )


def test_the_order_of_the_log_decides_between_the_passes_of_a_repeated_hour() -> None:
    check_all(
        [
            ([("1", "01:10"), ("2", "01:40"), ("1", "01:20"), ("3", "01:50")], [("06:10", 1), ("06:40", 1), ("07:20", 2), ("07:50", 2)]),
            ([("1", "01:30"), ("1", "01:30")], [("06:30", 1), ("07:30", 2)]),
            ([("1", "01:30"), ("2", "01:30")], [("06:30", 1), ("06:30", 1)]),
            ([("1", "01:59:59"), ("1", "01:00:00"), ("1", "02:00:00")], [("06:59", 1), ("07:00", 2), ("08:00", 1)]),
            ([("1", "00:30"), ("1", "01:30")], [("05:30", 1), ("06:30", 1)]),
        ],
        lambda records, expected: _equal(placed(*records), expected),
    )


def test_half_an_hour_is_repeated_on_lord_howe_island() -> None:
    records = [("1", "2026-04-05 01:40"), ("1", "2026-04-05 01:35"), ("1", "2026-04-05 02:00")]
    assert placed(*records, zone="Australia/Lord_Howe") == [("14:40", 1), ("15:05", 2), ("15:30", 1)]


def test_a_skipped_hour_moves_by_the_gap_and_is_marked() -> None:
    found = Passes(CHICAGO).place("1", datetime.fromisoformat("2026-03-08 02:30"))
    assert (found.at, found.in_gap) == (datetime(2026, 3, 8, 8, 30, tzinfo=UTC), True)
    assert found.at.astimezone(CHICAGO).hour == 3


def test_the_end_of_a_log_continues_the_passes_that_are_stored() -> None:
    passes = Passes(CHICAGO)
    for at, occurrence in (("01:40", 1), ("01:10", 2)):
        passes.resume(("1", datetime.fromisoformat(f"2026-11-01 {at}")), occurrence)
    passes.resume(("1", datetime.fromisoformat("2026-11-01 02:20")), 1)
    assert placed(("2", "01:50"), passes=passes) == [("07:50", 2)]
    first = Passes(CHICAGO)
    first.resume(("1", datetime.fromisoformat("2026-11-01 01:40")), 1)
    assert placed(("2", "01:50"), ("2", "01:45"), passes=first) == [("06:50", 1), ("07:45", 2)]


def test_a_record_that_comes_again_has_the_pass_that_it_had() -> None:
    at = datetime.fromisoformat("2026-11-01 01:30")
    passes = Passes(CHICAGO, stored={("1", at): [1], ("2", at): [2]})
    assert placed(("1", "01:30"), ("2", "01:30"), ("3", "01:10"), passes=passes) == [("06:30", 1), ("07:30", 2), ("07:10", 2)]


def test_drift_is_measured_in_the_pass_that_explains_the_clock() -> None:
    now = datetime(2026, 11, 1, 7, 30, tzinfo=UTC)
    check_all(
        [("01:30:00", 0), ("01:45:10", 910), ("01:29:30", -30), ("02:30:00", 3600)],
        lambda at, seconds: _equal(drift(datetime.fromisoformat(f"2026-11-01 {at}"), CHICAGO, now), seconds),
    )
    assert not is_repeated(CHICAGO, datetime.fromisoformat("2026-11-01 02:00"))


def _equal(found: object, expected: object) -> None:
    assert found == expected


def test_days_on_which_the_offset_changes_are_known_from_their_ends() -> None:
    def agrees(zone: str, change: str) -> None:
        for days in range(-3, 4):
            day = date.fromisoformat(change) + timedelta(days=days)
            midnight = datetime.combine(day, time())
            found = {offset for hours in range(-1, 26) for offset in offsets(ZoneInfo(zone), midnight + hours * HOUR)}
            assert constant_offset(ZoneInfo(zone), day) == (found.pop() if len(found) == 1 else None), day

    check_all(
        [
            ("America/Chicago", "2026-11-01"),
            ("Australia/Lord_Howe", "2026-04-05"),
            ("Pacific/Apia", "2011-12-30"),
            ("Africa/Casablanca", "2026-02-15"),
            ("Africa/Freetown", "1939-09-05"),
            ("Asia/Beirut", "2026-03-29"),
            ("UTC", "2026-01-01"),
        ],
        agrees,
    )
