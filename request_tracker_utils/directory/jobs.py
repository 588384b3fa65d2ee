"""Scheduled work on the directory."""

from datetime import timedelta

from request_tracker_utils.core.jobs import Job
from request_tracker_utils.directory.current import directory
from request_tracker_utils.directory.service import DirectoryInvalid


def check_directory() -> int:
    """Raises DirectoryInvalid with everything that the settings name and the directory lacks."""
    problems = directory().problems()
    if problems:
        raise DirectoryInvalid(" ".join(problems))
    return 0


jobs = [
    Job(
        "check-directory",
        "Make sure that the directory has the catalogs and fields that the settings name",
        timedelta(hours=1),
        check_directory,
    )
]
