"""The history on a ticket's page: events with their comments and the names of the people in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import User
from request_tracker_utils.cable_tickets.models import TicketComment, TicketEvent

SHOWN = 200
FIELDS = ("items", "location", "notes", "priority", "needed_by")
"""Fields in the details of an edit, in the order of the page."""


@dataclass(frozen=True)
class Entry:
    event: str
    actor: str
    at: datetime
    body: str = ""
    """Of a comment."""
    reason: str = ""
    name: str = ""
    """The new assignee; empty for the default approvers."""
    changed: Mapping[str, Mapping[str, Any]] | None = None
    """Field → `from` and `to`, of an edit."""
    pieces: Sequence[Mapping[str, Any]] = ()
    """Cable that was taken, returned, or has arrived, with its `quantity`."""


def timeline(session: Session, ticket_id: int) -> list[Entry]:
    """The last SHOWN events, newest first."""
    query = select(TicketEvent).where(TicketEvent.ticket_id == ticket_id).order_by(TicketEvent.id.desc()).limit(SHOWN)
    events = session.scalars(query).all()
    bodies = _bodies(session, [event.detail.get("comment_id") for event in events])
    names = _names(session, [event.detail.get("assigned_to_id") for event in events])
    return [
        Entry(
            event=event.event,
            actor=event.actor,
            at=event.created_at,
            body=bodies.get(event.detail.get("comment_id"), ""),
            reason=str(event.detail.get("reason", "")),
            name=names.get(event.detail.get("assigned_to_id"), ""),
            changed=_changed(event.detail.get("changed")),
            pieces=_pieces(event.detail.get("items")),
        )
        for event in events
    ]


def _changed(changed: object) -> Mapping[str, Mapping[str, Any]] | None:
    return {name: changed[name] for name in FIELDS if name in changed} if isinstance(changed, dict) else None


def _pieces(items: object) -> Sequence[Mapping[str, Any]]:
    return [each for each in items if isinstance(each, dict) and "quantity" in each] if isinstance(items, list) else ()


def _bodies(session: Session, ids: Sequence[object]) -> dict[object, str]:
    wanted = {each for each in ids if isinstance(each, int)}
    found = session.execute(select(TicketComment.id, TicketComment.body).where(TicketComment.id.in_(wanted))).all() if wanted else []
    return {comment_id: body for comment_id, body in found}  # noqa: C416 — mypy does not accept dict(found)


def _names(session: Session, ids: Sequence[object]) -> dict[object, str]:
    wanted = {each for each in ids if isinstance(each, int)}
    found = session.execute(select(User.id, User.name).where(User.id.in_(wanted))).all() if wanted else []
    return {user_id: name for user_id, name in found}  # noqa: C416 — mypy does not accept dict(found)
