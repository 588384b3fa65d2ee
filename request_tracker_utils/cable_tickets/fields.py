"""The rules of a ticket's fields, for every source: JSON, forms, imports."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta

from request_tracker_utils.cable_tickets.errors import InvalidTicketField
from request_tracker_utils.cable_tickets.states import Priority
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.errors import InvalidStockField
from request_tracker_utils.inventory.lengths import one_line, parse_cable, parse_quantity
from request_tracker_utils.inventory.stock import clean_notes

MAX_ITEMS = 50
MAX_PIECES = 10_000
"""Of one item. Sums of back-orders of all tickets fit into a column of the stock."""
MAX_GAUGE = 30
MAX_LOCATION = 200
MAX_NOTES = 10_000
MAX_REASON = 1_000
MAX_AHEAD = timedelta(days=5 * 366)
"""Later dates are mistyped."""


@dataclass(frozen=True)
class Item:
    """One type of cable in one length, as it was entered; after `parse_items`, as it is stored. `id` is an existing item's."""

    cable_type: str
    cable_length: str
    cable_gauge: str = ""
    quantity: object = 1
    id: int | None = None

    @property
    def pieces(self) -> int:
        """After `parse_items`."""
        assert isinstance(self.quantity, int)
        return self.quantity


def parse_items(items: Sequence[Item]) -> list[Item]:
    """Raises InvalidTicketField; `item` is the position of the invalid one, from 0."""
    if not items:
        raise InvalidTicketField(_("Enter at least one item."), field="items")
    if len(items) > MAX_ITEMS:
        raise InvalidTicketField(_("A ticket has at most %(count)s items.", count=MAX_ITEMS), field="items")
    parsed = []
    for position, item in enumerate(items):
        with ticket_fields(item=position):
            parsed.append(_parse(item))
    return parsed


def parse_location(text: str) -> str:
    """Raises InvalidTicketField."""
    with ticket_fields():
        return one_line(text, "location", MAX_LOCATION)


def parse_notes(text: str, *, field: str = "notes") -> str:
    """Text of several lines. Raises InvalidTicketField."""
    with ticket_fields():
        return clean_notes(text.replace("\r\n", "\n"), field=field, longest=MAX_NOTES)


def parse_reason(text: str) -> str:
    """Raises InvalidTicketField."""
    with ticket_fields():
        return clean_notes(text.replace("\r\n", "\n"), field="reason", longest=MAX_REASON)


def parse_priority(text: str) -> Priority:
    """Raises InvalidTicketField."""
    try:
        return Priority(text)
    except ValueError:
        message = _("Unknown priority %(priority)s. Choose one of %(choices)s.", priority=text, choices=", ".join(Priority))
        raise InvalidTicketField(message, field="priority") from None


def parse_needed_by(day: date | None, today: date) -> date | None:
    """Raises InvalidTicketField for days that are over, and for mistyped years."""
    if day is not None and not today <= day <= today + MAX_AHEAD:
        raise InvalidTicketField(_("Enter a date between today and five years from now."), field="needed_by")
    return day


@contextmanager
def ticket_fields(**fields: object) -> Iterator[None]:
    """What the stock refuses is an error of the ticket's field."""
    try:
        yield
    except InvalidStockField as error:
        raise InvalidTicketField(error.message, **error.fields, **fields) from error


def _parse(item: Item) -> Item:
    cable = parse_cable(item.cable_type, item.cable_length)
    pieces = parse_quantity(item.quantity)
    if pieces > MAX_PIECES:
        raise InvalidStockField(_("Enter at most %(count)s pieces.", count=f"{MAX_PIECES:,}"), field="quantity")
    gauge = one_line(item.cable_gauge, "cable_gauge", MAX_GAUGE)
    return replace(item, cable_type=cable.cable_type, cable_length=cable.length.written, cable_gauge=gauge, quantity=pieces)
