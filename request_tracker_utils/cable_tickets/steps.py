"""The one way in which a ticket's status changes, with what each status brings: reservations, an event, and messages."""

from request_tracker_utils.cable_tickets import approvers, stock
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.errors import InvalidTicketField, NotYourStep, StepNotOpen
from request_tracker_utils.cable_tickets.fields import parse_reason
from request_tracker_utils.cable_tickets.messages import notify
from request_tracker_utils.cable_tickets.models import Ticket
from request_tracker_utils.cable_tickets.rules import relation
from request_tracker_utils.cable_tickets.states import RESERVES, STEPS, Party, TicketStatus, open_steps, status_title
from request_tracker_utils.core.translation import gettext as _, gettext_noop

PARTIES = {
    Party.DECIDER: gettext_noop("one of its approvers"),
    Party.WORKER: gettext_noop("staff"),
    Party.CREATOR: gettext_noop("the person who requested it"),
}
_DECIDES = frozenset({TicketStatus.APPROVED, TicketStatus.REJECTED})


def move(change: Change, ticket: Ticket, to: TicketStatus, *, reason: str = "") -> None:
    """Changes the status of a locked ticket if the actor may do so. Fulfilling takes everything that is left from the shelf.

    Raises StepNotOpen, NotYourStep, InvalidTicketField for a missing reason, NotEnough.
    """
    require_open(ticket, to)
    wanted = STEPS[TicketStatus(ticket.status), to]
    if not relation(change.session, ticket, change.actor).may_take(wanted):
        people = _(" or ").join(_(PARTIES[party]) for party in sorted(wanted.parties))
        raise NotYourStep(_("You cannot do this with ticket %(id)s. Ask %(people)s, or an administrator.", id=ticket.id, people=people))
    reason = parse_reason(reason)
    if wanted.needs_reason and not reason:
        raise InvalidTicketField(_("Enter a reason."), field="reason")
    detail: dict[str, object] = {}
    if to is TicketStatus.FULFILLED:
        detail["items"] = stock.take_for(change, ticket, {item.id: stock.left_of(item) for item in ticket.items})
    step(change, ticket, to, reason=reason, **detail)


def step(change: Change, ticket: Ticket, to: TicketStatus, *, reason: str = "", **detail: object) -> None:
    """Changes the status of a locked ticket. The caller has checked that the actor may do so. `detail` is for the history.

    Raises StepNotOpen, which names the steps that are open.
    """
    require_open(ticket, to)
    former = TicketStatus(ticket.status)
    ticket.status = to
    if to in _DECIDES:
        change = approvers.on_behalf(change, ticket)
    if to in RESERVES and former not in RESERVES:
        stock.reserve_for(change, ticket)
    elif former in RESERVES and to not in RESERVES:
        stock.release_for(change, ticket)
    if to in _DECIDES:
        ticket.decided_by_id, ticket.decided_by, ticket.decided_at = change.actor.user_id, change.name, change.now
        ticket.waiting_since = None
        ticket.revision += 1  # approval links die with the decision
        ticket.rejection_reason = reason if to is TicketStatus.REJECTED else None
    if to is TicketStatus.APPROVED:
        approvers.leave_to_decider(change, ticket)
    if to is TicketStatus.FULFILLED:
        ticket.fulfilled_at = change.now
    elif to is TicketStatus.CLOSED:
        ticket.close_reason = reason or None
    elif to is TicketStatus.PENDING_APPROVAL:
        reopen(change, ticket)
    change.record(ticket, to, status_from=former, **({"reason": reason} if reason else {}), **detail)
    change.session.flush()
    notify(change, ticket, to)


def reopen(change: Change, ticket: Ticket) -> None:
    """Forgets the decision, and asks again with new links. The caller has changed the status. Raises InvalidTicketField if nobody can be
    asked."""
    ticket.decided_by_id = ticket.decided_by = ticket.decided_at = ticket.rejection_reason = None
    ticket.revision += 1
    approvers.ask_again(change, ticket)


def require_open(ticket: Ticket, to: TicketStatus) -> None:
    """Raises StepNotOpen."""
    steps = open_steps(TicketStatus(ticket.status))
    if to not in steps:
        message = _(
            "Ticket %(id)s has the status “%(status)s”, which cannot change to “%(to)s”.",
            id=ticket.id,
            status=status_title(ticket.status),
            to=status_title(to),
        )
        raise StepNotOpen(message, status_now=ticket.status, open_steps=[str(each) for each in steps])
