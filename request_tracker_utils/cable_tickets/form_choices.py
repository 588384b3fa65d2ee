"""What forms suggest: approvers, the places of earlier requests, and reasons."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import Role, User
from request_tracker_utils.cable_tickets.absences import able
from request_tracker_utils.cable_tickets.approvers import usual_approvers
from request_tracker_utils.cable_tickets.models import Ticket
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.inventory.models import CableType

REJECTION_REASONS = (gettext_noop("Not needed"), gettext_noop("Not in the budget"), gettext_noop("Request a different cable"))
"""Suggestions of the forms that reject a request."""
CLOSING_REASONS = (gettext_noop("Not needed any more"), gettext_noop("Not available"), gettext_noop("Bought elsewhere"))
MOST = 300
"""Approvers that the form offers. Others can be chosen over the API."""
RECENT_LOCATIONS = 10
LOOKED_THROUGH = 60


@dataclass(frozen=True)
class ApproverChoices:
    """`recent` are those that this person asked last; `others` everybody else, administrators and staff first."""

    recent: Sequence[User]
    others: Sequence[User]

    def has(self, user_id: int) -> bool:
        return any(user.id == user_id for user in (*self.recent, *self.others))


def approver_choices(session: Session, *, creator_id: int | None, chosen_id: int | None = None) -> ApproverChoices:
    """Who can be asked about a request of this person: active people except students and the person. `chosen_id` is included."""
    possible = select(User).where(*able(), User.id.is_distinct_from(creator_id))
    last = select(Ticket.assigned_to_id).where(Ticket.created_by_id == creator_id, Ticket.assigned_to_id.is_not(None))
    asked = dict.fromkeys(session.scalars(last.order_by(Ticket.id.desc()).limit(LOOKED_THROUGH))) if creator_id else {}
    wanted = [*list(asked)[:3], *([chosen_id] if chosen_id and chosen_id not in list(asked)[:3] else [])]
    by_id = {user.id: user for user in session.scalars(possible.where(User.id.in_(wanted)))} if wanted else {}
    recent = [by_id[user_id] for user_id in wanted if user_id in by_id]
    rank = case({Role.ADMIN.value: 0, Role.STAFF.value: 1}, value=User.role, else_=2)
    others = possible.where(User.id.not_in(by_id)).order_by(rank, User.name_key).limit(MOST)
    return ApproverChoices(recent, session.scalars(others).all())


def locations(session: Session, creator_id: int | None) -> Sequence[str]:
    """The places of the person's last requests, newest first."""
    query = select(Ticket.location).where(Ticket.created_by_id == creator_id, Ticket.location != "")
    found = session.scalars(query.order_by(Ticket.id.desc()).limit(LOOKED_THROUGH)).all()
    return list(dict.fromkeys(found))[:RECENT_LOCATIONS]


def default_names(session: Session, names: Sequence[str], *, creator_id: int | None) -> Sequence[str]:
    """The names of those who are asked about a request of this person if nobody is chosen. `names` are DEFAULT_APPROVERS."""
    return [user.name for user in usual_approvers(session, names, creator_id=creator_id)]


def gauges(session: Session) -> Sequence[str]:
    """The usual gauges of the cable types."""
    usual = session.scalars(select(CableType.gauges).where(CableType.active)).all()
    return sorted({gauge for several in usual for gauge in several})
