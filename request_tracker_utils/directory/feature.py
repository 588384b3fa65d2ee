"""The directory, as the app sees it."""

from request_tracker_utils.directory import current
from request_tracker_utils.web.feature import Feature

feature = Feature(name="directory", install=current.install)
