"""When days begin and end: without gaps or overlaps for any hours, and at a time that each zone's clocks have shown."""

from datetime import UTC, date, datetime, time

from hypothesis import given, settings, strategies as st

from request_tracker_utils.attendance.people import Owners
from request_tracker_utils.workdays.days import Days
from request_tracker_utils.workdays.punch_times import PunchTime
from request_tracker_utils.workdays.schedule_days import DefaultHours, Schedules, _Version
from request_tracker_utils.workdays.windows import DAY, FIRST_DAY, LAST_DAY, day_of, to_local, to_utc, utc_datetime
from tests.services.tables import check_all

MONDAY = day_of(date(2026, 11, 2))
PERSON = 1
moments = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 30, 59]))
shifts = st.tuples(moments, moments).filter(lambda each: each[0] != each[1])
weeks = st.dictionaries(st.integers(0, 6), shifts)
changes = st.lists(st.tuples(st.integers(0, 20), st.sampled_from([None, 0, 1])), unique_by=lambda each: each[0])


def schedules(
    usual: tuple[time, time], begins: time, groups: list[dict[int, tuple[time, time]]], moved: list[tuple[int, int | None]]
) -> Schedules:
    """Groups with these weeks, and a person who changes between them on days after MONDAY."""
    found = Schedules(DefaultHours(*usual, begins))
    for group, week in enumerate(groups):
        hours = {weekday: _span(*shift) for weekday, shift in week.items()}
        found._versions[group] = [_Version(group, MONDAY - 30, None, 0, hours)]
    found._groups[PERSON] = [(MONDAY + after, group) for after, group in sorted(moved, key=lambda each: each[0])]
    return found


def _span(start: time, end: time) -> tuple[int, int]:
    first, last = (3600 * each.hour + 60 * each.minute for each in (start, end))
    return first, last if last > first else last + DAY


@settings(max_examples=200, deadline=None)
@given(shifts, moments, st.lists(weeks, min_size=2, max_size=2), changes, st.lists(st.integers(0, 21 * DAY), max_size=20))
def test_each_punch_is_in_the_window_of_one_day_whatever_the_hours(
    usual: tuple[time, time],
    begins: time,
    groups: list[dict[int, tuple[time, time]]],
    moved: list[tuple[int, int | None]],
    seconds: list[int],
) -> None:
    found = schedules(usual, begins, groups, moved)
    plans = {day: found.plan(PERSON, day) for day in range(MONDAY - 3, MONDAY + 25)}
    for day in range(MONDAY - 3, MONDAY + 24):
        assert plans[day].begins < plans[day].ends == plans[day + 1].begins
    days = Days(found, Owners(), {1: ""}, 120, joined=True)
    days._owned[1, "17"] = PERSON
    for number, offset in enumerate(seconds):
        at = MONDAY * DAY + offset
        day = days.day_of(PunchTime(at, number, 1, "17", "UTC"))
        assert plans[day].begins <= at < plans[day].ends


def test_who_leaves_after_a_night_shift_leaves_on_its_day() -> None:
    """Also where the next shift begins so early that its day would begin before."""
    week = {0: (time(18), time(1, 30)), 1: (time(3), time(9))}
    found = schedules((time(8), time(18)), time(4), [week], [(0, 0)])
    assert found.begins(PERSON, MONDAY + 1) == (MONDAY + 1) * DAY + 2 * 3600 + 15 * 60


def test_a_window_closes_when_clocks_have_shown_its_end() -> None:
    rows = [
        ("America/Chicago", "2026-03-08 02:30", "2026-03-08 08:30"),  # skipped
        ("America/Chicago", "2026-11-01 01:30", "2026-11-01 07:30"),  # repeated: the second pass
        ("America/Sao_Paulo", "2018-11-04 00:00", "2018-11-04 03:00"),  # midnight is skipped
        ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04 15:15"),  # half an hour is repeated
        ("Asia/Kolkata", "2026-03-08 04:00", "2026-03-07 22:30"),
    ]

    def check(zone: str, shown: str, expected: str) -> None:
        local = int(datetime.fromisoformat(shown).replace(tzinfo=UTC).timestamp())
        at = to_utc(zone, local)
        assert f"{utc_datetime(at):%Y-%m-%d %H:%M}" == expected
        assert to_local(zone, at) >= local

    check_all(rows, check)


def test_the_first_and_last_days_have_windows_in_every_zone() -> None:
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
        for day in (FIRST_DAY, LAST_DAY):
            assert to_utc(zone, day * DAY) < to_utc(zone, (day + 1) * DAY)
