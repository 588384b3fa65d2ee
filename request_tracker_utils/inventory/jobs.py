"""Scheduled work on the stock."""

from datetime import timedelta

from request_tracker_utils.core.clock import steady_now, utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.inventory import repeats
from request_tracker_utils.inventory.names import DELETE_REQUEST_KEYS


def delete_request_keys() -> int:
    with transaction(durable=False) as session:
        return repeats.delete_old(session, now=steady_now(session, DELETE_REQUEST_KEYS, utc_now()))


jobs = [
    Job(DELETE_REQUEST_KEYS, gettext_noop("Delete keys of requests that moved stock after 30 days"), timedelta(days=1), delete_request_keys)
]
