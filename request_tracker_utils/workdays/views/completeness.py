"""Proof of completeness, up to the CRM."""

from flask import Blueprint, render_template, request

from request_tracker_utils.attendance.terminal_names import terminal_names
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.paging import row_id
from request_tracker_utils.web.registry import settings
from request_tracker_utils.workdays import current
from request_tracker_utils.workdays.completeness import chains, limited
from request_tracker_utils.workdays.permissions import WorkdayPermission
from request_tracker_utils.workdays.views.overview import parsed_day

DAYS = 7

pages = Blueprint("workday_completeness", __name__, url_prefix="/workdays/completeness")


@pages.get("")
@require(WorkdayPermission.READ)
def show() -> str:
    """The last week, or other days."""
    last = parsed_day(request.args.get("to", "")) or current.today(utc_now())
    first, last = limited(parsed_day(request.args.get("from", "")), last, usual=DAYS)
    terminal_id = request.args.get("terminal", type=row_id)
    with reading() as session:
        terminals = terminal_names(session)
        wanted = [each for each in terminals if terminal_id in (None, each)]
        has_crm = settings().crm_api_url is not None
        found = chains(session, wanted, first, last, current.how(session), has_crm=has_crm)
    values = {"first": first, "last": last, "terminal_id": terminal_id, "terminals": terminals, "has_crm": has_crm}
    return render_template("workdays/completeness.html", found=found, **values)
