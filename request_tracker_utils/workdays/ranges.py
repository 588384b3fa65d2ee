"""Ranges of days that people enter."""

from collections.abc import Iterator
from datetime import date, timedelta

from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.workdays.errors import InvalidDays

LONGEST = timedelta(days=10 * 366)


def check_range(first: date | None, last: date | None, *, today: date) -> tuple[date, date]:
    """Without a first day, it is the last one; without a last day, it is today. Raises InvalidDays."""
    last = last or today
    first = first or last
    if first > last:
        raise InvalidDays(_("The last day is before the first."), field="end_date")
    if last - first > LONGEST:
        raise InvalidDays(_("Choose at most ten years."), field="start_date")
    return first, last


def months(first: date, last: date) -> Iterator[tuple[date, date]]:
    """The range, divided at the ends of months."""
    while first <= last:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield first, min(last, following - timedelta(days=1))
        first = following
