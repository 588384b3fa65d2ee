"""Times as older installations wrote them."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from request_tracker_utils.legacy_import.moments import moment

CHICAGO = ZoneInfo("America/Chicago")
NOON = datetime(2025, 10, 8, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        1759924800,
        1759924800.0,
        "1759924800",
        1759924800000,
        "1759924800000",
        1759924800000000,
        "2025-10-08T12:00:00Z",
        "2025-10-08T14:00:00+02:00",
        b"2025-10-08T12:00:00+00:00",
        "2025-10-08T07:00:00",
        "2025-10-08 07:00:00.000000",
        "2025-10-08 07:00",
        "2025-10-08 7:00 AM",
        "10/08/2025 07:00:00",
        "10/08/2025 07:00:00 AM",
        "10/8/2025 7:00am",
        " 2025-10-08 07:00:00 ",
    ],
)
def test_one_moment_however_it_was_written(value: Any) -> None:
    assert moment(value, CHICAGO) == NOON


def test_what_sqlite_itself_wrote_is_in_utc() -> None:
    assert moment("2025-10-08 12:00:00", CHICAGO, is_clocked=True) == NOON


def test_what_the_older_program_wrote_into_such_a_column_is_not() -> None:
    assert moment("2025-10-08T07:00:00.000", CHICAGO, is_clocked=True) == NOON


def test_a_day_alone_is_its_midnight() -> None:
    assert moment("2025-10-08", CHICAGO) == datetime(2025, 10, 8, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "",
        None,
        0,
        -1,
        "never",
        "2025-13-01",
        "25-10-08 12:00",
        "13/13/2025",
        "10/08/2025 13:00 PM",
        12,
        "0001-01-01",
        "1969-12-31 23:59:59",
        10**18,
        "9" * 19,
        "nan",
    ],
)
def test_what_is_no_time_is_refused(value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 — whoever asked says what it was
        moment(value, CHICAGO)
