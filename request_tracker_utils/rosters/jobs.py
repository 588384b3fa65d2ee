"""Scheduled work on lists."""

from datetime import timedelta

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.rosters import service


def put_away_rosters() -> int:
    with transaction() as session:
        return service.put_away(session, now=utc_now())


jobs = [Job("put-away-rosters", "Delete lists of students and devices that came in long ago", timedelta(days=1), put_away_rosters)]
