"""Where each stored punch of a terminal has gone: into a workday, or why not.

Punches are sorted into days by the computation itself (`days.py`), and then looked for in the stored workdays. So a workday that does not
say what its punches say is noticed, whatever the reason.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import people
from request_tracker_utils.attendance.effective import COUNTS, EFFECTIVE_AT
from request_tracker_utils.attendance.models import Punch, PunchReview, ReviewDecision
from request_tracker_utils.attendance.terminal_names import site_keys
from request_tracker_utils.workdays.computing import How, concerned, rows_of, stored_rows, wanted
from request_tracker_utils.workdays.days import Day, DayOwner, Days
from request_tracker_utils.workdays.punch_times import punch_times
from request_tracker_utils.workdays.windows import FIRST_DAY, LAST_DAY, day_of, utc_datetime

USERS = 500
"""User IDs that are looked at together."""
_IGNORED = select(PunchReview.id).where(PunchReview.punch_id == Punch.id, PunchReview.decision == ReviewDecision.IGNORED).exists()


class Place(StrEnum):
    """The day of a punch is that of its own time, as the terminal recorded it."""

    COUNTED = "counted"
    """In the workday of this terminal and day."""
    OTHER_DAY = "other_day"
    """In the workday of another day: a night shift, or a repair of the clock."""
    OTHER_TERMINAL = "other_terminal"
    """In the workday of this day that another terminal has begun, since the person is the same."""
    REPEATED = "repeated"
    """Soon after another punch of the same person, so that only the first one counts."""
    IMPLAUSIBLE = "implausible"
    """Excluded until somebody accepts it, or repairs the clock."""
    IGNORED = "ignored"
    """Excluded by a person."""
    PENDING = "pending"
    """It counts, but the workday is not computed yet, or says something else."""


Places = dict[tuple[int, date], Counter[Place]]


def count_places(session: Session, terminal_ids: Collection[int], first: date, last: date, how: How) -> Places:
    """How many punches of each terminal and day have gone where. Their sum is the number of stored punches."""
    begin, end = datetime.combine(first, time()), datetime.combine(last + timedelta(days=1), time())
    of_days = (Punch.terminal_id.in_(terminal_ids), Punch.terminal_time >= begin, Punch.terminal_time < end)
    users = sorted(session.scalars(select(Punch.user_id).where(*of_days).distinct()))
    found: Places = defaultdict(Counter)
    for start in range(0, len(users), USERS):
        part = users[start : start + USERS]
        columns = select(Punch.id, Punch.terminal_id, Punch.terminal_time, COUNTS.label("counts"), _IGNORED.label("ignored"))
        punches = session.execute(columns.where(*of_days, Punch.user_id.in_(part))).all()
        placing = _Placing(session, set(part), how)
        placing.read(day_of(first) - 1, day_of(last) + 1)
        placing.read_moved([row.id for row in punches if row.counts])
        for row in punches:
            found[row.terminal_id, row.terminal_time.date()][placing.place(row)] += 1
    return found


class _Placing:
    """The places of the punches of some users."""

    def __init__(self, session: Session, user_ids: Collection[str], how: How) -> None:
        self._session, self._user_ids, self._how = session, user_ids, how
        self._people_ids, self._all_ids = concerned(session, user_ids)
        self._owners, self._sites = people.owners(session, self._all_ids), site_keys(session)
        self._found: dict[int, tuple[int, date] | Place] = {}
        """By punch, the terminal and date of its workday."""

    def read(self, first: int, last: int) -> None:
        """Finds the places of all punches that belong to these days."""
        first, last = max(first, FIRST_DAY), min(last, LAST_DAY)
        sorting = Days(self._how.schedules, self._owners, self._sites, self._how.repeat_seconds, self._how.joined)
        found: dict[tuple[DayOwner, int], Day] = {}
        keys: dict[int, tuple[DayOwner, int] | None] = {}
        for punch in punch_times(self._session, self._all_ids, first, last):
            added = sorting.add((punch,))
            key = keys[punch.id] = next(iter(added), None)
            if key is not None:
                _add(found, key, added[key])
        days = wanted(found, first, last, self._user_ids, self._people_ids)
        stored = self._session.execute(stored_rows(self._user_ids, self._people_ids, first, last)).all()
        rows = rows_of(days, stored, joined=self._how.joined)
        for punch_id, key in keys.items():
            if key is None:
                self._found.setdefault(punch_id, Place.REPEATED)
            elif key in days:
                row = rows.get(key)
                is_right = row is not None and _says(row, days[key])
                self._found.setdefault(punch_id, (row.terminal_id, row.date) if row is not None and is_right else Place.PENDING)

    def read_moved(self, punch_ids: Sequence[int]) -> None:
        """Finds those of these punches that a repair has moved further away."""
        missing = [punch_id for punch_id in punch_ids if punch_id not in self._found]
        for start in range(0, len(missing), USERS):
            at = select(EFFECTIVE_AT).where(Punch.id.in_(missing[start : start + USERS]))
            for day in sorted({day_of(each.astimezone(UTC).date()) for each in self._session.scalars(at)}):
                self.read(day - 1, day + 1)

    def place(self, punch: Any) -> Place:
        if not punch.counts:
            return Place.IGNORED if punch.ignored else Place.IMPLAUSIBLE
        found = self._found.get(punch.id, Place.PENDING)
        if isinstance(found, Place):
            return found
        terminal_id, day = found
        if day != punch.terminal_time.date():
            return Place.OTHER_DAY
        return Place.COUNTED if terminal_id == punch.terminal_id else Place.OTHER_TERMINAL


def _add(found: dict[tuple[DayOwner, int], Day], key: tuple[DayOwner, int], day: Day) -> None:
    known = found.get(key)
    if known is None:
        found[key] = day
        return
    known.last = day.first
    known.punches += 1
    known.users |= day.users


def _says(row: Row[Any], day: Day) -> bool:
    """Whether a stored workday says what the punches say."""
    last_at = None if day.last is None else utc_datetime(day.last.at)
    return (row.punches, row.first_at, row.last_at) == (day.punches, utc_datetime(day.first.at), last_at)
