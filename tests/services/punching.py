"""Stored punches for tests."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from request_tracker_utils.attendance import people_changes
from request_tracker_utils.attendance.completeness import count_days
from request_tracker_utils.attendance.models import Source, Terminal
from request_tracker_utils.attendance.people_changes import PersonFields, SiteId
from request_tracker_utils.attendance.reading import Record, TerminalUser
from request_tracker_utils.attendance.storing import Receipt, chunks, keep_raw_log, prepare, quarantine, store_punches, store_users
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from tests.services.attendance import NOW, added, record


def store(
    into: Terminal, records: Sequence[Record], *, follows: bool = False, source: Source = Source.POLL, received_at: datetime = NOW
) -> int:
    """Stores the records as one log, or after those that are stored. Returns how many are new."""
    receipt = Receipt.of(into, source, received_at)
    with transaction() as session:
        placing = prepare(session, receipt, records, days={each.time.date() for each in records}, follows=follows)
        return sum(store_punches(session, receipt, chunk) for chunk in chunks(placing.rows(records)))


def punched() -> None:
    """A terminal with punches of today, one of 2000, a missing one, and what could not be decoded."""
    now = utc_now()
    entrance = added("Main entrance", "10.20.0.50", timezone="UTC")
    times = [now - timedelta(minutes=7 * number, seconds=number) for number in range(8, 0, -1)]
    log = [record(str(17 + number % 3), f"{at:%Y-%m-%d %H:%M:%S}") for number, at in enumerate(times)]
    store(entrance, [*log, record("17", "2000-01-01 00:00:00")], received_at=now)
    receipt = Receipt.of(entrance, Source.POLL, now)
    users = [TerminalUser(number, str(16 + number), name) for number, name in enumerate(("Ada Lovelace", "Grace Hopper"), start=1)]
    by_day = Counter(each.time.date() for each in log)
    by_day[times[-1].date()] += 1
    with transaction() as session:
        store_users(session, entrance.id, users, now=now)
        quarantine(session, receipt, [(bytes(range(40)), "invalid_time", 4)])
        keep_raw_log(session, receipt, bytes(60), records=3, problem="unknown_size")
        count_days(session, receipt, by_day, log, whole=True)


def people_with_punches() -> int:
    """A person with punches, another name for their user ID at a second site, and users without a person. To be called after `punched`.
    Returns the person's ID."""
    by, now = Actor("ada"), utc_now()
    gym = added("Gym", "10.20.0.51", site="South High")
    with transaction() as session:
        ids = [SiteId("17"), SiteId("17", "South High")]
        person = people_changes.create(session, PersonFields("Ada Lovelace", ids=ids, notes="Office"), actor=by, now=now)
        store_users(session, gym.id, [TerminalUser(1, "17", "Mary Somerville"), TerminalUser(2, "30", "Emmy Noether")], now=now)
        return person.id
