"""Scheduled work on the directory."""

from datetime import timedelta

from request_tracker_utils.asset_store.current import examined
from request_tracker_utils.asset_store.inspection import problems
from request_tracker_utils.asset_store.service import AssetStoreInvalid
from request_tracker_utils.core.jobs import Job


def check_asset_store() -> int:
    """Raises DirectoryInvalid with everything that the settings name and the directory lacks, and what its token may not do."""
    missing = problems(examined())
    if missing:
        raise AssetStoreInvalid(" ".join(missing))
    return 0


jobs = [
    Job(
        "check-directory",
        "Make sure that the directory has what the settings name, and that its token may do what is needed",
        timedelta(hours=1),
        check_asset_store,
    )
]
