"""Workdays: today at a glance, the list with its exports, everyone on a day, and one workday."""

from datetime import date
from typing import Any

from flask import Blueprint, Response, abort, render_template, request

from request_tracker_utils.attendance.models.punches import MAX_USER_ID
from request_tracker_utils.attendance.people import find_person
from request_tracker_utils.attendance.terminal_names import terminal_names
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.web.access_log import record_list, record_lookup
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.exports import csv_cells, csv_response, xlsx_response
from request_tracker_utils.web.paging import requested_cursor, requested_page, row_id
from request_tracker_utils.web.registry import settings
from request_tracker_utils.workdays import current
from request_tracker_utils.workdays.day_list import Shown, people_of_day, time_line
from request_tracker_utils.workdays.listing import WorkdayFilter, find_workday, find_workdays
from request_tracker_utils.workdays.permissions import WorkdayPermission
from request_tracker_utils.workdays.presence import expected, late_workdays, presence
from request_tracker_utils.workdays.reviews import decisions_of
from request_tracker_utils.workdays.shown_workdays import EXPORT_HEADER, export_rows, shown
from request_tracker_utils.workdays.why import explain

PAGE_SIZE = 100
DAY_SIZE = 200
BATCH = 200
WHICH = ("all", "outliers", "review", "unsynced")

pages = Blueprint("workdays", __name__, url_prefix="/workdays")


@pages.get("")
@require(WorkdayPermission.READ)
def listed() -> str:
    """Today at a glance, and workdays with these filters, newest first."""
    now, page = utc_now(), requested_page()
    filters, day = requested_filters(), current.today(now)
    with reading() as session:
        found = find_workdays(session, filters, size=PAGE_SIZE, after=requested_cursor(), offset=(page - 1) * PAGE_SIZE)
        rows, terminals = shown(session, found.rows, now), terminal_names(session)
        person = None if filters.person_id is None else find_person(session, filters.person_id)
        glance: dict[str, Any] = {}
        if page == 1 and not _is_filtered():
            local = now.astimezone(settings().zone).replace(tzinfo=None)
            glance = {"presence": presence(session, day), "late": shown(session, late_workdays(session, day), now)}
            glance["expected"] = expected(session, current.how(session).schedules, day, local)
    record_list("workdays", len(rows))
    return render_template(
        "workdays/workdays.html",
        **glance,
        today=day,
        filters=filters,
        which=requested_which(),
        address=requested_address(),
        rows=rows,
        page=page,
        next_cursor=found.next_cursor,
        terminals=terminals,
        person=person,
    )


@pages.get("/workdays.csv")
@require(WorkdayPermission.READ)
def csv() -> Response:
    """All workdays with these filters."""
    rows = csv_cells(export_rows(reading, requested_filters(), utc_now()))
    return csv_response("workdays", EXPORT_HEADER, rows, what="workdays", batch=BATCH)


@pages.get("/export.xlsx")
@require(WorkdayPermission.READ)
def xlsx() -> Response:
    """All workdays with these filters."""
    rows = export_rows(reading, requested_filters(), utc_now())
    return xlsx_response("workdays", "Workdays", EXPORT_HEADER, rows, what="workdays")


@pages.get("/days/<day>")
@require(WorkdayPermission.READ)
def of_day(day: str) -> str:
    """Everyone on a day, with their hours on a time line."""
    found, which, page, now = parsed_day(day), requested_shown(), requested_page(), utc_now()
    if found is None:
        abort(404)
    with reading() as session:
        workdays, count = people_of_day(session, found, which, now, size=DAY_SIZE, offset=(page - 1) * DAY_SIZE)
        line = time_line(shown(session, workdays, now))
    record_list("workdays", len(workdays))
    return render_template(
        "workdays/day.html",
        day=found,
        before=_shifted(found, -1),
        after=_shifted(found, 1),
        line=line,
        count=count,
        which=which,
        choices=list(Shown),
        page=page,
        more=page * DAY_SIZE < count,
        is_today=found == current.today(now),
    )


@pages.get("/<int:workday_id>")
@require(WorkdayPermission.READ)
def show(workday_id: int) -> str:
    """A workday: times, flags, decisions, and what the CRM knows."""
    with reading() as session:
        workday = find_workday(session, workday_id)
        (row,) = shown(session, [workday], utc_now())
        decisions = decisions_of(session, workday_id)
        why = explain(session, workday, current.how(session))
    record_lookup("workdays", current.subject_of(workday))
    has_crm = settings().crm_api_url is not None
    return render_template("workdays/workday.html", row=row, day=workday, decisions=decisions, why=why, has_crm=has_crm)


def requested_filters() -> WorkdayFilter:
    given, which = request.args, requested_which()
    return WorkdayFilter(
        user_id=given.get("user_id", "").replace("\0", "").strip()[:MAX_USER_ID],
        terminal_id=given.get("terminal", type=row_id),
        first=parsed_day(given.get("from", "")),
        last=parsed_day(given.get("to", "")),
        is_outlier=True if which == "outliers" else None,
        is_synced=False if which == "unsynced" else None,
        person_id=given.get("person", type=row_id),
        to_review_at=utc_now() if which == "review" else None,
    )


def requested_which() -> str:
    which = request.args.get("show", "")
    return which if which in WHICH else "all"


def requested_shown() -> Shown:
    which = request.args.get("show", "")
    return Shown(which) if which in set(Shown) else Shown.ALL


def requested_address() -> dict[str, Any]:
    """The filters as arguments of an address."""
    filters, which = requested_filters(), requested_which()
    days = {"from": filters.first, "to": filters.last}
    chosen = {"user_id": filters.user_id or None, "terminal": filters.terminal_id, "person": filters.person_id}
    return {**chosen, **days, "show": None if which == "all" else which}


def parsed_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _is_filtered() -> bool:
    return any(requested_address().values())


def _shifted(day: date, days: int) -> date | None:
    number = day.toordinal() + days
    return date.fromordinal(number) if 1 <= number <= date.max.toordinal() else None
