"""What notifications have in this app, for entry points."""

from request_tracker_utils.notifications.service import NotificationService
from request_tracker_utils.web.registry import registry


def messenger() -> NotificationService:
    return registry().get(NotificationService)
