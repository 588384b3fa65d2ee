"""The queue of workdays that wait for a review, the oldest first, and accepting many of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, literal_column, select, tuple_
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import AttendancePerson, TerminalUserRow
from request_tracker_utils.attendance.people import person_of_account
from request_tracker_utils.attendance.terminal_names import terminal_names
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.keyset import Cursor, KeysetQuery, Page, Segment
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.workdays import reviews
from request_tracker_utils.workdays.models import Workday
from request_tracker_utils.workdays.review_errors import WorkdayChanged
from request_tracker_utils.workdays.reviews import Seen

MOST_ACCEPTED = 200
"""Days that are accepted in one transaction."""
_IS_OPEN = Workday.review_state == literal_column("'open'")
"""As in the condition of the index."""


class ReasonKind(StrEnum):
    OUTLIER = "outlier"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True)
class QueueFilter:
    person_id: int | None = None
    kind: ReasonKind | None = None


@dataclass(frozen=True)
class NamedDay:
    """`name` is the person's, or what the terminal calls the user."""

    workday: Workday
    name: str
    terminal: str
    is_own: bool = False


@dataclass(frozen=True)
class Batch:
    """The oldest days that somebody may accept together, and a digest of what they say."""

    days: Sequence[Workday]
    digest: str


def waiting(
    session: Session, now: datetime, filters: QueueFilter | None = None, *, size: int, after: Cursor | None = None, offset: int = 0
) -> Page[Workday]:
    """The days have ended: more punches cannot make them complete."""
    return _query(now, filters or QueueFilter()).page(session, size=size, after=after, offset=offset)


def count_waiting(session: Session, now: datetime, filters: QueueFilter | None = None) -> int:
    return _query(now, filters or QueueFilter()).count(session)


def batch(session: Session, now: datetime, filters: QueueFilter, actor: Actor) -> Batch:
    """Without the actor's own days."""
    found = waiting(session, now, filters, size=MOST_ACCEPTED).rows
    own = person_of_account(session, actor.user_id)
    days = [each for each in found if own is None or not reviews.is_own(session, each, actor)]
    said = "|".join(f"{each.id} {each.first_at} {each.last_at}" for each in days)
    return Batch(days, hashlib.sha256(said.encode()).hexdigest())


def accept_batch(session: Session, filters: QueueFilter, digest: str, *, reason: str = "", actor: Actor, now: datetime) -> int:
    """Accepts the days that the preview with this digest has shown. Returns how many. Raises WorkdayChanged."""
    found = batch(session, now, filters, actor)
    if found.digest != digest:
        raise WorkdayChanged(_("Workdays have changed since the preview. Look at it again."))
    for each in sorted(found.days, key=lambda day: day.id):
        reviews.accept(session, each.id, Seen(each.first_at, each.last_at), reason=reason, actor=actor, now=now)
    return len(found.days)


def named(session: Session, days: Sequence[Workday], actor: Actor | None = None) -> list[NamedDay]:
    """With the names of people and terminals; `is_own` for the actor."""
    people = {each.person_id for each in days if each.person_id is not None}
    names = dict(session.execute(select(AttendancePerson.id, AttendancePerson.name).where(AttendancePerson.id.in_(people))).all())
    of_terminals = (TerminalUserRow.terminal_id, TerminalUserRow.user_id)
    wanted = {(each.terminal_id, each.user_id) for each in days if each.person_id is None}
    users: dict[tuple[int, str], str] = {}
    if wanted:
        query = select(*of_terminals, TerminalUserRow.name).where(tuple_(*of_terminals).in_(wanted))
        users = {(terminal_id, user_id): name for terminal_id, user_id, name in session.execute(query)}
    terminals = terminal_names(session)
    checks_own = actor is not None and person_of_account(session, actor.user_id) is not None
    return [
        NamedDay(
            each,
            names.get(each.person_id or 0, "") or users.get((each.terminal_id, each.user_id), ""),
            terminals.get(each.terminal_id, ""),
            is_own=checks_own and actor is not None and reviews.is_own(session, each, actor),
        )
        for each in days
    ]


def _query(now: datetime, filters: QueueFilter) -> KeysetQuery[Workday]:
    conditions: list[ColumnElement[bool]] = [_IS_OPEN, Workday.window_ends_at <= now]
    within: list[Any] = []
    if filters.person_id is not None:
        within.append(Workday.person_id == filters.person_id)
    if filters.kind == ReasonKind.OUTLIER:
        conditions.append(Workday.is_outlier.is_(True))
    elif filters.kind == ReasonKind.INCOMPLETE:
        conditions.append(Workday.is_incomplete.is_(True))
    return KeysetQuery(Workday, [Segment((Workday.date, Workday.id))], conditions, within=within)
