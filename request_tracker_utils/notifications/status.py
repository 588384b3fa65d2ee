"""What the status page and the metrics show about notifications."""

from datetime import timedelta

from sqlalchemy import func, select

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.notifications.models import OUTBOX, Notification, NotificationStatus
from request_tracker_utils.notifications.providers.interface import Providers
from request_tracker_utils.notifications.sending import Sender
from request_tracker_utils.web.feature import SectionContent
from request_tracker_utils.web.registry import registry

RECENT = timedelta(days=1)
LATE = timedelta(minutes=5)


def section() -> SectionContent:
    """Warns about channels without a provider, and about messages that do not arrive."""
    now = utc_now()
    recent = Notification.created_at >= now - RECENT
    with reading() as session:
        pending = OUTBOX.counts(session)["pending"]
        is_late = Notification.due_at < now - LATE
        late = session.scalar(select(func.count()).select_from(Notification).where(Notification.due_at.is_not(None), is_late)) or 0
        by_status = select(Notification.status, func.count()).where(recent).group_by(Notification.status)
        counts = {NotificationStatus(status): number for status, number in session.execute(by_status).all()}
    failed, uncertain = counts.get(NotificationStatus.FAILED, 0), counts.get(NotificationStatus.UNCERTAIN, 0)
    problems = _problems_of_providers()
    if failed:
        problems.append(ngettext("%(num)s message has failed in 24 hours.", "%(num)s messages have failed in 24 hours.", failed))
    if uncertain:
        one, many = "%(num)s message may not have arrived.", "%(num)s messages may not have arrived."
        problems.append(ngettext(one, many, uncertain))
    if late:
        one, many = "%(num)s message is more than five minutes late.", "%(num)s messages are more than five minutes late."
        problems.append(ngettext(one, many, late))
    sent = counts.get(NotificationStatus.SENT, 0) + counts.get(NotificationStatus.DELIVERED, 0)
    providers = {channel: [each.title for each in registry().get(Providers).of(channel)] for channel in Channel}
    return SectionContent({"pending": pending, "sent": sent, "failed": failed, "uncertain": uncertain, "providers": providers}, problems)


def _problems_of_providers() -> list[str]:
    providers, sender = registry().get(Providers), registry().get(Sender)
    folders = [channel for channel in Channel if all(each.is_folder for each in providers.of(channel))]
    titles = {Channel.EMAIL: _("email"), Channel.SMS: _("text messages"), Channel.CHAT: _("chat messages")}
    problems = [
        _("No provider of %(channel)s is set up: messages are written to the folder outbox instead of being sent.", channel=titles[each])
        for each in folders
    ]
    for channel in Channel:
        for title in sender.paused(channel):
            problems.append(_("%(provider)s accepts no messages at the moment. It is tried again every 30 seconds.", provider=title))
    return problems


def gauges() -> dict[str, tuple[str, float]]:
    with reading() as session:
        counts = OUTBOX.counts(session)
    return {
        "rtutils_notifications_pending": ("Messages to people that are still to be sent.", counts["pending"]),
        "rtutils_notifications_failing": ("Messages that are still to be sent and met with a problem.", counts["failing"]),
    }
