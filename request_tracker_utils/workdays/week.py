"""The hours of a week as a picture: for each weekday, bars on a day of 24 hours."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time

from request_tracker_utils.workdays.schedules import Hours

MINUTES = 24 * 60
WEEK = range(7)
"""From Monday."""


@dataclass(frozen=True)
class Bar:
    """Minutes after midnight, and whether it is the rest of the night shift of the day before."""

    start: int
    end: int
    is_rest: bool = False

    @property
    def width(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Weekday:
    weekday: int
    hours: Hours | None
    bars: list[Bar]


def week_of(hours: Mapping[int, Hours]) -> list[Weekday]:
    """From Monday to Sunday."""
    found = []
    for weekday in WEEK:
        own, before = hours.get(weekday), hours.get((weekday - 1) % 7)
        bars = []
        if before is not None and before.is_night and (rest := _minutes(before.ends_at)):
            bars.append(Bar(0, rest, is_rest=True))
        if own is not None:
            bars.append(Bar(_minutes(own.starts_at), MINUTES if own.is_night else _minutes(own.ends_at)))
        found.append(Weekday(weekday, own, bars))
    return found


def _minutes(value: time) -> int:
    return 60 * value.hour + value.minute
