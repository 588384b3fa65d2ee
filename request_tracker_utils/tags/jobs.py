"""Scheduled jobs for tags."""

from datetime import timedelta

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.actor import of_job
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.tags import adoption, confirmation, tagging
from request_tracker_utils.tags.names import ADOPT_TAGS, COMPARE_TAGS, CONFIRM_TAGS, SWEEP_UNTAGGED
from request_tracker_utils.tags.tasks import differences as difference_tasks
from request_tracker_utils.web.registry import registry, settings


def adopt_tags() -> int:
    count = adoption.adopt_configured(transaction, asset_store(), settings(), actor=of_job(ADOPT_TAGS), now=utc_now())
    if count:
        registry().run_soon(CONFIRM_TAGS)
    return count


def confirm_tags() -> int:
    return confirmation.confirm_due(transaction, asset_store(), actor=of_job(CONFIRM_TAGS), clock=utc_now)


def sweep_untagged() -> int:
    task = tagging.start_sweep(transaction, reading, asset_store(), actor=of_job(SWEEP_UNTAGGED), now=utc_now())
    if task is None:
        return 0
    registry().run_soon("run-tasks")
    return task.total or 0


def compare_tags() -> int:
    with transaction() as session:
        started = difference_tasks.start_daily_comparison(session, actor=of_job(COMPARE_TAGS), now=utc_now())
    if started:
        registry().run_soon("run-tasks")
    return int(started)


jobs = [
    Job(
        ADOPT_TAGS,
        "Import existing tags from Request Tracker before the first one is assigned",
        timedelta(minutes=1),
        adopt_tags,
    ),
    Job(CONFIRM_TAGS, "Rename assets in Request Tracker to their tags, and check the names", timedelta(seconds=15), confirm_tags),
    Job(SWEEP_UNTAGGED, "Find and tag assets without a tag in the catalogs of the sweep", timedelta(minutes=10), sweep_untagged),
    Job(COMPARE_TAGS, "Compare Request Tracker with our tags, unless that was done recently", timedelta(days=1), compare_tags),
]
