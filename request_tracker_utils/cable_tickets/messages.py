"""Who is told what about a ticket."""

from request_tracker_utils.cable_tickets.change import Change
from request_tracker_utils.cable_tickets.models import Ticket


def tell(change: Change, ticket: Ticket, event: str, **values: str | int) -> None:
    """Writes the messages about an event of a ticket: `created`, `reassigned`, `approved`, `rejected`, `fulfilled`, `closed`, `commented`,
    `stock_arrived`."""
