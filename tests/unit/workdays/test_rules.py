"""The rules of a workday compare wall clocks: what is exactly at a limit is not an outlier, and not late or early within the grace."""

from datetime import datetime

import pytest

from request_tracker_utils.workdays.models import DayKind
from request_tracker_utils.workdays.rules import Judgement, judge
from request_tracker_utils.workdays.schedule_days import ScheduledDay
from request_tracker_utils.workdays.windows import EPOCH
from tests.services.tables import check_all

GRACE = 300


def local(text: str) -> int:
    """Seconds of a time such as `16 08:00:00`, of November."""
    return int((datetime.fromisoformat(f"2026-11-{text}") - EPOCH).total_seconds())


def scheduled(start: str = "", end: str = "", *, kind: DayKind = DayKind.WORK, grace: int = 0) -> ScheduledDay:
    return ScheduledDay(kind, local(start) if start else None, local(end) if end else None, grace, None, None, None)


DAY = scheduled("16 08:00", "16 18:00")
NIGHT = scheduled("16 22:00", "17 06:00")


def judged(clock_in: str, clock_out: str = "", day: ScheduledDay = DAY) -> Judgement:
    return judge(day, local(clock_in), local(clock_out) if clock_out else None)


def test_outliers_are_strictly_beyond_the_limits() -> None:
    def check(clock_in: str, clock_out: str, reason: str, day: ScheduledDay = DAY) -> None:
        assert judged(clock_in, clock_out, day).reason == reason

    early = "Clock-in at 05:59 is more than 2 hours before the start at 08:00."
    late = "Clock-in at 10:00 is more than 2 hours after the start at 08:00."
    left_early = "Clock-out at 15:59 is more than 2 hours before the end at 18:00."
    left_late = "Clock-out at 21:00 is more than 3 hours after the end at 18:00."
    check_all(
        [
            ("16 06:00:00", "16 16:00:00", ""),
            ("16 05:59:59", "16 16:00:00", early),
            ("16 10:00:00", "16 21:00:00", ""),
            ("16 10:00:01", "16 21:00:00", late),
            ("16 06:00:00", "16 15:59:59", left_early),
            ("16 10:00:00", "16 21:00:01", left_late),
            ("16 05:59:59", "16 21:00:01", f"{early} {left_late}"),
            ("16 05:59:59", "", early),
            ("16 08:00:00", "", ""),
            ("16 20:00:00", "17 09:00:00", "", NIGHT),
            ("16 22:00:00", "17 09:00:01", "Clock-out at 09:00 (+1 day) is more than 3 hours after the end at 06:00 (+1 day).", NIGHT),
            ("17 00:00:01", "17 06:00:00", "Clock-in at 00:00 (+1 day) is more than 2 hours after the start at 22:00.", NIGHT),
        ],
        check,
    )


@pytest.mark.parametrize("kind", [DayKind.OFF, DayKind.HOLIDAY])
def test_days_off_have_no_rules(kind: DayKind) -> None:
    assert judged("16 03:00", "16 23:59", scheduled(kind=kind)) == Judgement()


def test_late_and_early_begin_after_the_grace_and_half_days_end_at_half_of_the_hours() -> None:
    def flags(clock_in: str, clock_out: str, grace: int, expected: str) -> None:
        _reason, *found = judged(f"16 {clock_in}", clock_out and f"16 {clock_out}", scheduled("16 08:00", "16 18:00", grace=grace))
        names = [name for name, is_so in zip(("late", "early", "half"), found, strict=True) if is_so]
        assert " ".join(names) == expected

    check_all(
        [
            ("08:00:00", "18:00:00", 0, ""),
            ("08:00:01", "17:59:59", 0, "late early"),
            ("08:05:00", "17:55:00", GRACE, ""),
            ("08:05:01", "17:54:59", GRACE, "late early"),
            ("08:00:00", "13:00:00", 0, "early half"),
            ("08:00:00", "13:00:01", 0, "early"),
            ("08:00:00", "13:05:00", GRACE, "early half"),
            ("13:00:00", "18:00:00", 0, "late half"),
            ("09:00:00", "", 0, "late"),
        ],
        flags,
    )
