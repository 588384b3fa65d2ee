"""Sample terminals in several states, with two weeks of punches. They only push, so that the program never looks for them."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import service
from request_tracker_utils.attendance.completeness import count_days
from request_tracker_utils.attendance.models import ClockReading, Source, Terminal
from request_tracker_utils.attendance.reading import Record, TerminalUser
from request_tracker_utils.attendance.service import NewTerminal
from request_tracker_utils.attendance.storing import Receipt, chunks, prepare, store_punches, store_users
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.db import Reading, Transaction

DAYS, WEEKS = 7, 2
NAMES = (
    "Ada Lovelace",
    "Alan Turing",
    "Annie Easley",
    "Dorothy Vaughan",
    "Edsger Dijkstra",
    "Grace Hopper",
    "Hedy Lamarr",
    "Katherine Johnson",
    "Mary Jackson",
    "Radia Perlman",
)
FACE, IN, OUT = 15, 0, 1
"""How people were recognized, and whether they came or went, as terminals encode it."""


@dataclass(frozen=True)
class _Plan:
    """A terminal, how far its clock is off, how full its memory is, and how long it has been silent."""

    name: str
    site: str
    drift: int
    records: int
    capacity: int
    people: int
    silent: timedelta = timedelta(minutes=1)
    enabled: bool = True


PLANS = (
    _Plan("High school office", "High school", 2, 12_840, 100_000, 6),
    _Plan("High school gym", "High school", 95, 3_120, 100_000, 4),
    _Plan("Middle school", "Middle school", -4, 46_900, 50_000, 8),
    _Plan("Bus garage", "Transportation", 0, 5_210, 50_000, 3, silent=timedelta(hours=7)),
    _Plan("Former library", "Middle school", 0, 880, 50_000, 0, silent=timedelta(days=90), enabled=False),
)


def is_empty(reading: Reading) -> bool:
    with reading() as session:
        return not session.scalar(select(exists().select_from(Terminal)))


def fill(transaction: Transaction, *, timezone: str, now: datetime) -> int:
    """Returns the number of punches. The same people and times of day each time."""
    rng = random.Random(20)  # noqa: S311 — the same data each time
    with transaction() as session:
        return sum(_add(session, number, plan, timezone, now, rng) for number, plan in enumerate(PLANS, 1))


def _add(session: Session, number: int, plan: _Plan, timezone: str, now: datetime, rng: random.Random) -> int:
    new = NewTerminal(plan.name, timezone, site=plan.site, enabled=plan.enabled)
    terminal = service.add(session, new, encrypt=lambda text: text, allow_loopback=False, actor=of_command(), now=now)
    terminal.push_enabled, terminal.push_version = True, "2.4.1"
    terminal.serial_number, terminal.platform, terminal.device_name = f"DEMO2118600{number:02d}", "ZMM220_TFT", "iFace702"
    terminal.record_count, terminal.capacity, terminal.user_count = plan.records, plan.capacity, plan.people
    seen = now - plan.silent
    terminal.last_push_at = terminal.last_contact_at = terminal.last_sync_at = terminal.clock_read_at = seen
    terminal.clock_drift = plan.drift
    for day in range(DAYS, -1, -1):
        drift, read_at = round(plan.drift * (DAYS - day) / DAYS), seen - timedelta(days=day)
        shown = read_at.astimezone(ZoneInfo(timezone)).replace(tzinfo=None) + timedelta(seconds=drift)
        session.add(ClockReading(terminal_id=terminal.id, read_at=read_at, terminal_time=shown, drift=drift))
    if not plan.people:
        return 0
    local_now = seen.astimezone(ZoneInfo(timezone)).replace(tzinfo=None)
    log = sorted(_log(plan.people, local_now, rng), key=lambda record: record.time)
    receipt = Receipt.of(terminal, Source.PUSH, seen)
    users = [TerminalUser(uid, str(100 + uid), name) for uid, name in enumerate(NAMES[: plan.people], 1)]
    store_users(session, terminal.id, users, now=seen)
    by_day = Counter(each.time.date() for each in log)
    placing = prepare(session, receipt, log, days=set(by_day), follows=False)
    stored = sum(store_punches(session, receipt, chunk) for chunk in chunks(placing.rows(log)))
    count_days(session, receipt, by_day, log, whole=True)
    return stored


def _log(people: int, local_now: datetime, rng: random.Random) -> Iterator[Record]:
    """People come in the morning, leave for lunch, and go in the afternoon, on weekdays until now."""
    for back in range(7 * WEEKS):
        day: date = local_now.date() - timedelta(days=back)
        if day.weekday() > 4:
            continue
        for uid in range(1, people + 1):
            for hour, punch in ((7, IN), (11, OUT), (12, IN), (15, OUT)):
                at = datetime.combine(day, time(hour)) + timedelta(minutes=rng.randint(0, 59), seconds=rng.randint(0, 59))
                if at <= local_now:
                    yield Record(str(100 + uid), uid, at, FACE, punch)
