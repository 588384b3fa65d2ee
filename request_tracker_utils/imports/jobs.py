"""Scheduled work on uploaded files."""

from datetime import timedelta

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.imports import service
from request_tracker_utils.imports.names import DELETE_OLD_IMPORTS


def delete_old_imports() -> int:
    with transaction() as session:
        return service.delete_old(session, now=utc_now())


jobs = [Job(DELETE_OLD_IMPORTS, "Delete files that were uploaded for import long ago", timedelta(days=1), delete_old_imports)]
