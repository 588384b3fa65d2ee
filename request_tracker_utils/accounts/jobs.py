"""Scheduled jobs that delete old sessions, links and login events."""

from datetime import timedelta

from request_tracker_utils.accounts import links, login_events, sessions
from request_tracker_utils.accounts.names import DELETE_ENDED_SESSIONS, DELETE_LOGIN_EVENTS
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.web.registry import settings


def delete_ended_sessions() -> int:
    with transaction() as session:
        return sessions.delete_ended(session, now=utc_now()) + links.delete_ended(session, now=utc_now())


def delete_login_events() -> int:
    with transaction() as session:
        return login_events.delete_old(session, before=utc_now() - timedelta(days=settings().login_event_days))


jobs = [
    Job(DELETE_ENDED_SESSIONS, "Delete sessions and one-time links that ended a month ago", timedelta(days=1), delete_ended_sessions),
    Job(DELETE_LOGIN_EVENTS, "Delete sign-ins older than LOGIN_EVENT_DAYS", timedelta(days=1), delete_login_events),
]
