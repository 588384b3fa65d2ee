"""The room of rosters, as the app sees it."""

from request_tracker_utils.rosters import models  # noqa: F401
from request_tracker_utils.web.feature import Feature

feature = Feature(name="rosters")
