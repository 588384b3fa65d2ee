"""From a terminal's own time to UTC. Terminals have no zone; theirs is a setting.

**The repeated hour**: when the clocks go back, a time occurs twice. The log says which one is meant, since it is in the order in which
people came: a time before the latest one of that hour, or a second record of the same user in the same second, belongs to the second pass,
and so does everything after it in that hour. **The skipped hour**: a terminal that was not set forward records times that its zone skips;
these move by the gap and are marked.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

FIRST, SECOND = 1, 2
FIRST_YEAR, LAST_YEAR = 2, 9998
"""Times of other years are taken as UTC: they may have no time there, and a clock that shows them says nothing."""
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Placed:
    """A time of a terminal, in UTC."""

    at: datetime
    occurrence: int = FIRST
    in_gap: bool = False


Recorded = tuple[str, datetime]
"""A user ID, and the terminal's time."""


@dataclass
class _RepeatedHour:
    """The records of one repeated hour so far: the latest time, which pass it is, and who came in the first."""

    latest: datetime
    pass_: int = FIRST
    first: set[Recorded] = field(default_factory=set)


@dataclass
class Passes:
    """Decides which pass of a repeated hour records belong to, in the order of the log."""

    zone: ZoneInfo
    stored: dict[Recorded, list[int]] = field(default_factory=dict)
    """Passes of records that are stored. A record that comes again gets the pass that it has, so that it is not stored twice."""
    _hours: dict[date, _RepeatedHour] = field(default_factory=dict)

    def resume(self, recorded: Recorded, occurrence: int) -> None:
        """A stored record of a repeated hour, before all others: those that follow are new in the log."""
        terminal_time = recorded[1]
        if is_repeated(self.zone, terminal_time):
            hour = self._hour(terminal_time)
            if occurrence > hour.pass_:
                hour.pass_, hour.latest = occurrence, terminal_time
            elif occurrence == hour.pass_:
                hour.latest = max(hour.latest, terminal_time)

    def place(self, user_id: str, terminal_time: datetime) -> Placed:
        """The next record of the log."""
        offset = constant_offset(self.zone, terminal_time.date())
        if offset is not None:
            return Placed((terminal_time - offset).replace(tzinfo=UTC))
        first, second = offsets(self.zone, terminal_time)
        if first <= second:
            return Placed((terminal_time - first).replace(tzinfo=UTC), in_gap=first < second)
        occurrence = self._occurrence((user_id, terminal_time))
        return Placed((terminal_time - (first if occurrence == FIRST else second)).replace(tzinfo=UTC), occurrence)

    def _occurrence(self, recorded: Recorded) -> int:
        hour = self._hour(recorded[1])
        if passes := self.stored.get(recorded):
            hour.pass_ = max(hour.pass_, occurrence := passes.pop(0))
        else:
            if recorded[1] < hour.latest or recorded in hour.first:
                hour.pass_, hour.latest = SECOND, recorded[1]
            occurrence = hour.pass_
        hour.latest = max(hour.latest, recorded[1])
        if occurrence == FIRST:
            hour.first.add(recorded)
        return occurrence

    def _hour(self, terminal_time: datetime) -> _RepeatedHour:
        return self._hours.setdefault(terminal_time.date(), _RepeatedHour(terminal_time))


def is_repeated(zone: ZoneInfo, terminal_time: datetime) -> bool:
    """Whether a terminal's time occurs twice."""
    if constant_offset(zone, terminal_time.date()) is not None:
        return False
    first, second = offsets(zone, terminal_time)
    return first > second


@lru_cache(maxsize=20_000)
def constant_offset(zone: ZoneInfo, day: date) -> timedelta | None:
    """The zone's offset from UTC on a day; None if it changes on that day, or right beside it."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        return timedelta(0)
    midnight = datetime.combine(day, time())
    # No zone has ever changed twice within two days, so the ends show each change.
    found = {*offsets(zone, midnight - HOUR), *offsets(zone, midnight + 25 * HOUR)}
    return found.pop() if len(found) == 1 else None


def offsets(zone: ZoneInfo, terminal_time: datetime) -> tuple[timedelta, timedelta]:
    """The offsets from UTC in the first and in the second pass, where there are two; before and after the gap, where there is one."""
    first, second = (terminal_time.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta(0) for fold in (0, 1))
    return first, second
