"""Who changes a request now, and where messages go, for entry points."""

from datetime import datetime
from typing import TypedDict

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.optics.messages import OpticsMessages
from request_tracker_utils.web.auth import current_actor
from request_tracker_utils.web.registry import registry, settings


class Change(TypedDict):
    """What services that change a request need: `service.decide(session, …, **change())`."""

    actor: Actor
    now: datetime
    messages: OpticsMessages


def change() -> Change:
    """By the caller of this request, now."""
    messages = OpticsMessages(registry().find(Messenger), settings().optics_alert_emails)
    return {"actor": current_actor(), "now": utc_now(), "messages": messages}
