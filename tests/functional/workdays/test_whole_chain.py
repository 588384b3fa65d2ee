"""From a terminal on the network to the CRM: a month of punches becomes workdays, and the CRM gets each of them once."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from request_tracker_utils.attendance.polling import Poller
from request_tracker_utils.attendance.reading import TerminalReader
from request_tracker_utils.attendance.terminal_changes import TerminalChange, change_terminal
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.workdays.completeness import ChainState, chains
from request_tracker_utils.workdays.crm.payload import in_utc
from tests.services import workdays as made
from tests.services.attendance import ADA as ACTOR, ZONE, added
from tests.services.attendance_network import AttendanceNetwork
from tests.services.attendance_terminal import Punched, SimulatedTerminal, SimulatedUser
from tests.services.crm import TOKEN, FakeCrm
from tests.services.crm_workdays import nowhere, stored, sync
from tests.services.punched_days import process, processor, workdays
from tests.services.server import free_port
from tests.services.terminal import Run

ADA, GRACE, EMMY = SimulatedUser(1, "17", "Ada"), SimulatedUser(2, "18", "Grace"), SimulatedUser(3, "19", "Emmy")
FIRST, LAST = date(2026, 3, 2), date(2026, 4, 1)
DAYS = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
WEEKDAYS = [day for day in DAYS if day.weekday() < 5]
EARLY, ALONE, LATE = date(2026, 3, 4), date(2026, 3, 5), date(2026, 3, 10)
"""On which Ada comes too early, does not punch when she leaves, and leaves by a terminal that is not reached until April."""
NIGHTS = [date(2026, 3, day) for day in (3, 4, 7, 17, 31)]
"""On which Grace begins to work. On the morning of March 8, the clocks are set forward."""
DOWN = [date(2026, 3, day) for day in range(9, 16)]
"""On which the CRM is down."""
RENAMED = date(2026, 3, 18)


def local(day: date, text: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(text))


def sent(at: datetime) -> str:
    return in_utc(at.replace(tzinfo=ZoneInfo(ZONE)))


def month() -> tuple[list[Punched], dict[tuple[str, str], tuple[str, str | None]]]:
    """What is punched at the entrance, and the clock-in and clock-out that the CRM must have of each user and day."""
    made: list[tuple[SimulatedUser, datetime]] = []
    days: dict[tuple[str, str], tuple[str, str | None]] = {}

    def work(user: SimulatedUser, day: date, begin: datetime, end: datetime | None, *between: datetime) -> None:
        made.extend((user, at) for at in (begin, *between, end) if at is not None)
        days[user.user_id, day.isoformat()] = (sent(begin), None if end is None else sent(end))

    for day in WEEKDAYS:
        begins = local(day, "05:30" if day == EARLY else "08:00")
        work(ADA, day, begins, None if day == ALONE else local(day, "17:00"), begins + timedelta(seconds=30))
        work(EMMY, day, local(day, "08:10"), local(day, "16:50"), local(day, "12:00"), local(day, "12:30"))
    for day in NIGHTS:
        work(GRACE, day, local(day, "21:55"), local(day + timedelta(days=1), "06:05"))
    return [Punched(user, at) for user, at in sorted(made, key=lambda each: each[1])], days


@dataclass
class Office:
    """An entrance that is polled each afternoon, the computation, and the CRM."""

    terminal: SimulatedTerminal
    terminal_id: int
    reader: TerminalReader
    crm: FakeCrm
    waiting: list[Punched] = field(default_factory=list)

    def poll(self, now: datetime, terminal_id: int | None = None) -> int:
        clock = now.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None)
        self.terminal.punch(*(each for each in self.waiting if isinstance(each.time, datetime) and each.time <= clock))
        self.waiting = [each for each in self.waiting if isinstance(each.time, datetime) and each.time > clock]
        poller = Poller(self.reader, lambda _terminal: 0, transaction, lambda: now, timeout=20, deadline=120, allow_loopback=True)
        return poller.poll(terminal_id or self.terminal_id).new_punches

    def afternoon(self, day: date) -> None:
        """Of the day after this one, when the day has ended for everybody."""
        now = datetime.combine(day + timedelta(days=1), time(21), UTC)
        self.poll(now)
        assert process(now=now).failed == 0
        sync(nowhere(free_port()) if day in DOWN else self.crm.client(), now=now)


@pytest.fixture
def office(app: Flask, network: AttendanceNetwork) -> Iterator[Office]:
    reader = TerminalReader()
    with app.app_context(), FakeCrm() as crm:
        terminal = network.add(SimulatedTerminal(serial_number="ENTRANCE", users=[ADA, GRACE, EMMY]))
        entrance = added("Entrance", terminal.address, port=terminal.port)
        made.person("Ada Lovelace", "17")
        grace = made.person("Grace Hopper", "18")
        with transaction() as session:
            made.scheduled(session, "Night", [grace], dict.fromkeys(range(7), (time(22), time(6))), FIRST)
        yield Office(terminal, entrance.id, reader, crm)
    reader.close()


def test_a_month_of_punches_reaches_the_crm_once(office: Office, network: AttendanceNetwork) -> None:
    office.waiting, expected = month()
    crm = office.crm
    for day in DAYS:
        before = crm.stored.total()
        if day == RENAMED:
            rename(office.terminal_id, "Main entrance")
        office.afternoon(day)
        if day == DOWN[-1]:
            assert crm.stored.total() == before == sum(each[1] < DOWN[0].isoformat() for each in expected)
    assert office.waiting == []
    assert {key: (body["clock_in"], body["clock_out"]) for key, body in crm.workdays.items()} == expected
    assert set(crm.attempts.values()) == set(crm.stored.values()) == {1}
    assert len(crm.stored) == len(expected) == 2 * len(WEEKDAYS) + len(NIGHTS)

    early, alone, night = (crm.workdays[each] for each in (("17", "2026-03-04"), ("17", "2026-03-05"), ("18", "2026-03-07")))
    reason = "Clock-in at 05:30 is more than 2 hours before the start at 08:00."
    assert (early["is_outlier"], early["outlier_reason"]) == (True, reason)
    assert (alone["clock_out"], alone["is_outlier"]) == (None, False)
    assert (night["clock_in"], night["clock_out"]) == ("2026-03-08T03:55:00Z", "2026-03-08T11:05:00Z")  # an hour less
    assert [key for key, body in crm.workdays.items() if body["is_outlier"]] == [("17", "2026-03-04")]
    names = {key[1]: body["device_name"] for key, body in crm.workdays.items()}
    assert (names["2026-03-02"], names["2026-03-20"]) == ("Entrance", "Main entrance")

    punched_late(office, network)
    assert crm.workdays["17", LATE.isoformat()]["clock_out"] == sent(local(LATE, "18:30"))
    posts = Counter((call.json["user_id"], call.json["date"]) for call in crm.calls)
    assert posts == {**dict.fromkeys(expected, 1), ("17", LATE.isoformat()): 2}
    assert set(crm.stored.values()) == {1}
    [changed] = [row for row in workdays() if row.revision != 1]
    assert (changed.user_id, changed.date, changed.revision, changed.terminal_id, changed.punches) == ("17", LATE, 2, office.terminal_id, 3)

    office.afternoon(LAST + timedelta(days=2))
    assert len(crm.calls) == len(expected) + 1, "nothing is left to send"
    check_completeness(office)


def rename(terminal_id: int, name: str) -> None:
    with transaction() as session:
        by = TerminalChange(ACTOR, datetime(2026, 3, 18, tzinfo=UTC), lambda text: text, True, timedelta(minutes=5))
        change_terminal(session, terminal_id, {"name": name}, by)


def punched_late(office: Office, network: AttendanceNetwork) -> None:
    """Another terminal is reached for the first time, weeks after Ada has left by it."""
    other = network.add(SimulatedTerminal(serial_number="GYM", users=[ADA]))
    other.punch(Punched(ADA, local(LATE, "18:30")))
    gym = added("Gym", other.address, port=other.port)
    assert office.poll(datetime.combine(LAST + timedelta(days=1), time(22), UTC), gym.id) == 1
    office.afternoon(LAST + timedelta(days=1))


def check_completeness(office: Office) -> None:
    """What the terminals count is stored, in workdays, and at the CRM."""
    with reading() as session:
        how = processor(now=datetime.combine(LAST + timedelta(days=4), time(), UTC)).how(session)
        entrance, gym = chains(session, [office.terminal_id, office.terminal_id + 1], FIRST, LAST + timedelta(days=1), how, has_crm=True)
    assert set(entrance.states) == set(gym.states) == {ChainState.COMPLETE}
    assert sum(day.proof.records for day in entrance.days if day.proof) == sum(day.stored for day in entrance.days)
    totals: Counter[str] = sum((Counter(day.places) for day in entrance.days), Counter())
    assert totals == {"counted": 6 * len(WEEKDAYS) - 1 + len(NIGHTS), "other_day": len(NIGHTS), "repeated": len(WEEKDAYS)}
    assert [(day.day, day.places) for day in gym.days] == [(LATE, {"other_terminal": 1})]


def test_the_commands_do_the_same(app: Flask, run: Run, office: Office) -> None:
    given = {"TERMINAL_ALLOW_LOOPBACK": "true", "CRM_API_URL": office.crm.address, "CRM_API_TOKEN": TOKEN, "CRM_ALLOW_HTTP": "true"}
    week, expected = month()
    office.terminal.punch(*(each for each in week if isinstance(each.time, datetime) and each.time.date() <= date(2026, 3, 6)))
    days = {key: times for key, times in expected.items() if key[1] <= "2026-03-06"}
    assert "Entrance: 38 records, 38 new, 0 cannot be decoded." in run("poll_devices", **given).output
    assert run("process_attendance", **given).output.endswith(" changed: 12.\n")
    assert run("sync_to_crm", "--limit", "5", **given).output == "Sent: 5, accepted: 5, not accepted: 0.\n"
    assert run("sync_to_crm", **given).output == "Sent: 7, accepted: 7, not accepted: 0.\n"
    for command in ("poll_devices", "process_attendance", "sync_to_crm", "retry_failed_syncs", "daily_cleanup"):
        assert run(command, **given).exit_code == 0
    assert {key: (body["clock_in"], body["clock_out"]) for key, body in office.crm.workdays.items()} == days
    assert set(office.crm.attempts.values()) == {1}
    with app.app_context():
        assert all(row.synced_to_crm for row in stored().values())
