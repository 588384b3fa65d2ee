"""Repairs of clocks: seconds that are added to the times of a stretch of a terminal's punches, previewed, recorded and reversible.

A repair is an overlay. `effective` applies it; punches never change. Repairs of a terminal are written with its row locked, so that two
never overlap.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import changed_days
from request_tracker_utils.attendance.effective import EFFECTIVE_AT
from request_tracker_utils.attendance.leases import find_terminal
from request_tracker_utils.attendance.models import ClockReading, ClockRepair, Punch, Terminal
from request_tracker_utils.attendance.plausibility import FUTURE
from request_tracker_utils.attendance.punch_errors import (
    ClockRepairNotFound,
    ClockRepairOverlaps,
    ClockRepairReversed,
    InvalidClockRepair,
)
from request_tracker_utils.attendance.service import record_event
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import find_row
from request_tracker_utils.core.text import clean
from request_tracker_utils.core.translation import gettext as _

MOST_SECONDS = 60 * 366 * 24 * 60 * 60
MAX_REASON = 1_000
SHOWN = 10
"""Punches at each end of the stretch that a preview shows."""
READINGS = 10
NEAR = timedelta(days=2)
"""How long before and after the stretch was received readings of the clock are a proof of it."""
_OFFSET = re.compile(r"([-+\u2212]?)\s*(?:(?:(\d{1,7}):)?(\d{1,7}):)?(\d{1,10})", re.ASCII)


@dataclass(frozen=True)
class NewRepair:
    """A stretch from one punch to another, in the order in which they were received, and what is added to their times."""

    terminal_id: int
    first_punch_id: int
    last_punch_id: int
    seconds: int
    reason: str = ""


@dataclass(frozen=True)
class Preview:
    """What a repair does: how many punches, the first and last of them, and readings of the clock that show how far it was off."""

    terminal: Terminal
    count: int
    punches: Sequence[Punch]
    readings: Sequence[ClockReading]

    @property
    def hidden(self) -> int:
        """Punches in the middle that are not shown."""
        return self.count - len(self.punches)


def parse_offset(text: str) -> int:
    """Seconds, or `H:MM:SS`, with a sign. Raises InvalidClockRepair."""
    if (match := _OFFSET.fullmatch(text.strip())) is None:
        raise InvalidClockRepair(_("Enter seconds, or hours, minutes and seconds such as −0:15:00."), field="offset")
    sign, hours, minutes, seconds = match.groups()
    total = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds)
    return -total if sign in ("-", "−") else total


def preview(session: Session, new: NewRepair) -> Preview:
    """Raises TerminalNotFound, InvalidClockRepair and ClockRepairOverlaps."""
    terminal = find_terminal(session, new.terminal_id)
    count = _check(session, new)
    within = select(Punch).where(*_stretch(new))
    first = session.scalars(within.order_by(Punch.id).limit(SHOWN)).all()
    last = session.scalars(within.order_by(Punch.id.desc()).limit(SHOWN)).all()
    shown = {punch.id: punch for punch in [*first, *reversed(last)]}
    return Preview(terminal, count, [shown[each] for each in sorted(shown)], _readings(session, new))


def apply(session: Session, new: NewRepair, *, actor: Actor, now: datetime) -> ClockRepair:
    """Raises TerminalNotFound, InvalidClockRepair and ClockRepairOverlaps."""
    reason = clean(new.reason).strip()
    if not 0 < len(reason) <= MAX_REASON:
        raise InvalidClockRepair(_("Enter a reason of at most %(number)s characters.", number=MAX_REASON), field="reason")
    terminal = find_terminal(session, new.terminal_id, with_for_update=True)
    count = _check(session, new)
    changed_days.mark_punches(session, *_stretch(new), now=now)
    readings = [{"read_at": each.read_at.isoformat(), "drift": each.drift} for each in _readings(session, new)]
    repair = ClockRepair(
        terminal_id=terminal.id,
        first_punch_id=new.first_punch_id,
        last_punch_id=new.last_punch_id,
        seconds=new.seconds,
        reason=reason,
        proof={"punches": count, "readings": readings},
        created_by_id=actor.user_id,
        created_by=actor.name,
        created_at=now,
    )
    session.add(repair)
    session.flush()
    changed_days.mark_punches(session, *_stretch(new), now=now)
    _record(session, terminal, "clock_repaired", repair, actor, now)
    return repair


def reverse(session: Session, repair_id: int, *, actor: Actor, now: datetime) -> ClockRepair:
    """The punches have their own times again. Raises ClockRepairNotFound, ClockRepairReversed."""
    if (found := find_row(session, ClockRepair, repair_id)) is None:
        raise ClockRepairNotFound(_("Clock repair %(id)s was not found.", id=repair_id))
    terminal = find_terminal(session, found.terminal_id, with_for_update=True)
    session.refresh(found)
    if found.reversed_at is not None:
        raise ClockRepairReversed(_("%(name)s has already reversed this repair.", name=found.reversed_by))
    moved = NewRepair(found.terminal_id, found.first_punch_id, found.last_punch_id, found.seconds)
    changed_days.mark_punches(session, *_stretch(moved), now=now)
    found.reversed_by_id, found.reversed_by, found.reversed_at = actor.user_id, actor.name, now
    session.flush()
    changed_days.mark_punches(session, *_stretch(moved), now=now)
    _record(session, terminal, "clock_repair_reversed", found, actor, now)
    return found


def list_repairs(session: Session, *, limit: int, before: int | None = None) -> Sequence[ClockRepair]:
    """Also reversed ones, the newest first."""
    query = select(ClockRepair).order_by(ClockRepair.id.desc()).limit(limit)
    return session.scalars(query if before is None else query.where(ClockRepair.id < before)).all()


def _check(session: Session, new: NewRepair) -> int:
    """How many punches the stretch has."""
    if not 0 < abs(new.seconds) <= MOST_SECONDS:
        raise InvalidClockRepair(_("Enter how far to move the times, at most 60 years."), field="offset")
    for field, punch_id in (("first_punch", new.first_punch_id), ("last_punch", new.last_punch_id)):
        punch = session.get(Punch, punch_id)
        if punch is None or punch.terminal_id != new.terminal_id:
            raise InvalidClockRepair(_("The terminal has no punch with the ID %(id)s.", id=punch_id), field=field)
    if new.first_punch_id > new.last_punch_id:
        raise InvalidClockRepair(_("The last punch was received before the first."), field="last_punch")
    active = (ClockRepair.terminal_id == new.terminal_id, ClockRepair.reversed_at.is_(None))
    overlap = (ClockRepair.first_punch_id <= new.last_punch_id, ClockRepair.last_punch_id >= new.first_punch_id)
    if (other := session.scalar(select(ClockRepair).where(*active, *overlap).limit(1))) is not None:
        sentence = _("Repair %(id)s moves some of these punches. Reverse it first, or choose another stretch.", id=other.id)
        raise ClockRepairOverlaps(sentence, field="first_punch")
    columns = (func.count(), func.max(EFFECTIVE_AT), func.max(Punch.received_at))
    count, latest, received_at = session.execute(select(*columns).where(*_stretch(new))).one()
    if latest + timedelta(seconds=new.seconds) > received_at + FUTURE:
        raise InvalidClockRepair(_("Punches would be later than they were received."), field="offset")
    return int(count)


def _stretch(new: NewRepair) -> list[ColumnElement[bool]]:
    return [Punch.terminal_id == new.terminal_id, Punch.id.between(new.first_punch_id, new.last_punch_id)]


def _readings(session: Session, new: NewRepair) -> Sequence[ClockReading]:
    """The first readings from the time in which the punches were received."""
    begin, end = session.execute(select(func.min(Punch.received_at), func.max(Punch.received_at)).where(*_stretch(new))).one()
    during = (ClockReading.terminal_id == new.terminal_id, ClockReading.read_at.between(begin - NEAR, end + NEAR))
    return session.scalars(select(ClockReading).where(*during).order_by(ClockReading.id).limit(READINGS)).all()


def _record(session: Session, terminal: Terminal, event: str, repair: ClockRepair, actor: Actor, now: datetime) -> None:
    stretch = {"first_punch": repair.first_punch_id, "last_punch": repair.last_punch_id}
    record_event(session, terminal, event, actor=actor, now=now, repair=repair.id, seconds=repair.seconds, reason=repair.reason, **stretch)
