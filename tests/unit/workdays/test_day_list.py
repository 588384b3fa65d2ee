"""Where hours are on the time line of a day."""

from datetime import date, datetime, time

from request_tracker_utils.workdays.day_list import Bar, time_line
from request_tracker_utils.workdays.models import Workday
from request_tracker_utils.workdays.reports import Length, Period
from request_tracker_utils.workdays.shown_workdays import ShownWorkday
from tests.services.tables import check_all
from tests.services.workdays import MONDAY, workday


def shown(hours: str, **columns: object) -> ShownWorkday:
    day: Workday = workday("17", MONDAY, hours, **columns)
    return ShownWorkday(day, "Main entrance", "Ada", is_over=True)


def test_the_scale_has_room_for_everybody() -> None:
    cases = {
        "08:00-17:00": "06:00 09:00 12:00 15:00 18:00",
        "05:59-18:01": "03:00 06:00 09:00 12:00 15:00 18:00 21:00",
        "22:00-06:30": "06:00 12:00 18:00 00:00 06:00 12:00",
        "": "06:00 09:00 12:00 15:00 18:00",
    }
    check_all(cases.items(), lambda hours, labels: _same(time_line([shown(hours)]).hours, labels.split()))


def test_bars_of_worked_and_scheduled_hours() -> None:
    plan = {"starts_at": datetime.combine(MONDAY, time(8)), "ends_at": datetime.combine(MONDAY, time(17))}
    lines = time_line([shown("09:00-15:00", **plan), shown("12:00"), shown("")]).lines
    assert [(line.worked, line.scheduled) for line in lines] == [
        (Bar(250.0, 500.0), Bar(166.7, 750.0)),
        (Bar(500.0, 6), None),
        (None, None),
    ]


def test_periods() -> None:
    cases = [
        (Length.WEEK, "2026-03-01", "2026-02-23", "2026-03-01"),
        (Length.WEEK, "2026-03-02", "2026-03-02", "2026-03-08"),
        (Length.MONTH, "2024-02-10", "2024-02-01", "2024-02-29"),
        (Length.MONTH, "2025-12-31", "2025-12-01", "2025-12-31"),
        (Length.WEEK, "0001-01-01", "0001-01-01", "0001-01-07"),
        (Length.WEEK, "9999-12-31", "9999-12-27", "9999-12-31"),
        (Length.MONTH, "9999-12-31", "9999-12-01", "9999-12-31"),
    ]

    def check(length: Length, day: str, first: str, last: str) -> None:
        period = Period.around(length, date.fromisoformat(day))
        assert (str(period.first), str(period.last)) == (first, last)

    check_all(cases, check)


def _same(found: object, expected: object) -> None:
    assert found == expected
