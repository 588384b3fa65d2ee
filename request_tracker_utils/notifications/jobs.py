"""Scheduled jobs for notifications: sending them, and deleting old ones."""

from datetime import timedelta
from functools import partial

from request_tracker_utils.core.clock import steady_now, utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.notifications import phone_confirmation, reports, service
from request_tracker_utils.notifications.current import messenger
from request_tracker_utils.notifications.models import APPLY_REPORTS, DELETE_REPORTS, SEND_CHAT, SEND_EMAIL, SEND_SMS
from request_tracker_utils.notifications.providers.available import outbox_folder
from request_tracker_utils.notifications.providers.folder import delete_older
from request_tracker_utils.notifications.sending import Sender
from request_tracker_utils.web.registry import registry, settings

DELETE_OLD_NOTIFICATIONS, DELETE_PHONE_CODES = "delete-old-notifications", "delete-phone-codes"
EVERY = timedelta(seconds=10)
"""Also the longest time that a message waits after its pause has ended. New ones are sent after their commit."""


def send(channel: Channel) -> int:
    """In a server process, only wakes the threads that send. A command waits for them."""
    sender = registry().get(Sender)
    return sender.send_due(channel) if registry().scheduler is None else sender.wake(channel)


def delete_old_notifications() -> int:
    with transaction(durable=False) as session:  # the next run deletes them again
        before = steady_now(session, DELETE_OLD_NOTIFICATIONS, utc_now()) - timedelta(days=settings().notification_days)
        deleted = service.delete_old(session, before=before)
    return deleted + delete_older(outbox_folder(settings()), before)


def apply_reports() -> int:
    with transaction() as session:
        return reports.apply_pending(session, messenger(), now=utc_now())


def delete_reports() -> int:
    with transaction(durable=False) as session:
        now = steady_now(session, DELETE_REPORTS, utc_now())
        return reports.delete_old(session, before=now - timedelta(days=settings().notification_days))


def delete_phone_codes() -> int:
    with transaction(durable=False) as session:  # the next run deletes them again
        return phone_confirmation.delete_old(session, now=steady_now(session, DELETE_PHONE_CODES, utc_now()))


jobs = [
    Job(SEND_EMAIL, gettext_noop("Send emails"), EVERY, partial(send, Channel.EMAIL)),
    Job(SEND_SMS, gettext_noop("Send text messages"), EVERY, partial(send, Channel.SMS)),
    Job(SEND_CHAT, gettext_noop("Send chat messages"), EVERY, partial(send, Channel.CHAT)),
    Job(
        DELETE_OLD_NOTIFICATIONS, gettext_noop("Delete messages older than NOTIFICATION_DAYS"), timedelta(days=1), delete_old_notifications
    ),
    Job(APPLY_REPORTS, gettext_noop("Apply delivery reports that came before the provider's answer"), timedelta(minutes=5), apply_reports),
    Job(DELETE_REPORTS, gettext_noop("Delete delivery reports older than NOTIFICATION_DAYS"), timedelta(days=1), delete_reports),
    Job(DELETE_PHONE_CODES, gettext_noop("Delete codes for phone numbers after a day"), timedelta(days=1), delete_phone_codes),
]
