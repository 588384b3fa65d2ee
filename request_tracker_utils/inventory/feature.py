"""What the stock contributes to the app."""

from request_tracker_utils.inventory import jobs
from request_tracker_utils.inventory.api import counts as count_api, receiving as receiving_api, stock as stock_api
from request_tracker_utils.inventory.permissions import GRANTS
from request_tracker_utils.inventory.reorder import REORDER_ALERT
from request_tracker_utils.web.feature import Feature

feature = Feature(
    name="inventory", apis=[stock_api.api, receiving_api.api, count_api.api], jobs=jobs.jobs, messages=[REORDER_ALERT], grants=GRANTS
)
