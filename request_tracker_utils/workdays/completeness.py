"""Proof of completeness, for each terminal and day: what the terminal counts, what is stored, what is in workdays, and what the CRM has
accepted."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.completeness import DayProof
from request_tracker_utils.attendance.punch_completeness import completeness
from request_tracker_utils.workdays.computing import How
from request_tracker_utils.workdays.models import Workday
from request_tracker_utils.workdays.punch_places import Place, count_places

MOST_DAYS = 31


class SyncState(StrEnum):
    """What the CRM knows of a workday."""

    ACCEPTED = "accepted"
    OPEN = "open"
    """More punches can still belong to it, so it is not sent yet."""
    FAILED = "failed"
    WAITING = "waiting"


class ChainState(StrEnum):
    """The first thing that is missing on a day of a terminal."""

    MISSING = "missing"
    """The terminal has punches that are not stored."""
    PENDING = "pending"
    """Punches are stored, but not in workdays yet."""
    FAILED = "failed"
    """The CRM has not accepted workdays that were sent."""
    WAITING = "waiting"
    """Workdays are due, and will be sent by the next run."""
    NO_CRM = "no_crm"
    """Workdays are not sent, because no CRM is configured."""
    OPEN = "open"
    """The day is not over."""
    COMPLETE = "complete"


_UNSYNCED = (SyncState.FAILED, SyncState.WAITING, SyncState.OPEN)


@dataclass(frozen=True)
class ChainDay:
    """A day of a terminal, by its own time. `proof` is missing if the terminal was not counted on that day."""

    day: date
    proof: DayProof | None = None
    places: Counter[Place] = field(default_factory=Counter)
    workdays: Counter[SyncState] = field(default_factory=Counter)

    @property
    def stored(self) -> int:
        return self.places.total()

    @property
    def missing(self) -> int:
        return 0 if self.proof is None else max(0, self.proof.records - self.stored)

    def state(self, *, has_crm: bool) -> ChainState:
        if self.missing:
            return ChainState.MISSING
        if self.places[Place.PENDING]:
            return ChainState.PENDING
        if not has_crm and (self.workdays[SyncState.FAILED] or self.workdays[SyncState.WAITING]):
            return ChainState.NO_CRM
        return next((ChainState(sync.value) for sync in _UNSYNCED if self.workdays[sync]), ChainState.COMPLETE)


@dataclass(frozen=True)
class TerminalChain:
    """The days on which a terminal has counted or stored punches, or has workdays, the newest first."""

    terminal_id: int
    days: list[ChainDay]
    has_crm: bool

    @property
    def states(self) -> Counter[ChainState]:
        return Counter(day.state(has_crm=self.has_crm) for day in self.days)

    @property
    def worst(self) -> ChainState:
        states = self.states
        return next((state for state in ChainState if states[state]), ChainState.COMPLETE)

    @property
    def rank(self) -> int:
        """What has to be looked at comes first."""
        return list(ChainState).index(self.worst)


def chains(session: Session, terminal_ids: Collection[int], first: date, last: date, how: How, *, has_crm: bool) -> list[TerminalChain]:
    last = min(last, date.max - timedelta(days=1))  # the day after it has to exist
    proofs = {(each.terminal_id, day.day): day for each in completeness(session, terminal_ids, first, last) for day in each.days}
    places = count_places(session, terminal_ids, first, last, how)
    workdays = _workdays(session, terminal_ids, first, last, how.now)
    days: dict[int, list[ChainDay]] = defaultdict(list)
    for terminal_id, day in sorted({*proofs, *places, *workdays}, reverse=True):
        key = (terminal_id, day)
        days[terminal_id].append(ChainDay(day, proofs.get(key), places[key], workdays[key]))
    return [TerminalChain(each, days[each], has_crm) for each in terminal_ids]


def _workdays(
    session: Session, terminal_ids: Collection[int], first: date, last: date, now: datetime
) -> dict[tuple[int, date], Counter[SyncState]]:
    state = case(
        (Workday.synced_to_crm, SyncState.ACCEPTED.value),
        (Workday.window_ends_at > now, SyncState.OPEN.value),
        (Workday.crm_problem.is_not(None), SyncState.FAILED.value),
        else_=SyncState.WAITING.value,
    ).label("state")
    of_days = (Workday.terminal_id.in_(terminal_ids), Workday.date.between(first, last))
    rows = select(Workday.terminal_id, Workday.date, state).where(*of_days).subquery()
    query = select(rows.c.terminal_id, rows.c.date, rows.c.state, func.count()).group_by(rows.c.terminal_id, rows.c.date, rows.c.state)
    found: dict[tuple[int, date], Counter[SyncState]] = defaultdict(Counter)
    for terminal_id, day, name, count in session.execute(query):
        found[terminal_id, day][SyncState(name)] = count
    return found


def limited(first: date | None, last: date, *, usual: int) -> tuple[date, date]:
    """From `first`, or so many days, until `last`; never more than MOST_DAYS."""

    def before(days: int) -> date:
        return last - timedelta(days=min(days, last.toordinal() - 1))

    return min(max(first or before(usual - 1), before(MOST_DAYS - 1)), last), last
