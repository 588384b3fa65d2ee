"""The directory, as the app sees it."""

from request_tracker_utils.asset_store import current, health, jobs, status
from request_tracker_utils.web.feature import Feature

feature = Feature(name="directory", jobs=jobs.jobs, checks=health.checks, status=status.sections, install=current.install)
