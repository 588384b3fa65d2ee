"""The room of holders, as the app sees it."""

from request_tracker_utils.holders import models  # noqa: F401
from request_tracker_utils.web.feature import Feature

feature = Feature(name="holders")
