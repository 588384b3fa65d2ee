"""Scheduled work on accounts: sending requested password links, and deleting what is old."""

from datetime import timedelta

from sqlalchemy.orm import Session

from request_tracker_utils.accounts import access_events, links, login_events, recovery, sessions
from request_tracker_utils.accounts.current.messages import keys, send_password_link
from request_tracker_utils.accounts.models import OneTimeLink, User
from request_tracker_utils.accounts.recovery import SEND_REQUESTED_LINKS
from request_tracker_utils.core.actor import of_job
from request_tracker_utils.core.clock import steady_now, utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.web.registry import registry, settings

DELETE_ENDED_SESSIONS, DELETE_LOGIN_EVENTS, DELETE_ACCESS_EVENTS = "delete-ended-sessions", "delete-login-events", "delete-access-events"


def send_requested_links() -> int:
    """All requests, a batch in each transaction."""
    count = 0
    while True:
        with transaction() as session:
            answered = recovery.send_requested(session, _send, keys=keys, now=utc_now())
        count += answered
        if answered < recovery.BATCH:
            return count


def delete_ended_sessions() -> int:
    with transaction() as session:
        now = steady_now(session, DELETE_ENDED_SESSIONS, utc_now())
        return sessions.delete_ended(session, now=now) + links.delete_ended(session, now=now)


def delete_login_events() -> int:
    with transaction(durable=False) as session:  # the next run deletes them again
        now = steady_now(session, DELETE_LOGIN_EVENTS, utc_now())
        return login_events.records.delete_old(session, before=now - timedelta(days=settings().login_event_days))


def delete_access_events() -> int:
    with transaction() as session:
        now = steady_now(session, DELETE_ACCESS_EVENTS, utc_now())
        return access_events.records.delete_old(session, before=now - timedelta(days=settings().access_event_days))


def _send(session: Session, user: User, link: OneTimeLink) -> None:
    if registry().find(Messenger) is not None:
        send_password_link(session, user, link, actor=of_job(SEND_REQUESTED_LINKS))


jobs = [
    Job(SEND_REQUESTED_LINKS, gettext_noop("Send password links that people have requested"), timedelta(minutes=1), send_requested_links),
    Job(
        DELETE_ENDED_SESSIONS,
        gettext_noop("Delete sessions and one-time links that ended a month ago"),
        timedelta(days=1),
        delete_ended_sessions,
    ),
    Job(DELETE_LOGIN_EVENTS, gettext_noop("Delete sign-ins older than LOGIN_EVENT_DAYS"), timedelta(days=1), delete_login_events),
    Job(
        DELETE_ACCESS_EVENTS,
        gettext_noop("Delete records of access to personal data older than ACCESS_EVENT_DAYS"),
        timedelta(days=1),
        delete_access_events,
    ),
]
