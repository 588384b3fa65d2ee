"""What people decide about punches with implausible times, and about records that could not be decoded."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from request_tracker_utils.attendance import changed_days
from request_tracker_utils.attendance.effective import IS_REPAIRED
from request_tracker_utils.attendance.leases import find_terminal
from request_tracker_utils.attendance.models import Punch, PunchReview, QuarantinedRecord, RawLog, ReviewDecision
from request_tracker_utils.attendance.punch_errors import PunchNotFound, PunchPlausible, RecordNotFound
from request_tracker_utils.attendance.service import record_event
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import find_row, upsert_into
from request_tracker_utils.core.text import clean
from request_tracker_utils.core.translation import gettext as _

MAX_NOTE = 1_000
_IS_OPEN = ~select(PunchReview.id).where(PunchReview.punch_id == Punch.id).correlate(Punch).exists()


@dataclass(frozen=True)
class Reviewed:
    """An implausible punch and what was decided. `is_repaired` says that a repair of the clock has moved it."""

    punch: Punch
    review: PunchReview | None
    is_repaired: bool


def implausible_punches(session: Session, *, open_only: bool, limit: int, before: int | None = None) -> list[Reviewed]:
    """The last received first."""
    query = select(Punch, PunchReview, IS_REPAIRED).outerjoin(PunchReview, PunchReview.punch_id == Punch.id)
    query = query.where(Punch.implausible.is_not(None)).order_by(Punch.id.desc()).limit(limit)
    if open_only:
        query = query.where(_IS_OPEN, ~IS_REPAIRED)
    if before is not None:
        query = query.where(Punch.id < before)
    return [Reviewed(punch, review, repaired) for punch, review, repaired in session.execute(query)]


def decide(session: Session, punch_id: int, decision: ReviewDecision, *, note: str = "", actor: Actor, now: datetime) -> None:
    """Accepts an implausible punch, so that it belongs to its day, or ignores it. A later decision replaces the former one. Raises
    PunchNotFound, PunchPlausible."""
    punch = _reviewable(session, punch_id)
    values: dict[str, Any] = {"decision": decision, "note": clean(note).strip()[:MAX_NOTE], "decided_by_id": actor.user_id}
    values |= {"decided_by": actor.name[:100], "decided_at": now}
    insert = upsert_into(session)(PunchReview).values(punch_id=punch.id, **values)
    session.execute(insert.on_conflict_do_update(index_elements=["punch_id"], set_=values))
    changed_days.mark_punches(session, Punch.id == punch.id, now=now)
    _record(session, punch, f"punch_{decision}", actor, now)


def undo(session: Session, punch_id: int, *, actor: Actor, now: datetime) -> None:
    """The punch has to be reviewed again. Raises PunchNotFound, PunchPlausible."""
    punch = _reviewable(session, punch_id)
    review = session.scalar(select(PunchReview).where(PunchReview.punch_id == punch.id))
    if review is not None:
        session.delete(review)
        changed_days.mark_punches(session, Punch.id == punch.id, now=now)
        _record(session, punch, "punch_review_undone", actor, now)


def quarantined(session: Session, *, open_only: bool, limit: int, before: int | None = None) -> Sequence[QuarantinedRecord]:
    """The last received first."""
    query = select(QuarantinedRecord).order_by(QuarantinedRecord.id.desc()).limit(limit)
    if open_only:
        query = query.where(QuarantinedRecord.reviewed_at.is_(None))
    return session.scalars(query if before is None else query.where(QuarantinedRecord.id < before)).all()


def mark_reviewed(session: Session, record_id: int, *, reviewed: bool, actor: Actor, now: datetime) -> None:
    """Raises RecordNotFound."""
    if (record := find_row(session, QuarantinedRecord, record_id, with_for_update=True)) is None:
        raise RecordNotFound(_("Quarantined record %(id)s was not found.", id=record_id))
    record.reviewed_at, record.reviewed_by = (now, actor.name[:100]) if reviewed else (None, None)


def raw_logs(session: Session) -> Sequence[RawLog]:
    """Without their contents, the newest first. Few are kept of each terminal."""
    return session.scalars(select(RawLog).options(defer(RawLog.content)).order_by(RawLog.id.desc())).all()


def raw_log(session: Session, log_id: int) -> bytes:
    """The log as it came. Raises RecordNotFound."""
    if (found := find_row(session, RawLog, log_id)) is None:
        raise RecordNotFound(_("Raw log %(id)s was not found.", id=log_id))
    return zlib.decompress(found.content)


def _reviewable(session: Session, punch_id: int) -> Punch:
    if (punch := session.get(Punch, punch_id)) is None:
        raise PunchNotFound(_("Punch %(id)s was not found.", id=punch_id))
    if punch.implausible is None:
        raise PunchPlausible(_("The time of this punch is plausible."))
    return punch


def _record(session: Session, punch: Punch, event: str, actor: Actor, now: datetime) -> None:
    record_event(session, find_terminal(session, punch.terminal_id), event, actor=actor, now=now, punch=punch.id)
