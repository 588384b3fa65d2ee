"""Scheduled work on tags."""

from datetime import timedelta

from request_tracker_utils.core.actor import of_job
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.directory.current import directory
from request_tracker_utils.tags import adoption, confirmation, difference_tasks
from request_tracker_utils.web.house import house, settings


def adopt_tags() -> int:
    count = adoption.adopt(
        transaction,
        directory(),
        prefix=settings().prefix,
        file=settings().asset_tag_sequence_file,
        actor=of_job("adopt-tags"),
        now=utc_now(),
    )
    if count:
        house().nudge("confirm-tags")
    return count


def confirm_tags() -> int:
    return confirmation.confirm_due(transaction, directory(), actor=of_job("confirm-tags"), clock=utc_now)


def compare_tags() -> int:
    with transaction() as session:
        started = difference_tasks.start_daily_comparison(session, actor=of_job("compare-tags"), now=utc_now())
    if started:
        house().nudge("run-tasks")
    return int(started)


jobs = [
    Job(
        "adopt-tags", "Take over the tags that the directory holds already, before the first one is given", timedelta(minutes=1), adopt_tags
    ),
    Job("confirm-tags", "Make sure that the directory holds the name of each tag", timedelta(seconds=15), confirm_tags),
    Job("compare-tags", "Start comparing the directory with our tags, unless that was done lately", timedelta(days=1), compare_tags),
]
