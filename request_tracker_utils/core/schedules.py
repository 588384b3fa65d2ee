"""When a job is due: after an interval, or once a day at a local time.

A local time is one of TIMEZONE. On a day on which the clocks change, the job runs once: in the first pass of a repeated hour, and after the
gap where its time is skipped.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from request_tracker_utils.core.clock import is_believed
from request_tracker_utils.core.settings import Settings

DAY = timedelta(days=1)
LONGEST_DAY = 2 * DAY
"""Between two runs at a local time, even if the zone skips a day."""


@dataclass(frozen=True)
class Daily:
    """Once a day, at this time in TIMEZONE."""

    at: time


Schedule = timedelta | Daily
"""As a job has it."""


@dataclass(frozen=True)
class Plan:
    """A schedule under the settings. `at` and `zone` are those of a local time; `interval` is a day then."""

    interval: timedelta
    at: time | None = None
    zone: ZoneInfo | None = None

    @property
    def longest(self) -> timedelta:
        """No run is further away than this."""
        return self.interval if self.at is None else LONGEST_DAY

    def next_run(self, last: datetime | None, now: datetime) -> datetime:
        """The first time after the last run; in the past if it was missed. Now, if the job never ran or its last run is not believed."""
        if last is None:
            return now
        if self.at is None or self.zone is None:
            return last + self.interval if is_believed(last, now) else now
        return self._occurrence_after(last, self.at, self.zone) if last <= now + DAY else now

    @staticmethod
    def _occurrence_after(last: datetime, at: time, zone: ZoneInfo) -> datetime:
        day = last.astimezone(zone).date() - DAY  # a zone may skip a day
        while (found := datetime.combine(day, at, zone).astimezone(UTC)) <= last:
            day += DAY
        return found


def plan(schedule: Schedule, settings: Settings) -> Plan:
    if isinstance(schedule, Daily):
        return Plan(DAY, schedule.at, settings.zone)
    return Plan(schedule)
