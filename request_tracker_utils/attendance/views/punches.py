"""Punches: those of a day, live, with filters, and their export."""

from datetime import date
from typing import Any

from flask import Blueprint, Response, render_template, request

from request_tracker_utils.attendance.models.punches import MAX_USER_ID
from request_tracker_utils.attendance.people import find_person, person_of_account
from request_tracker_utils.attendance.permissions import AttendancePermission
from request_tracker_utils.attendance.punch_counts import PunchCounts
from request_tracker_utils.attendance.punch_list import PunchFilter, find_punches
from request_tracker_utils.attendance.shown_punches import EXPORT_HEADER, export_rows, received_after, shown
from request_tracker_utils.attendance.terminal_names import terminal_names
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.web.access_log import record_list
from request_tracker_utils.web.auth import current_actor, require, signed_in
from request_tracker_utils.web.exports import csv_response
from request_tracker_utils.web.paging import requested_cursor, requested_page, row_id
from request_tracker_utils.web.registry import registry, settings

PAGE_SIZE = 100
LIVE_ROWS = 100
BATCH = 200

pages = Blueprint("punches", __name__, url_prefix="/punches")


@pages.get("")
@require(AttendancePermission.READ)
def listed() -> str:
    """Today's punches, or those with these filters. Without JavaScript the page is as it was when it was opened."""
    filters, page = requested_filters(), requested_page()
    with reading() as session:
        settled = registry().get(PunchCounts).settled_id(session)
        found = find_punches(session, filters, size=PAGE_SIZE, after=requested_cursor(), offset=(page - 1) * PAGE_SIZE)
        rows, terminals = shown(session, found.rows), terminal_names(session)
        person = None if filters.person_id is None else find_person(session, filters.person_id)
    record_list("punches", len(rows))
    return render_template(
        "attendance/punches.html",
        filters=filters,
        address=address_of(filters),
        rows=rows,
        page=page,
        next_cursor=found.next_cursor,
        settled=settled,
        is_live=page == 1 and (filters.last is None or filters.last >= today()),
        terminals=terminals,
        person=person,
    )


@pages.get("/rows")
@require(AttendancePermission.READ)
def rows() -> Response:
    """Rows that were received after the one in `after`, for a page that is open. The header X-Settled has the next `after`;
    rows behind it are answered again, since others may come before them."""
    filters, after = requested_filters(), request.args.get("after", 0, type=row_id)
    with reading() as session:
        settled = registry().get(PunchCounts).settled_id(session)
        found = received_after(session, filters, after, limit=LIVE_ROWS)
    record_list("punches", len(found))
    response = Response(render_template("attendance/punch-rows.html", rows=found[::-1]))
    response.headers["X-Settled"] = str(min(settled, found[-1].punch.id) if len(found) == LIVE_ROWS else settled)
    return response


@pages.get("/punches.csv")
@require(AttendancePermission.READ)
def export() -> Response:
    """All punches with these filters."""
    return csv_response("punches", EXPORT_HEADER, export_rows(reading, requested_filters()), what="punches", batch=BATCH)


@pages.get("/mine")
@signed_in
def mine() -> str:
    """The punches of the person to whom the caller's account is linked, with the same remarks as in the list of all punches."""
    page, filters, found = requested_page(), requested_filters(), None
    if "from" not in request.args and "to" not in request.args:
        filters = PunchFilter()
    with reading() as session:
        person = person_of_account(session, current_actor().user_id)
        if person is not None:
            filters = PunchFilter(first=filters.first, last=filters.last, person_id=person.id)
            found = find_punches(session, filters, size=PAGE_SIZE, after=requested_cursor(), offset=(page - 1) * PAGE_SIZE)
        rows = shown(session, found.rows) if found else []
    days = {"from": filters.first or "", "to": filters.last or ""}
    next_cursor = found.next_cursor if found else None
    return render_template(
        "attendance/my-punches.html", person=person, filters=filters, days=days, rows=rows, page=page, next_cursor=next_cursor
    )


def requested_filters() -> PunchFilter:
    """Today, unless the address says something else: an empty day is every day."""
    given = request.args
    days = {"first": given.get("from", "", str), "last": given.get("to", "", str)}
    if "from" not in given and "to" not in given:
        days = {"first": str(today()), "last": str(today())}
    user_id = given.get("user_id", "").replace("\0", "").strip()[:MAX_USER_ID]
    first, last = _day(days["first"]), _day(days["last"])
    return PunchFilter(user_id, given.get("terminal", type=row_id), first, last, given.get("person", type=row_id))


def address_of(filters: PunchFilter) -> dict[str, Any]:
    """The filters as arguments of an address."""
    days = {"from": filters.first or "", "to": filters.last or ""}
    return {"user_id": filters.user_id or None, "terminal": filters.terminal_id, "person": filters.person_id, **days}


def today() -> date:
    """In the time zone of this installation."""
    return utc_now().astimezone(settings().zone).date()


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
