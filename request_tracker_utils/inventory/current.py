"""Where this app sends reorder alerts, for entry points."""

from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.inventory.reorder import ReorderAlerts
from request_tracker_utils.web.registry import registry, settings


def reorder_alerts() -> ReorderAlerts:
    return ReorderAlerts(registry().find(Messenger), settings().reorder_alerts)
