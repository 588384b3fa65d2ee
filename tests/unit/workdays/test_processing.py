"""Punches become workdays, incrementally, and the days follow whatever is changed about them."""

import pytest

from request_tracker_utils.workdays.models import ReviewState
from tests.services.attendance import added
from tests.services.punched_days import process, punch, shown, workdays

pytestmark = pytest.mark.usefixtures("inside")


def test_the_first_punch_is_in_and_the_last_is_out() -> None:
    entrance = added()
    punch(entrance, "0017", "2026-11-16 08:00", "2026-11-16 12:00", "2026-11-16 12:45", "2026-11-16 18:00", "2026-11-17 07:55")
    done = process()
    assert (done.punches, done.days, done.outliers, done.failed) == (5, 2, 0, 0)
    assert shown(workdays()) == [("0017", "2026-11-16", "16 14:00", "17 00:00"), ("0017", "2026-11-17", "17 13:55", "")]
    monday, tuesday = workdays()
    assert (monday.is_incomplete, monday.punches, monday.worked_seconds, monday.review_state) == (False, 4, 36_000, ReviewState.NONE)
    assert (tuesday.is_incomplete, tuesday.is_outlier, tuesday.review_state) == (True, False, ReviewState.OPEN)
    assert process().written == 0
