"""Pages of missed punches: a person asks, and somebody else decides."""

from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.attendance.people import person_of_account
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError, Conflict, Invalid
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.access_log import record_list
from request_tracker_utils.web.auth import current_actor, require, signed_in
from request_tracker_utils.web.paging import requested_cursor, requested_page, row_id
from request_tracker_utils.web.registry import registry
from request_tracker_utils.workdays import missed_punches, reviews
from request_tracker_utils.workdays.current import approving
from request_tracker_utils.workdays.missed_punches import NewRequest
from request_tracker_utils.workdays.models import RequestState
from request_tracker_utils.workdays.permissions import WorkdayPermission
from request_tracker_utils.workdays.review_errors import InvalidCorrection
from request_tracker_utils.workdays.reviews import Seen
from request_tracker_utils.workdays.views.reviews import clock_time
from request_tracker_utils.workdays.views.seen import sent_seen, sent_time

PAGE_SIZE = 50
LONGEST_SENT = 3_000
FIELDS = ("date", "clock_in", "clock_out", "reason")
ALL = "all"

own_pages = Blueprint("own_missed_punches", __name__, url_prefix="/workdays/mine/requests")
pages = Blueprint("missed_punches", __name__, url_prefix="/workdays/requests")


@own_pages.get("", endpoint="listed")
@signed_in
def own() -> str:
    """The caller's requests, and the form of a new one."""
    return _own_page()


@own_pages.post("", endpoint="ask")
@signed_in
def ask() -> ResponseReturnValue:
    """Asks for a missed punch."""
    sent = request.form
    try:
        clock_in, clock_out = (sent_time(sent, name) for name in ("clock_in", "clock_out"))
        new = NewRequest(_day(sent.get("date", "")), clock_in, clock_out, sent.get("reason", ""))
        with transaction() as session:
            missed_punches.ask(session, new, actor=current_actor(), now=utc_now())
    except (InvalidCorrection, Conflict) as error:
        return _own_page(error, {name: sent.get(name, "")[:LONGEST_SENT] for name in FIELDS}), error.status
    flash(_("Your request was sent. You get a message when somebody has decided."), "success")
    return redirect(url_for(".listed"), 303)


@own_pages.post("/<int:request_id>/withdraw", endpoint="withdraw")
@signed_in
def withdraw(request_id: int) -> ResponseReturnValue:
    """Withdraws a request of the caller."""
    try:
        with transaction() as session:
            missed_punches.withdraw(session, request_id, actor=current_actor(), now=utc_now())
    except Conflict as error:
        return _own_page(error), error.status
    flash(_("The request was withdrawn."), "success")
    return redirect(url_for(".listed"), 303)


@pages.get("")
@require(WorkdayPermission.REVIEW)
def listed() -> str:
    """Pending requests, or all, with what the punches say."""
    return _page()


@pages.post("/<int:request_id>")
@require(WorkdayPermission.REVIEW)
def decide(request_id: int) -> ResponseReturnValue:
    """Approves or rejects a request."""
    sent = request.form
    by: dict[str, Any] = {"note": sent.get("note", ""), "actor": current_actor(), "now": utc_now()}
    try:
        with transaction() as session:
            if sent.get("do") == "approve":
                missed_punches.approve(session, request_id, sent_seen(sent), approving(session), **by)
            elif sent.get("do") == "reject":
                missed_punches.reject(session, request_id, registry().find(Messenger), **by)
            else:
                raise Invalid(_("Choose whether to approve or to reject the request."), field="do")
    except (InvalidCorrection, Conflict) as error:
        return _page(error, request_id), error.status
    flash(_("The request was approved.") if sent.get("do") == "approve" else _("The request was rejected."), "success")
    return redirect(url_for(".listed"), 303)


def _page(error: AppError | None = None, request_id: int = 0) -> str:
    page, show_all = requested_page(), request.args.get("show") == ALL
    state = None if show_all else RequestState.PENDING
    with reading() as session:
        found = missed_punches.list_requests(session, state, size=PAGE_SIZE, after=requested_cursor(), offset=(page - 1) * PAGE_SIZE)
        days = {each.id: missed_punches.day_of_request(session, each) for each in found.rows}
        seen = {each: reviews.seen_of(session, day) if day else Seen() for each, day in days.items()}
        names = missed_punches.names_of(session, found.rows)
        own = person_of_account(session, current_actor().user_id)
    record_list("requests for missed punches", len(found.rows))
    values = {"rows": found.rows, "days": days, "seen": seen, "names": names, "own": own.id if own else None}
    refused = {"error": error.message if error else "", "refused": request_id}
    return render_template(
        "workdays/missed-punches.html",
        page=page,
        next_cursor=found.next_cursor,
        show_all=show_all,
        clock_time=clock_time,
        **values,
        **refused,
    )


def _own_page(error: AppError | None = None, sent: dict[str, str] | None = None) -> str:
    before = request.args.get("before", type=row_id)
    with reading() as session:
        person = person_of_account(session, current_actor().user_id)
        rows = [] if person is None else list(missed_punches.own_requests(session, person.id, limit=PAGE_SIZE + 1, before=before))
    errors = {} if error is None else {str(error.fields.get("field", "")): error.message}
    sent = sent or {name: request.args.get(name, "")[:LONGEST_SENT] for name in FIELDS}
    values = {"rows": rows[:PAGE_SIZE], "more": len(rows) > PAGE_SIZE, "before": before}
    return render_template("workdays/my-missed-punches.html", person=person, sent=sent, errors=errors, **values)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidCorrection(_("Enter a day, such as 2026-03-02."), field="date") from None
