"""Who changes the stock in this request, when, and where reorder alerts go, for entry points."""

from datetime import datetime
from typing import TypedDict

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.inventory.reorder import ReorderAlerts
from request_tracker_utils.web.auth import current_actor
from request_tracker_utils.web.registry import registry, settings


class Change(TypedDict):
    """What each service that changes the stock needs: `service.adjust(session, …, **change())`."""

    actor: Actor
    now: datetime
    alerts: ReorderAlerts


class Request(Change):
    """The same for services that do nothing twice."""

    request_key: str


def change() -> Change:
    """By the caller of this request, now."""
    return {"actor": current_actor(), "now": utc_now(), "alerts": reorder_alerts()}


def request(key: str) -> Request:
    """The same with the key that the caller has chosen for the request."""
    return {**change(), "request_key": key}


def reorder_alerts() -> ReorderAlerts:
    return ReorderAlerts(registry().find(Messenger), settings().reorder_alerts)
