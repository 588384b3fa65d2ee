"""The digest by email of new outliers: each workday and reason is in one of them.

What was reported is recorded in the transaction that writes the message, so a process that dies between the two repeats both, and a second
process waits for the first and then finds nothing. Days that are older than RECENT are never reported: the first run over years of punches
would report thousands.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.contact import alert_recipients
from request_tracker_utils.attendance.models import AttendancePerson, TerminalUserRow
from request_tracker_utils.attendance.terminal_names import terminal_names
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.locks import lock_until_commit
from request_tracker_utils.core.messages import Channel, MessageKind, Messenger
from request_tracker_utils.core.text import clean
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.imports import bulk
from request_tracker_utils.workdays.models import OutlierNotice, ReviewState, Workday

OUTLIERS = MessageKind(
    "workday-outliers", gettext_noop("New outliers of workdays"), "workdays/messages/outliers", channels=frozenset({Channel.EMAIL})
)
LOCK_SPACE = 7072
RECENT = timedelta(days=14)
MOST_SHOWN = 50
"""Workdays in one message. The review queue has the others."""
MOST_CHARACTERS = 350
"""In the line of a workday, so that all lines together can be stored."""
PAGE = "/workdays/review"


@dataclass(frozen=True)
class Digest:
    """Sends messages to `addresses`, or to all administrators if there are none. Without a messenger, nothing is reported or recorded."""

    messenger: Messenger | None
    addresses: tuple[str, ...] = ()


def send(session: Session, digest: Digest, *, today: date, actor: Actor, now: datetime) -> int:
    """Reports the outliers that wait for a review, if their windows have closed and they were not reported before. Returns how many."""
    if digest.messenger is None:
        return 0
    lock_until_commit(session, LOCK_SPACE, ["outlier digest"])
    new = _unreported(session, today - RECENT, now)
    if not new:
        return 0
    rows = [(workday_id, _digest_of(reason)) for workday_id, reason in new]
    ids = bulk.insert(session, OutlierNotice.__table__, ("workday_id", "reason_digest"), rows, {"sent_at": now})  # type: ignore[arg-type]
    counts: dict[str, str | int] = {"count": len(new), "more": max(0, len(new) - MOST_SHOWN), "page": PAGE}
    lines = "\n".join(_lines(session, [workday_id for workday_id, _reason in new[:MOST_SHOWN]]))
    recipients, about = alert_recipients(session, digest.addresses), f"outlier digest {ids[0]}"
    digest.messenger.send(session, OUTLIERS, recipients, about=about, values={**counts, "workdays": lines}, actor=actor, now=now)
    return len(new)


def _unreported(session: Session, first: date, now: datetime) -> list[tuple[int, str]]:
    """IDs and reasons, the newest day first."""
    conditions = (Workday.review_state == ReviewState.OPEN, Workday.is_outlier, Workday.window_ends_at <= now, Workday.date >= first)
    columns = select(Workday.id, Workday.outlier_reason).where(*conditions)
    open_days = session.execute(columns.order_by(Workday.date.desc(), Workday.id)).all()
    notices = select(OutlierNotice.workday_id, OutlierNotice.reason_digest).join(Workday, Workday.id == OutlierNotice.workday_id)
    reported = {tuple(row) for row in session.execute(notices.where(*conditions))}
    return [(workday_id, reason) for workday_id, reason in open_days if (workday_id, _digest_of(reason)) not in reported]


def _digest_of(reason: str) -> str:
    return hashlib.sha256(reason.encode()).hexdigest()


def _lines(session: Session, workday_ids: Sequence[int]) -> list[str]:
    """Each workday in one line: who, where, and the reason."""
    of_user = and_(TerminalUserRow.terminal_id == Workday.terminal_id, TerminalUserRow.user_id == Workday.user_id)
    query = (
        select(Workday, AttendancePerson.name, TerminalUserRow.name)
        .outerjoin(AttendancePerson, AttendancePerson.id == Workday.person_id)
        .outerjoin(TerminalUserRow, of_user)
        .where(Workday.id.in_(workday_ids))
        .order_by(Workday.date.desc(), Workday.id)
    )
    terminals = terminal_names(session)
    found = []
    for row, person, user in session.execute(query):
        name = person or user or ""
        who = f"{name} ({row.user_id})" if name else row.user_id
        found.append(" ".join(clean(f"{row.date} {who}, {terminals[row.terminal_id]}: {row.outlier_reason}").split())[:MOST_CHARACTERS])
    return found
