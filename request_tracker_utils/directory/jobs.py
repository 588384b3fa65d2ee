"""Scheduled work on the directory."""

from datetime import timedelta

from request_tracker_utils.core.jobs import Job
from request_tracker_utils.directory.current import examined
from request_tracker_utils.directory.examination import problems
from request_tracker_utils.directory.service import DirectoryInvalid


def check_directory() -> int:
    """Raises DirectoryInvalid with everything that the settings name and the directory lacks, and what its token may not do."""
    missing = problems(examined())
    if missing:
        raise DirectoryInvalid(" ".join(missing))
    return 0


jobs = [
    Job(
        "check-directory",
        "Make sure that the directory has what the settings name, and that its token may do what is needed",
        timedelta(hours=1),
        check_directory,
    )
]
