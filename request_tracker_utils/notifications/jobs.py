"""Scheduled work on messages."""

from datetime import timedelta

from request_tracker_utils.core.clock import steady_now, utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.notifications import reports
from request_tracker_utils.notifications.current import messenger
from request_tracker_utils.notifications.models import APPLY_REPORTS, DELETE_REPORTS


def apply_reports() -> int:
    with transaction() as session:
        return reports.apply_pending(session, messenger(), now=utc_now())


def delete_reports() -> int:
    with transaction(durable=False) as session:
        return reports.delete_old(session, before=steady_now(session, DELETE_REPORTS, utc_now()) - reports.REMEMBERED)


jobs = [
    Job(APPLY_REPORTS, "Apply delivery reports that arrived before the provider's answer", timedelta(minutes=5), apply_reports),
    Job(DELETE_REPORTS, "Delete delivery reports that are too old to arrive again", timedelta(days=1), delete_reports),
]
