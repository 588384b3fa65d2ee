"""Whether the directory answers."""

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.health import Finding, HealthCheck, Status


def check_asset_store_health() -> Finding:
    here = asset_store()
    if here.kind == "embedded":
        return Finding(Status.OK, "Assets live in this program's own database.")
    try:
        version = here.version()
    except AppError as error:
        return Finding(Status.DOWN, "Request Tracker does not answer as it should.", error.message)
    return Finding(Status.OK, "Request Tracker answers.", f"Version {version}.")


checks = [HealthCheck("directory", check_asset_store_health, essential=False, good_for=30)]
"""Asked rarely: each call costs Request Tracker 0.2 s."""
