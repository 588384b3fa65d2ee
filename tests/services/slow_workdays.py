"""Workdays computed the slow and obvious way, from the punches that are stored: a reference for the fast one."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from request_tracker_utils.attendance.models import Punch

DAY = timedelta(days=1)


class Shift(NamedTuple):
    """The hours of a day, in local time. They may end on the next day."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Rules:
    """`whose` says who a punch belongs to on a day, `shift` the hours of somebody on a day, if it has any."""

    whose: Callable[[Punch, date], str]
    shift: Callable[[str, date], Shift | None]
    begins: time = time(4)
    repeat: timedelta = timedelta(seconds=120)
    repairs: Mapping[int, timedelta] | None = None
    """By the ID of the punch."""

    def day_begins(self, who_before: str, who: str, day: date) -> datetime:
        """In local time."""
        usual = datetime.combine(day, self.begins)
        before, now = self.shift(who_before, day - DAY), self.shift(who, day)
        if before is not None and before.ends_at > usual - timedelta(hours=2):
            latest = before.ends_at + timedelta(hours=8)
            if now is None:
                return latest
            return min(latest, max(before.ends_at, before.ends_at + (now.starts_at - before.ends_at) / 2))
        return usual if now is None else min(usual, now.starts_at - timedelta(hours=2))


class Result(NamedTuple):
    who: str
    day: date
    first_at: datetime
    last_at: datetime | None
    count: int


def slow_workdays(punches: Iterable[Punch], rules: Rules) -> set[Result]:
    """Each day of each person with punches."""
    made = sorted((punch.punched_at + (rules.repairs or {}).get(punch.id, timedelta(0)), punch.id, punch) for punch in punches)
    last_counted: dict[str, datetime] = {}
    days: dict[tuple[str, date], list[datetime]] = defaultdict(list)
    for at, _id, punch in made:
        local = at.astimezone(ZoneInfo(punch.timezone)).replace(tzinfo=None)
        day = _day_of(punch, local, rules)
        who = rules.whose(punch, day)
        if who in last_counted and at - last_counted[who] <= rules.repeat:
            continue
        last_counted[who] = at
        days[who, day].append(at)
    return {Result(who, day, times[0], times[-1] if len(times) > 1 else None, len(times)) for (who, day), times in days.items()}


def _day_of(punch: Punch, local: datetime, rules: Rules) -> date:
    """The last day that has begun."""
    who = rules.whose(punch, local.date())
    for day in (local.date() + DAY, local.date()):
        if rules.day_begins(who, who, day) <= local:
            return day
    return local.date() - DAY
