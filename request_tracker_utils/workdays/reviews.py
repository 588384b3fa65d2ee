"""Reviews: a workday is accepted as it is, or corrected to other times, and that is undone.

A decision is an overlay: punches stay as they are, and `effective` puts the decision on top of them. It is about what the reviewer has
seen: if the punches have changed since, or somebody else has decided, it is refused. If punches change later, the computation ends the
decision, and the day is open again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import changed_days
from request_tracker_utils.attendance.models import Terminal
from request_tracker_utils.attendance.people import owners, person_of_account
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import find_row
from request_tracker_utils.core.text import clean
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.workdays.effective import apply_decision
from request_tracker_utils.workdays.errors import WorkdayNotFound
from request_tracker_utils.workdays.local_times import check_times
from request_tracker_utils.workdays.models import Decision, DecisionEnd, ReviewState, Workday, WorkdayDecision
from request_tracker_utils.workdays.pay_adjustments import ChangedDay, lock_periods, record_changes
from request_tracker_utils.workdays.review_errors import (
    InvalidCorrection,
    NothingToReview,
    OwnWorkday,
    WorkdayChanged,
    WorkdayNotOver,
)

MAX_REASON = 1_000


class Seen(NamedTuple):
    """What a reviewer has seen of a day: its punches, and the decision that was valid."""

    first_at: datetime | None = None
    last_at: datetime | None = None
    decision_id: int | None = None


def find_workday(session: Session, workday_id: int, **options: Any) -> Workday:
    """Raises WorkdayNotFound. `options` are those of `Session.get`."""
    if (found := find_row(session, Workday, workday_id, **options)) is None:
        raise WorkdayNotFound(_("Workday %(id)s was not found.", id=workday_id))
    return found


def decision_of(session: Session, workday_id: int) -> WorkdayDecision | None:
    """The valid one."""
    return session.scalar(select(WorkdayDecision).where(WorkdayDecision.workday_id == workday_id, WorkdayDecision.ended_at.is_(None)))


def decisions_of(session: Session, workday_id: int) -> Sequence[WorkdayDecision]:
    """The newest first, with those that have ended."""
    of_day = select(WorkdayDecision).where(WorkdayDecision.workday_id == workday_id)
    return session.scalars(of_day.order_by(WorkdayDecision.id.desc())).all()


def decisions_by(session: Session, actor: Actor, *, limit: int) -> Sequence[tuple[WorkdayDecision, Workday]]:
    """The last decisions of a reviewer that are valid."""
    query = select(WorkdayDecision, Workday).join(Workday, Workday.id == WorkdayDecision.workday_id)
    by = (WorkdayDecision.decided_by_id == actor.user_id, WorkdayDecision.ended_at.is_(None))
    return session.execute(query.where(*by).order_by(WorkdayDecision.id.desc()).limit(limit)).all()


def seen_of(session: Session, workday: Workday) -> Seen:
    """The day as it is now."""
    decision = decision_of(session, workday.id)
    return Seen(workday.first_at, workday.last_at, decision.id if decision else None)


def accept(session: Session, workday_id: int, seen: Seen, *, reason: str = "", actor: Actor, now: datetime) -> WorkdayDecision:
    """The day counts as it is. Raises WorkdayNotFound, OwnWorkday, WorkdayNotOver, WorkdayChanged, NothingToReview."""
    workday, former = _locked(session, workday_id, seen, actor, now)
    if former is None and workday.review_state != ReviewState.OPEN:
        raise NothingToReview(_("This workday needs no review."))
    new = WorkdayDecision(decision=Decision.ACCEPTED, reason=_reason(reason))
    return _decide(session, workday, former, new, actor, now)


def correct(
    session: Session,
    workday_id: int,
    seen: Seen,
    clock_in: datetime,
    clock_out: datetime | None,
    *,
    reason: str,
    actor: Actor,
    now: datetime,
) -> WorkdayDecision:
    """These times count instead. Raises InvalidCorrection, WorkdayNotFound, OwnWorkday, WorkdayNotOver, WorkdayChanged."""
    if not (reason := _reason(reason)):
        raise InvalidCorrection(_("Enter a reason."), field="reason")
    workday, former = _locked(session, workday_id, seen, actor, now)
    check_times(workday, clock_in, clock_out)
    new = WorkdayDecision(decision=Decision.CORRECTED, reason=reason, clock_in=clock_in, clock_out=clock_out)
    return _decide(session, workday, former, new, actor, now)


def undo(session: Session, workday_id: int, seen: Seen, *, actor: Actor, now: datetime) -> Workday:
    """The day is as its punches say. Raises WorkdayNotFound, OwnWorkday, WorkdayNotOver, WorkdayChanged, NothingToReview."""
    workday, decision = _locked(session, workday_id, seen, actor, now)
    if decision is None:
        raise NothingToReview(_("Nothing was decided about this workday."))
    _end(session, decision, DecisionEnd.UNDONE, actor, now)
    apply_decision(session, workday, None, now)
    record_changes(session, [ChangedDay.of(workday)], now, by=actor.name)
    if workday.punches == 0:  # it may have been created for a correction: then it goes
        changed_days.mark(session, [workday.user_id], workday.date, workday.date, now=now)
    return workday


def is_own(session: Session, workday: Workday, actor: Actor) -> bool:
    """Whether the day is of the person to whom the actor's account is linked."""
    person = person_of_account(session, actor.user_id)
    if person is None:
        return False
    site = session.scalars(select(Terminal.site_key).where(Terminal.id == workday.terminal_id)).one()
    owner = owners(session, [workday.user_id]).on(site, workday.user_id, workday.date)
    return person.id in (workday.person_id, owner.id if owner else None)


def _locked(session: Session, workday_id: int, seen: Seen, actor: Actor, now: datetime) -> tuple[Workday, WorkdayDecision | None]:
    day = find_workday(session, workday_id).date
    lock_periods(session, day, day)
    workday = find_workday(session, workday_id, with_for_update=True, populate_existing=True)
    if is_own(session, workday, actor):
        raise OwnWorkday(_("Nobody reviews their own workdays. Ask somebody else to review it."))
    if workday.window_ends_at > now:
        raise WorkdayNotOver(_("This workday has not ended. Review it later."))
    current = seen_of(session, workday)
    if current != seen:
        message = _("This workday has changed since you have seen it. Look at it again.")
        times = {name: at.isoformat() if at else None for name, at in (("first_at", current.first_at), ("last_at", current.last_at))}
        raise WorkdayChanged(message, **times, decision_id=current.decision_id)
    return workday, decision_of(session, workday_id)


def _decide(
    session: Session, workday: Workday, former: WorkdayDecision | None, new: WorkdayDecision, actor: Actor, now: datetime
) -> WorkdayDecision:
    if former is not None:
        _end(session, former, DecisionEnd.REPLACED, actor, now)
    new.workday_id, new.first_at, new.last_at = workday.id, workday.first_at, workday.last_at
    new.decided_by_id, new.decided_by, new.decided_at = actor.user_id, actor.name[:100], now
    session.add(new)
    session.flush()
    apply_decision(session, workday, new, now)
    record_changes(session, [ChangedDay.of(workday)], now, by=actor.name)
    return new


def _end(session: Session, decision: WorkdayDecision, why: DecisionEnd, actor: Actor, now: datetime) -> None:
    decision.ended_at, decision.ended_by, decision.end_reason = now, actor.name[:100], why
    session.flush()  # before another one is valid


def _reason(text: str) -> str:
    return clean(text).replace("\0", "\ufffd").strip()[:MAX_REASON]
