"""The daily comparison."""

from datetime import timedelta
from typing import Any

from request_tracker_utils.core.actor import of_job
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.reconciliation.reconciler import Reconciliation
from request_tracker_utils.reconciliation.tasks import start_daily_comparison


def comparison_job(reconciliation: Reconciliation[Any]) -> Job:
    name = reconciliation.comparison_task

    def start() -> int:
        with transaction() as session:
            return int(start_daily_comparison(session, reconciliation, actor=of_job(name), now=utc_now()))

    return Job(name, reconciliation.job_description, timedelta(days=1), start)
