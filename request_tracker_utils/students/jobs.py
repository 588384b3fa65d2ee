"""Scheduled work on students and devices."""

from datetime import timedelta

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.tallies import merge_shards
from request_tracker_utils.students import asset_details
from request_tracker_utils.students.models import COMPLETE_DEVICES, Tally
from request_tracker_utils.web.registry import registry


def merge_counts() -> int:
    with transaction(durable=False) as session:  # the sums are the same before and after
        return merge_shards(session, Tally)


def complete_devices() -> int:
    return asset_details.complete_devices(transaction, asset_store(), clock=utc_now, stopping=registry().stopping)


jobs = [
    Job("merge-counts", "Merge the counters of closed database connections", timedelta(hours=6), merge_counts),
    Job(COMPLETE_DEVICES, "Copy model, serial number and catalog of devices from their assets", timedelta(minutes=10), complete_devices),
]
