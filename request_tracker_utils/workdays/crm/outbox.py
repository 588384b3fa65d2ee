"""Workdays as an outbox to the CRM: which ones a run claims, and what each outcome writes.

A workday of which the window has not closed may still change, so it is never claimed. A claim marks the revision as sent before anything is
sent, so its content never changes afterwards (`content.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import Terminal
from request_tracker_utils.core.outbox import UNREACHABLE, Backoff, Claim, Outbox
from request_tracker_utils.workdays.content import LEASE, idempotency_key
from request_tracker_utils.workdays.crm.client import Sent
from request_tracker_utils.workdays.crm.payload import CrmRecord
from request_tracker_utils.workdays.crm.responses import CrmDenied, CrmError, CrmFailedForNow, CrmRejected, CrmUnreachable
from request_tracker_utils.workdays.crm.sending import LONGEST_PAUSE
from request_tracker_utils.workdays.models import MAX_PROBLEM, Workday

SYNC_TO_CRM = "sync-to-crm"
"""The job that sends what is due."""
RETRY = timedelta(hours=6)
"""Until a workday that has failed in a run is sent again."""
NOT_REACHED = timedelta(minutes=15)
"""Until a workday is sent again that has never reached the CRM. It has not failed."""

OUTBOX = Outbox(
    Workday,
    due=Workday.crm_due_at,
    problem=Workday.crm_problem,
    attempts=Workday.crm_attempts,
    lease=LEASE,
    backoff=Backoff(RETRY, 1, RETRY),
    longest_wait=timedelta(days=2),  # new workdays are due when their window closes
    unchanged=(Workday.revision,),
)


@dataclass(frozen=True)
class Selection:
    """Which workdays a run sends: those that are due, unless it says otherwise. Dates are inclusive."""

    start_date: date | None = None
    end_date: date | None = None
    user_id: str | None = None
    failed_only: bool = False
    """Those that have failed, without waiting for their next attempt. With `rejected`, also what the CRM has rejected for good."""
    rejected: bool = False
    again: bool = False
    """Also what the CRM has accepted already. It recognizes the repetition by the key."""
    ids: tuple[int, ...] = ()
    """Only these, if there are any."""

    def conditions(self, now: datetime) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = [Workday.window_ends_at <= now]
        if self.start_date is not None:
            found.append(Workday.date >= self.start_date)
        if self.end_date is not None:
            found.append(Workday.date <= self.end_date)
        if self.user_id is not None:
            found.append(Workday.user_id == self.user_id)
        if self.failed_only:
            found.append(Workday.crm_problem.is_not(None))
        if self.ids:
            found.append(Workday.id.in_(self.ids))
        return found


def make_due(session: Session, selection: Selection, *, limit: int | None, now: datetime) -> int:
    """Makes what the selection wants due now, although it would not be. What is claimed at this moment is left alone."""
    conditions = selection.conditions(now)
    if selection.failed_only:
        not_claimed = or_(Workday.crm_due_at > now + LEASE, *([Workday.crm_due_at.is_(None)] if selection.rejected else []))
        return OUTBOX.retry(session, *conditions, not_claimed, now=now)
    if not selection.again:
        return 0
    if limit is not None:
        due = select(func.count()).select_from(Workday).where(*conditions, Workday.crm_due_at <= now)
        limit = max(0, limit - (session.scalar(due) or 0))
    chosen = select(Workday.id).where(*conditions, Workday.crm_due_at.is_(None)).order_by(Workday.date, Workday.id).limit(limit)
    return OUTBOX.mark_all_due(session, Workday.id.in_(chosen.scalar_subquery()), now=now)


def count(session: Session, selection: Selection, *, now: datetime) -> int:
    """How many workdays a run with this selection sends, for the progress of a command."""
    conditions = selection.conditions(now)
    if not (selection.failed_only or selection.again):
        conditions.append(Workday.crm_due_at <= now)
    return session.scalar(select(func.count()).select_from(Workday).where(*conditions)) or 0


def claim(session: Session, selection: Selection, *, limit: int, now: datetime) -> list[tuple[Claim[Workday], CrmRecord]]:
    """Claims workdays, and what is sent of them."""
    claims = OUTBOX.claim(session, *selection.conditions(now), now=now, limit=limit)
    if not claims:
        return []
    session.execute(
        update(Workday)
        .where(Workday.id.in_([each.id for each in claims]))
        .values(attempted_revision=Workday.revision)
        .execution_options(synchronize_session=False)
    )
    wanted = {each.row.terminal_id for each in claims}
    rows = session.execute(select(Terminal.id, Terminal.name, Terminal.address).where(Terminal.id.in_(wanted)))
    terminals = {terminal_id: (name, address) for terminal_id, name, address in rows}
    return [(each, _record(each.row, *terminals[each.row.terminal_id])) for each in claims]


def end(session: Session, claim: Claim[Workday], sent: Sent | None, *, stopped: CrmError | None, now: datetime) -> None:
    """Writes how a workday has ended in a run; `sent` is None if it was not tried. `stopped` is why the run ends early."""
    if sent is None:
        OUTBOX.put_back(session, claim, now=now, pause=_asked_pause(stopped) or UNREACHABLE)
        return
    row, error = claim.row, sent.error
    answer = {"last_sync_attempt": now, "crm_answer": sent.answer[:MAX_PROBLEM] or None}
    counted = {"sync_attempts": row.sync_attempts + 1, **answer}
    if error is None:
        accepted = {"accepted_revision": row.revision, "accepted_digest": row.content_digest, "synced_to_crm": True, "synced_at": now}
        was_valid = OUTBOX.settle(session, claim, **accepted, **counted)
        if was_valid and row.clock_in is None and row.clock_out is None:
            _send_others_again(session, row, now)
    elif isinstance(error, CrmDenied | CrmUnreachable):
        was_valid = OUTBOX.put_back(session, claim, now=now, pause=NOT_REACHED if stopped is None else UNREACHABLE, **answer)
    elif isinstance(error, CrmRejected):
        was_valid = OUTBOX.fail(session, claim, error.message, **counted)
    else:
        pause = _asked_pause(error)
        sooner: dict[str, Any] = {} if pause is None else {Workday.crm_due_at.key: now + pause}
        was_valid = OUTBOX.postpone(session, claim, error.message, now=now, **counted, **sooner)
    if not was_valid:
        _lost(session, claim, error, now)


def _lost(session: Session, claim: Claim[Workday], error: CrmError | None, now: datetime) -> None:
    """The workday has changed meanwhile, or its lease had ended. The change has waited for this attempt. If it was sent all the same, the
    CRM may have the older content now: it gets the newer one once more, as another revision, since it knows the key of this one."""
    row = session.scalar(select(Workday).where(Workday.id == claim.id).with_for_update().execution_options(populate_existing=True))
    (sent_revision,) = claim.unchanged
    if row is None or row.revision == sent_revision:
        return
    if row.attempted_revision > sent_revision:
        if isinstance(error, CrmDenied | CrmUnreachable | CrmRejected):
            return
        row.revision += 1
        row.synced_to_crm = False
    elif row.crm_due_at is None:
        return
    OUTBOX.mark_due(row, now=max(now, row.window_ends_at))


def _send_others_again(session: Session, emptied: Workday, now: datetime) -> None:
    """The CRM replaces what it has of a user and date. So if the punches of a workday are now in that of another terminal, that one has to
    arrive after the empty one."""
    same = (Workday.user_id == emptied.user_id, Workday.date == emptied.date, Workday.id != emptied.id)
    sent = (Workday.clock_in.is_not(None), Workday.attempted_revision == Workday.revision)
    for row in session.scalars(select(Workday).where(*same, *sent).order_by(Workday.id).with_for_update()):
        row.revision += 1
        row.synced_to_crm = False
        OUTBOX.mark_due(row, now=max(now, row.window_ends_at))


def _asked_pause(error: CrmError | None) -> timedelta | None:
    """A pause that was too long for the run."""
    asked = error.retry_after if isinstance(error, CrmFailedForNow) else None
    return asked if asked is not None and asked > LONGEST_PAUSE else None


def _record(row: Workday, device_name: str, device_ip: str | None) -> CrmRecord:
    return CrmRecord(
        workday_id=row.id,
        key=idempotency_key(row),
        user_id=row.user_id,
        date=row.date,
        clock_in=row.clock_in,
        clock_out=row.clock_out,
        is_outlier=row.is_outlier,
        outlier_reason=row.outlier_reason,
        device_name=device_name,
        device_ip=device_ip,
    )


def counts(session: Session) -> dict[str, int]:
    """`pending`: still to be sent. `failing`: those of them that have failed. `rejected`: those that wait for a person or a change."""
    found = OUTBOX.counts(session)
    return {"pending": found["pending"], "failing": found["failing"], "rejected": found["failed"]}


def count_rejected(session: Session) -> int:
    return (
        session.scalar(select(func.count()).select_from(Workday).where(Workday.crm_due_at.is_(None), Workday.crm_problem.is_not(None))) or 0
    )


def send_again(session: Session, ids: Sequence[int], *, now: datetime) -> int:
    """Makes failed and rejected workdays due. The next run sends them."""
    return make_due(session, Selection(ids=tuple(ids), failed_only=True, rejected=True), limit=None, now=now)
