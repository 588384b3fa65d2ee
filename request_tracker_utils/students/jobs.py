"""Scheduled jobs of students."""

from datetime import timedelta

from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.students.counts import merge_shards


def merge_counts() -> int:
    with transaction() as session:
        return merge_shards(session)


jobs = [Job("merge-counts", gettext_noop("Merge the counters of ended database connections"), timedelta(hours=6), merge_counts)]
