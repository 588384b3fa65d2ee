"""Scheduled work on accounts."""

from datetime import timedelta

from request_tracker_utils.accounts import service
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job


def forget_ended_sessions() -> int:
    with transaction() as session:
        return service.forget_ended(session, now=utc_now())


jobs = [Job("forget-ended-sessions", "Forget sessions and one-time links that ended a month ago", timedelta(days=1), forget_ended_sessions)]
