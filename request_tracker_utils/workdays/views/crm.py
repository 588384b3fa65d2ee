"""The page of workdays that the CRM has not accepted: its answers, and buttons that send them again."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.attendance.terminal_names import terminal_names
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.web.access_log import record_list
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.paging import requested_cursor, requested_page, row_id
from request_tracker_utils.web.registry import registry
from request_tracker_utils.workdays import status
from request_tracker_utils.workdays.counts import sync_counts
from request_tracker_utils.workdays.crm import listing, outbox
from request_tracker_utils.workdays.crm.outbox import SYNC_TO_CRM, Selection
from request_tracker_utils.workdays.permissions import WorkdayPermission

PAGE_SIZE = 50
ALL = "unsynced"

pages = Blueprint("workdays_sync", __name__, url_prefix="/workdays/sync")


@pages.get("")
@require(WorkdayPermission.READ)
def listed() -> str:
    """Those with a problem, or all that are not synced."""
    show_all = request.args.get("show") == ALL
    rows = listing.unsynced if show_all else listing.with_problem
    now = utc_now()
    with reading() as session:
        page = rows(session, size=PAGE_SIZE, after=requested_cursor())
        values = {"terminals": terminal_names(session), "people": listing.people_names(session, page.rows)}
        numbers = {"counts": sync_counts(session), "rejected": outbox.count_rejected(session)}
    record_list("workdays that the CRM does not have", len(page.rows))
    return render_template(
        "workdays/sync.html",
        rows=[(row, listing.state_of(row, now)) for row in page.rows],
        page=requested_page(),
        next_cursor=page.next_cursor,
        show_all=show_all,
        configured=status.is_configured(),
        last_error=status.last_error(),
        **values,
        **numbers,
    )


@pages.post("/run")
@require(WorkdayPermission.MANAGE)
def run() -> ResponseReturnValue:
    """Starts a run in the background."""
    registry().run_soon(SYNC_TO_CRM)
    flash(_("Workdays are being sent. Reload the page in a moment."), "success")
    return redirect(url_for(".listed"), 303)


@pages.post("/again")
@require(WorkdayPermission.MANAGE)
def again() -> ResponseReturnValue:
    """Sends one workday again, or all that have failed or were rejected."""
    sends_all = "workday" not in request.form
    workday_id = request.form.get("workday", 0, type=row_id)
    with transaction() as session:
        if sends_all:
            selection = Selection(failed_only=True, rejected=True)
            count = outbox.make_due(session, selection, limit=None, now=utc_now())
        else:
            count = outbox.send_again(session, [workday_id], now=utc_now())
    registry().run_soon(SYNC_TO_CRM)
    if count:
        flash(ngettext("%(num)s workday is sent again.", "%(num)s workdays are sent again.", count), "success")
    else:
        flash(_("Nothing was waiting: it is being sent at this moment, or was accepted."), "info")
    return redirect(url_for(".listed", show=request.args.get("show")), 303)
