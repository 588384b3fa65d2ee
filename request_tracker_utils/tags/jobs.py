"""Scheduled jobs for tags."""

from datetime import timedelta

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.actor import of_job
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.reconciliation.jobs import comparison_job
from request_tracker_utils.tags import adoption, confirmation, tagging
from request_tracker_utils.tags.current import RECONCILIATION
from request_tracker_utils.tags.names import ADOPT_TAGS, CONFIRM_TAGS, SWEEP_UNTAGGED
from request_tracker_utils.web.registry import settings


def adopt_tags() -> int:
    return adoption.adopt_configured(transaction, asset_store(), settings(), actor=of_job(ADOPT_TAGS), now=utc_now())


def confirm_tags() -> int:
    return confirmation.confirm_due(transaction, asset_store(), actor=of_job(CONFIRM_TAGS), clock=utc_now)


def sweep_untagged() -> int:
    task = tagging.start_sweep(transaction, reading, asset_store(), actor=of_job(SWEEP_UNTAGGED), now=utc_now())
    return (task.total or 0) if task else 0


jobs = [
    Job(ADOPT_TAGS, "Import existing tags before the first one is assigned", timedelta(minutes=1), adopt_tags),
    Job(CONFIRM_TAGS, "Rename assets to their tags, and check their names", timedelta(seconds=15), confirm_tags),
    Job(SWEEP_UNTAGGED, "Find and tag assets without a tag in the catalogs of the sweep", timedelta(minutes=10), sweep_untagged),
    comparison_job(RECONCILIATION),
]
