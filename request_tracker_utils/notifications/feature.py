"""What notifications contribute to the app."""

from request_tracker_utils.notifications import models  # noqa: F401 — its tables belong to the database
from request_tracker_utils.web.feature import Feature

feature = Feature(name="notifications")
