"""When quiet hours end, above all where clocks change."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from request_tracker_utils.notifications.preferences import end_of_quiet_hours
from tests.services.tables import check_all

NEW_YORK = ZoneInfo("America/New_York")
NIGHT = (time(22), time(1, 45))
SHORT = (time(22), time(2, 30))
ROWS = [
    (NIGHT, "2026-11-01T03:00", "2026-11-01T06:45"),  # 23:00 on the evening before clocks are set back
    (NIGHT, "2026-11-01T05:30", "2026-11-01T06:45"),  # 01:30 for the first time
    (NIGHT, "2026-11-01T06:10", "2026-11-01T06:45"),  # 01:10 for the second time
    (NIGHT, "2026-11-01T06:45", None),
    (SHORT, "2027-03-14T06:45", "2027-03-14T07:30"),  # 01:45; then 03:00 follows 01:59
    (SHORT, "2027-03-14T07:00", None),
    ((time(1), time(2)), "2026-11-01T06:59", "2026-11-01T07:00"),
    ((time(12), time(13)), "2026-07-01T16:30", "2026-07-01T17:00"),
    ((time(12), time(13)), "2026-07-01T17:00", None),
    ((time(12), time(12)), "2026-07-01T16:00", None),
    ((None, time(12)), "2026-07-01T16:00", None),
]


def test_quiet_is_not_interrupted_when_clocks_change() -> None:
    def check(hours: tuple[time | None, time | None], now: str, until: str | None) -> None:
        found = end_of_quiet_hours(*hours, datetime.fromisoformat(now).replace(tzinfo=UTC), NEW_YORK)
        assert found == (datetime.fromisoformat(until).replace(tzinfo=UTC) if until else None)

    check_all(ROWS, check)
