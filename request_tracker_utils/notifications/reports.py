"""What providers report about messages: whether they arrived, and addresses that bounce, complain or answered STOP.

Reports come in any order, and repeatedly. The primary key of `delivery_reports` decides about repetitions in the transaction that applies
the report. The status of a message only moves forward: a late `delivered` does not make a message that bounced one that arrived.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from request_tracker_utils.core.db import affected, after_commit, upsert_into
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.notifications.callbacks import CALLBACKS, Report
from request_tracker_utils.notifications.models import (
    APPLY_REPORTS,
    DeliveryOutcome,
    DeliveryReport,
    Notification,
    NotificationStatus,
)
from request_tracker_utils.notifications.suppression import SuppressionReason, release, suppress

T = TypeVar("T")
KNOWN_SOON = timedelta(seconds=10)
"""A provider may report before its answer has arrived: after this time, its reports about unknown messages are looked at again."""
KNOWN_AT_LAST = timedelta(days=1)
"""Later, a message that is unknown is not ours: others use the same account of the provider."""
WORTH_REPEATING = timedelta(days=1)
"""How old a message that bounces may be to be sent by another channel."""
_ROWS = 500
_BEFORE: dict[DeliveryOutcome, frozenset[NotificationStatus]] = {
    DeliveryOutcome.SENT: frozenset({NotificationStatus.UNCERTAIN}),
    DeliveryOutcome.DELIVERED: frozenset({NotificationStatus.SENT, NotificationStatus.UNCERTAIN}),
    **dict.fromkeys(
        (DeliveryOutcome.FAILED, DeliveryOutcome.BOUNCED, DeliveryOutcome.STOPPED),
        frozenset({NotificationStatus.SENT, NotificationStatus.UNCERTAIN, NotificationStatus.DELIVERED}),
    ),
}
"""From which statuses an outcome moves a message on. The others say something about the address only."""
_AFTER = {
    DeliveryOutcome.SENT: NotificationStatus.SENT,
    DeliveryOutcome.DELIVERED: NotificationStatus.DELIVERED,
}
_REASONS = {
    DeliveryOutcome.BOUNCED: SuppressionReason.BOUNCED,
    DeliveryOutcome.COMPLAINED: SuppressionReason.COMPLAINED,
    DeliveryOutcome.UNSUBSCRIBED: SuppressionReason.UNSUBSCRIBED,
    DeliveryOutcome.STOPPED: SuppressionReason.STOPPED,
}
_ON_THE_WAY = frozenset({NotificationStatus.QUEUED, NotificationStatus.SENDING})


class Fallback(Protocol):
    """Sends by another channel what did not arrive. `service.NotificationService` implements it."""

    def fall_back(self, session: Session, message: Notification, *, now: datetime) -> bool:
        """Sends a message by another channel that has failed because of its address."""

    def fall_back_from(self, session: Session, channel: Channel, address: str, reason: str, *, now: datetime) -> int:
        """Does the same for all messages that wait for an address."""


def receive(session: Session, reports: Sequence[Report], fallback: Fallback, *, now: datetime) -> int:
    """Applies those of the reports that are new, and returns how many that were."""
    by_key = {_key(report): report for report in reversed(reports)}  # of repetitions the first
    ordered = [by_key[key] for key in sorted(by_key)]  # always in this order, so that no two calls wait for each other
    new = {key for chunk in _chunks(ordered) for key in _record(session, chunk, now)}
    known = _apply(session, [report for key, report in by_key.items() if key in new][::-1], fallback, now=now)
    _no_longer_pending(session, known)
    if len(known) < len(new):
        after_commit(session, APPLY_REPORTS, after=KNOWN_SOON)
    return len(new)


def apply_pending(session: Session, fallback: Fallback, *, now: datetime) -> int:
    """Applies reports about messages that were stored after them. Returns how many."""
    outdated = update(DeliveryReport).where(DeliveryReport.pending, DeliveryReport.at < now - KNOWN_AT_LAST).values(pending=False)
    session.execute(outdated)
    matching = (Notification.provider == DeliveryReport.provider) & (Notification.provider_id == DeliveryReport.message_id)
    query = select(DeliveryReport).join(Notification, matching).where(DeliveryReport.pending, Notification.status.not_in(_ON_THE_WAY))
    rows = session.scalars(query.order_by(DeliveryReport.at, DeliveryReport.report_id).limit(_ROWS)).unique().all()
    reports = [Report(row.provider, row.report_id, DeliveryOutcome(row.outcome), row.message_id, detail=row.detail or "") for row in rows]
    known = _apply(session, reports, fallback, now=now)
    _no_longer_pending(session, known)
    return len(known)


def delete_old(session: Session, *, before: datetime) -> int:
    """Deletes reports from before then. Returns how many."""
    return affected(session.execute(delete(DeliveryReport).where(DeliveryReport.at < before)))


def _record(session: Session, reports: Iterable[Report], now: datetime) -> list[tuple[str, str]]:
    """The keys of those that are new."""
    rows = [
        {
            "provider": report.provider,
            "report_id": report.report_id,
            "message_id": report.message_id,
            "outcome": report.outcome,
            "detail": report.detail or None,
            "at": now,
            "pending": bool(report.message_id),
        }
        for report in reports
    ]
    insert = upsert_into(session)(DeliveryReport).values(rows).on_conflict_do_nothing()
    new = session.execute(insert.returning(DeliveryReport.provider, DeliveryReport.report_id)).all()
    return [(provider, report_id) for provider, report_id in new]


def _apply(session: Session, reports: Sequence[Report], fallback: Fallback, *, now: datetime) -> list[Report]:
    """Applies reports in this order, and returns those about messages that are known, or about none."""
    messages = _messages(session, reports)
    known = []
    changed: dict[int, Notification] = {}
    failed: list[Notification] = []
    unusable: dict[tuple[Channel, str], Report] = {}
    for report in reports:
        channel, found = CALLBACKS[report.provider].channel, messages.get((report.provider, report.message_id), [])
        if report.message_id and not found:
            continue
        known.append(report)
        advanced = [message for message in found if _advance(message, report)]
        changed |= {message.id: message for message in advanced}
        failed += advanced if report.outcome in _REASONS else []
        for address in {report.address, *(message.address for message in found)} - {""}:
            if report.outcome is DeliveryOutcome.RESUMED:
                unusable.pop((channel, address), None)
                release(session, channel, address, only=SuppressionReason.STOPPED)
            elif report.outcome in _REASONS:
                unusable.setdefault((channel, address), report)
    _write(session, changed.values())
    for (channel, address), report in sorted(unusable.items(), key=lambda item: item[0]):
        reason = _REASONS[report.outcome]
        if suppress(session, channel, address, reason, provider=report.provider, detail=report.detail, now=now):
            fallback.fall_back_from(session, channel, address, _sentence(report), now=now)
    for message in failed:
        if message.created_at > now - WORTH_REPEATING:
            fallback.fall_back(session, message, now=now)
    return known


def _messages(session: Session, reports: Sequence[Report]) -> dict[tuple[str, str], list[Notification]]:
    """The messages that the reports are about, locked, unless they are on their way: then the id is that of an earlier attempt."""
    found: dict[tuple[str, str], list[Notification]] = defaultdict(list)
    ids = defaultdict(set)
    for report in reports:
        ids[report.provider].add(report.message_id)
    for provider, message_ids in sorted(ids.items()):
        for chunk in _chunks(sorted(message_ids - {""})):
            is_one = (Notification.provider == provider, Notification.provider_id.in_(chunk), Notification.status.not_in(_ON_THE_WAY))
            query = select(Notification).where(*is_one).order_by(Notification.id).with_for_update()
            for row in session.scalars(query.execution_options(populate_existing=True)):
                found[provider, str(row.provider_id)].append(row)
    return found


def _advance(message: Notification, report: Report) -> bool:
    """Whether the report changes the status."""
    if message.status not in _BEFORE.get(report.outcome, ()):
        return False
    status = _AFTER.get(report.outcome, NotificationStatus.FAILED)
    set_committed_value(message, "status", status)
    set_committed_value(message, "error_message", _sentence(report)[:500] if status is NotificationStatus.FAILED else None)
    return True


def _write(session: Session, messages: Iterable[Notification]) -> None:
    """One statement for all, whatever has changed of each."""
    rows = [{"id": each.id, "status": each.status, "error_message": each.error_message} for each in messages]
    if rows:
        session.execute(update(Notification), rows)


def _sentence(report: Report) -> str:
    detail = f" “{report.detail}”" if report.detail else ""
    if report.outcome is DeliveryOutcome.STOPPED:
        return _("This number has answered STOP. It gets messages again once it has answered START.") + detail
    if report.outcome in _REASONS:
        return _("This address does not accept our messages. It gets none until an administrator removes it from the list.") + detail
    return _("The message was not delivered.") + detail


def _no_longer_pending(session: Session, reports: Sequence[Report]) -> None:
    ids = defaultdict(list)
    for report in reports:
        if report.message_id:
            ids[report.provider].append(report.report_id)
    for provider, applied in ids.items():
        for chunk in _chunks(sorted(applied)):
            is_one = (DeliveryReport.provider == provider, DeliveryReport.report_id.in_(chunk))
            session.execute(update(DeliveryReport).where(*is_one).values(pending=False).execution_options(synchronize_session=False))


def _key(report: Report) -> tuple[str, str]:
    return report.provider, report.report_id


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _ROWS):
        yield items[start : start + _ROWS]
