"""Pieces of a ticket that come back to the shelf: at most what was fulfilled. Returning all of them undoes a fulfillment; the ticket keeps
its status, and who still needs the cable asks again."""

from collections.abc import Sequence

from request_tracker_utils.cable_tickets import stock
from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.errors import InvalidTicketField, MoreThanLeft
from request_tracker_utils.cable_tickets.fulfillment import Pieces, once_for, pieces_of
from request_tracker_utils.cable_tickets.models import Ticket, TicketItem
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.inventory.errors import InvalidStockField
from request_tracker_utils.inventory.stock import clean_notes


def put_back(
    change: Change, ticket_id: int, wanted: Sequence[Pieces] = (), *, notes: str = "", request_key: str = ""
) -> tuple[Ticket, bool]:
    """Returns these pieces, or all that were fulfilled, to the shelf, in any status but archived. They go to those who wait for them.
    Returns the ticket, and whether an earlier request with the key has done this.

    Raises TicketNotFound, TicketArchived, NotYourStep, InvalidTicketField, MoreThanLeft, RequestKeyReused, ShelfFull.
    """

    def do(ticket: Ticket) -> None:
        try:
            written = clean_notes(notes)
        except InvalidStockField as error:
            raise InvalidTicketField(error.message, field="notes") from None
        chosen = wanted or [Pieces(item.id) for item in ticket.items if out_of(item)]
        if not chosen:
            raise MoreThanLeft(_("Ticket %(id)s has nothing left to return.", id=ticket.id), left=0)
        pieces = pieces_of(ticket, chosen, out_of, _more_than_out)
        stock.give_back_for(change, ticket, pieces, notes=written)
        for item in ticket.items:
            item.returned += pieces.get(item.id, 0)
        change.record(ticket, "returned", items=stock.describe(ticket, pieces), **({"notes": written} if written else {}))

    content = {"do": "return", "ticket": ticket_id, "items": [vars(each) for each in wanted], "notes": notes}
    return once_for(change, ticket_id, content, do, request_key)


def out_of(item: TicketItem) -> int:
    """Pieces that were fulfilled and have not come back."""
    return item.fulfilled - item.returned


def _more_than_out(item: TicketItem, out: int) -> MoreThanLeft:
    names = {"type": item.cable_type, "length": item.cable_length}
    message = ngettext(
        "%(num)s piece of %(type)s %(length)s is left to return.",
        "%(num)s pieces of %(type)s %(length)s are left to return.",
        out,
        **names,
    )
    return MoreThanLeft(message, item_id=item.id, left=out)
