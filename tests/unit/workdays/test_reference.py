"""Whatever the punches, in whatever order and portions they come: the days are those of a slow and obvious computation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import count
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies as st
from sqlalchemy import select

from request_tracker_utils.attendance import people_changes
from request_tracker_utils.attendance.models import Punch, Terminal
from request_tracker_utils.attendance.people_changes import PersonFields, SiteId
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.workdays.models import ScheduleHours, ScheduleVersion, StaffGroup, StaffGroupMember, Workday
from request_tracker_utils.workdays.processing import process_range
from tests.services.attendance import ADA, added, record
from tests.services.punched_days import NOW, process, processor
from tests.services.punching import store
from tests.services.slow_workdays import Result, Rules, Shift, slow_workdays

pytestmark = pytest.mark.usefixtures("inside")

FIRST = datetime.fromisoformat("2026-10-22")  # both zones change their clocks in the ten days after it
REASSIGNED = date(2026, 10, 28)
NIGHT = (time(22), time(6))
numbers = count(1)


class Made(NamedTuple):
    """A punch at one of two terminals, by one of three user IDs, so many seconds after FIRST."""

    terminal: int
    user: int
    seconds: int


near = st.sampled_from([-121, -120, -119, -1, 0, 1, 119, 120, 121, 240, 1000])
hours = st.sampled_from([1, 4, 6, 14, 22])  # where days begin, shifts end, and clocks change
seconds = st.builds(lambda day, hour, offset: 86_400 * day + 3600 * hour + offset, st.sampled_from([2, 3, 6, 9, 10]), hours, near)
made = st.builds(Made, st.integers(0, 1), st.integers(0, 2), seconds)


@dataclass
class Office:
    """Two sites in two zones. User 0 is Ada at the first and Bob at the second one; user 1 is Ada at the second one, and belongs to nobody
    at the first; user 2 belongs to Bob at the first one until Ada gets the ID. Bob works at night."""

    terminals: list[Terminal]
    ids: list[str]
    ada: int
    bob: int

    @classmethod
    def new(cls) -> "Office":
        n = next(numbers)
        terminals = [
            added(f"A{n}", f"10.1.{n}.1", site=f"A{n}", timezone="America/Chicago"),
            added(f"B{n}", f"10.1.{n}.2", site=f"B{n}", timezone="Europe/Berlin"),
        ]
        ids = [f"{n}-{user}" for user in range(3)]
        with transaction() as session:
            of_ada = [SiteId(ids[0], f"A{n}"), SiteId(ids[1], f"B{n}")]
            of_bob = [SiteId(ids[0], f"B{n}"), SiteId(ids[2], f"A{n}")]
            ada, bob = (
                people_changes.create(session, PersonFields(f"{name} {n}", ids=its), actor=ADA, now=NOW).id
                for name, its in (("Ada", of_ada), ("Bob", of_bob))
            )
            people_changes.reassign(session, SiteId(ids[2], f"A{n}", REASSIGNED), ada, actor=ADA, now=NOW)
            group = StaffGroup(name=f"Night {n}", name_key=f"night {n}", created_by="ada", created_at=NOW)
            session.add(group)
            session.flush()
            version = ScheduleVersion(group_id=group.id, valid_from=date(2026, 1, 1), created_by="ada", created_at=NOW)
            member = StaffGroupMember(person_id=bob, group_id=group.id, valid_from=date(2026, 1, 1), created_by="ada", created_at=NOW)
            session.add_all([version, member])
            session.flush()
            session.add_all(ScheduleHours(version_id=version.id, weekday=day, starts_at=NIGHT[0], ends_at=NIGHT[1]) for day in range(5))
        return cls(terminals, ids, ada, bob)

    def store(self, portion: Sequence[Made]) -> None:
        for number, terminal in enumerate(self.terminals):
            log = [record(self.ids[each.user], f"{FIRST + timedelta(seconds=each.seconds)}") for each in portion if each.terminal == number]
            store(terminal, log, received_at=NOW)

    def whose(self, punch: Punch, day: date) -> str:
        at, user = self.terminals.index(self._terminal(punch)), self.ids.index(punch.user_id)
        owners = {(0, 0): self.ada, (1, 0): self.bob, (1, 1): self.ada, (0, 2): self.ada if day >= REASSIGNED else self.bob}
        owner = owners.get((at, user))
        return f"{at} {user}" if owner is None else str(owner)

    def _terminal(self, punch: Punch) -> Terminal:
        return next(each for each in self.terminals if each.id == punch.terminal_id)

    def shift(self, who: str, day: date) -> Shift | None:
        if who != str(self.bob):
            return Shift(datetime.combine(day, time(8)), datetime.combine(day, time(18)))
        if day.weekday() > 4:
            return None
        return Shift(datetime.combine(day, NIGHT[0]), datetime.combine(day + timedelta(days=1), NIGHT[1]))

    def expected(self) -> set[Result]:
        with reading() as session:
            punches = session.scalars(select(Punch).where(Punch.terminal_id.in_([each.id for each in self.terminals]))).all()
        return slow_workdays(punches, Rules(self.whose, self.shift))

    def computed(self) -> Iterator[Result]:
        with reading() as session:
            rows = session.scalars(select(Workday).where(Workday.terminal_id.in_([each.id for each in self.terminals]))).all()
        for row in rows:
            at = next(number for number, each in enumerate(self.terminals) if each.id == row.terminal_id)
            who = f"{at} {self.ids.index(row.user_id)}" if row.person_id is None else str(row.person_id)
            assert row.first_at is not None
            yield Result(who, row.date, row.first_at, row.last_at, row.punches)


@settings(max_examples=25, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(portions=st.lists(st.lists(made, max_size=40), min_size=1, max_size=3))
def test_days_are_those_of_a_slow_computation(portions: list[list[Made]]) -> None:
    office = Office.new()
    for portion in portions:
        office.store(portion)
        process()
    found = list(office.computed())
    assert (len(found), set(found)) == (len(set(found)), office.expected())
    assert process_range(processor(), date(2026, 10, 1), date(2026, 11, 30)).written == 0
