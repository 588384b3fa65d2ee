"""Scheduled work on imports of students and devices."""

from datetime import timedelta

from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.rosters.models import DELETE_UNDONE_DEVICES
from request_tracker_utils.rosters.undone_devices import delete_synced


def delete_undone_devices() -> int:
    with transaction() as session:
        return delete_synced(session)


jobs = [
    Job(
        DELETE_UNDONE_DEVICES,
        "Delete devices of undone imports once Request Tracker no longer shows their students",
        timedelta(minutes=1),
        delete_undone_devices,
    )
]
