"""Scheduled work on workdays."""

from datetime import timedelta

from request_tracker_utils.attendance.changed_days import PROCESS
from request_tracker_utils.core.actor import of_job
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.tallies import merge_shards
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.workdays import current
from request_tracker_utils.workdays.models import WorkdayTally
from request_tracker_utils.workdays.processing import process_changes


def process_attendance() -> int:
    """How many workdays were written."""
    return process_changes(current.processor(of_job(PROCESS))).written


def merge_counts() -> int:
    with transaction(durable=False) as session:  # the sums are the same before and after
        return merge_shards(session, WorkdayTally)


jobs = [
    Job(PROCESS, gettext_noop("Compute the workdays whose punches have changed"), timedelta(hours=1), process_attendance),
    Job(
        "merge-workday-counts",
        gettext_noop("Merge the counters of workdays of closed database connections"),
        timedelta(hours=6),
        merge_counts,
    ),
]
