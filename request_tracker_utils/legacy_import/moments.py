"""Times as older installations wrote them."""

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from request_tracker_utils.legacy_import.source import text_of

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"-?\d{1,19}(\.\d+)?")
_OF_SQLITE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
"""As CURRENT_TIMESTAMP writes it."""
_OTHERWISE = re.compile(
    r"(?:(?P<year>\d{4})-(?P<month>\d\d?)-(?P<day>\d\d?)|(?P<us_month>\d\d?)/(?P<us_day>\d\d?)/(?P<us_year>\d{4}))"
    r"(?: +(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?: ?(?P<half>[AP])M)?)?",
    re.IGNORECASE,
)
"""Such as `10/08/2025 7:00 AM`."""
_MILLISECONDS, _MICROSECONDS = 1e11, 1e14
"""Numbers from here on count these: as seconds they would lie thousands of years ahead."""


def moment(value: Any, zone: ZoneInfo, *, is_clocked: bool = False) -> datetime:
    """Seconds, milliseconds or microseconds since 1970, or a date and time: with a zone, or in `zone`. What SQLite itself wrote
    (`is_clocked`) is in UTC. Returns UTC; raises ValueError for what is no time, or before 1990."""
    text = text_of(value).strip()
    try:
        at = _counted(float(text)) if _NUMBER.fullmatch(text) else _written(text, zone, is_clocked=is_clocked)
    except OverflowError:
        raise ValueError(text) from None
    if at < EARLIEST:
        raise ValueError(text)
    return at


def _counted(number: float) -> datetime:
    if number >= _MILLISECONDS:
        number /= 1_000_000 if number >= _MICROSECONDS else 1_000
    return datetime.fromtimestamp(number, UTC)


def _written(text: str, zone: ZoneInfo, *, is_clocked: bool) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = _otherwise(text)
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC if is_clocked and _OF_SQLITE.fullmatch(text) else zone)
    return at.astimezone(UTC)


def _otherwise(text: str) -> datetime:
    found = _OTHERWISE.fullmatch(text)
    if found is None:
        raise ValueError(text)
    year, month, day = (int(found[part] or found[f"us_{part}"]) for part in ("year", "month", "day"))
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    if found["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(text)
        hour = hour % 12 + (12 if found["half"] in "Pp" else 0)
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 — its zone is added by whoever asked
