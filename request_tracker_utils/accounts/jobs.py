"""Scheduled work on accounts."""

from datetime import timedelta

from request_tracker_utils.accounts import events, links, sessions
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.web.registry import settings


def forget_ended_sessions() -> int:
    with transaction() as session:
        return sessions.forget_ended(session, now=utc_now()) + links.forget_ended(session, now=utc_now())


def forget_login_events() -> int:
    with transaction() as session:
        return events.forget(session, before=utc_now() - timedelta(days=settings().login_event_days))


jobs = [
    Job("forget-ended-sessions", "Forget sessions and one-time links that ended a month ago", timedelta(days=1), forget_ended_sessions),
    Job("forget-login-events", "Forget sign-ins that are older than LOGIN_EVENT_DAYS", timedelta(days=1), forget_login_events),
]
