"""What the status page and the metrics show about notifications."""

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.translation import gettext as _, gettext_noop, ngettext
from request_tracker_utils.notifications.models import OUTBOX, Notification, NotificationStatus
from request_tracker_utils.notifications.providers.folder import FolderProvider
from request_tracker_utils.notifications.providers.interface import Providers
from request_tracker_utils.notifications.sending import Sender
from request_tracker_utils.web.feature import SectionContent
from request_tracker_utils.web.registry import registry

RECENT = timedelta(days=1)
LATE = timedelta(minutes=5)
TITLES = {Channel.EMAIL: gettext_noop("Email"), Channel.SMS: gettext_noop("Text messages"), Channel.CHAT: gettext_noop("Chat")}


def section() -> SectionContent:
    """Warns about messages that do not arrive, and about channels whose messages are only written to the folder."""
    now = utc_now()
    with reading() as session:
        pending, late = OUTBOX.counts(session)["pending"], _count_late(session, now)
        recent = Notification.created_at >= now - RECENT
        grouped = select(Notification.status, Notification.notification_type, Notification.provider == FolderProvider.name, func.count())
        rows = session.execute(grouped.where(recent).group_by(Notification.status, Notification.notification_type, text("3"))).all()
    counts: Counter[str] = Counter()
    written: Counter[str] = Counter()
    for status, channel, is_written, number in rows:
        counts[status] += number
        written[channel] += number if is_written else 0
    problems = [
        _(
            "No provider is set up for %(channel)s: messages are written to the outbox folder instead of being sent. See Settings.",
            channel=_(TITLES[channel]),
        )
        for channel in Channel
        if written[channel]
    ]
    failed, uncertain = counts[NotificationStatus.FAILED], counts[NotificationStatus.UNCERTAIN]
    if failed:
        problems.append(ngettext("%(num)s message failed in the last 24 hours.", "%(num)s messages failed in the last 24 hours.", failed))
    if uncertain:
        problems.append(ngettext("%(num)s message may not have arrived.", "%(num)s messages may not have arrived.", uncertain))
    if late:
        sentence = ngettext("%(num)s message is more than five minutes late.", "%(num)s messages are more than five minutes late.", late)
        problems.append(sentence)
    problems += [
        _("%(provider)s accepts no messages at the moment. It is tried again every 30 seconds.", provider=title)
        for channel in Channel
        for title in registry().get(Sender).paused(channel)
    ]
    sent = counts[NotificationStatus.SENT] + counts[NotificationStatus.DELIVERED]
    facts = {"pending": pending, "sent": sent, "failed": failed, "uncertain": uncertain, "providers": _providers()}
    return SectionContent(facts, problems)


def _count_late(session: Session, now: datetime) -> int:
    is_late = Notification.due_at < now - LATE
    return session.execute(select(func.count()).select_from(Notification).where(Notification.due_at.is_not(None), is_late)).scalar_one()


def _providers() -> list[tuple[str, str]]:
    """Each channel with the titles of its providers, in the order in which they are tried."""
    providers = registry().get(Providers)
    return [(TITLES[channel], ", ".join(each.title for each in providers.of(channel))) for channel in Channel]


def gauges() -> dict[str, tuple[str, float]]:
    with reading() as session:
        counts = OUTBOX.counts(session)
    return {
        "rtutils_notifications_pending": ("Pending messages to people.", counts["pending"]),
        "rtutils_notifications_failing": ("Pending messages to people after a failed attempt.", counts["failing"]),
    }
