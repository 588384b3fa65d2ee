"""Scheduled checks of the asset store."""

from datetime import timedelta

from request_tracker_utils.asset_store.current import inspect_thoroughly
from request_tracker_utils.asset_store.inspection import problems
from request_tracker_utils.asset_store.names import CHECK_JOB
from request_tracker_utils.asset_store.service import AssetStoreInvalid
from request_tracker_utils.core.jobs import Job


def check_asset_store() -> int:
    """Raises AssetStoreInvalid with everything that the settings name and the asset store lacks, and the rights that its token lacks."""
    if found := problems(inspect_thoroughly()):
        raise AssetStoreInvalid(" ".join(found))
    return 0


jobs = [
    Job(
        CHECK_JOB,
        "Check that Request Tracker has the catalogs and fields that the settings name, and that its token has the rights it needs",
        timedelta(hours=1),
        check_asset_store,
    )
]
