"""What a ticket reserves, releases, takes and returns. Each function passes all items in one call, since a call locks stock rows in the
order of their keys, and two calls in one transaction could deadlock."""

from collections.abc import Collection, Mapping

from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.errors import InvalidTicketField
from request_tracker_utils.cable_tickets.models import TICKET_SOURCE, Ticket, TicketItem
from request_tracker_utils.cable_tickets.states import RESERVES, Priority
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory import reels, reservations
from request_tracker_utils.inventory.errors import InvalidStockField, NotEnough
from request_tracker_utils.inventory.lengths import Cable, parse_cable
from request_tracker_utils.inventory.reservations import Line
from request_tracker_utils.inventory.stock import Source

FILLED_FIRST = {Priority.HIGH: 1, Priority.MEDIUM: 2, Priority.LOW: 3}


def source_of(ticket: Ticket) -> Source:
    return Source(TICKET_SOURCE, ticket.id)


def reserve_for(change: Change, ticket: Ticket) -> None:
    """Reserves what is there for each item, and back-orders the rest. Repeating it changes nothing, except the priority of back-orders if
    the ticket has another one."""
    lines = [_line(ticket, item, left) for item in ticket.items if (left := left_of(item)) > 0]
    if lines:
        reservations.reserve(change.session, source_of(ticket), lines, actor=change.actor, now=change.now, alerts=change.alerts)


def prioritize(change: Change, ticket: Ticket) -> None:
    """To be called when a ticket's priority has changed: its back-orders are filled accordingly from now on. What others have reserved
    stays theirs."""
    if ticket.status in RESERVES:
        reserve_for(change, ticket)


def release_for(change: Change, ticket: Ticket) -> None:
    """Releases all reservations and back-orders of the ticket."""
    reservations.release(change.session, source_of(ticket), actor=change.actor, now=change.now, alerts=change.alerts)


def take_for(change: Change, ticket: Ticket, pieces: Mapping[int, int], *, cut: Collection[int] = ()) -> list[dict[str, object]]:
    """Takes so many pieces of each item, by its ID, from the shelf; those of the items `cut` are cut from longer ones if they lack. The
    caller has checked that so many are left, and changes the status. Returns what was taken, for the history.

    Raises NotEnough, and InvalidTicketField if too many would be cut, with `item_id`: then nothing is to be committed.
    """
    lines = [_line(ticket, item, pieces[item.id], cut=item.id in cut) for item in ticket.items if pieces.get(item.id)]
    source, note = source_of(ticket), f"ticket {ticket.id}"
    try:
        reservations.consume(change.session, source, lines, actor=change.actor, now=change.now, alerts=change.alerts, notes=note)
    except NotEnough as error:
        raise _explained(change, ticket, error, cut) from None
    except InvalidStockField as error:
        raise InvalidTicketField(error.message, field="quantity", item_id=error.fields.get("line")) from None
    for item in ticket.items:
        item.fulfilled += pieces.get(item.id, 0)
    return describe(ticket, pieces)


def give_back_for(change: Change, ticket: Ticket, pieces: Mapping[int, int], *, notes: str = "") -> None:
    """Returns so many pieces of each item to the shelf. Raises ShelfFull."""
    lines = [_line(ticket, item, pieces[item.id]) for item in ticket.items if pieces.get(item.id)]
    source, note = source_of(ticket), notes or f"ticket {ticket.id}"
    reservations.give_back(change.session, source, lines, actor=change.actor, now=change.now, alerts=change.alerts, notes=note)


def left_of(item: TicketItem) -> int:
    """Pieces that are not fulfilled yet."""
    return item.quantity - item.fulfilled


def cable_of(item: TicketItem) -> Cable:
    return parse_cable(item.cable_type, item.cable_length)


def describe(ticket: Ticket, pieces: Mapping[int, int]) -> list[dict[str, object]]:
    """For the ticket's history."""
    names = ("id", "cable_type", "cable_length")
    return [{name: getattr(each, name) for name in names} | {"quantity": pieces[each.id]} for each in ticket.items if each.id in pieces]


def _explained(change: Change, ticket: Ticket, error: NotEnough, cut: Collection[int]) -> NotEnough:
    """The same error with the item, and with what to do."""
    fields = {name: value for name, value in error.fields.items() if name != "line"}
    item = next(each for each in ticket.items if each.id == error.fields["line"])
    cable = cable_of(item)
    longer = reels.sufficient(change.session, cable) if cable.length.unit and item.id not in cut else ()
    if longer:
        what = _("Cut it from a longer piece (%(length)s), receive a delivery, or adjust the stock.", length=longer[0].cable_length)
    else:
        what = _("Receive a delivery or adjust the stock first, or fulfill fewer pieces.")
    return NotEnough(f"{error.message} {what}", **fields, item_id=item.id, cut_from=longer[0].id if longer else None)


def _line(ticket: Ticket, item: TicketItem, quantity: int, *, cut: bool = False) -> Line:
    return Line(cable_of(item), quantity, item.id, FILLED_FIRST[Priority(ticket.priority)], cut)
