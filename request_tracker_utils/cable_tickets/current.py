"""Who changes a ticket in this request, when, where messages go, and how long approval links work, for entry points."""

from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy.orm import Session

from request_tracker_utils.accounts.access_tokens import TokenService
from request_tracker_utils.cable_tickets import messages
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.messages import Messenger, Values
from request_tracker_utils.inventory.current import reorder_alerts
from request_tracker_utils.web.auth import current_actor
from request_tracker_utils.web.registry import registry, settings


def change(session: Session, *, actor: Actor | None = None) -> Change:
    """By the caller of this request, or by `actor`, now: `creating.create(change(session), draft)`."""
    return Change(
        session,
        actor or current_actor(),
        utc_now(),
        reorder_alerts(),
        registry().find(Messenger),
        settings().default_approvers,
        settings().zone,
    )


def today() -> date:
    """In TIMEZONE."""
    return utc_now().astimezone(settings().zone).date()


def link_keys(purpose: str) -> tuple[str, ...]:
    """The keys of approval links of this installation."""
    return registry().get(TokenService).derived_keys(purpose)


def link_lifetime() -> timedelta:
    return timedelta(days=settings().approval_link_days)


def _with_links(session: Session, values: Values) -> Values | None:
    address, lifetime = settings().public_address(), link_lifetime()
    return messages.with_links(session, values, keys=link_keys, address=address, lifetime=lifetime, now=utc_now())


MESSAGE_KINDS = [replace(kind, complete=_with_links) if kind in messages.REQUESTS else kind for kind in messages.KINDS]
"""As they are sent: requests get their links then."""
