"""Scheduled work on workdays."""

from datetime import timedelta

from request_tracker_utils.attendance.changed_days import PROCESS
from request_tracker_utils.core.actor import of_job
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.workdays import current
from request_tracker_utils.workdays.processing import process_changes


def process_attendance() -> int:
    """How many workdays were written."""
    return process_changes(current.processor(of_job(PROCESS))).written


jobs = [Job(PROCESS, gettext_noop("Compute the workdays whose punches have changed"), timedelta(hours=1), process_attendance)]
