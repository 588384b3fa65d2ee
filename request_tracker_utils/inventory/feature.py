"""What the stock contributes to the app."""

from request_tracker_utils.inventory import jobs, models  # noqa: F401 — its tables belong to the database
from request_tracker_utils.inventory.permissions import GRANTS
from request_tracker_utils.inventory.reorder import REORDER_ALERT
from request_tracker_utils.web.feature import Feature

feature = Feature(name="inventory", jobs=jobs.jobs, messages=[REORDER_ALERT], grants=GRANTS)
