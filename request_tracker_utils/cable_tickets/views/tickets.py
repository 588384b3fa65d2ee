"""The list of cable tickets, with tabs, filters and a search."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from request_tracker_utils.cable_tickets import listing, tabs
from request_tracker_utils.cable_tickets.listing import Mine, Surroundings, TicketFilter
from request_tracker_utils.cable_tickets.models import Ticket
from request_tracker_utils.cable_tickets.permissions import TicketPermission
from request_tracker_utils.cable_tickets.states import Priority, TicketStatus
from request_tracker_utils.cable_tickets.tabs import Tab
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.text import joined
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.paging import row_id

PAGE_SIZE = 50
MAX_TEXT = 200

pages = Blueprint("cable_tickets", __name__, url_prefix="/tickets/list")


@pages.get("")
@require(TicketPermission.READ)
def listed() -> ResponseReturnValue:
    """Tickets, newest first: those to decide, the caller's own, those to fulfill, or all."""
    actor, filters = current_actor(), _filters()
    before = request.args.get("before", None, type=row_id)
    with reading() as session:
        counted = tabs.counts(session, actor)
        wanted = request.args.get("tab", "")
        first = Tab.ALL if filters != TicketFilter() else tabs.first_tab(counted, actor)
        tab = Tab(wanted) if wanted in list(Tab) else first
        found = tabs.find(session, tab, filters, actor, limit=PAGE_SIZE + 1, before_id=before)
        shown = found[:PAGE_SIZE]
        around = listing.surroundings(session, shown)
        return render_template(
            "cable_tickets/list.html",
            tab=tab,
            counts=counted,
            most=tabs.COUNTED,
            found=shown,
            around=around,
            asked={ticket.id: _asked(ticket, around) for ticket in shown},
            more=len(found) > PAGE_SIZE,
            before=before,
            filters=filters,
            query=_address(filters),
            statuses=list(TicketStatus),
        )


def _filters() -> TicketFilter:
    sent = {name: request.args.get(name, "").strip() for name in ("status", "priority", "q", "mine")}
    status = sent["status"] if sent["status"] in list(TicketStatus) else ""
    priority = sent["priority"] if sent["priority"] in list(Priority) else ""
    mine = sent["mine"] if sent["mine"] in list(Mine) else ""
    return TicketFilter(mine=mine, status=status, priority=priority, text=sent["q"].replace("\0", "")[:MAX_TEXT])


def _asked(ticket: Ticket, around: Surroundings) -> str:
    """The approver, or those who were asked instead."""
    if ticket.assigned_to_id is not None:
        return around.names.get(ticket.assigned_to_id, "")
    return joined([around.names[each.user_id] for each in around.approvers.get(ticket.id, []) if each.user_id in around.names], most=2)


def _address(filters: TicketFilter) -> dict[str, str]:
    """The filters as they are in the address."""
    named = {"mine": filters.mine, "status": filters.status, "priority": filters.priority, "q": filters.text}
    return {name: value for name, value in named.items() if value}
