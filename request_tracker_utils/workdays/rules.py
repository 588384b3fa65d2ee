"""The rules of a workday: outliers with their reasons in words, late, early and half days. They compare wall clocks.

The reasons are English in every language, since they are a part of what the CRM gets, which must not depend on who computes a day.
"""

from typing import NamedTuple

from request_tracker_utils.workdays.schedule_days import ScheduledDay
from request_tracker_utils.workdays.windows import DAY, local_datetime

HOUR = 3600
IN_EARLY, IN_LATE, OUT_EARLY, OUT_LATE = 2 * HOUR, 2 * HOUR, 2 * HOUR, 3 * HOUR
NO_PUNCHES = "All punches of this day have moved to another day or person."


class Judgement(NamedTuple):
    reason: str = ""
    """Empty if the day is not an outlier."""
    is_late: bool = False
    is_early: bool = False
    is_half_day: bool = False


UNJUDGED = Judgement()


def judge(scheduled: ScheduledDay, clock_in: int | None, clock_out: int | None) -> Judgement:
    """The times are local. Days off have no rules; without a clock-out, those about it are skipped. A time is an outlier if it is strictly
    further away than allowed: clock-in 2 hours before or after the start, clock-out 2 hours before or 3 hours after the end."""
    start, end = scheduled.start, scheduled.end
    if start is None or end is None or clock_in is None:
        return UNJUDGED
    reason = ""
    if not start - IN_EARLY <= clock_in <= start + IN_LATE:
        side = "before" if clock_in < start else "after"
        reason = f"Clock-in at {_shown(clock_in, start)} is more than 2 hours {side} the start at {_shown(start, start)}."
    is_late = clock_in > start + scheduled.grace
    if clock_out is None:
        return Judgement(reason, is_late)
    if not end - OUT_EARLY <= clock_out <= end + OUT_LATE:
        side = "2 hours before" if clock_out < end else "3 hours after"
        sentence = f"Clock-out at {_shown(clock_out, start)} is more than {side} the end at {_shown(end, start)}."
        reason = f"{reason} {sentence}" if reason else sentence
    is_half_day = 2 * (clock_out - clock_in) <= end - start + 2 * scheduled.grace
    return Judgement(reason, is_late, clock_out < end - scheduled.grace, is_half_day)


def _shown(local: int, start: int) -> str:
    """The time on the wall clock, and whether it is on another date than the start."""
    days = local // DAY - start // DAY
    other = "" if days == 0 else f" ({days:+} day)"
    return f"{local_datetime(local):%H:%M}{other}"
