"""Times as legacy installations wrote them."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from request_tracker_utils.legacy_import.source import parse_time
from tests.services.tables import check_all

CHICAGO = ZoneInfo("America/Chicago")
NOON = datetime(2025, 10, 8, 12, 0, tzinfo=UTC)


def test_times_are_read_in_every_spelling() -> None:
    def check(value: Any) -> None:
        assert parse_time(value, CHICAGO) == NOON

    check_all(
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
        check,
    )
    assert parse_time("2025-10-08", CHICAGO) == datetime(2025, 10, 8, 5, 0, tzinfo=UTC), "midnight"


def test_only_times_that_sqlite_wrote_are_in_utc() -> None:
    assert parse_time("2025-10-08 12:00:00", CHICAGO, is_clock=True) == NOON
    assert parse_time("2025-10-08T07:00:00.000", CHICAGO, is_clock=True) == NOON, "as the legacy program wrote it"


def test_other_values_are_refused() -> None:
    def check(value: Any) -> None:
        with pytest.raises(ValueError):  # noqa: PT011 — the caller says what it was
            parse_time(value, CHICAGO)

    check_all(
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
        check,
    )
