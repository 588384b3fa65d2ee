"""From punches to days: the day and the owner of each punch, and which punches count. Without a database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from request_tracker_utils.attendance.people import Identity, Owners
from request_tracker_utils.workdays.punch_times import PunchTime
from request_tracker_utils.workdays.schedule_days import Schedules
from request_tracker_utils.workdays.windows import DAY, date_of, to_local

DayOwner = int | tuple[int, str]
"""The ID of a known person; otherwise the terminal and user ID."""


@dataclass(slots=True)
class Day:
    """What the punches say about a day of a person. `users` are the terminals and user IDs that have punched, by the first punch."""

    day: int
    person_id: int | None
    first: PunchTime
    last: PunchTime | None = None
    punches: int = 1
    users: dict[tuple[int, str], None] = field(default_factory=dict)


@dataclass
class Days:
    """Sorts punches into days. `sites` are those of the terminals. With `joined`, the punches of a person at all terminals are one day."""

    schedules: Schedules
    owners: Owners
    sites: Mapping[int, str]
    repeat_seconds: int
    joined: bool
    _owned: dict[tuple[int, str], int | None] = field(default_factory=dict)
    _varying: set[tuple[int, str]] = field(default_factory=set)
    """User IDs that belong to another person, or to nobody, on some days."""
    _counted: dict[DayOwner, int] = field(default_factory=dict)

    def add(self, punches: Iterable[PunchTime]) -> dict[tuple[DayOwner, int], Day]:
        """The days of these punches, which are in the order of time. A punch within `repeat_seconds` of one that counts does not count."""
        found: dict[tuple[DayOwner, int], Day] = {}
        counted, repeat = self._counted, self.repeat_seconds
        for punch in punches:
            user = (punch.terminal_id, punch.user_id)
            day = self.day_of(punch)
            person_id = self.person_on(user, day)
            day_owner: DayOwner = user if person_id is None or not self.joined else person_id
            last_counted = counted.get(day_owner)
            if last_counted is not None and punch.at - last_counted <= repeat:
                continue
            counted[day_owner] = punch.at
            known = found.get((day_owner, day))
            if known is None:
                found[day_owner, day] = Day(day, person_id, punch, users={user: None})
            else:
                known.last = punch
                known.punches += 1
                known.users[user] = None
        return found

    def day_of(self, punch: PunchTime) -> int:
        """The day to which a punch belongs, by the schedule of the person to whom the user ID belongs on its date."""
        local = to_local(punch.zone, punch.at)
        date = local // DAY
        person_id = self.person_on((punch.terminal_id, punch.user_id), date)
        plan = self.schedules.plan(person_id, date)
        if local < plan.begins:
            return date - 1
        return date if local < plan.ends else date + 1

    def person_on(self, user: tuple[int, str], day: int) -> int | None:
        """The person to whom the user ID belongs on a day."""
        if user not in self._owned:
            self._find_owner(user)
        if user not in self._varying:
            return self._owned[user]
        owner = self.owners.on(self.sites[user[0]], user[1], date_of(day))
        return None if owner is None else owner.id

    def _find_owner(self, user: tuple[int, str]) -> None:
        identity = Identity(self.sites[user[0]], user[1])
        owner = self.owners.latest(identity)
        self._owned[user] = None if owner is None else owner.id
        if not self.owners.is_constant(identity):
            self._varying.add(user)
