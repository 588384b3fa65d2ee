"""Who changes a ticket in this request, when, and where messages go, for entry points."""

from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.inventory.current import reorder_alerts
from request_tracker_utils.web.auth import current_actor
from request_tracker_utils.web.registry import registry, settings


def change(session: Session, *, actor: Actor | None = None, substitute_for: str = "") -> Change:
    """By the caller of this request, or by `actor`, now: `creating.create(change(session), draft)`."""
    return Change(
        session,
        actor or current_actor(),
        utc_now(),
        reorder_alerts(),
        registry().find(Messenger),
        settings().default_approvers,
        ZoneInfo(settings().timezone),
        substitute_for,
    )
