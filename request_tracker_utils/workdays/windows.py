"""Days as numbers: local times are seconds since 1970 on the terminal's wall clock, and days are counted from 1970-01-01.

A million punches are computed in one run, and integers take a tenth of the time of `datetime`. Only what is stored is converted.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = 86_400
EPOCH = datetime.fromtimestamp(0, UTC).replace(tzinfo=None)
EPOCH_DAY = date(1970, 1, 1).toordinal()
FIRST_DAY, LAST_DAY = date(2, 1, 1).toordinal() - EPOCH_DAY, date(9998, 12, 31).toordinal() - EPOCH_DAY
"""Days before and after have no local time in some zone. No punch that counts is on them."""
_STEP = 900
"""Offsets from UTC change at multiples of a quarter of an hour. Before 2012, some changed a minute later."""


def day_of(value: date) -> int:
    """The number of a day."""
    return min(max(value.toordinal() - EPOCH_DAY, FIRST_DAY), LAST_DAY)


def date_of(day: int) -> date:
    return date.fromordinal(day + EPOCH_DAY)


def weekday_of(day: int) -> int:
    """0 is Monday."""
    return (day + 3) % 7


def local_datetime(local: int) -> datetime:
    """A local time without a zone."""
    return EPOCH + timedelta(seconds=local)


def utc_datetime(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def epoch_of(at: datetime) -> int:
    return int(at.timestamp())


def to_local(zone: str, at: int) -> int:
    """What the wall clock shows at a time."""
    return at + _offset(zone, at // _STEP)


@lru_cache(maxsize=100_000)
def to_utc(zone: str, local: int) -> int:
    """When the wall clock has certainly shown this time: in the second pass of an hour that is repeated, and after one that is skipped."""
    naive, name = local_datetime(local), ZoneInfo(zone)
    return max(epoch_of(naive.replace(tzinfo=name, fold=fold)) for fold in (0, 1))


@lru_cache(maxsize=200_000)
def _offset(zone: str, step: int) -> int:
    """The zone's offset from UTC, in seconds, in a quarter of an hour."""
    offset = utc_datetime(step * _STEP).astimezone(ZoneInfo(zone)).utcoffset() or timedelta(0)
    return int(offset.total_seconds())
