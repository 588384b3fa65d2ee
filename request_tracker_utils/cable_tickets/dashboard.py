"""The figures of the dashboard: counts by status, one's own tickets, what waits, and how long approval and fulfillment take.

They are sums of `ticket_tallies`, which triggers maintain, so that they take as long with 100,000 tickets as with 1,000. A day is a day in
UTC, counted from 1970; a ticket that has waited for less than a day may count as one day.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import case, false, func, select
from sqlalchemy.orm import Session, selectinload

from request_tracker_utils.cable_tickets.models import Ticket, TicketTally
from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.cable_tickets.triggers import BOUNDS, WAITS

AGES = (1, 3, 7, 14, 30)
"""Days: tickets that wait are counted as `under 1`, `1 to 2`, `3 to 6`, …, `30 or more`."""
TIMES_OF_DAYS = 30
WEEKS = 12
OLDEST = 5
_MOST_MINUTES = 2 * BOUNDS[-1]
"""Stands for the upper bound of the class that has none."""


@dataclass(frozen=True)
class Times:
    """How long it took, by the classes of `triggers.BOUNDS`: upper bound in minutes, or None → number of tickets."""

    classes: Mapping[int | None, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(self.classes.values())

    @property
    def median(self) -> int | None:
        return self.within(0.5)

    def within(self, share: float) -> int | None:
        """Minutes within which this share of the tickets was done, between the bounds of the class; None without tickets."""
        if not self.count:
            return None
        left, lower = share * self.count, 0
        for bound in (*BOUNDS, None):
            upper, here = bound or _MOST_MINUTES, self.classes.get(bound, 0)
            if here and left <= here:
                return round(lower + (upper - lower) * left / here)
            left, lower = left - here, upper
        return _MOST_MINUTES


@dataclass(frozen=True)
class Week:
    """Tickets that were approved and fulfilled in the seven days up to this one. `day` counts from 1970."""

    day: int
    approved: int
    fulfilled: int


@dataclass(frozen=True)
class Figures:
    """`created` and `assigned` are those of the viewer, see `listing.Mine`. `waiting`: status → number for each class of AGES. `oldest`:
    the undecided tickets that were created first, with their items."""

    by_status: Mapping[str, int]
    created: Mapping[str, int]
    assigned: Mapping[str, int]
    waiting: Mapping[str, Sequence[int]]
    oldest: Sequence[Ticket]
    approval: Times
    fulfillment: Times
    weeks: Sequence[Week]

    @property
    def total(self) -> int:
        """Without archived tickets."""
        return sum(count for status, count in self.by_status.items() if status != TicketStatus.DELETED)

    @property
    def to_decide(self) -> int:
        """Tickets that wait for the viewer's decision."""
        return self.assigned[TicketStatus.PENDING_APPROVAL]

    @property
    def archived(self) -> int:
        return self.by_status[TicketStatus.DELETED]


def figures(session: Session, *, user_id: int | None, now: datetime) -> Figures:
    """As the user sees them; callers without an account have no tickets of their own."""
    today, found = day_of(now), _by_status(session, user_id)
    times = _times_and_weeks(session, today)
    return Figures(
        by_status=_statuses(found, "all"),
        created=_statuses(found, "created"),
        assigned=_statuses(found, "assigned"),
        waiting=_ages(session, today),
        oldest=_oldest(session),
        approval=_times(times, "approval"),
        fulfillment=_times(times, "fulfillment"),
        weeks=_weeks(times, today),
    )


def count_to_decide(session: Session, user_id: int | None) -> int:
    """Tickets that wait for this person's decision."""
    pending = (TicketTally.subject == "assigned", TicketTally.key == user_id, TicketTally.label == TicketStatus.PENDING_APPROVAL)
    return int(session.scalar(select(_COUNT).where(*pending)) or 0) if user_id is not None else 0


def day_of(at: datetime) -> int:
    return int(at.timestamp()) // 86_400


_COUNT = func.sum(TicketTally.count)
_Times = Mapping[tuple[str, str, int, bool], int]
"""(subject, class, weeks ago, whether it is one of TIMES_OF_DAYS) → count."""


def _by_status(session: Session, user_id: int | None) -> Mapping[tuple[str, str], int]:
    """(subject, status) → count."""
    own = (TicketTally.subject.in_(("created", "assigned")) & (TicketTally.key == user_id)) if user_id is not None else false()
    query = select(TicketTally.subject, TicketTally.label, _COUNT).where((TicketTally.subject == "all") | own)
    rows = session.execute(query.group_by(TicketTally.subject, TicketTally.label))
    return {(subject, status): int(number) for subject, status, number in rows}


def _statuses(found: Mapping[tuple[str, str], int], subject: str) -> dict[str, int]:
    return {status.value: found.get((subject, status.value), 0) for status in TicketStatus}


def _ages(session: Session, today: int) -> dict[str, list[int]]:
    """The database adds up the days of each class."""
    since = [today - bound for bound in AGES]
    place = case(*((TicketTally.key <= since[number - 1], number) for number in range(len(AGES), 0, -1)), else_=0).label("place")
    query = select(TicketTally.label, place, _COUNT).where(TicketTally.subject == "waiting").group_by(TicketTally.label, place)
    ages = {status.value: [0] * (len(AGES) + 1) for status in WAITS}
    for status, number, found in session.execute(query):
        ages[status][number] += int(found)
    return ages


def _times_and_weeks(session: Session, today: int) -> _Times:
    week = case(*((TicketTally.key > today - 7 * (ago + 1), ago) for ago in range(WEEKS - 1)), else_=WEEKS - 1).label("week")
    is_recent = case((TicketTally.key > today - TIMES_OF_DAYS, 1), else_=0).label("is_recent")
    keys = (TicketTally.subject, TicketTally.label, week, is_recent)
    which = (TicketTally.subject.in_(("approval", "fulfillment")), TicketTally.key > today - WEEKS * 7)
    rows = session.execute(select(*keys, _COUNT).where(*which).group_by(*keys))
    return {(subject, label, ago, bool(recent)): int(number) for subject, label, ago, recent, number in rows}


def _times(found: _Times, subject: str) -> Times:
    classes: Counter[int | None] = Counter()
    for (each, label, _ago, is_recent), number in found.items():
        if each == subject and is_recent and number:
            classes[None if label == "more" else int(label)] += number
    return Times(classes)


def _weeks(found: _Times, today: int) -> list[Week]:
    counts: Counter[tuple[str, int]] = Counter()
    for (subject, _label, ago, _recent), number in found.items():
        counts[subject, ago] += number
    return [Week(today - 7 * ago, counts["approval", ago], counts["fulfillment", ago]) for ago in reversed(range(WEEKS))]


def _oldest(session: Session) -> Sequence[Ticket]:
    undecided = select(Ticket).where(Ticket.status == TicketStatus.PENDING_APPROVAL).order_by(Ticket.id)
    return session.scalars(undecided.limit(OLDEST).options(selectinload(Ticket.items))).all()
