"""Punches as pages and exports show them: with names, the terminal, and the time that counts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.effective import effective_at, effective_local, repair_seconds
from request_tracker_utils.attendance.models import Punch
from request_tracker_utils.attendance.people import Owner, owners
from request_tracker_utils.attendance.punch_list import PunchFilter, find_punches, matching
from request_tracker_utils.attendance.terminal_names import site_keys, terminal_names, user_names
from request_tracker_utils.core.db import Reading

FIRST_CHUNK, CHUNK = 200, 1_000
EXPORT_HEADER = (
    *("id", "terminal", "user_id", "name", "effective_at", "effective_local_time", "terminal_time", "timezone", "timestamp"),
    *("repaired_seconds", "implausible", "status", "punch_state", "work_code", "source", "received_at"),
)


@dataclass(frozen=True)
class ShownPunch:
    """`name` is the person's, or what the terminal calls the user. `seconds` are those of a repair of the clock."""

    punch: Punch
    terminal: str
    name: str
    seconds: int
    person: Owner | None = None

    @property
    def local(self) -> datetime:
        """By the clocks of the terminal's place."""
        return effective_local(self.punch, self.seconds)


def shown(session: Session, punches: Sequence[Punch]) -> list[ShownPunch]:
    terminals, users = terminal_names(session), user_names(session, punches)
    seconds = repair_seconds(session, [punch.id for punch in punches])
    known, sites = owners(session, {punch.user_id for punch in punches}), site_keys(session)
    found = []
    for each in punches:
        person = known.on(sites[each.terminal_id], each.user_id, each.terminal_time.date())
        name = person.name if person else users.get((each.terminal_id, each.user_id), "")
        found.append(ShownPunch(each, terminals[each.terminal_id], name, seconds.get(each.id, 0), person))
    return found


def received_after(session: Session, filters: PunchFilter, punch_id: int, *, limit: int) -> list[ShownPunch]:
    """Punches that came later than this one, in the order in which they were received."""
    conditions = [Punch.id > punch_id, *matching(session, filters)]
    return shown(session, session.scalars(select(Punch).where(*conditions).order_by(Punch.id).limit(limit)).all())


def export_rows(reading: Reading, filters: PunchFilter) -> Iterator[list[object]]:
    """In chunks with a short session each, newest first."""
    after, size = None, FIRST_CHUNK
    while True:
        with reading() as session:
            page = find_punches(session, filters, size=size, after=after)
            rows = shown(session, page.rows)
        for each in rows:
            yield _cells(each)
        if (after := page.next_cursor) is None:
            return
        size = CHUNK


def _cells(each: ShownPunch) -> list[object]:
    punch = each.punch
    return [
        *(punch.id, each.terminal, punch.user_id, each.name, effective_at(punch, each.seconds).isoformat(), each.local.isoformat()),
        *(punch.terminal_time.isoformat(), punch.timezone, punch.punched_at.isoformat(), each.seconds or "", punch.implausible or ""),
        *(punch.status, punch.punch_state, punch.work_code or "", punch.source, punch.received_at.isoformat()),
    ]
