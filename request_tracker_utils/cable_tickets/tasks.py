"""The task that fulfills several tickets from the pick list: each in a transaction of its own, with its own result."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import User
from request_tracker_utils.cable_tickets import fulfillment, stock
from request_tracker_utils.cable_tickets.current import change
from request_tracker_utils.cable_tickets.errors import NotYourStep
from request_tracker_utils.cable_tickets.fulfillment import Pieces
from request_tracker_utils.cable_tickets.models import Ticket
from request_tracker_utils.cable_tickets.permissions import TicketPermission
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.inventory.repeats import once
from request_tracker_utils.tasks import service
from request_tracker_utils.tasks.kinds import Link, TaskKind
from request_tracker_utils.tasks.models import Task, TaskItem
from request_tracker_utils.tasks.running import ItemResult, RunningTask
from request_tracker_utils.tasks.service import NewItem
from request_tracker_utils.web.registry import registry

FULFILL_TICKETS = "fulfill-tickets"


def start_fulfilling(session: Session, wanted: Mapping[int, Sequence[Pieces]], *, actor: Actor, now: datetime, request_key: str) -> int:
    """Starts the task and returns its ID: of the first one, if the form is sent again. Raises RequestKeyReused."""

    def do() -> list[int]:
        tickets = {each.id: each for each in session.scalars(select(Ticket).where(Ticket.id.in_(wanted)))}
        items = [
            NewItem(
                _("Ticket %(id)s, %(location)s", id=ticket_id, location=tickets[ticket_id].location)
                if ticket_id in tickets and tickets[ticket_id].location
                else _("Ticket %(id)s", id=ticket_id),
                {"ticket": ticket_id, "items": [vars(each) for each in pieces]},
            )
            for ticket_id, pieces in wanted.items()
        ]
        title = ngettext("Fulfill %(num)s cable ticket", "Fulfill %(num)s cable tickets", len(items))
        return [service.start(session, FULFILL_TICKETS, title=title, actor=actor, now=now, items=items).id]

    content = {"do": "pick list", "tickets": {str(key): [vars(each) for each in pieces] for key, pieces in wanted.items()}}
    (task_id,), _repeated = once(session, request_key, content, do, actor=actor, now=now)
    return task_id


def fulfill_tickets(task: RunningTask) -> str:
    """If the process dies, a ticket is sent again with the same key, and is fulfilled once."""

    def fulfill(item: TaskItem) -> ItemResult:
        pieces = [Pieces(**each) for each in item.data["items"]]
        with transaction() as session:
            by = change(session, actor=_as_now(session, task.actor))
            ticket, _repeated = fulfillment.fulfill(by, item.data["ticket"], pieces, request_key=f"task-{task.id}-{item.position}")
            left = sum(stock.left_of(each) for each in ticket.items)
            note = ngettext("%(num)s piece is left to fulfill.", "%(num)s pieces are left to fulfill.", left) if left else _("Fulfilled.")
            return ItemResult({"ticket_id": ticket.id, "status": ticket.status}, note)

    task.each(fulfill, workers=1)
    return ngettext("%(num)s ticket was processed.", "%(num)s tickets were processed.", task.done)


def _as_now(session: Session, actor: Actor) -> Actor:
    """The person who has started the task with the permissions that they have now. Raises NotYourStep for somebody without an account."""
    user = session.get(User, actor.user_id) if actor.user_id is not None else None
    if user is None or not user.active:
        raise NotYourStep(_("%(name)s no longer has an active account. Somebody else has to start the task again.", name=actor.name))
    return Actor(actor.name, registry().grants.get(user.role, frozenset()), user.id, user.role)


def _links(_task: Task) -> Sequence[Link]:
    return [Link(_("View the pick list"), url_for("cable_pick_list.show"))]


kinds = [TaskKind(FULFILL_TICKETS, TicketPermission.WORK, fulfill_tickets, _links)]
