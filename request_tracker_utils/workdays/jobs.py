"""Scheduled work on workdays."""

from datetime import time, timedelta

from request_tracker_utils.attendance.changed_days import PROCESS
from request_tracker_utils.core.actor import of_job
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.core.schedules import Daily
from request_tracker_utils.core.tallies import merge_shards
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.web.registry import registry, settings
from request_tracker_utils.workdays import current, outlier_digest
from request_tracker_utils.workdays.crm.outbox import RETRY, SYNC_TO_CRM, Selection
from request_tracker_utils.workdays.models import WorkdayTally
from request_tracker_utils.workdays.outlier_digest import Digest
from request_tracker_utils.workdays.processing import process_changes

RETRY_FAILED_SYNCS, DAILY_CLEANUP = "retry-failed-syncs", "daily-cleanup"


def process_attendance() -> int:
    """How many workdays were written. Then new outliers are reported, also of days that have just closed without a change."""
    written = process_changes(current.processor(of_job(PROCESS))).written
    report_outliers()
    return written


def report_outliers() -> int:
    """How many were reported. None unless OUTLIER_EMAIL_NOTIFICATIONS is set."""
    given = registry().page_settings.current()
    if not given.outlier_email_notifications:
        return 0
    digest = Digest(registry().find(Messenger), given.outlier_email_recipients)
    now = utc_now()
    with transaction() as session:
        return outlier_digest.send(session, digest, today=current.today(now), actor=of_job(PROCESS), now=now)


def merge_counts() -> int:
    with transaction(durable=False) as session:  # the sums are the same before and after
        return merge_shards(session, WorkdayTally)


def sync_to_crm(selection: Selection | None = None) -> int:
    """How many workdays the CRM has accepted. Raises why the run has ended early."""
    if settings().crm_api_url is None:
        return 0
    result = current.crm_sync().run(selection)
    if result.stopped is not None:
        raise result.stopped
    return result.successful


def retry_failed_syncs() -> int:
    return sync_to_crm(Selection(failed_only=True))


jobs = [
    Job(PROCESS, gettext_noop("Compute the workdays with changed punches"), timedelta(hours=1), process_attendance),
    Job(
        "merge-workday-counts",
        gettext_noop("Merge the counters of workdays of closed database connections"),
        timedelta(hours=6),
        merge_counts,
    ),
    Job(SYNC_TO_CRM, gettext_noop("Send workdays to the CRM that are due"), timedelta(minutes=30), sync_to_crm),
    Job(RETRY_FAILED_SYNCS, gettext_noop("Send workdays again that the CRM has not accepted"), RETRY, retry_failed_syncs),
    Job(
        DAILY_CLEANUP,
        gettext_noop("Remove the CRM's answers to workdays that it accepted 90 days ago"),
        Daily(time(2)),
        current.remove_old_answers,
    ),
]
