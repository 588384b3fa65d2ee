"""JSON routes of the stock room: the pick list, fulfilling tickets, and returns."""

from typing import Any

from flask_openapi3 import APIBlueprint

from request_tracker_utils.cable_tickets import fulfillment, pick_list, returns
from request_tracker_utils.cable_tickets.api.tickets import NOT_FOUND, TICKETS, shown
from request_tracker_utils.cable_tickets.current import change
from request_tracker_utils.cable_tickets.errors import (
    InvalidTicketField,
    MoreThanLeft,
    NotYourStep,
    StepNotOpen,
    TicketArchived,
)
from request_tracker_utils.cable_tickets.permissions import TicketPermission
from request_tracker_utils.cable_tickets.schemas.fulfillment import (
    PickedTicketOut,
    PickListOut,
    PickListQuery,
    TicketFulfillIn,
    TicketReturnIn,
)
from request_tracker_utils.cable_tickets.schemas.tickets import TicketChanged, TicketPath
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.keyset import Cursor
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.errors import InvalidStockField, NotEnough, RequestKeyReused, ShelfFull
from request_tracker_utils.inventory.schemas.stock import RequestKey
from request_tracker_utils.web.addresses import this_page
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.error_responses import may_raise

api = APIBlueprint("cable_fulfillment_api", __name__, abp_tags=[TICKETS])


@api.get("/api/tickets/pick-list", responses={200: PickListOut})
@require(TicketPermission.WORK)
@may_raise(Invalid)
def get_pick_list(query: PickListQuery) -> Any:
    """List what to fetch: tickets that are approved or in progress, by location."""
    after = Cursor.parse(query.after) if query.after else None
    if query.after and after is None:
        raise Invalid(_("after: not a valid cursor; take it from `Link` of the previous page"), field="after")
    with reading() as session:
        found = pick_list.find(session, limit=query.limit, after=after)
        rows = [PickedTicketOut.of(each) for each in found.tickets]
    if found.next_cursor is None:
        return rows
    return rows, 200, {"Link": f'<{this_page(after=str(found.next_cursor))}>; rel="next"'}


@api.post("/api/tickets/<int:ticket_id>/fulfill", responses={200: TicketChanged})
@require(TicketPermission.READ)
@may_raise(
    InvalidStockField,
    InvalidTicketField,
    MoreThanLeft,
    NotEnough,
    NotYourStep,
    RequestKeyReused,
    ShelfFull,
    StepNotOpen,
    TicketArchived,
    *NOT_FOUND,
)
def fulfill(path: TicketPath, header: RequestKey, body: TicketFulfillIn) -> Answer:
    """Take pieces of a ticket from the shelf.

    All that are left, or those in `items`, all or none of them. The ticket is `in_progress` until nothing is left, then `fulfilled`. If
    there are not enough, the error says how many there are, and `cut_from` is a stock row from which the item could be cut.
    """
    wanted = [each.pieces() for each in body.items]
    with transaction() as session:
        by = change(session)
        ticket, _repeated = fulfillment.fulfill(by, path.ticket_id, wanted, cut=body.cut, request_key=header.key)
        return {"message": _("Ticket fulfilled"), "ticket": shown(by, ticket)}


@api.post("/api/tickets/<int:ticket_id>/returns", responses={201: TicketChanged})
@require(TicketPermission.READ)
@may_raise(InvalidStockField, InvalidTicketField, MoreThanLeft, NotYourStep, RequestKeyReused, ShelfFull, TicketArchived, *NOT_FOUND)
def put_back(path: TicketPath, header: RequestKey, body: TicketReturnIn) -> Answer:
    """Return pieces of a ticket to the shelf.

    At most what was fulfilled. The ticket keeps its status.
    """
    wanted = [each.pieces() for each in body.items]
    with transaction() as session:
        by = change(session)
        ticket, _repeated = returns.put_back(by, path.ticket_id, wanted, notes=body.notes, request_key=header.key)
        return {"message": _("Pieces returned"), "ticket": shown(by, ticket)}, 201
