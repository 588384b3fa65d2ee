"""What the asset store contributes to the app."""

from request_tracker_utils.asset_store import current, jobs, status
from request_tracker_utils.web.feature import Feature

feature = Feature(name="asset_store", jobs=jobs.jobs, checks=status.checks, status=status.sections, install=current.install)
