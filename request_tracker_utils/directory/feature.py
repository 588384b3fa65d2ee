"""The directory, as the app sees it."""

from request_tracker_utils.directory import current, jobs
from request_tracker_utils.web.feature import Feature

feature = Feature(name="directory", jobs=jobs.jobs, install=current.install)
