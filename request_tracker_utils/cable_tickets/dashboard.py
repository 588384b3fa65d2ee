"""The figures of the dashboard: counts by status, one's own tickets, what waits, and how long approval and fulfillment take.

They are sums of `ticket_tallies`, which triggers maintain, so that they take as long with 100,000 tickets as with 1,000. A day is a day in
UTC, counted from 1970; a ticket that has waited for less than a day may count as one day.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, selectinload

from request_tracker_utils.cable_tickets.models import Ticket, TicketApprover, TicketTally
from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.cable_tickets.triggers import BOUNDS, WAITS

AGES = (1, 3, 7, 14, 30)
"""Days: tickets that wait are counted as `under 1`, `1 to 2`, `3 to 6`, …, `30 or more`."""
TIMES_OF_DAYS = 30
WEEKS = 12
OLDEST = 5
CHECKED = 500
"""So many undecided tickets are checked for those that ask somebody; it is only said of the others that there are more."""
_MOST_MINUTES = 2 * BOUNDS[-1]
"""Stands for the upper bound of the class that has none."""


@dataclass(frozen=True)
class ToDecide:
    """Tickets that ask somebody. `more`: there are undecided tickets that were not checked."""

    count: int = 0
    more: bool = False


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
    """`created` and `assigned` are those of the viewer. `waiting`: status → number for each class of AGES. `oldest`: the undecided
    tickets that were created first, with their items."""

    by_status: Mapping[str, int]
    created: Mapping[str, int]
    assigned: Mapping[str, int]
    to_decide: ToDecide
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
    def archived(self) -> int:
        return self.by_status[TicketStatus.DELETED]


def figures(session: Session, *, user_id: int | None, now: datetime) -> Figures:
    """As the user sees them; callers without an account have no tickets of their own."""
    today = day_of(now)
    subjects = [TicketTally.subject == "all", TicketTally.subject == "waiting"]
    if user_id is not None:
        subjects += [(TicketTally.subject == subject) & (TicketTally.key == user_id) for subject in ("created", "assigned")]
    found = _sums(session, or_(*subjects))
    times = _sums(session, TicketTally.subject.in_(("approval", "fulfillment")), TicketTally.key > today - WEEKS * 7)
    return Figures(
        by_status=_statuses(found, "all"),
        created=_statuses(found, "created"),
        assigned=_statuses(found, "assigned"),
        to_decide=_to_decide(session, user_id),
        waiting=_ages(found, today),
        oldest=_oldest(session),
        approval=_times(times, "approval", today),
        fulfillment=_times(times, "fulfillment", today),
        weeks=_weeks(times, today),
    )


def day_of(at: datetime) -> int:
    return int(at.timestamp()) // 86_400


_Sums = Mapping[tuple[str, int, str], int]
"""(subject, key, label) → count."""


def _sums(session: Session, *where: ColumnElement[bool]) -> _Sums:
    keys = (TicketTally.subject, TicketTally.key, TicketTally.label)
    query = select(*keys, func.sum(TicketTally.count)).where(*where).group_by(*keys)
    return {(subject, key, label): int(count) for subject, key, label, count in session.execute(query) if count}


def _statuses(found: _Sums, subject: str) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for (each, _key, label), count in found.items():
        if each == subject:
            counts[label] += count
    return {status.value: counts[status] for status in TicketStatus}


def _ages(found: _Sums, today: int) -> dict[str, list[int]]:
    ages = {status.value: [0] * (len(AGES) + 1) for status in WAITS}
    for (subject, day, status), count in found.items():
        if subject == "waiting":
            ages[status][sum(today - day >= bound for bound in AGES)] += count
    return ages


def _times(found: _Sums, subject: str, today: int) -> Times:
    classes: Counter[int | None] = Counter()
    for (each, day, label), count in found.items():
        if each == subject and day > today - TIMES_OF_DAYS:
            classes[None if label == "more" else int(label)] += count
    return Times(classes)


def _weeks(found: _Sums, today: int) -> list[Week]:
    counts: Counter[tuple[str, int]] = Counter()
    for (subject, day, _label), count in found.items():
        counts[subject, max(today - day, 0) // 7] += count
    return [Week(today - 7 * ago, counts["approval", ago], counts["fulfillment", ago]) for ago in reversed(range(WEEKS))]


def _oldest(session: Session) -> Sequence[Ticket]:
    undecided = select(Ticket).where(Ticket.status == TicketStatus.PENDING_APPROVAL).order_by(Ticket.id)
    return session.scalars(undecided.limit(OLDEST).options(selectinload(Ticket.items))).all()


def _to_decide(session: Session, user_id: int | None) -> ToDecide:
    """Checks the oldest undecided tickets, and no others."""
    if user_id is None:
        return ToDecide()
    pending = select(Ticket.id).where(Ticket.status == TicketStatus.PENDING_APPROVAL).order_by(Ticket.id)
    checked = pending.limit(CHECKED).subquery()
    asks = (TicketApprover.ticket_id == checked.c.id) & (TicketApprover.user_id == user_id) & TicketApprover.ended_at.is_(None)
    query = select(func.count(checked.c.id), func.count(TicketApprover.user_id)).select_from(checked).outerjoin(TicketApprover, asks)
    number, count = session.execute(query).one()
    return ToDecide(int(count), int(number) == CHECKED)
