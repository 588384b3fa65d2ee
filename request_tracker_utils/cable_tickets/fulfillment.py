"""Fulfilling a ticket: its pieces are taken from the shelf in the transaction that changes the ticket, item by item and in part.

Nothing is fulfilled from outside the stock, so that the ledger explains each piece: what is missing is received or adjusted first.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from request_tracker_utils.cable_tickets import stock
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.errors import InvalidTicketField, MoreThanLeft, NotYourStep, StepNotOpen, TicketNotFound
from request_tracker_utils.cable_tickets.models import Ticket, TicketItem
from request_tracker_utils.cable_tickets.rules import relation
from request_tracker_utils.cable_tickets.states import RESERVES, TicketStatus, open_steps, status_title
from request_tracker_utils.cable_tickets.steps import step
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.inventory.errors import InvalidStockField
from request_tracker_utils.inventory.lengths import parse_quantity
from request_tracker_utils.inventory.repeats import once


@dataclass(frozen=True)
class Pieces:
    """As they were entered: so many pieces of an item, or all that are left. `cut` allows to cut longer pieces for those that lack."""

    item_id: int
    quantity: object = None
    cut: bool = False


def fulfill(
    change: Change, ticket_id: int, wanted: Sequence[Pieces] = (), *, cut: bool = False, request_key: str = ""
) -> tuple[Ticket, bool]:
    """Takes these pieces, or all that are left of each item, from the shelf; `cut` is for all items. The ticket is in progress until
    nothing is left, then fulfilled. Returns it, and whether an earlier request with the key has done this.

    Raises TicketNotFound, TicketArchived, NotYourStep, StepNotOpen, InvalidTicketField, MoreThanLeft, NotEnough with `item_id`,
    RequestKeyReused.
    """

    def do(ticket: Ticket) -> None:
        if ticket.status not in RESERVES:
            steps = [str(each) for each in open_steps(TicketStatus(ticket.status))]
            message = _(
                "Ticket %(id)s has the status “%(status)s”, so nothing can be fulfilled.", id=ticket.id, status=status_title(ticket.status)
            )
            raise StepNotOpen(message, status_now=ticket.status, open_steps=steps)
        chosen = wanted or [Pieces(item.id) for item in ticket.items if stock.left_of(item)]
        pieces = pieces_of(ticket, chosen, stock.left_of, _more_than_left)
        _take(change, ticket, pieces, cut={each.item_id for each in chosen if each.cut or cut})

    content = {"do": "fulfill", "ticket": ticket_id, "items": [vars(each) for each in wanted], "cut": cut}
    return once_for(change, ticket_id, content, do, request_key)


def once_for(
    change: Change, ticket_id: int, content: Mapping[str, object], do: Callable[[Ticket], None], request_key: str
) -> tuple[Ticket, bool]:
    """Calls `do` with the locked ticket if the actor may work on it, unless this was done before with the key."""

    def checked() -> list[int]:
        ticket = change.locked(ticket_id)
        if not relation(change.session, ticket, change.actor).may_work:
            message = _("Only staff, its approver, or an administrator can fulfill ticket %(id)s.", id=ticket.id)
            raise NotYourStep(message)
        do(ticket)
        return [ticket.id]

    _ids, repeated = once(change.session, request_key, content, checked, actor=change.actor, now=change.now)
    ticket = change.session.get(Ticket, ticket_id)
    if ticket is None:  # it was purged after the first request
        raise TicketNotFound(_("Ticket %(id)s was not found.", id=ticket_id))
    return ticket, repeated


def pieces_of(
    ticket: Ticket, wanted: Sequence[Pieces], most_of: Callable[[TicketItem], int], too_many: Callable[[TicketItem, int], MoreThanLeft]
) -> dict[int, int]:
    """The number of pieces by item. Raises InvalidTicketField, and what `too_many` returns."""
    items, pieces = {item.id: item for item in ticket.items}, dict[int, int]()
    for each in wanted:
        item = items.get(each.item_id)
        if item is None:
            message = _("Ticket %(id)s has no item %(item)s.", id=ticket.id, item=each.item_id)
            raise InvalidTicketField(message, field="items", item_id=each.item_id)
        if each.item_id in pieces:
            raise InvalidTicketField(_("List each item only once."), field="items", item_id=each.item_id)
        most = most_of(item)
        try:
            quantity = most if each.quantity is None and most else parse_quantity(1 if each.quantity is None else each.quantity)
        except InvalidStockField as error:
            raise InvalidTicketField(error.message, field="quantity", item_id=each.item_id) from None
        if quantity > most:
            raise too_many(item, most)
        pieces[each.item_id] = quantity
    if not pieces:
        raise InvalidTicketField(_("Choose at least one item."), field="items")
    return pieces


def _take(change: Change, ticket: Ticket, pieces: dict[int, int], *, cut: set[int]) -> None:
    taken = stock.take_for(change, ticket, pieces, cut=cut)
    if ticket.status == TicketStatus.APPROVED:
        step(change, ticket, TicketStatus.IN_PROGRESS)
    if any(stock.left_of(item) for item in ticket.items):
        change.record(ticket, "partly_fulfilled", items=taken)
    else:
        step(change, ticket, TicketStatus.FULFILLED, items=taken)


def _more_than_left(item: TicketItem, left: int) -> MoreThanLeft:
    names = {"type": item.cable_type, "length": item.cable_length}
    message = ngettext(
        "%(num)s piece of %(type)s %(length)s is left to fulfill.",
        "%(num)s pieces of %(type)s %(length)s are left to fulfill.",
        left,
        **names,
    )
    return MoreThanLeft(message, item_id=item.id, left=left)
